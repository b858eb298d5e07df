"""A world with a company in it, and a back-fill from its selection to its end in one call each."""

from collections.abc import Iterator
from typing import Any

import pytest

from connector.backfill import Overview, Worker, apply_backfill, begin, dry_run, overview
from connector.backfill.start import open_backfill
from connector.crm.selection import Selection
from connector.desk import Desk
from connector.journal import Backfill, BackfillItem, Listed
from tests.hubspot.world import HubSpotWorld


class Filling:
    """A back-fill on a desk, step by step."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.journal = desk.account.journal

    def planned(self, selection: Selection | None = None, *records: Listed, **options: Any) -> Backfill:
        """Open a back-fill and run its dry run."""
        named = records or None
        opened = open_backfill(self.desk, selection or Selection(), by="dana", config_hash="", records=named, **options)
        with Worker(self.journal, opened, self.desk.clock) as worker:
            return dry_run(self.desk, opened, worker)

    def applied(self, backfill: Backfill, **options: Any) -> Backfill:
        """Apply a back-fill."""
        begun = begin(self.desk, backfill, "dana")
        with Worker(self.journal, begun, self.desk.clock) as worker:
            return apply_backfill(self.desk, begun, worker, **options)

    def page(self, backfill: Backfill) -> Overview:
        """Return its page."""
        return overview(self.desk, self.journal.backfill(backfill.id), rates=(25, 25))

    def items(self, backfill: Backfill) -> dict[str, BackfillItem]:
        """Return its items by record."""
        return {item.record: item for item in self.journal.items(backfill.id)}


@pytest.fixture
def portal_world() -> Iterator[HubSpotWorld]:
    """An empty HubSpot portal and an empty Stripe account."""
    with HubSpotWorld() as made:
        yield made
