"""What will be billed when, to the minor unit."""

from decimal import Decimal

import pytest

from connector.domain.contract import Contract
from tests.builders import END, START, amendment, contract, coupon, day, line, once, tiers, usage
from tests.plan.builders import planned

FEBRUARY, APRIL, JULY = day(2027, 2), day(2027, 4), day(2027, 7)
PERCENT, FIFTY_OFF = coupon("C1", percent=Decimal(25)), coupon("C2", amount=Decimal(50))
THIRTY_OFF, TEN_OFF = coupon("C3", amount=Decimal(30)), coupon("C4", amount=Decimal(10))


def bills_of(made: Contract, **fields) -> list[tuple[str, int]]:
    return [(f"{bill.day:%y-%m-%d}", bill.amount) for bill in planned(made, **fields).bills if not bill.skipped]


def first_bill(made: Contract) -> int:
    return bills_of(made)[0][1]


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (contract(line()), [("27-01-01", 120000)]),
        (
            contract(line(interval=3, price=400)),
            [("27-01-01", 10000), ("27-04-01", 10000), ("27-07-01", 10000), ("27-10-01", 10000)],
        ),
        (contract(line(interval=6, price=100)), [("27-01-01", 5000), ("27-07-01", 5000)]),
        (
            contract(line(start=day(2027, 1, 31), end=day(2027, 4, 30), interval=1, price=30), start=day(2027, 1, 31)),
            [("27-01-31", 1000), ("27-02-28", 1000), ("27-03-31", 1000)],
        ),
        (contract(line(price=180, end=day(2028, 7))), [("27-01-01", 12000), ("28-01-01", 6000)]),
        (
            contract(line(price=180, end=day(2028, 7)), policies={"stub": "first"}),
            [("27-01-01", 6000), ("27-07-01", 12000)],
        ),
        (contract(line(price=380, end=day(2028, 1, 21))), [("27-01-01", 36026), ("28-01-01", 1974)]),
        (
            contract(line(price=120), amendment("A1", APRIL, line("L2", price=90, start=APRIL, revises="L1"))),
            [("27-01-01", 12000), ("27-04-01", 9000)],
        ),
        (
            contract(line(quantity=3, price=120),
                     amendment("A1", APRIL, line("L2", quantity=-1, price=90, start=APRIL, revises="L1"))),
            [("27-01-01", 36000), ("27-04-01", -9000)],
        ),
        (contract(line(), once(on=JULY, price=5)), [("27-01-01", 120000), ("27-07-01", 500)]),
        (contract(line(), line("L2", of="P2", interval=6, price=20)),
         [("27-01-01", 1000), ("27-01-01", 120000), ("27-07-01", 1000)]),
        (contract(line(of="P5", charge=usage().charge)), [("27-01-01", 0)]),
        (contract(line(quantity=20, price=0, **tiers((10, "1", None), (None, "0.5", None)))), [("27-01-01", 1000)]),
        (contract(once(on=JULY), once("O2", on=APRIL, price=1)), [("27-04-01", 120100)]),
    ],
    ids=["yearly", "quarterly", "half-yearly", "month ends", "last stub", "first stub", "stub of days", "increase",
         "decrease", "one-time", "two frequencies", "usage", "tiers", "invoice on the first line's day"],
)  # fmt: skip
def test_bills(made, expected):
    assert bills_of(made) == expected


@pytest.mark.parametrize(
    ("made", "amount"),
    [
        (contract(line(price=120, discounts=(THIRTY_OFF, PERCENT))), 6750),
        (contract(line(price=120, discounts=(PERCENT, FIFTY_OFF))), 4000),
        (contract(line(price=120, discounts=(THIRTY_OFF,)), discounts=[PERCENT]), 6750),
        (contract(line(price=120, discounts=(PERCENT,)), discounts=[FIFTY_OFF]), 4000),
        (contract(line(price=1440), discounts=[PERCENT, TEN_OFF]), 107000),
        (contract(line(price=40, discounts=(FIFTY_OFF,))), 0),
        (contract(line(price=40), once(price=5), discounts=[FIFTY_OFF]), 0),
        (contract(line(price="0.02", discounts=(PERCENT,))), 1),
        (contract(line(price=40), once(price=-15), discounts=[PERCENT]), 1875),
        (contract(once(price=100, discounts=(PERCENT,)), discounts=[TEN_OFF]), 6500),
        (contract(line(price=0), discounts=[FIFTY_OFF]), 0),
        (contract(line(price=120), discounts=[coupon(amount=Decimal("0.005"))]), 11999),
    ],
    ids=["amount then percent", "percent then amount", "line then order", "line then order, amount last",
         "two on the order", "never below nothing", "an order's never below nothing", "half a cent",
         "credits are reduced too", "invoice", "nothing to reduce", "amounts are whole cents"],
)  # fmt: skip
def test_discounts_come_off_in_order(made, amount):
    assert first_bill(made) == amount


def test_an_orders_discount_is_shared_over_its_lines_the_last_takes_the_odd_cent():
    made = contract(line(price=10), line("L2", of="P2", price=10), line("L3", of="P3", price=10), discounts=[TEN_OFF])
    (bill,) = planned(made).bills
    assert [charge.net for charge in bill.charges] == [667, 667, 666]


@pytest.mark.parametrize(
    ("discount", "months"),
    [
        (coupon(duration="once"), [0]),
        (coupon(duration="repeating", months=3), [0, 1, 2]),
        (coupon(duration="repeating"), [0]),
        (coupon(), list(range(12))),
    ],
)
@pytest.mark.parametrize("on", ["order", "line"])
@pytest.mark.parametrize("cut", [None, FEBRUARY, day(2027, 2, 15)], ids=["one phase", "cut", "cut in mid-month"])
def test_a_coupon_counts_its_months_whatever_cuts_the_schedule(discount, months, on, cut):
    own = (discount,) if on == "line" else ()
    parts = [line(interval=1, discounts=own)]
    if cut:
        parts.append(once(on=cut, price=0))
    made = contract(*parts, discounts=() if own else [discount])
    charges = [c for bill in planned(made).bills for c in bill.charges if c.recurring]
    assert [charge.day.month - 1 for charge in charges if charge.net < charge.gross] == months


@pytest.mark.parametrize(
    ("policy", "today", "dates"),
    [
        ("bill", day(2027, 3, 15), ["03", "04", "05", "06"]),
        ("skip", day(2027, 3, 15), ["04", "05", "06"]),
        ("skip", day(2027, 3), ["03", "04", "05", "06"]),
        ("skip", day(2026, 12), ["01", "02", "03", "04", "05", "06"]),
    ],
)
def test_the_past_is_billed_or_skipped_by_policy(policy, today, dates):
    made = contract(line(interval=1, end=JULY), end=JULY, policies={"backdated_start": policy})
    assert [told[3:5] for told, _ in bills_of(made, today=today)] == dates


def test_an_invoice_is_due_today_when_its_day_is_past():
    assert bills_of(contract(once(on=START)), today=JULY) == [("27-07-01", 120000)]


def test_bills_are_in_order_of_time():
    made = contract(line(interval=6, price=20), line("L2", of="P2", interval=1), end=END)
    days = [told for told, _ in bills_of(made)]
    assert days == sorted(days)
    assert len(days) == 14
