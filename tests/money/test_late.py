"""What Stripe is sent for a schedule that has begun before it is made: numbers worked out by hand."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from connector.compile.contract import compile_contract
from connector.domain.contract import Contract
from connector.plan.existing import NOTHING
from connector.plan.operation import Create
from connector.plan.plan import make_plan
from tests.builders import END, START, amendment, contract, coupon, day, line, once, ramp

APRIL, JULY, LATE = day(2027, 4), day(2027, 7), day(2027, 8, 20)
THREE = coupon(duration="repeating", months=3)
QUARTERS = ((START, APRIL, 1, 30), (APRIL, JULY, 2, 30), (JULY, END, 3, 60))


def sent(made: Contract, on: date) -> list[Any]:
    """Return the phases that are sent for a contract with one schedule."""
    desired = compile_contract(made, on).desired
    assert desired is not None
    (schedule,) = desired.of("subscription_schedule")
    params = schedule.create or schedule.params
    phases: Any = params["phases"]
    assert phases[0]["start_date"] == params["start_date"]
    return list(phases)


def starts(phases: list[Any]) -> list[str]:
    return [f"{phase['start_date']:%y-%m-%d}" for phase in phases]


def one_offs(phase: Any) -> list[tuple[Decimal, bool]]:
    held = phase.get("add_invoice_items", [])
    return [(item["price_data"]["unit_amount_decimal"], "discountable" in item) for item in held]


def test_in_the_first_phase_stripe_bills_the_past_itself():
    phases = sent(contract(*ramp(*QUARTERS, interval=1)), day(2027, 3, 20))
    assert starts(phases) == ["27-01-01", "27-04-01", "27-07-01"]
    assert phases[0]["proration_behavior"] == "create_prorations"
    assert one_offs(phases[0]) == []


def test_phases_that_are_over_become_corrections():
    """30.00 for the first quarter, 60.00 for the second, 30.00 for July; Stripe bills August by itself."""
    phases = sent(contract(*ramp(*QUARTERS, interval=1)), LATE)
    assert starts(phases) == ["27-08-01"]
    assert one_offs(phases[0]) == [(Decimal(3000), True), (Decimal(6000), True), (Decimal(3000), True)]


def test_what_joined_in_mid_period_is_billed_for_the_rest_of_it_only():
    """20 more from July cost 600.00 each. Stripe bills all 70 for the whole year: the year of the 20 is taken off."""
    more = amendment("A1", JULY, line("L2", quantity=20, price=600, start=JULY, revises="L1"))
    phases = sent(contract(line(quantity=50), more), LATE)
    assert starts(phases) == ["27-01-01"]
    assert [item["quantity"] for item in phases[0]["items"]] == [50, 20]
    assert one_offs(phases[0]) == [(Decimal(60000), False), (Decimal(-1200000 * 2), True)]


@pytest.mark.parametrize(
    ("on", "start"),
    [(day(2027, 3, 15), "27-01-31"), (day(2027, 5, 10), "27-03-31"), (day(2027, 6, 2), "27-05-31")],
)
def test_a_month_end_is_never_left_for_a_shorter_month(on, start):
    """Counted from 28 February or 30 April, the later dates would fall on the 28th or 30th."""
    begun = day(2027, 1, 31)
    made = contract(line(start=begun, end=day(2028, 1, 31), interval=1), start=begun, discounts=[THREE])
    assert starts(sent(made, on)) == [start]


@pytest.mark.parametrize(
    ("on", "start", "behavior", "fees"),
    [
        (day(2026, 12, 31), "27-01-01", "none", 1),
        (START, "27-01-01", "create_prorations", 1),
        (day(2027, 3, 20), "27-01-01", "none", 0),
        (day(2027, 3), "27-03-01", "create_prorations", 0),
        (LATE, "27-08-01", "none", 0),
        (day(2027, 8), "27-08-01", "create_prorations", 0),
    ],
)
def test_skipping_bills_from_today_or_the_next_billing_date(on, start, behavior, fees):
    made = contract(*ramp(*QUARTERS, interval=1), once(), policies={"backdated_start": "skip"})
    first = sent(made, on)[0]
    assert (starts([first]), first["proration_behavior"], len(one_offs(first))) == ([start], behavior, fees)


@pytest.mark.parametrize(
    ("on", "duration"),
    [
        (day(2026, 12, 20), ("repeating", 3)),
        (START, ("repeating", 2)),
        (day(2027, 1, 9), ("repeating", 2)),
        (day(2027, 2, 9), ("repeating", 1)),
        (day(2027, 3), ("once", None)),
        (day(2027, 3, 9), ("once", None)),
        (APRIL, None),
    ],
)
def test_a_coupon_gets_the_months_it_has_left(on, duration):
    """Stripe counts them from today, so that an invoice of tomorrow's date would be one too many."""
    made = contract(line(interval=1), discounts=[THREE])
    plan = make_plan(made, compile_contract(made, on), NOTHING, on)
    coupons = [one.params for one in plan.operations if isinstance(one, Create) and one.key.kind == "coupon"]
    found = [(params["duration"], params.get("duration_in_months")) for params in coupons]
    assert found == ([] if duration is None else [duration])


def test_amounts_taken_off_late_periods_are_settled_by_us():
    """50.00 off each of three months: whether Stripe takes it once or thrice off one invoice is not left to chance."""
    fifty = coupon(amount=Decimal(50))
    phases = sent(contract(line(interval=1), discounts=[fifty]), day(2027, 3, 20))
    assert starts(phases) == ["27-03-01"]
    assert one_offs(phases[0]) == [(Decimal(2 * (10000 - 5000)), True)]


def test_what_is_sent_is_the_same_however_often_it_is_compiled():
    made = contract(*ramp(*QUARTERS, interval=1))
    assert sent(made, LATE) == sent(made, LATE)
