"""Every shape of contract, billed to its end; and what a look at Stripe finds on the way: nothing to change."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from tests.money.ledger import faults
from tests.money.shapes import shapes
from tests.money.world import MoneyWorld, Synced

NAMES = [case.name for case in shapes()]


@pytest.fixture(scope="module")
def billed() -> Iterator[tuple[MoneyWorld, dict[str, Synced]]]:
    with MoneyWorld(shapes()) as world:
        world.amend_all()
        synced = {one.case.name: one for one in world.sync_all()}
        world.run_out(synced.values())
        yield world, synced


@pytest.mark.parametrize("name", NAMES)
def test_it_is_invoiced_as_promised(billed, name):
    world, synced = billed
    assert (synced[name].result.outcome, synced[name].planned.issues) == ("applied", ())
    assert faults(world, synced[name]) == []


def test_names_are_told_apart():
    assert len(set(NAMES)) == len(NAMES) > 100


def test_nothing_is_left_to_change_whenever_one_looks():
    """Right after the sync, and when the second phases run and the first contracts have ended."""
    with MoneyWorld(shapes()) as world:
        world.amend_all()
        world.sync_all()
        for days in (0, 250):
            world.move_to(world.now.date() + timedelta(days=days))
            planned = world.plan_live()
            assert [(case.name, p.issues) for case, p in planned if p.plan is None or p.plan.blocked] == []
            assert [(case.name, p.plan.operations) for case, p in planned if p.plan and p.plan.operations] == []
        assert {one.result.outcome for one in world.sync_all()} == {"nothing"}
