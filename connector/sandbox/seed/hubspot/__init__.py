"""The data of Quillmoor, a small invented company that sells a shared inbox by the seat, in monthly bills.

``seed(today)`` gives every record of its HubSpot portal and what belongs together; the same day gives the same records.
``DEALS`` names the deals by what is special about them.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, NamedTuple

from connector.sandbox.hubspot.store import make_id
from connector.sandbox.seed.hubspot.book import Book
from connector.sandbox.seed.hubspot.changes import changed
from connector.sandbox.seed.hubspot.deals import new_business
from connector.sandbox.seed.hubspot.mistakes import broken

if TYPE_CHECKING:
    from connector.sandbox.hubspot.app import Association
    from connector.sandbox.seed.hubspot.sales import Deal

__all__ = ["CHANGES", "DEALS", "MISTAKES", "UNBILLED", "Holdings", "seed"]

_ANY_DAY = date(2026, 1, 1)


class Holdings(NamedTuple):
    """What a portal starts with: ``HubSpotSandbox(**seed(today)._asdict())``."""

    records: dict[str, dict[str, dict[str, str]]]
    associations: list[Association]


def _deals(today: date) -> list[Deal]:
    return [*new_business(today), *changed(today), *broken(today)]


DEALS: dict[str, str] = {deal.key: make_id("0-3", n) for n, deal in enumerate(_deals(_ANY_DAY), start=1)}
"""Deal ids by shape: ramp, indexed, steps, free_months, delayed, native_ramp, evergreen, yearly, mixed, discounts,
tiers, backdated, euros, pounds, yen, quoted, hubspot_billed; then those that change others; then the mistakes."""

CHANGES: dict[str, str] = {deal.key: deal.amends for deal in changed(_ANY_DAY) if deal.amends}
"""Which deal (key) changes which (key)."""

UNBILLED = ("open", "lost", "skipped", "held")
"""Deals nothing is to be billed for, though nothing is wrong with them."""

MISTAKES: dict[str, str] = {deal.key: DEALS[deal.key] for deal in broken(_ANY_DAY)}
"""The deals that cannot be billed as they are; ``everything`` has all mistakes at once."""


def seed(today: date) -> Holdings:
    """All records, as of a day on which the newest deal was closed the day before."""
    book = Book(today)
    book.stock()
    for deal in _deals(today):
        if book.sell(deal) != DEALS[deal.key]:
            raise AssertionError(deal.key)
    return Holdings({name: dict(rows) for name, rows in book.records.items()}, list(book.associations))
