"""Every sound order of the seeded company, billed to its end."""

from collections.abc import Iterator

import pytest

from connector.sandbox.seed.orders import endless_deals, sound_deals
from tests.money.ledger import faults
from tests.money.world import Case, MoneyWorld, Synced
from tests.wiring import TODAY

DEALS = [*sound_deals(TODAY), *endless_deals(TODAY)]
NAMES = [deal.key for deal in DEALS]


@pytest.fixture(scope="module")
def billed() -> Iterator[tuple[MoneyWorld, dict[str, Synced]]]:
    with MoneyWorld(Case(deal) for deal in DEALS) as world:
        synced = {one.case.name: one for one in world.sync_all()}
        world.run_out(synced.values())
        yield world, synced


@pytest.mark.parametrize("name", NAMES)
def test_it_is_invoiced_as_promised(billed, name):
    world, synced = billed
    assert synced[name].result.outcome == "applied"
    assert faults(world, synced[name]) == []
