"""Every problem of the data that reading can find: code, record, field, and that nothing else is said."""

from typing import Any

import pytest

from connector.domain.issues import IssueCode, Severity
from connector.mapping.raw import RawLine, RawRecord, RawRevision
from tests.mapping.builders import (
    ACCOUNT,
    AMENDMENT,
    CONTACT,
    LINE,
    LINE_2,
    ORDER,
    PRODUCT,
    QUOTE,
    account,
    item,
    order,
    product,
    quote,
    raw,
    read,
    record,
    said,
)

FREQUENCY = "SBQQ__BillingFrequency__c"
BLOCK, WARN = Severity.BLOCK, Severity.WARN


def free(**changed: Any) -> RawRecord:
    """An order whose total is not compared, so that a line may be faulty."""
    return order(TotalAmount=None, **changed)


CASES = [
    # the contract
    ({"records": (quote(SBQQ__StartDate__c=None),)}, BLOCK, "START_MISSING", QUOTE, "SBQQ__StartDate__c"),
    ({"first": free(SBQQ__Quote__c=None)}, BLOCK, "START_MISSING", ORDER, "SBQQ__Quote__c"),
    ({"records": (quote(SBQQ__StartDate__c="soon"),)}, BLOCK, "FIELD_INVALID", QUOTE, "SBQQ__StartDate__c"),
    ({"records": (quote(SBQQ__SubscriptionTerm__c=0),)}, BLOCK, "TERM_INVALID", QUOTE, "SBQQ__SubscriptionTerm__c"),
    ({"records": (quote(SBQQ__SubscriptionTerm__c=12.5),)}, BLOCK, "TERM_INVALID", QUOTE, "SBQQ__SubscriptionTerm__c"),
    ({"records": (quote(SBQQ__SubscriptionTerm__c="?"),)}, BLOCK, "TERM_INVALID", QUOTE, "SBQQ__SubscriptionTerm__c"),
    ({"records": (quote(SBQQ__EndDate__c="2025-12-30"),)}, WARN, "TERM_INVALID", QUOTE, "SBQQ__EndDate__c"),
    ({"records": (quote(SBQQ__EndDate__c="2024-12-30"),)}, BLOCK, "TERM_INVALID", QUOTE, "SBQQ__EndDate__c"),
    ({"first": order(CurrencyIsoCode="ABC")}, BLOCK, "CURRENCY_UNKNOWN", ORDER, "CurrencyIsoCode"),
    ({"first": order(Status="Draft")}, BLOCK, "NOT_ACTIVE", ORDER, "Status"),
    ({"first": order(Stripe_Hold_Sync__c=True)}, BLOCK, "ON_HOLD", ORDER, "Stripe_Hold_Sync__c"),
    ({"first": order(Stripe_Skip_Past__c="perhaps")}, BLOCK, "FIELD_INVALID", ORDER, "Stripe_Skip_Past__c"),
    ({"first": order(TotalAmount=1300.0)}, BLOCK, "ORDER_TOTAL", ORDER, "TotalAmount"),
    # who pays
    ({"first": order(AccountId=None)}, BLOCK, "FIELD_MISSING", ORDER, "AccountId"),
    ({"records": (account(BillingCountry="Atlantis"),)}, WARN, "FIELD_INVALID", ACCOUNT, "BillingCountry"),
    ({"records": (record("Contact", CONTACT, {"Email": "none"}),)}, WARN, "FIELD_INVALID", CONTACT, "Email"),
    ({"records": (account(Tax_Id__c="1", BillingCountry=None),)}, WARN, "FIELD_MISSING", ACCOUNT, "BillingCountry"),
    ({"first": order(SBQQ__PaymentTerm__c="Net soon")}, BLOCK, "PAYMENT_TERMS", ORDER, "SBQQ__PaymentTerm__c"),
    # lines
    ({"line": item(Quantity=None, TotalPrice=None), "first": free()}, BLOCK, "FIELD_MISSING", LINE, "Quantity"),
    ({"line": item(UnitPrice=None, TotalPrice=None), "first": free()}, BLOCK, "FIELD_MISSING", LINE, "UnitPrice"),
    ({"line": item(Quantity="ten")}, BLOCK, "FIELD_INVALID", LINE, "Quantity"),
    ({"line": item(TotalPrice="much")}, BLOCK, "FIELD_INVALID", LINE, "TotalPrice"),
    ({"line": item(Product2Id=None)}, BLOCK, "FIELD_MISSING", LINE, "Product2Id"),
    ({"records": (product(Name=None),)}, BLOCK, "FIELD_MISSING", PRODUCT, "Name"),
    ({"line": item(SBQQ__BillingFrequency__c="Invoice Plan")}, BLOCK, "BILLING_FREQUENCY", LINE, FREQUENCY),
    ({"line": item(SBQQ__Activated__c=False)}, BLOCK, "LINE_NOT_ACTIVE", LINE, "SBQQ__Activated__c"),
    ({"line": item(CurrencyIsoCode="EUR")}, BLOCK, "CURRENCY_MIXED", LINE, "CurrencyIsoCode"),
    ({"line": item(TotalPrice=1200.11), "first": free()}, BLOCK, "LINE_TOTAL", LINE, "TotalPrice"),
    ({"line": item(EndDate="2024-12-31")}, BLOCK, "LINE_DATES", LINE, "EndDate"),
    ({"line": item(ServiceDate="?")}, BLOCK, "FIELD_INVALID", LINE, "ServiceDate"),
    ({"line": item(SBQQ__SegmentIndex__c="one")}, WARN, "FIELD_INVALID", LINE, "SBQQ__SegmentIndex__c"),
    ({"line": item(Stripe_Skip_Line__c=True)}, WARN, "LINE_SKIPPED", LINE, "Stripe_Skip_Line__c"),
]  # fmt: skip


@pytest.mark.parametrize(("given", "severity", "code", "at", "field"), CASES, ids=lambda each: str(each)[:40])
def test_issue(given: dict[str, Any], severity: Severity, code: str, at: str, field: str) -> None:
    line = given.pop("line", item())
    reading = read(raw(line, **given))
    assert said(reading) == [(IssueCode(code), at, field)]
    assert reading.issues[0].severity is severity
    assert reading.issues[0].remedy.endswith((".", ")."))


def test_the_contract_is_built_whenever_it_can_be() -> None:
    assert read(raw(item(), first=order(Status="Draft"))).contract is not None
    assert read(raw(item(), first=order(AccountId=None))).contract is None
    assert read(raw(item(), records=(quote(SBQQ__StartDate__c=None),))).contract is None


def test_term_missing_only_when_nothing_ends() -> None:
    open_quote = quote(SBQQ__SubscriptionTerm__c=None)
    reading = read(raw(item(EndDate=None), records=(open_quote,)))
    assert said(reading) == [(IssueCode.TERM_MISSING, QUOTE, "SBQQ__SubscriptionTerm__c")]
    assert reading.issues[0].message == "Neither a term nor an end date is given, and no line ends."


def test_a_missing_start_is_one_issue_where_the_term_is_given() -> None:
    dateless = quote(SBQQ__StartDate__c=None)
    assert [code for code, *_ in said(read(raw(item(EndDate=None), records=(dateless,))))] == [IssueCode.START_MISSING]


def test_an_order_without_lines() -> None:
    assert said(read(raw(first=order(TotalAmount=0)))) == [(IssueCode.NO_LINES, ORDER, None)]


def test_later_orders_wait_until_they_are_active() -> None:
    draft = RawRevision("amendment", order(AMENDMENT, Status="Draft"), (RawLine(item(LINE_2)),))
    reading = read(raw(item(), later=(draft,)))
    assert said(reading) == [(IssueCode.REVISION_NOT_ACTIVE, AMENDMENT, "Status")]
    assert reading.issues[0].severity is WARN
    assert (
        reading.issues[0].message == "This change of the contract is left out until it is activated: Status is Draft."
    )
    assert reading.contract is not None
    assert [each.ref for each in reading.contract.revisions] == [ORDER]


def test_a_hold_on_any_order_holds_the_contract() -> None:
    held = RawRevision("amendment", order(AMENDMENT, Stripe_Hold_Sync__c=True), (RawLine(item(LINE_2)),))
    assert said(read(raw(item(), later=(held,)))) == [(IssueCode.ON_HOLD, AMENDMENT, "Stripe_Hold_Sync__c")]


def test_an_amendment_without_a_day() -> None:
    record_ = order(AMENDMENT, SBQQ__Quote__c=None, EffectiveDate=None)
    reading = read(raw(item(), later=(RawRevision("amendment", record_, (RawLine(item(LINE_2)),)),)))
    assert said(reading) == [(IssueCode.FIELD_MISSING, AMENDMENT, "SBQQ__Quote__c")]


def test_skipped_lines_count_for_the_orders_total() -> None:
    skipped = item(LINE_2, Stripe_Skip_Line__c=True, TotalPrice=50.0, UnitPrice=5.0)
    reading = read(raw(item(), skipped, first=order(TotalAmount=1250)))
    assert said(reading) == [(IssueCode.LINE_SKIPPED, LINE_2, "Stripe_Skip_Line__c")]
    assert reading.contract is not None
    assert [line.ref for line in reading.contract.lines] == [LINE]


def test_order_total_names_both_numbers() -> None:
    (issue,) = read(raw(item(), first=order(TotalAmount=1300.5))).issues
    assert issue.message == "The order's total is 1,300.50 USD, but its lines add up to 1,200.00 USD."


def test_all_problems_at_once_in_a_fixed_order() -> None:
    faulty = raw(
        item(Quantity=None, SBQQ__BillingFrequency__c="Weekly"),
        item(LINE_2, SBQQ__Activated__c=False, TotalPrice=0),
        first=order(Status="Draft", CurrencyIsoCode="XXX"),
        records=(account(BillingCountry="Nowhere"), quote(SBQQ__StartDate__c=None, SBQQ__SubscriptionTerm__c=-1)),
    )
    assert [issue.code.value for issue in read(faulty).issues] == [
        "BILLING_FREQUENCY",
        "CURRENCY_UNKNOWN",
        "FIELD_MISSING",
        "LINE_NOT_ACTIVE",
        "LINE_TOTAL",
        "NOT_ACTIVE",
        "START_MISSING",
        "TERM_INVALID",
        "FIELD_INVALID",
    ]


def test_line_total_shows_the_sum() -> None:
    (issue,) = read(raw(item(TotalPrice=1100), first=free())).issues
    assert issue.message == "The line's total is 1,100.00 USD, but 10 at 120 is 1,200.00 USD."


def test_unknown_words_are_named_with_the_known_ones() -> None:
    changed = ("  usage: {from: SBQQ__BillingType__c, as: {is: Arrears}}", "  usage: {from: SBQQ__BillingType__c, value_map: {Arrears: true, Advance: false}}")  # fmt: skip  # noqa: E501
    (issue,) = read(raw(item(SBQQ__BillingType__c="Later")), changed).issues
    assert issue.message == 'Whether the line is billed by metered usage: "Later" is none of: Arrears, Advance.'


def test_required_rules() -> None:
    changed = ("    days_until_due:\n", "    footer: {from: Footer__c, required: true}\n    days_until_due:\n")
    reading = read(raw(item()), changed)
    assert said(reading) == [(IssueCode.FIELD_MISSING, ORDER, "Footer__c")]
    assert "the mapping requires it (line " in reading.issues[0].remedy


def test_required_on_a_slot_that_is_needed_anyway_says_it_once() -> None:
    changed = ("  quantity: Quantity", "  quantity: {from: Quantity, required: true}")
    reading = read(raw(item(Quantity=None, TotalPrice=None), first=free()), changed)
    assert said(reading) == [(IssueCode.FIELD_MISSING, LINE, "Quantity")]
    changed = (
        "  start: SBQQ__Quote__r.SBQQ__StartDate__c",
        "  start: {from: SBQQ__Quote__r.SBQQ__StartDate__c, required: true}",
    )
    reading = read(raw(item(), records=(quote(SBQQ__StartDate__c=None),)), changed)
    assert said(reading) == [(IssueCode.START_MISSING, QUOTE, "SBQQ__StartDate__c")]
