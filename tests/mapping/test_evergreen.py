"""Lines without an end: no end is read for them, and their price is for a term, not for their time."""

from datetime import date
from decimal import Decimal

import pytest

from tests.mapping.builders import LINE, LINE_2, contract_of, item, line_of, order, quote, raw


def endless(ref: str = LINE, /, **changed: object):
    """Return a line as CPQ makes it: 120.00 for the term of one month."""
    fields = {
        "EndDate": None,
        "SBQQ__SubscriptionType__c": "Evergreen",
        "SBQQ__BillingFrequency__c": None,
        "SBQQ__DefaultSubscriptionTerm__c": 1,
        "SBQQ__SubscriptionTerm__c": 1,
    }
    return item(ref, **{**fields, **changed})


@pytest.mark.parametrize(
    ("changed", "months"),
    [
        ({}, 1),
        ({"SBQQ__DefaultSubscriptionTerm__c": 2, "SBQQ__ProrateMultiplier__c": 0.5}, 1),
        ({"SBQQ__DefaultSubscriptionTerm__c": 12, "SBQQ__ProrateMultiplier__c": 1}, 12),
        ({"SBQQ__DefaultSubscriptionTerm__c": None, "SBQQ__ProrateMultiplier__c": 1}, 12),
        ({"SBQQ__DefaultSubscriptionTerm__c": 12, "SBQQ__ProrateMultiplier__c": 0.08333333333333333}, 1),
        ({"SBQQ__DefaultSubscriptionTerm__c": 1, "SBQQ__ProrateMultiplier__c": 1.5}, "1.5"),
        ({"SBQQ__ProrateMultiplier__c": None}, 1),
        ({"SBQQ__ProrateMultiplier__c": None, "SBQQ__BillingFrequency__c": "Quarterly"}, 3),
    ],
)
def test_the_price_is_for_the_term_that_cpq_priced(changed, months):
    line = line_of(endless(**changed))
    assert (line.end, line.price_term) == (None, Decimal(months))


def test_the_type_may_stand_on_the_product():
    line = line_of(endless(SBQQ__SubscriptionType__c=None, SBQQ__ProductSubscriptionType__c="Evergreen"))
    assert line.price_term == 1


def test_the_term_of_the_quote_is_not_the_end_of_the_contract():
    contract = contract_of(raw(endless(), records=(quote(SBQQ__SubscriptionTerm__c=1),)))
    assert (contract.start, contract.end) == (date(2025, 1, 1), None)


def test_lines_with_an_end_keep_it_beside_one_without():
    first = order(TotalAmount=2400.0)
    contract = contract_of(raw(endless(), item(LINE_2), first=first))
    assert contract.end is None
    assert [(line.ref, line.end, line.price_term) for line in contract.lines] == [
        (LINE, None, Decimal(1)),
        (LINE_2, date(2026, 1, 1), None),
    ]


def test_a_line_that_says_nothing_ends_with_the_quote():
    contract = contract_of(raw(endless(), item(LINE_2, EndDate=None), first=order(TotalAmount=2400.0)))
    assert contract.lines[1].end == date(2026, 1, 1)


def test_an_evergreen_line_may_have_an_end_of_its_own():
    line = line_of(endless(EndDate="2025-06-30"))
    assert (line.end, line.price_term) == (date(2025, 7, 1), Decimal(1))


def test_a_fee_is_charged_once_whatever_its_type():
    line = line_of(endless(SBQQ__SubscriptionPricing__c=None))
    assert (line.charge.value, line.price_term) == ("one_time", None)
