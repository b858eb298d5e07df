"""What keeps a contract from being billed: every issue has a place, a message and a remedy."""

from dataclasses import replace

import pytest

from connector.compile.contract import compile_contract
from connector.domain.contract import Contract, Segment
from connector.domain.issues import Issue, IssueCode, Severity
from tests.builders import END, START, amendment, contract, day, line, once, ramp, usage

JUNE, JULY = day(2027, 6), day(2027, 7)
BLOCK, WARN = Severity.BLOCK, Severity.WARN


def issues_of(made: Contract) -> list[Issue]:
    return list(compile_contract(made).issues)


@pytest.mark.parametrize(
    ("made", "code", "severity", "place", "words"),
    [
        (contract(line(quantity="2.5")), "QUANTITY_FRACTION", BLOCK, ("L1", "quantity__c"), "2.5 is not whole"),
        (contract(line(quantity=0)), "QUANTITY_ZERO", WARN, ("L1", "quantity__c"), "quantity is 0"),
        (contract(line(), usage(quantity=5)), "QUANTITY_METERED", BLOCK, ("U1", "quantity__c"), "quantity 5 on a line"),
        (
            contract(line(), usage(quantity=-1)), "QUANTITY_METERED", BLOCK, ("U1", "quantity__c"), "quantity -1",
        ),
        (contract(line(price=-5)), "NEGATIVE_PRICE", BLOCK, ("L1", "unit_price__c"), "the price is negative (-5)"),
        (contract(line(end=START)), "LINE_DATES", BLOCK, ("L1", "end__c"), "ends before it starts"),
        (contract(line(start=END, end=None)), "LINE_DATES", BLOCK, ("L1", "end__c"), "2028-01-01 to 2028-01-01"),
        (contract(), "NO_LINES", BLOCK, ("R1", None), "no lines"),
        (contract(line(end=None), end=None), "TERM_MISSING", BLOCK, ("R1", "term_months__c"), "the line has no end"),
        (
            contract(*ramp((START, JUNE, 1, 5), (JULY, END, 1, 5))),
            "SEGMENT_GAP", BLOCK, ("S2", "start__c"),
            'segment "Year 1" and segment "Year 2" of Product P1: nothing is sold from 2027-06-01 to 2027-07-01',
        ),
        (
            contract(*ramp((START, JULY, 1, 5), (JUNE, END, 1, 5))),
            "SEGMENT_OVERLAP", BLOCK, ("S2", "start__c"),
            "overlap from 2027-06-01 to 2027-07-01 and would be billed twice",
        ),
        (
            contract(line(end=JUNE), line("L2", start=JULY, of="P2")),
            "COVERAGE_GAP", BLOCK, ("R1", None), "nothing is sold from 2027-06-01 to 2027-07-01",
        ),
        (
            contract(line(), other_currencies=frozenset({"eur", "usd", "chf"})),
            "CUSTOMER_CURRENCY", BLOCK, ("R1", "currency__c"), "in USD, but the customer is already billed in CHF, EUR",
        ),
        (
            contract(line(), amendment("A1", JULY, line("L2", quantity=-1, start=JULY, revises="L9"))),
            "REVISED_LINE_UNKNOWN", BLOCK, ("L2", "revises__c"), "the line it revises is not part of this contract",
        ),
        (
            contract(line(), amendment("A1", JULY, line("L2", quantity=-2, start=JULY, revises="L1"))),
            "QUANTITY_REDUCED", BLOCK, ("L2", None), "1 more are taken away than were sold as of 2027-07-01",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) and value.isupper() else "",
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_place_and_remedy(made, code, severity, place, words):
    found = next(issue for issue in issues_of(made) if issue.code == code)
    assert (found.severity, (found.record, found.field)) == (severity, place)
    assert words in found.message
    assert found.remedy.endswith(".")


@pytest.mark.parametrize(
    "made",
    [
        contract(line()),
        contract(line(), usage(quantity=0)),
        contract(line(), usage(quantity=1), amendment("A1", JULY, usage("U2", quantity=-1, start=JULY, revises="U1"))),
        contract(line(), once(price=-5)),
        contract(line(), once(on=day(2029))),
        contract(line(), once(end=START)),
        contract(line(price=0)),
        contract(line(), other_currencies=frozenset({"usd"})),
        contract(*ramp((START, JUNE, 1, 5), (JUNE, END, 1, 5))),
        contract(*ramp((START, JUNE, 1, 5), (JUNE, END, 1, 5)),
                 amendment("A1", JULY, *ramp((JULY, END, 1, 5), ref="S9", revises="S2"))),
        contract(*ramp((START, JUNE, 1, 5)), *ramp((JULY, END, 1, 5), ref="T", of="P2"), line()),
    ],
)  # fmt: skip
def test_what_is_right_is_not_complained_about(made):
    assert issues_of(made) == []


def test_every_line_is_told_at_once():
    made = contract(line(quantity="0.5", price=-1), line("L2", quantity="0.5"), line("L3", end=START))
    told = [(issue.record, issue.code) for issue in issues_of(made)]
    assert told == [
        ("L1", IssueCode.QUANTITY_FRACTION),
        ("L1", IssueCode.NEGATIVE_PRICE),
        ("L2", IssueCode.QUANTITY_FRACTION),
        ("L3", IssueCode.LINE_DATES),
    ]


@pytest.mark.parametrize(
    ("made", "compiles"),
    [
        (contract(line(quantity="0.5")), False),
        (contract(line(quantity=0)), True),
        (contract(line(), other_currencies=frozenset({"eur"})), True),
        (contract(line(), amendment("A1", JULY, line("L2", quantity=-2, start=JULY, revises="L1"))), False),
        (contract(line(end=None), end=None), False),
    ],
)
def test_the_schedule_is_shown_unless_its_arithmetic_is_meaningless(made, compiles):
    assert (compile_contract(made).desired is not None) is compiles


def test_segments_without_labels_are_told_by_number():
    one, two = ramp((START, JUNE, 1, 5), (JULY, END, 1, 5))
    bare = [replace(one, segment=Segment("K", 1, None)), replace(two, segment=Segment("K", 2, None))]
    (gap,) = issues_of(contract(*bare))
    assert gap.message.startswith("segment 1 and segment 2 of Product P1")
