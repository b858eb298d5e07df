"""Schedules that are made after they began: what Stripe is sent, so that it bills what was sold."""

from collections import Counter
from datetime import date, timedelta
from random import Random

import pytest

from connector.compile.backdating import as_sent
from connector.compile.bills import schedule_bills
from connector.compile.contract import compile_contract
from connector.compile.spec import ScheduleSpec
from connector.domain.contract import Contract
from connector.domain.issues import IssueCode
from connector.domain.period import add_months
from tests.builders import END, START, amendment, contract, coupon, day, line, once, ramp, seeded
from tests.compile.words import told_phases

FEBRUARY, APRIL, JULY, OCTOBER = day(2027, 2), day(2027, 4), day(2027, 7), day(2027, 10)
MID_JULY, END_2028 = day(2027, 7, 15), day(2029)
MONTHLY = line(quantity=2, interval=1)
RAMP = ramp((START, JULY, 1, 60), (JULY, END, 2, 90), interval=1)


def spec_of(made: Contract) -> ScheduleSpec:
    desired = compile_contract(made).desired
    assert desired is not None
    return desired.schedules[0]


def sent(made: Contract, on: date) -> ScheduleSpec:
    return as_sent(spec_of(made), made, on)


def skip(*parts, **fields) -> Contract:
    return contract(*parts, policies={"backdated_start": "skip"}, **fields)


@pytest.mark.parametrize("on", [None, day(2026, 12, 31), END, day(2040)])
def test_in_time_or_over_it_is_sent_as_it_is(on):
    spec = spec_of(contract(*RAMP))
    assert as_sent(spec, contract(*RAMP), on) is spec


@pytest.mark.parametrize(
    ("made", "on", "expected"),
    [
        (contract(*RAMP), START, ["27-01-01: 1xS1@1000/month", "27-07-01: 2xS2@1500/month"]),
        (contract(*RAMP), MID_JULY, ["27-07-01: 2xS2@1500/month, correction 1xS1@6000"]),
        (contract(*RAMP), APRIL, ["27-01-01: 1xS1@1000/month", "27-07-01: 2xS2@1500/month"]),
        (contract(line(quantity=5)), MID_JULY, ["27-01-01: 5xL1@120000/year"]),
        (
            contract(line(price=240, end=END_2028), amendment("A1", JULY, line("L2", price=180, start=JULY,
                     end=END_2028, revises="L1")), end=END_2028),
            OCTOBER,
            ["27-01-01: 1xL1@12000/year, 1xL2@12000/year, proration 1xL2@6000, correction 1xL2@-12000"],
        ),
        (contract(MONTHLY, once(on=FEBRUARY, price=30)), MID_JULY,
         ["27-07-01: 2xL1@10000/month, one_time 1xO1@3000, correction 1xL1@120000"]),
        (skip(MONTHLY), MID_JULY, ["27-01-01: 2xL1@10000/month"]),
        (skip(MONTHLY), JULY, ["27-07-01: 2xL1@10000/month"]),
        (skip(*RAMP), MID_JULY, ["27-07-01: 2xS2@1500/month"]),
        (skip(MONTHLY, once(on=FEBRUARY, price=30)), MID_JULY, ["27-07-01: 2xL1@10000/month"]),
        (skip(line(), once(on=FEBRUARY, price=30)), APRIL, ["27-01-01: 1xL1@120000/year"]),
        (skip(line(price=240, end=END_2028), once(on=FEBRUARY, price=30), end=END_2028), APRIL,
         ["27-01-01: 1xL1@12000/year, one_time 1xO1@3000"]),
        (skip(*RAMP), START, ["27-01-01: 1xS1@1000/month", "27-07-01: 2xS2@1500/month"]),
    ],
    ids=["first day", "first phase over", "first phase running", "one bill", "changed in mid-year",
         "one-time line past", "skipped",
         "skipped to a billing date", "skipped, first phase over", "one-time line skipped with the past",
         "one-time line billed apart, and past", "one-time line not invoiced yet", "nothing to skip"],
)  # fmt: skip
def test_what_is_sent(made, on, expected):
    assert told_phases(sent(made, on)) == expected


@pytest.mark.parametrize(
    ("given", "on", "left"),
    [
        (coupon(), APRIL, [("forever", None)]),
        (coupon(duration="once"), day(2027, 1, 20), [("once", None)]),
        (coupon(duration="once"), APRIL, []),
        (coupon(duration="repeating", months=12), APRIL, [("repeating", 8)]),
        (coupon(duration="repeating", months=3), APRIL, []),
        (coupon(duration="repeating", months=4), APRIL, [("once", None)]),
    ],
)
def test_coupons_are_sent_with_what_is_left_of_them(given, on, left):
    first = sent(contract(MONTHLY, discounts=[given]), on).phases[0]
    assert [(discount.duration, discount.months) for discount in first.discounts] == left


def test_corrections_take_no_discount_again():
    first = sent(contract(*RAMP, discounts=[coupon()]), MID_JULY).phases[0]
    (correction,) = first.one_offs
    assert (correction.discountable, int(correction.unit_amount)) == (False, 4500)
    assert str(correction.period) == "2027-01-01..2027-07-01"


@pytest.mark.parametrize(("on", "over"), [(day(2027, 12, 31), False), (END, True)])
def test_a_contract_that_is_over_is_not_begun(on, over):
    issues = compile_contract(contract(line()), on).issues
    assert [(issue.code, issue.blocks) for issue in issues] == ([(IssueCode.SCHEDULE_OVER, True)] if over else [])


def sold_and_changed(chance: Random) -> Contract:
    """Return a contract of one frequency with a ramp, a change and coupons, some of them."""
    interval, months = chance.choice([1, 3, 6]), 12 * chance.randint(1, 2)
    start = chance.choice([START, day(2027, 1, 31), day(2027, 1, 15)])
    end, middle = add_months(start, months), add_months(start, 6)
    segments = ramp(
        (start, middle, chance.randint(1, 9), 60), (middle, end, chance.randint(1, 9), 90), interval=interval
    )
    other = line(
        "L2", of="P2", start=start, end=end, quantity=chance.randint(2, 9), price=12 * months, interval=interval
    )
    on = add_months(start, chance.randint(1, 11))
    delta = line("L3", of="P2", start=on, end=end, quantity=chance.choice([-1, 3]), price=60, interval=interval,
                 revises="L2")  # fmt: skip
    given = chance.choice([[], [coupon()], [coupon(duration="repeating", months=chance.randint(1, 15))]])
    policies = {"billing_mode": chance.choice(["flexible", "classic"])}
    return contract(*segments, other, amendment("A1", on, delta), start=start, end=end, discounts=given,
                    policies=policies)  # fmt: skip


def per_line(spec: ScheduleSpec, made: date, *, late: bool) -> Counter[str]:
    """Return what a schedule bills per line: until it is made, or from then on."""
    sums: Counter[str] = Counter()
    for bill in schedule_bills(spec, made):
        for charge in bill.charges if (bill.day <= made) is late else ():
            sums[charge.line] += charge.net
    return sums


def test_what_comes_after_is_billed_on_the_same_days():
    chance = seeded(77)
    for _ in range(200):
        made = sold_and_changed(chance)
        spec = spec_of(made)
        on = spec.start + timedelta(chance.randrange((spec.end - spec.start).days))
        as_it_is_sent = as_sent(spec, made, on)
        days = [bill.day for bill in schedule_bills(spec, on) if bill.day > on]
        assert [bill.day for bill in schedule_bills(as_it_is_sent, on) if bill.day > on] == days, (made, on)
        assert per_line(as_it_is_sent, on, late=False) == per_line(spec, on, late=False), (made, on)
