"""Shapes the oracle found billed wrongly, each as small as it can be told."""

from datetime import timedelta

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
    parts = [line(price=3900, start=day(2027, 8, 31), end=day(2030, 11, 30), interval=3)]
    given = {"start": day(2027, 8, 31), "end": day(2030, 11, 30)}
    last, _ = bills_of(contract(*parts, **given))
    first, _ = bills_of(contract(*parts, policies={"stub": "first"}, **given))
    assert first == last
    assert {each for _, each in first} == {30000}


@pytest.mark.parametrize("halves", [1, 2])
def test_a_first_stub_in_segments_ends_on_its_day(halves):
    """Nobody's own stub reaches from the start to the first billing date, yet the year is counted from there."""
    stub = (day(2027), day(2027, 7)) if halves == 1 else (day(2027), day(2027, 4), day(2027, 7))
    cuts = [*stub, day(2028, 7), day(2029, 7)]
    steps = [(one, other, 1, 1200) for one, other in zip(cuts, cuts[1:], strict=False)]
    made = contract(*ramp(*steps), end=day(2029, 7), policies={"stub": "first"})
    found, account = bills_of(made)
    assert [each for each, _ in found] == [day(2027), day(2027, 7), day(2028, 7)]
    assert account.difference == 0


def test_what_is_sold_once_after_everything_has_ended_is_not_billed_years_before():
    found, _ = bills_of(contract(line(price=3600, end=day(2030)), once(on=day(2030, 2), price=50), end=day(2030)))
    assert found[-1] == (day(2030), 5000)


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
