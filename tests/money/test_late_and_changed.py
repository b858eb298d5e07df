"""A schedule that is made late and changed the same day or soon after: its first invoice and the correction count."""

import pytest

from tests.builders import amendment, contract, coupon, day, line
from tests.money.life import play

MADE = day(2027, 8, 20)


@pytest.mark.parametrize("heard", [MADE, day(2027, 8, 21), day(2027, 10, 2)], ids=str)
@pytest.mark.parametrize("discounts", [[], [coupon(duration="once")]], ids=["as sold", "with a coupon"])
def test_all_that_was_sold_is_billed(heard, discounts):
    """Ten seats at 100.00 a month since January; five more since 1 May, at 100.00: 8 months of 500.00."""
    sold = line("L1", quantity=10, interval=1, discounts=tuple(discounts))
    more = amendment(
        "A1", day(2027, 5), line("C1", quantity=5, price=800, start=day(2027, 5), interval=1, revises="L1")
    )
    life = play([(MADE, contract(sold)), (heard, contract(sold, more))])
    assert [issue for plan in life.plans for issue in plan.issues if issue.blocks] == []
    off = 25000 if discounts else 0  # a quarter of the first month of the ten
    assert sum(life.days.values()) == 1200000 - off + 400000
