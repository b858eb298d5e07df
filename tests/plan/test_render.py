"""The plan as people read it."""

from dataclasses import replace
from decimal import Decimal
from textwrap import dedent

import pytest

from connector.plan.existing import NOTHING
from connector.plan.operation import Retire
from connector.plan.render import ramp_picture, render_plan
from connector.plan.safety import Limits
from tests.builders import END, START, contract, coupon, day, line, once, ramp, tiers, usage
from tests.plan.builders import SCHEDULE, applied, judged, planned

END_2028 = day(2029)
RAMP = contract(
    *ramp((START, END, 10, 100), (END, END_2028, 20, 120)),
    once(price=30, end=END),
    discounts=[coupon(name="Launch", duration="once")],
    end=END_2028,
)


def rendered(made, existing=NOTHING, *, name: str = "", **limits) -> str:
    plan = planned(made, existing)
    return render_plan(plan, judged(plan, limits=Limits(**limits)), name=name)


def text(words: str) -> str:
    return dedent(words).strip()


def test_a_new_ramp():
    assert rendered(RAMP) == text("""
        + R1  Example Ltd  USD  2027-01-01..2029-01-01  5 operations
            + customer ACC
            + product P1
            + product P9
            + coupon cn_ab41463d30e2863b148843b2aa420e36
            + subscription_schedule R1
            phase 1  2027-01-01..2028-01-01  "Year 1"
              10 x Product P1 at 100.00 USD per year
              once  1 x Product P9 for 2027-01-01..2028-01-01, billed with the invoice of 2027-01-01: 30.00 USD
              coupon  Launch (once)
            phase 2  2028-01-01..2029-01-01  "Year 2"
              20 x Product P1 at 120.00 USD per year
            bills    2027-01-01            772.50 USD
            bills    2028-01-01          2,400.00 USD
            tie-out  CRM 3,430.00 USD, Stripe 3,172.50 USD, difference 257.50 USD: explained
                     discount 257.50 USD: taken off by coupons
    """)


def test_an_update_tells_each_field():
    held = applied(planned(contract(line(quantity=1))))
    assert rendered(contract(line(quantity=2)), held, name="The Big Deal") == text("""
        ~ R1  The Big Deal  USD  2027-01-01..2028-01-01  1 operation
            ~ subscription_schedule id_R1
                phases.0.items.0.quantity: 1 -> 2
            phase 1  2027-01-01..2028-01-01
              2 x Product P1 at 1,200.00 USD per year
            bills    2027-01-01          2,400.00 USD
            tie-out  CRM 2,400.00 USD, Stripe 2,400.00 USD, difference 0.00 USD: adds up
    """)


def test_nothing_to_do_shows_the_money_all_the_same():
    made = contract(line())
    assert rendered(made, applied(planned(made))) == text("""
        = R1  Example Ltd  USD  2027-01-01..2028-01-01  nothing to do
            bills    2027-01-01          1,200.00 USD
            tie-out  CRM 1,200.00 USD, Stripe 1,200.00 USD, difference 0.00 USD: adds up
    """)


def test_a_refused_contract_tells_where_and_how_to_fix_it():
    assert rendered(contract(line(quantity="0.5"), line("L2", of="P2", quantity=0))) == text("""
        ! R1  Example Ltd  USD  2027-01-01..2028-01-01  refused
            ! QUANTITY_FRACTION  Product P1: quantity 0.5 is not whole; Stripe counts whole units
              fix: Sell whole units, or sell in a smaller unit (75 hours instead of 7.5 ten-hour packs).  [L1 quantity__c]
            note QUANTITY_ZERO  Product P2: quantity is 0, nothing will be billed for the line
              fix: Enter the quantity that was sold, or remove the line.  [L2 quantity__c]
    """)  # noqa: E501


def test_approval_is_asked_for_with_the_fingerprint():
    assert rendered(contract(line()), max_contract_amount={"usd": Decimal(1)}) == text("""
        + R1  Example Ltd  USD  2027-01-01..2028-01-01  needs approval of a3885ea4bcad
            + customer ACC
            + product P1
            + subscription_schedule R1
            phase 1  2027-01-01..2028-01-01
              1 x Product P1 at 1,200.00 USD per year
            bills    2027-01-01          1,200.00 USD
            tie-out  CRM 1,200.00 USD, Stripe 1,200.00 USD, difference 0.00 USD: adds up
            needs approval: the plan bills 1,200.00 USD, over the limit of 1.00 USD
    """)


def test_a_difference_without_a_reason():
    assert rendered(contract(line(total=Decimal(1000)))) == text("""
        ! R1  Example Ltd  USD  2027-01-01..2028-01-01  refused
            ! TIE_OUT  the CRM sold 1,000.00 USD, Stripe would bill 1,200.00 USD; -200.00 USD of the difference has no reason
              fix: Check the prices, quantities and dates of the lines; `connector explain` shows how each one is billed.  [R1]
            phase 1  2027-01-01..2028-01-01
              1 x Product P1 at 1,200.00 USD per year
            bills    2027-01-01          1,200.00 USD
            tie-out  CRM 1,000.00 USD, Stripe 1,200.00 USD, difference -200.00 USD: DOES NOT ADD UP
    """)  # noqa: E501


def test_usage_tiers_and_long_lists_of_bills():
    made = contract(line(interval=1, quantity=20, price=9, **tiers((10, "1", None), (None, "0.5", None))), usage())
    assert rendered(made) == text("""
        + R1  Example Ltd  USD  2027-01-01..2028-01-01  7 operations
            + customer ACC
            + product P1
            + product P5
            + meter P5
            + price cn_8f0543b48f91bf900be4895d2d3bc9a8
            + price cn_a26af0678c9264abdac5b547fd2ad084
            + subscription_schedule R1
            phase 1  2027-01-01..2028-01-01
              20 x Product P1, volume tiers, per month
              Product P5, by usage, per month
            bills    2027-01-01             10.00 USD
            bills    2027-02-01             10.00 USD
            bills    2027-03-01             10.00 USD
              ...      7 more
            bills    2027-11-01             10.00 USD
            bills    2027-12-01             10.00 USD
            tie-out  CRM 180.00 USD, Stripe 120.00 USD, difference 60.00 USD: explained
                     tiers 60.00 USD: rated by its tiers
    """)


def test_one_time_lines():
    assert rendered(contract(once(price=30, quantity=2), once("O2", price=-5))) == text("""
        + R1  Example Ltd  USD  2027-01-01..2028-01-01  5 operations
            + customer ACC
            + product P9
            + invoice R1
            + invoice_lines R1
            + invoice_finalization R1
              one-off  2 x Product P9: 60.00 USD
              one-off  1 x Product P9: -5.00 USD
            bills    2027-01-01             55.00 USD
            tie-out  CRM 55.00 USD, Stripe 55.00 USD, difference 0.00 USD: adds up
    """)


def test_an_ending():
    plan = replace(planned(contract(line())), operations=(Retire(SCHEDULE, "sub_sched_1", "cancel"),))
    assert "- cancel subscription_schedule sub_sched_1" in render_plan(plan, judged(plan))


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (RAMP, [("Year 1", 20, "1,000.00 USD a year"), ("Year 2", 48, "2,400.00 USD a year")]),
        (contract(line(price=0)), [("2027-01-01", 0, "0.00 USD a year")]),
        (
            contract(line(price="0.01"), line("L2", of="P2", start=END, price=100, end=END_2028), end=END_2028),
            [("2027-01-01", 1, "0.01 USD a year"), ("2028-01-01", 48, "100.00 USD a year")],
        ),
        (
            contract(line(price=180, end=day(2028, 7)), usage(end=day(2028, 7), interval=12)),
            [("2027-01-01", 48, "120.00 USD a year"), ("2028-01-01", 48, "120.00 USD a year")],
        ),
    ],
    ids=["ramp", "free", "next to nothing", "stub"],
)
def test_the_picture_of_a_ramp_is_to_scale(made, expected):
    desired = planned(made).desired
    assert desired is not None
    told = [(found[:14].rstrip(), found.count("#"), found[77:].strip()) for found in ramp_picture(desired.schedules[0])]
    assert told == expected
