"""Contracts with more lines than a schedule holds: linked schedules, amended while they run, billed to their end."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import pytest

from connector.plan.operation import Create, Update
from connector.plan.safety import Limits
from connector.sandbox.salesforce.terms import add_months
from connector.sandbox.seed.closing import Deal
from connector.sandbox.seed.lines import Sold, line, once, ramp
from tests.money.goods import CUSTOMERS, SEAT, SETUP, SITE, UNIT
from tests.money.ledger import faults
from tests.money.world import Amended, Case, MoneyWorld, Synced

FIRST, RUNNING = date(2026, 12, 1), date(2027, 2, 10)
BOUNDARY, INSIDE = date(2027, 4, 1), date(2027, 4, 17)
PRODUCTS = (SEAT, SITE, UNIT)
#: Its eleventh and twelfth phases are appended once the first two are over.
LONG = "22 ramps of 12 months"


def _lines(count: int, frequency: str = "Monthly") -> list[Sold]:
    return [
        line(PRODUCTS[n % 3], 1 + n % 7, FIRST, months=12, price=str(100 + n), frequency=frequency)
        for n in range(count)
    ]


def _case(name: str, sold: list[Sold], *amendments: Amended) -> Case:
    customer = CUSTOMERS[len(name) % len(CUSTOMERS)]
    return Case(Deal(name, customer, name, FIRST, 12, sold, 1), amendments)


def cases() -> list[Case]:
    fees = [once(SETUP, 1, add_months(FIRST, 3 * (n % 2)), price=str(50 + n)) for n in range(50)]
    months: list[tuple[int | str, str | None]] = [(n + 1, None) for n in range(12)]
    long = [each for key in range(22) for each in ramp(UNIT, FIRST, months, by="Month", key=key, frequency="Monthly")]
    return [
        _case("45 lines", _lines(45)),
        _case("45 lines, more on a boundary", _lines(45), Amended(BOUNDARY, {3: 9, 24: 12, 41: 30, 44: 8})),
        _case("45 lines, more in mid-period", _lines(45), Amended(INSIDE, dict.fromkeys(range(1, 12), 20))),
        _case("45 lines, five end on a boundary", _lines(45), Amended(BOUNDARY, dict.fromkeys(range(41, 46), 0))),
        _case("25 lines with 50 fees", [*_lines(25), *fees]),
        _case("3 lines with 50 fees", [*_lines(3), *fees]),
        _case("two frequencies, 25 lines each", [*_lines(25), *_lines(25, "Quarterly")]),
        _case(LONG, long),
    ]


NAMES = [case.name for case in cases()]
AMENDED = [case.name for case in cases() if case.amendments]


@dataclass(frozen=True)
class Run:
    """All cases after their end: as they were first synced, after their amendments, and what was left to do."""

    world: MoneyWorld
    first: dict[str, Synced]
    synced: dict[str, Synced]
    left: list[str]


@pytest.fixture(scope="module")
def run() -> Iterator[Run]:
    with MoneyWorld(cases(), limits=Limits(max_changed_share=Decimal(1))) as world:
        first = {one.case.name: one for one in world.sync_all()}
        world.move_to(RUNNING)
        world.amend_all()
        synced = {one.case.name: one for one in world.sync_all()}
        left = [
            f"{case.name}: {planned.plan and planned.plan.operations} {planned.issues}"
            for case, planned in world.plan_live()
            if planned.plan is None or planned.plan.operations or planned.plan.blocked
        ]
        world.run_out(synced.values())
        yield Run(world, first, synced, left)


@pytest.mark.parametrize("name", NAMES)
def test_it_is_one_contract_with_one_tie_out_invoiced_as_promised(run: Run, name: str):
    synced = run.synced[name]
    assert synced.result.outcome == ("applied" if name in [*AMENDED, LONG] else "nothing")
    assert synced.planned.issues == ()
    assert faults(run.world, synced) == []
    assert synced.planned.plan is not None
    assert synced.planned.plan.desired is not None
    assert len(synced.planned.plan.desired.schedules) > 1


@pytest.mark.parametrize("name", AMENDED)
def test_an_amendment_writes_only_the_schedules_it_concerns(run: Run, name: str):
    plan = run.synced[name].planned.plan
    assert plan is not None
    written = [one for one in plan.operations if one.key.kind == "subscription_schedule"]
    assert all(isinstance(one, Update | Create) for one in written)
    assert 1 <= len(written) <= 3
    if name == "45 lines, five end on a boundary":
        assert [one.key.name.rpartition(":")[2] for one in written] == ["3"]


def test_nothing_is_left_to_change(run: Run):
    assert run.left == []


def test_every_schedule_says_which_of_the_contract_it_is(run: Run):
    world, journal = run.world, run.world.journal
    assert journal is not None
    api = world.api()
    links = journal.contract_links("salesforce", run.first["45 lines"].planned.raw.key)
    keys = {link.key: link.stripe_id for link in links if link.kind == "subscription_schedule"}
    order = run.first["45 lines"].order
    assert set(keys) == {order, f"{order}:1m:2", f"{order}:1m:3"}
    for key, stripe_id in keys.items():
        metadata = api.get(f"/v1/subscription_schedules/{stripe_id}")["metadata"]
        assert metadata["salesforce_order_id"] == order
        assert metadata.get("salesforce_schedule_key", order) == key
