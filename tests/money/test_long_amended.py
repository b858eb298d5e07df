"""Long contracts that are amended while Stripe holds a part of their phases only."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

import pytest

from connector.plan.safety import Limits
from connector.poll import sync_refs
from connector.sandbox.seed.closing import Deal
from connector.sandbox.seed.lines import ramp
from connector.windows import due_windows
from tests.money.goods import CUSTOMERS, UNIT
from tests.money.ledger import faults
from tests.money.world import Amended, Case, MoneyWorld, Synced

FIRST, HEARD = date(2026, 12, 1), date(2027, 10, 20)


def _case(name: str, *amendments: Amended) -> Case:
    months: list[tuple[int | str, str | None]] = [(5 + number % 7, None) for number in range(24)]
    sold = ramp(UNIT, FIRST, months, by="Month", frequency="Monthly")
    return Case(Deal(name, CUSTOMERS[0], name, FIRST, 24, sold, 1), amendments)


def cases() -> list[Case]:
    """Month 11 runs when the amendments are heard of; Stripe holds the months up to the 17th."""
    return [
        _case("within the window", Amended(date(2027, 12, 1), dict.fromkeys(range(13, 17), 30))),
        _case("across its end", Amended(date(2028, 3, 1), dict.fromkeys(range(16, 21), 30))),
        _case("beyond it", Amended(date(2028, 8, 1), dict.fromkeys(range(21, 25), 1))),
        _case("in mid-month, so that there are more phases", Amended(date(2027, 12, 11), {13: 30, 14: 2})),
        _case("from a day that is over", Amended(date(2027, 9, 1), dict.fromkeys(range(10, 25), 40))),
    ]


NAMES = [case.name for case in cases()]


@dataclass(frozen=True)
class Run:
    """All cases after their end, and what a look on the way found to change."""

    world: MoneyWorld
    first: dict[str, Synced]
    synced: dict[str, Synced]
    left: list[str]


@pytest.fixture(scope="module")
def run() -> Iterator[Run]:
    with MoneyWorld(cases(), limits=Limits(max_changed_share=Decimal(1))) as world:
        first = {one.case.name: one for one in world.sync_all()}
        _walk_to(world, HEARD)
        world.amend_all()
        synced = {one.case.name: one for one in world.sync_all()}
        left = _left(world)
        _walk_to(world, date(2028, 11, 25))
        left += _left(world)
        world.run_out(synced.values())
        yield Run(world, first, synced, left)


def _walk_to(world: MoneyWorld, day: date) -> None:
    desk = world.desk(limits=world.limits)
    while world.now.date() < day:
        world.move_to(min(day, world.now.date() + timedelta(days=30)))
        assert all(r.outcome == "applied" for r in sync_refs(desk, due_windows(desk), job="extend", config_hash=""))


def _left(world: MoneyWorld) -> list[str]:
    return [
        f"{case.name}: {planned.plan and planned.plan.operations} {planned.issues}"
        for case, planned in world.plan_live()
        if planned.plan is None or planned.plan.operations or planned.plan.blocked
    ]


@pytest.mark.parametrize("name", NAMES)
def test_it_is_invoiced_as_the_amended_plan_promised(run: Run, name: str):
    synced = run.synced[name]
    beyond = name == "beyond it"
    assert (synced.result.outcome, synced.planned.issues) == ("nothing" if beyond else "applied", ())
    assert faults(run.world, synced) == []


@pytest.mark.parametrize("name", NAMES)
def test_the_plan_tells_the_money_of_all_phases_all_along(run: Run, name: str):
    for synced in (run.first[name], run.synced[name]):
        assert synced.planned.plan is not None
        assert synced.planned.plan.tie_out is not None
        assert synced.planned.plan.tie_out.difference == 0
        assert max(bill.day for bill in synced.planned.plan.bills) == date(2028, 11, 1)


def test_nothing_is_left_to_change(run: Run):
    assert run.left == []
