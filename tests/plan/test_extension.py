"""Appending phases that Stripe had no room for is no change of the contract; everything else is one."""

from dataclasses import replace
from datetime import date

import pytest

from connector.compile.contract import compile_contract
from connector.compile.window import windowed
from connector.domain.contract import Contract
from connector.domain.period import add_months
from connector.plan.existing import NOTHING, ExistingState
from connector.plan.extension import only_extends
from connector.plan.operation import Retire
from connector.plan.plan import Plan, make_plan
from connector.plan.safety import RunScope, Verdict
from tests.builders import START, amendment, contract, day, ramp
from tests.plan.builders import SCHEDULE, TODAY, applied, judged, only_update

LATER = day(2027, 3, 2)


def monthly(count: int, quantity: int = 1) -> Contract:
    days = [add_months(START, number) for number in range(count + 1)]
    segments = ((days[n], days[n + 1], quantity + n, 10) for n in range(count))
    return contract(*ramp(*segments, interval=1), end=days[-1])


def planned_on(made: Contract, today: date, existing: ExistingState = NOTHING) -> Plan:
    return make_plan(made, windowed(compile_contract(made), today), existing, today)


def next_plan(made: Contract, first: Contract | None = None) -> Plan:
    """Return the plan of March for a contract whose plan of December was applied, and which has not begun in Stripe."""
    return planned_on(made, LATER, applied(planned_on(first or made, TODAY)))


def test_the_rest_is_appended_and_the_schedule_gets_its_ending():
    changes = only_update(next_plan(monthly(12))).changes
    assert [(change.path, change.before) for change in changes] == [
        ("end_behavior", "release"),
        ("phases.10", None),
        ("phases.11", None),
    ]


@pytest.mark.parametrize(
    ("plan", "extends"),
    [
        (next_plan(monthly(12)), True),
        (planned_on(monthly(12), TODAY), False),
        (next_plan(monthly(12, quantity=2), first=monthly(12)), False),
        (next_plan(monthly(10), first=monthly(9)), False),
        (replace(next_plan(monthly(12)), operations=(Retire(SCHEDULE, "sub_sched_1", "cancel"),)), False),
        (
            next_plan(
                replace(monthly(12), revisions=(*monthly(12).revisions, amendment("A1", LATER, *monthly(12).lines[:0])))
            ),
            True,
        ),
    ],
    ids=["appended", "made", "other quantities", "a contract that fits was made longer", "ended", "an empty amendment"],
)
def test_what_only_extends(plan, extends):
    assert only_extends(plan) is extends


def test_extensions_do_not_count_as_changes_of_the_run():
    scope = RunScope(contracts=100, changed=90)
    assert judged(next_plan(monthly(12)), today=LATER, scope=scope).verdict is Verdict.APPLY
    changing = next_plan(monthly(12, quantity=2), first=monthly(12))
    assert judged(changing, today=LATER, scope=scope).verdict is Verdict.NEEDS_APPROVAL
