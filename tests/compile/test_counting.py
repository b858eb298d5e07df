"""Less from a billing date on: what the CRM's own count of months leaves of its figure goes with the reduction."""

import pytest

from connector.compile.contract import compile_contract
from connector.plan.existing import ExistingState
from connector.plan.plan import make_plan
from tests.builders import END, amendment, contract, day, line

JULY = day(2027, 7)


def planned(quantity, price, *, on=JULY, end=END, precision="day", interval=1, **sold):
    """Ten at 12000.00 a year, and less of them from a billing date on, at the CRM's price for the rest of the year."""
    less = line("L2", quantity=quantity, price=price, start=on, end=end, interval=interval, revises="L1")
    first = line(quantity=10, price=12000, end=end, interval=interval, **sold)
    made = contract(first, amendment("A1", on, less), end=end, policies={"precision": precision}, **sold)
    return make_plan(made, compile_contract(made, None, day(2026, 12)), ExistingState(), day(2026, 12))


@pytest.mark.parametrize(
    ("quantity", "price", "fields", "bills"),
    [
        (-4, "6049.32", {}, [10_000_00] * 6 + [6_000_00 - 197_28] + [6_000_00] * 5),
        (-10, "6049.32", {}, [10_000_00] * 5 + [10_000_00 - 493_20]),
        (-4, "6049.32", {"interval": 3}, [30_000_00] * 2 + [18_000_00 - 197_28, 18_000_00]),
        (-4, "6000.00", {"precision": "month_day"}, [10_000_00] * 6 + [6_000_00] * 6),
        (-4, "5999.99", {"precision": "month_day"}, [10_000_00] * 6 + [6_000_00] * 6),
    ],
    ids=["part", "all", "quarterly", "counted alike", "rounded"],
)
def test_what_the_count_leaves(quantity, price, fields, bills):
    plan = planned(quantity, price, **fields)
    assert [bill.amount for bill in plan.bills] == bills
    assert plan.tie_out.unexplained == 0


@pytest.mark.parametrize(
    ("precision", "price", "refused"),
    [("day", "6166.00", False), ("day", "6167.00", True), ("day", "5800.00", True), ("month", "6900.00", False),
     ("month", "7001.00", True)],
)  # fmt: skip
def test_more_than_counting_is_another_price(precision, price, refused):
    issues = planned(-4, price, precision=precision).issues
    assert [issue.code.value for issue in issues if issue.blocks] == ["TIE_OUT"] * refused


def test_months_that_end_early():
    """From 28 February to 31 January: eleven billing periods, which the CRM counts as eleven months and three days."""
    start, end = day(2027, 1, 31), day(2028, 1, 31)
    plan = planned(-4, "11098.63", on=day(2027, 2, 28), end=end, precision="month_day", start=start)
    assert [bill.amount for bill in plan.bills] == [10_000_00, 6_000_00 - 394_52, *[6_000_00] * 10]
