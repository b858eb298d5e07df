"""Shapes the oracle found billed wrongly, each as small as it can be told."""

from datetime import timedelta
from itertools import pairwise

import pytest

from connector.compile.contract import compile_contract
from connector.plan.projection import project
from connector.plan.tieout import tie_out
from tests.builders import amendment, contract, day, line, once, ramp


def bills_of(made):
    desired = compile_contract(made).desired
    assert desired is not None
    bills = project(desired, made.start - timedelta(days=1))
    return [(bill.day, bill.amount) for bill in bills if bill.amount], tie_out(made, bills)


def test_a_credit_counts_the_price_of_the_units_that_are_taken():
    """Two lines of one product whose prices per year differ by a rounding: a yen on one unit is 25 on 25."""
    end = day(2028, 11, 15)
    made = contract(
        line(price="18333.33", start=day(2027, 1, 15), end=end),
        amendment("A1", day(2027, 5, 11), line("L2", quantity=40, price="15109.59", start=day(2027, 5, 11), end=end,
                                               revises="L1")),
        amendment("A2", day(2027, 8, 29), line("L3", quantity=-25, price="12132.42", start=day(2027, 8, 29), end=end,
                                               revises="L1")),
        start=day(2027, 1, 15), end=end, currency="jpy",
    )  # fmt: skip
    _, account = bills_of(made)
    assert abs(account.difference) <= 1


def test_months_from_the_31st_without_a_rest_have_no_stub_to_put_first():
    """39 months from 31 August end on 30 November: counted back from there, every date would be the 30th."""
    start, end = day(2027, 8, 31), day(2030, 11, 30)
    sold = line(price=3900, start=start, end=end, interval=3)
    last, _ = bills_of(contract(sold, start=start, end=end))
    first, _ = bills_of(contract(sold, start=start, end=end, policies={"stub": "first"}))
    assert first == last
    assert {each for _, each in first} == {30000}


@pytest.mark.parametrize("halves", [1, 2])
def test_a_first_stub_in_segments_ends_on_its_day(halves):
    """Nobody's own stub reaches from the start to the first billing date, yet the year is counted from there."""
    stub = (day(2027), day(2027, 7)) if halves == 1 else (day(2027), day(2027, 4), day(2027, 7))
    cuts = [*stub, day(2028, 7), day(2029, 7)]
    steps = [(one, other, 1, 1200) for one, other in pairwise(cuts)]
    made = contract(*ramp(*steps), end=day(2029, 7), policies={"stub": "first"})
    found, account = bills_of(made)
    assert [each for each, _ in found] == [day(2027), day(2027, 7), day(2028, 7)]
    assert account.difference == 0


def test_what_is_sold_once_after_everything_has_ended_is_not_billed_years_before():
    found, _ = bills_of(contract(line(price=3600, end=day(2030)), once(on=day(2030, 2), price=50), end=day(2030)))
    assert found[-1] == (day(2029, 12, 31), 5000)


def test_cents_of_a_price_are_tens_of_the_smallest_dinar_unit():
    """The CRM's price has two decimals, the dinar three: on 118 units that is up to half a dinar, and no error."""
    start, ended, end = day(2028, 3, 17), day(2029, 2, 17), day(2029, 9, 17)
    made = contract(
        line(quantity=118, price="18518.51", start=start, end=end, interval=1),
        amendment("A1", ended, line("L2", quantity=-118, price="7201.64", start=ended, end=end, interval=1,
                                    revises="L1")),
        start=start, end=end, currency="kwd",
    )  # fmt: skip
    _, account = bills_of(made)
    assert account.difference
    assert account.unexplained == 0


def test_a_later_order_leaves_the_cents_of_the_first_bill_alone():
    """A bill that is paid cannot lose the cents that settle its line."""
    sold = [line(price=1000, interval=1)]
    change = amendment("A1", day(2027, 7), line("L2", price=500, interval=1, start=day(2027, 7), revises="L1"))
    before, _ = bills_of(contract(*sold, policies={"rounding": "adjust"}))
    after, _ = bills_of(contract(*sold, change, policies={"rounding": "adjust"}))
    assert before[:6] == after[:6]


def test_the_order_of_lines_within_an_order_does_not_matter():
    """More and less of one line on one day: what is taken away is taken from what the same order adds, too."""
    more = line("L2", quantity=10, price="442992.00", start=day(2027, 6, 4), revises="L1", interval=1)
    less = line("L3", quantity=-10, price="442992.00", start=day(2027, 6, 4), revises="L1", interval=1)
    sold = line(price="720317.13", interval=1)
    one = contract(sold, amendment("A1", day(2027, 6, 4), more, less))
    other = contract(sold, amendment("A1", day(2027, 6, 4), less, more))
    assert bills_of(one)[0] == bills_of(other)[0]


def test_an_exchange_in_the_midst_of_a_last_stub_is_billed_once():
    """Old lines end and new ones begin on a day of the stub: the stub's interval goes on, no new period begins."""
    end, change = day(2028, 7), day(2028, 3, 1)
    made = contract(
        line(price=1800, end=end),
        amendment(
            "A1",
            change,
            line("L2", quantity=-1, price=400, start=change, end=end, revises="L1"),
            line("L3", price=500, start=change, end=end, of="P2"),
        ),
        end=end,
    )
    found, account = bills_of(made)
    assert [each for each, _ in found] == [day(2027), day(2028), change]
    assert account.difference == 0


def test_what_is_sold_once_goes_with_a_frequency_that_still_runs():
    """The first frequency is over: its end is before the day of the sale."""
    short = line(price=600, end=day(2027, 7), interval=6)
    found, _ = bills_of(contract(short, line("L2", of="P2", interval=1), once(on=day(2027, 9), price=50)))
    assert (day(2027, 9), 15000) in found
