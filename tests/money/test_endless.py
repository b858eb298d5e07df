"""Contracts without an end, billed: as promised until the horizon, on and on after it, and what years change."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

import pytest

from connector.plan.operation import Update
from connector.plan.safety import Limits
from tests.money.ledger import faults, horizon_of, invoiced, promised
from tests.money.shapes import endless_shapes
from tests.money.world import MoneyWorld, Synced

NAMES = [case.name for case in endless_shapes()]
ENDED = {"endless, ended on a boundary", "endless, ended in mid-period"}
#: A credit would go on a phase that has begun by then.
REFUSED = "endless, ended in mid-period"
#: Only so far is the frequency of each line told in a test that looks beyond.
LATEST = date(2032, 6, 2)


@dataclass(frozen=True)
class Billed:
    """All of them years later, looked at once, on the first day."""

    world: MoneyWorld
    synced: dict[str, Synced]


@pytest.fixture(scope="module")
def billed() -> Iterator[Billed]:
    """Sync once, and never look again."""
    with MoneyWorld(endless_shapes()) as world:
        world.amend_all()
        synced = {one.case.name: one for one in world.sync_all()}
        world.move_to(LATEST)
        yield Billed(world, synced)


@pytest.mark.parametrize("name", NAMES)
def test_it_is_invoiced_as_promised(billed: Billed, name: str):
    synced = billed.synced[name]
    assert (synced.result.outcome, synced.planned.issues) == ("applied", ())
    assert faults(billed.world, synced) == []


@pytest.mark.parametrize("name", sorted({*NAMES} - ENDED))
def test_it_is_billed_on_even_if_nobody_looks_again(billed: Billed, name: str):
    synced = billed.synced[name]
    days = invoiced(billed.world, synced)
    beyond = [day for day in days if day > horizon_of(synced.planned)]
    assert beyond
    assert max(days) >= LATEST - timedelta(days=366)


@pytest.mark.parametrize("name", sorted(ENDED))
def test_nothing_is_billed_after_the_end(billed: Billed, name: str):
    assert max(invoiced(billed.world, billed.synced[name])) < date(2027, 6, 1)


@dataclass(frozen=True)
class Run:
    """The same, changed while they run, and looked at each year."""

    world: MoneyWorld
    changed: dict[str, Synced]
    left: list[str]
    years: dict[date, dict[str, Synced]]


@pytest.fixture(scope="module")
def run() -> Iterator[Run]:
    with MoneyWorld(endless_shapes(), limits=Limits(max_changed_share=Decimal(1))) as world:
        assert {one.result.outcome for one in world.sync_all()} == {"applied"}
        world.move_to(date(2027, 3, 20))
        world.amend_all()
        changed = {one.case.name: one for one in world.sync_all()}
        left = [c.name for c, planned in world.plan_live() if not planned.plan or planned.plan.operations]
        years = {}
        for day in (date(2027, 11, 30), date(2027, 12, 2), date(2028, 12, 2), date(2029, 12, 2)):
            world.move_to(day)
            years[day] = {one.case.name: one for one in world.sync_all()}
        yield Run(world, changed, left, years)


def test_a_change_of_what_runs_is_one_write_to_the_schedule(run: Run):
    for name, synced in run.changed.items():
        if name == REFUSED or not synced.case.amendments:
            continue
        assert synced.result.outcome == "applied", (name, synced.planned.issues)
        assert synced.planned.plan is not None
        *prices, update = synced.planned.plan.operations
        assert isinstance(update, Update), name
        assert {price.key.kind for price in prices} <= {"price"}


def test_nothing_is_left_to_change(run: Run):
    assert set(run.left) <= {REFUSED}


def test_the_horizon_moves_on_anniversaries_and_costs_one_write(run: Run):
    quiet = ["endless", "endless, billed yearly", "endless, thirds of a cent"]
    writes = [{name: one[name].result.writes for name in quiet} for one in run.years.values()]
    assert writes == [dict.fromkeys(quiet, 0), *[dict.fromkeys(quiet, 1)] * 3]


@pytest.mark.parametrize("name", [name for name in NAMES if name != REFUSED])
def test_after_years_it_is_invoiced_as_promised(run: Run, name: str):
    last = list(run.years.values())[-1][name]
    assert last.result.outcome in {"applied", "nothing"}
    days = promised(last.planned, run.world.first_day)
    told = {day: amount for day, amount in days.items() if day <= run.world.now.date()}
    assert told == invoiced(run.world, last)
