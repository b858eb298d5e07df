"""Contracts with more phases than Stripe holds, billed to their end while the extend job appends the next ones."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta

import pytest

from connector.crm.protocol import ContractRef
from connector.plan.operation import Update
from connector.plan.safety import Limits
from connector.poll import sync_refs
from connector.sandbox.salesforce.terms import add_months
from connector.sandbox.seed.closing import Coupon, Deal
from connector.sandbox.seed.lines import Sold, line, once, ramp
from connector.sync import Result
from connector.windows import due_windows, short_windows
from tests.money.goods import CUSTOMERS, SEAT, SETUP, SITE, UNIT
from tests.money.ledger import faults
from tests.money.world import Case, MoneyWorld, Synced

FIRST, LATE, VERY_LATE = date(2026, 12, 1), date(2025, 3, 31), date(2023, 12, 15)


def _case(name: str, months: int, *sold: Sold, start: date = FIRST, coupons: tuple[Coupon, ...] = ()) -> Case:
    customer = CUSTOMERS[len(name) % len(CUSTOMERS)]
    return Case(Deal(name, customer, name, start, months, list(sold), 1, coupons=coupons))


def _months(count: int, start: date = FIRST) -> list[Sold]:
    return ramp(UNIT, start, [(5 + number % 17, None) for number in range(count)], by="Month", frequency="Monthly")


def _quarters(count: int) -> list[Sold]:
    rows: list[tuple[int | str, str | None]] = [(20 + 5 * number, "1140") for number in range(count)]
    return ramp(SEAT, FIRST, rows, by="Quarter", frequency="Quarterly")


def cases() -> list[Case]:
    fourteen = Coupon("Some off", {"Duration__c": "repeating", "Duration_In_Months__c": 14.0, "Percent_Off__c": 25.0})
    fees = [once(SETUP, 1, add_months(FIRST, number)) for number in (0, 7, 13, 31)]
    return [
        _case("36 months by month, with fees", 36, *_months(36), *fees),
        _case("36 months by month, 14 months with a coupon", 36, *_months(36), coupons=(fourteen,)),
        _case("14 quarters", 42, *_quarters(14)),
        _case("14 quarters beside a yearly line", 42, *_quarters(14), line(SITE, 1, FIRST, months=42)),
        _case("11 months", 11, *_months(11)),
        _case("40 months from a month's end, 20 late", 40, *_months(40, LATE), start=LATE),
        _case("50 months, 35 late", 50, *_months(50, VERY_LATE), start=VERY_LATE),
    ]


NAMES = [case.name for case in cases()]
#: The job looks this often, in days: in time, and so seldom that it comes late, past the day of the step.
EVERY = (20, 70)


@dataclass
class Run:
    """All cases after their end, with what happened on the way."""

    world: MoneyWorld
    synced: dict[str, Synced]
    extended: list[tuple[date, Result]] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    idle_calls: list[str] = field(default_factory=list)
    alarms: list[str] = field(default_factory=list)

    def walk(self, every: int) -> None:
        """Let time pass in steps; after each, run the job, and look whether anything is left to change."""
        end = max(one.end for one in self.synced.values())
        while self.world.now.date() + timedelta(days=every) < end:
            self.world.move_to(self.world.now.date() + timedelta(days=every))
            self.extend()
            self.left += [
                f"{self.world.now.date()} {case.name}: {planned.plan and planned.plan.operations} {planned.issues}"
                for case, planned in self.world.plan_live()
                if planned.plan is None or planned.plan.operations or planned.plan.blocked
            ]
        self.world.run_out(self.synced.values())

    def extend(self) -> None:
        desk = self.world.desk(limits=self.world.limits)
        self.alarms += [issue.message for issue in short_windows(desk)]
        due = due_windows(desk)
        self.extended += [
            (self.world.now.date(), result) for result in sync_refs(desk, due, job="extend", config_hash="")
        ]
        before = len(self.world.stripe.log)
        refs = [ContractRef(desk.name, order) for order in self.world.orders.values()]
        assert {result.outcome for result in sync_refs(desk, refs, job="sync", config_hash="")} == {"nothing"}
        self.idle_calls += [f"{r.method} {r.path}" for r in self.world.stripe.log[before:]]
        assert (due_windows(desk), short_windows(desk)) == ((), ())

    def steps(self, name: str) -> list[tuple[date, Result]]:
        order = self.world.orders[name]
        return [(day, one) for day, one in self.extended if one.planned.raw.root.id == order]


@pytest.fixture(scope="module", params=EVERY)
def run(request: pytest.FixtureRequest) -> Iterator[Run]:
    with MoneyWorld(cases(), limits=Limits(max_backdating_days=1200)) as world:
        made = Run(world, {one.case.name: one for one in world.sync_all()})
        made.walk(request.param)
        yield made


@pytest.mark.parametrize("name", NAMES)
def test_it_is_invoiced_as_promised(run: Run, name: str):
    synced = run.synced[name]
    assert (synced.result.outcome, synced.planned.issues) == ("applied", ())
    assert faults(run.world, synced) == []


@pytest.mark.parametrize("name", NAMES)
def test_each_step_is_one_write_that_only_appends(run: Run, name: str):
    found = run.steps(name)
    assert 1 <= len(found) <= 4
    for _, result in found:
        assert result.outcome == "applied"
        assert result.planned.plan is not None
        *catalog, update = result.planned.plan.operations
        assert isinstance(update, Update)
        assert {one.key.kind for one in catalog} <= {"price", "coupon"}
        assert all(change.path == "end_behavior" or change.before is None for change in update.changes)


def test_nothing_is_left_to_change_on_any_day(run: Run):
    assert run.left == []


def test_between_the_steps_stripe_is_not_called(run: Run):
    assert run.idle_calls == []


def test_all_end_as_they_were_sold(run: Run):
    api, journal = run.world.api(), run.world.journal
    assert journal is not None
    for synced in run.synced.values():
        links = journal.contract_links("salesforce", synced.planned.raw.key)
        for link in (link for link in links if link.kind == "subscription_schedule"):
            schedule = api.get(f"/v1/subscription_schedules/{link.stripe_id}")
            assert (schedule["status"], schedule["end_behavior"]) == ("completed", "cancel")


def test_a_job_that_comes_late_is_told_of(run: Run, request: pytest.FixtureRequest):
    late = request.node.callspec.params["run"] == max(EVERY)
    assert bool(run.alarms) is late
