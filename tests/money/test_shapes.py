"""Every shape of contract, billed to its end; and what a look at Stripe finds on the way: nothing to change."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest

from tests.money.ledger import faults
from tests.money.shapes import shapes
from tests.money.world import MoneyWorld, Synced

NAMES = [case.name for case in shapes()]


@dataclass(frozen=True)
class Billed:
    """All shapes after their end, and what a plan found to change before: on the first day, and in later phases."""

    world: MoneyWorld
    synced: dict[str, Synced]
    first_look: list[str]
    later_look: list[str]


@pytest.fixture(scope="module")
def billed() -> Iterator[Billed]:
    with MoneyWorld(shapes()) as world:
        world.amend_all()
        synced = {one.case.name: one for one in world.sync_all()}
        first_look = _found(world)
        world.live_to(world.first_day + timedelta(days=250), synced.values())
        later_look = _found(world)
        world.run_out(synced.values())
        yield Billed(world, synced, first_look, later_look)


def _found(world: MoneyWorld) -> list[str]:
    return [
        f"{case.name}: {planned.plan and planned.plan.operations} {planned.issues}"
        for case, planned in world.plan_live()
        if planned.plan is None or planned.plan.operations or planned.plan.blocked
    ]


@pytest.mark.parametrize("name", NAMES)
def test_it_is_invoiced_as_promised(billed: Billed, name):
    synced = billed.synced[name]
    assert (synced.result.outcome, synced.planned.issues) == ("applied", ())
    assert faults(billed.world, synced) == []


def test_nothing_is_left_to_change_right_after_the_sync(billed: Billed):
    assert billed.first_look == []


def test_nothing_is_left_to_change_when_later_phases_run(billed: Billed):
    assert billed.later_look == []


def test_a_sync_after_the_end_changes_nothing(billed: Billed):
    assert {one.result.outcome for one in billed.world.sync_all()} == {"nothing"}


def test_names_are_told_apart():
    assert len(set(NAMES)) == len(NAMES) > 100
