"""Contracts that were billed elsewhere until a day: what is left of their schedules, worked out by hand."""

from datetime import date
from decimal import Decimal

import pytest

from connector.compile.contract import compile_contract
from connector.compile.spec import ScheduleSpec
from connector.domain.contract import Line
from connector.domain.issues import IssueCode
from tests.builders import END, START, amendment, contract, coupon, day, line, once, ramp

APRIL, JULY, OCTOBER = day(2027, 4), day(2027, 7), day(2027, 10)


def left(*parts, until: date, **fields) -> ScheduleSpec:
    result = compile_contract(contract(*parts, billed_through=until, **fields))
    assert result.issues == ()
    assert result.desired is not None
    (spec,) = result.desired.schedules
    return spec


def phases(spec: ScheduleSpec) -> list[tuple[date, date]]:
    return [(phase.period.start, phase.period.end) for phase in spec.phases]


@pytest.mark.parametrize(
    ("until", "found"),
    [
        (day(2026, 12), [(START, JULY), (JULY, END)]),
        (START, [(START, JULY), (JULY, END)]),
        (day(2027, 3), [(day(2027, 3), JULY), (JULY, END)]),
        (day(2027, 3, 2), [(APRIL, JULY), (JULY, END)]),
        (day(2027, 6, 2), [(JULY, END)]),
        (day(2027, 11, 30), [(day(2027, 12), END)]),
    ],
)
def test_the_schedule_begins_on_the_first_billing_date_that_is_left(until, found):
    spec = left(*ramp((START, JULY, 1, 600), (JULY, END, 2, 600), interval=1), until=until)
    assert phases(spec) == found
    assert (spec.whole.start if spec.whole else None) == (None if until <= START else START)


@pytest.mark.parametrize(
    ("on", "fees"),
    [(START, []), (day(2027, 3, 1), []), (day(2027, 3, 2), [10000]), (day(2027, 4), [10000]), (OCTOBER, [10000])],
)
def test_what_is_billed_once_counts_from_its_own_day(on, fees):
    spec = left(line(interval=1), once(on=on, price=100), until=day(2027, 3, 2))
    found = [one.unit_amount for phase in spec.phases for one in phase.one_offs]
    assert found == [Decimal(fee) for fee in fees]


@pytest.mark.parametrize(
    ("until", "given"), [(day(2027, 2), ("repeating", 2)), (day(2027, 3), ("repeating", 1)), (APRIL, None)]
)
def test_a_coupon_keeps_the_months_that_are_left(until, given):
    spec = left(line(interval=1), discounts=[coupon(duration="repeating", months=3)], until=until)
    found = [(one.duration, one.months) for one in spec.phases[0].discounts]
    assert found == ([] if given is None else [given])


def test_a_coupon_for_one_invoice_was_used_up():
    assert left(line(interval=1), discounts=[coupon(duration="once")], until=APRIL).phases[0].discounts == ()


def test_what_an_amendment_costs_before_the_day_is_billed_elsewhere():
    """Five more seats from 1 March of a yearly contract: their part was due before 1 April, that of June not."""
    spring = amendment("A1", day(2027, 3), more("L2", day(2027, 3)))
    summer = amendment("A2", day(2027, 6), more("L3", day(2027, 6)))
    spec = left(line(end=day(2029), price=240), spring, summer, until=APRIL, end=day(2029))
    assert phases(spec) == [(day(2028), day(2029))]
    assert [(one.line.ref, one.due) for one in spec.phases[0].one_offs] == [("L3", day(2027, 6))]
    assert [item.quantity for item in spec.phases[0].items] == [1, 5, 5]


def more(ref: str, start: date) -> Line:
    months = (2029 - start.year) * 12 - start.month + 1
    return line(ref, quantity=5, price=10 * months, start=start, end=day(2029), revises="L1")


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (contract(line(), billed_through=JULY), "nothing of the contract is due from that day on"),
        (contract(line(), billed_through=day(2030)), "nothing of the contract is due from that day on"),
        (contract(line(), once(on=OCTOBER), billed_through=JULY), "no invoice of the contract follows"),
        (contract(once(), billed_through=JULY), "nothing of the contract is due from that day on"),
        (
            contract(
                line(start=day(2027, 1, 31), end=day(2028, 1, 31), interval=1),
                start=day(2027, 1, 31),
                end=day(2028, 1, 31),
                billed_through=day(2027, 2, 2),
            ),
            "later billing dates cannot be counted from 2027-02-28",
        ),
    ],
)
def test_what_cannot_be_taken_over_says_why(made, words):
    (issue,) = [one for one in compile_contract(made).issues if one.code is IssueCode.SCHEDULE_OVER]
    assert issue.blocks
    assert "billed elsewhere until" in issue.message
    assert words in issue.message


def test_an_invoice_has_what_is_left():
    made = contract(once(price=10), once("O2", on=JULY, price=20), billed_through=APRIL)
    desired = compile_contract(made).desired
    assert desired is not None
    assert [one.line.ref for invoice in desired.invoices for one in invoice.lines] == ["O2"]
    assert [bill.amount for bill in desired.elsewhere] == [1000]
