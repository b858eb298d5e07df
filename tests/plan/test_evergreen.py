"""Plans of contracts without an end: what is compared, what a year changes, and when to look again."""

from decimal import Decimal

import pytest

from connector.compile.contract import compile_contract
from connector.domain.contract import Contract
from connector.plan.existing import NOTHING, ExistingState
from connector.plan.operation import Update
from connector.plan.plan import Plan, make_plan
from connector.plan.render import render_plan
from connector.plan.safety import Verdict
from connector.plan.status import Ids, crm_status
from tests.builders import amendment, contract, day, evergreen, line, tiers, usage
from tests.plan.builders import SCHEDULE, TODAY, applied, holding, judged, only_update

MID_MARCH = day(2027, 3, 12)


def plan_on(made: Contract, today=TODAY, existing: ExistingState = NOTHING) -> Plan:
    return make_plan(made, compile_contract(made, None, today), existing, today)


def open_contract(*parts, **fields) -> Contract:
    return contract(*parts, end=None, **fields)


def add(on, **fields):
    return amendment("A1", on, evergreen("L2", start=on, **fields))


@pytest.mark.parametrize(
    ("parts", "crm", "stripe", "reasons"),
    [
        ([evergreen()], 12000, 24 * 12000, [("evergreen", -23 * 12000)]),
        ([evergreen(price=1200, interval=12, price_term=Decimal(12))], 120000, 240000, [("evergreen", -120000)]),
        ([evergreen(), add(MID_MARCH)], 24000, (27 + 24) * 12000 + 7890, [("evergreen", -595890)]),
        ([evergreen(quantity=2), add(MID_MARCH, quantity=-1, revises="L1")], 12000, 30 * 12000 - 7890,
         [("evergreen", -340110)]),
        ([evergreen(), add(MID_MARCH, quantity=-1, revises="L1")], 0, 3 * 12000 - 7890, [("evergreen", -28110)]),
        ([evergreen(price=1000, price_term=Decimal(12))], 100000, 24 * 8333, [("evergreen", -100000), ("rounding", 8)]),
        ([evergreen(), line("L2", of="P2", interval=1)], 132000, 36 * 12000 + 120000, [("evergreen", -420000)]),
        ([evergreen(), usage(end=None, price=9, price_term=Decimal(1))], 12900, 24 * 12000,
         [("usage", 900), ("evergreen", -23 * 12000)]),
        ([evergreen(quantity=20, price=9, **tiers((None, "1", None)))], 18000, 48000, [("tiers", -30000)]),
    ],
    ids=["monthly", "yearly", "add-on", "partial cancellation", "full cancellation", "rounding", "beside an end",
         "usage", "tiers"],
)  # fmt: skip
def test_the_money_is_compared_as_far_as_it_is_told(parts, crm, stripe, reasons):
    plan = plan_on(open_contract(*parts))
    account = plan.tie_out
    assert account is not None
    assert (account.crm, account.scheduled - account.credited) == (crm, stripe)
    assert [(found.reason, found.amount) for found in account.explanations] == reasons
    assert account.unexplained == 0
    assert not plan.blocked


def test_a_total_that_is_not_what_is_billed_each_period_blocks():
    plan = plan_on(open_contract(evergreen(price=120, total=Decimal(121))))
    assert plan.tie_out is not None
    assert plan.tie_out.unexplained == 24 * 100
    assert [issue.code.value for issue in plan.issues] == ["TIE_OUT"]


def test_a_year_later_the_end_of_the_last_phase_moves_and_nothing_else():
    made = open_contract(evergreen(quantity=10))
    first = plan_on(made)
    held = holding(applied(first), "subscription_schedule", status="active", current_start=day(2027))
    assert plan_on(made, day(2027, 12, 31), held).operations == ()
    update = only_update(later := plan_on(made, day(2028), held))
    assert [(change.path, change.before, change.after) for change in update.changes] == [
        ("phases.0.end_date", "2029-01-01", "2030-01-01")
    ]
    assert judged(later, today=day(2028)).verdict is Verdict.APPLY


def test_a_change_while_it_runs_is_one_write():
    held = holding(
        applied(plan_on(open_contract(evergreen(quantity=10)))),
        "subscription_schedule", status="active", current_start=day(2027),
    )  # fmt: skip
    made = open_contract(evergreen(quantity=10), add(day(2027, 6), quantity=-4, revises="L1"))
    *prices, update = plan_on(made, day(2027, 2), held).operations
    assert isinstance(update, Update)
    assert update.key == SCHEDULE
    assert {price.key.kind for price in prices} <= {"price"}  # the terms that two phases share now
    ended = open_contract(evergreen(quantity=10), add(day(2027, 6), quantity=-10, revises="L1"))
    (operation,) = plan_on(ended, day(2027, 2), held).operations
    assert isinstance(operation, Update)
    assert {change.path: change.after for change in operation.changes} == {
        "end_behavior": "cancel",
        "phases.0.end_date": "2027-06-01",
    }


def test_the_journal_looks_again_where_more_is_to_be_told_and_the_crm_is_told_of_changes_alone():
    made = open_contract(evergreen(), add(day(2029, 2)))
    for today, change, look in (
        (TODAY, day(2027), day(2027)),
        (day(2027, 6), day(2029, 2), day(2029, 2)),
        (day(2029, 6), None, day(2030)),
    ):
        status = crm_status(plan_on(made, today), (), None, Ids(), today)
        assert (status.values["next_change"], status.look_again) == (change, look)
    assert crm_status(plan_on(made, day(2027, 6)), (), None, Ids(), day(2027, 6)).values["mrr"] == Decimal("120.00")


def test_people_read_that_it_goes_on():
    plan = plan_on(open_contract(evergreen(quantity=10)))
    text = render_plan(plan, judged(plan))
    assert "USD  2027-01-01..open  " in text
    assert "phase 1  2027-01-01..open\n" in text
    assert "...      and on after 2029-01-01, until it is ended\n" in text
    ended = plan_on(open_contract(evergreen(), add(day(2027, 6), quantity=-1, revises="L1")))
    text = render_plan(ended, judged(ended))
    assert "USD  2027-01-01..2027-06-01  " in text
    assert "open" not in text


def test_one_that_somebody_ended_in_stripe_is_noticed():
    made = open_contract(evergreen())
    held = holding(applied(plan_on(made)), "subscription_schedule", status="canceled")
    assert [issue.code.value for issue in plan_on(made, TODAY, held).issues] == ["SCHEDULE_OVER"]
