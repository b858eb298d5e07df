"""Reading a contract without faults: what each slot becomes."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from connector.domain.contract import Address, Charge, Policies, RevisionKind, Segment, TaxId
from connector.domain.issues import Source
from connector.mapping.raw import RawContract, RawLine, RawRecords, RawRevision
from connector.mapping.reader import Traced
from tests.mapping.builders import (
    ACCOUNT,
    AMENDING_QUOTE,
    AMENDMENT,
    CONTACT,
    DEFAULT,
    LINE,
    LINE_2,
    ORDER,
    PRODUCT,
    QUOTE,
    QUOTE_LINE,
    URL,
    account,
    contract_of,
    item,
    line_of,
    numbers,
    order,
    product,
    quote,
    raw,
    read,
)


def amendment(*lines: RawLine, **changed: object) -> RawRevision:
    record = order(AMENDMENT, SBQQ__Quote__c=AMENDING_QUOTE, **{"TotalAmount": None, **changed})
    return RawRevision("amendment", record, lines)


def test_a_plain_year_of_seats() -> None:
    contract = contract_of(raw(item()))
    assert (contract.key, contract.crm, contract.ref) == (f"salesforce:{ORDER}", "salesforce", ORDER)
    assert (contract.start, contract.end, contract.currency) == (date(2025, 1, 1), date(2026, 1, 1), "usd")
    assert contract.link == f"{URL}/{ORDER}"
    assert contract.policies == Policies()
    (revision,) = contract.revisions
    assert numbers(revision.kind, revision.effective, revision.value) == [RevisionKind.INITIAL, date(2025, 1, 1), 1200]
    (line,) = revision.lines
    assert (line.ref, line.product.ref, line.product.name) == (LINE, PRODUCT, "Seats")
    assert numbers(line.charge, line.quantity, line.unit_price, line.total) == [Charge.RECURRING, 10, 120, 1200]
    assert (line.start, line.end, line.interval) == (date(2025, 1, 1), date(2026, 1, 1), 1)
    assert numbers(line.list_price, line.list_term, line.multiplier) == [120, 12, 1]
    assert (line.segment, line.revises, line.period_price, line.tiers, line.discounts) == (None, None, None, (), ())
    assert line.link == f"{URL}/{LINE}"


def test_the_party_is_the_account() -> None:
    party = contract_of(raw(item(), records=(account(Tax_Id__c="US123", Stripe_Customer_Id__c="cus_1"),))).party
    assert (party.ref, party.name, party.email, party.phone) == (ACCOUNT, "Acme Ltd", "ap@acme.example", "+1 555 0100")
    assert party.address == Address("1 Main St", None, "Sanford", "North Carolina", "27330", "US")
    assert party.shipping is None
    assert party.tax_ids == (TaxId("us_ein", "US123"),)
    assert (party.stripe_id, party.link) == ("cus_1", f"{URL}/{ACCOUNT}")


def test_pass_through_values_are_read_in_their_scope() -> None:
    contract = contract_of(
        raw(item(Cost_Center__c=7)),
        ("stripe:\n", "stripe:\n  item: {metadata.cost_center: Cost_Center__c, metadata.empty: Missing__c}\n"),
        (
            "  invoice:\n",
            "  product: {metadata.sku: Product2.ProductCode}\n  phase: {description: PoNumber}\n  invoice:\n",
        ),
    )
    invoice = ("default_settings", "invoice_settings")
    assert contract.extras["subscription_schedule"] == (
        (("default_settings", "collection_method"), "send_invoice"),
        ((*invoice, "custom_fields", "PO number"), "PO-77"),
        ((*invoice, "days_until_due"), 45),
    )
    assert contract.extras["phase"] == ((("description",), "PO-77"),)
    (line,) = contract.lines
    assert line.extras == {"item": ((("metadata", "cost_center"), "7"),)}
    assert line.product.extras == {}


def test_payment_terms_default_to_thirty_days() -> None:
    contract = contract_of(raw(item(), first=order(SBQQ__PaymentTerm__c=None)))
    assert (("days_until_due",), 30) in contract.extras["invoice"]


def test_no_address_for_people_without_an_instance() -> None:
    contract = contract_of(raw(item(), url=""))
    assert (contract.link, contract.party.link, contract.lines[0].link) == (None, None, None)


def test_term_and_end_date() -> None:
    by_end = contract_of(raw(item(), records=(quote(SBQQ__SubscriptionTerm__c=None, SBQQ__EndDate__c="2025-11-29"),)))
    assert by_end.end == date(2025, 11, 30)
    by_lines = contract_of(raw(item(), records=(quote(SBQQ__SubscriptionTerm__c=None),)))
    assert by_lines.end == date(2026, 1, 1)
    both = contract_of(raw(item(), records=(quote(SBQQ__SubscriptionTerm__c="12.0", SBQQ__EndDate__c="2025-12-31"),)))
    assert both.end == date(2026, 1, 1)


def test_a_line_without_dates_takes_those_of_the_contract() -> None:
    line = line_of(item(ServiceDate=None, EndDate=None))
    assert (line.start, line.end) == (date(2025, 1, 1), date(2026, 1, 1))


def test_one_time_lines() -> None:
    noise: dict[str, Any] = {"EndDate": None, "SBQQ__BillingFrequency__c": "Invoice Plan"}
    kinds: tuple[dict[str, Any], ...] = (
        {"SBQQ__SubscriptionPricing__c": None},
        {"SBQQ__DimensionType__c": "One Time"},
        {"SBQQ__ChargeType__c": "One-Time"},
    )
    for fields in kinds:
        line = line_of(item(**fields, **noise))
        assert (line.charge, line.end, line.interval) == (Charge.ONE_TIME, None, 1)


def test_an_order_of_one_time_lines_needs_neither_start_nor_term() -> None:
    lone = item(SBQQ__SubscriptionPricing__c=None, ServiceDate="2025-02-03", EndDate=None)
    nothing = quote(SBQQ__StartDate__c=None, SBQQ__SubscriptionTerm__c=None)
    contract = contract_of(raw(lone, records=(nothing,)))
    assert (contract.start, contract.end) == (date(2025, 2, 3), None)


def test_usage_lines() -> None:
    assert line_of(item(SBQQ__BillingType__c="Arrears")).charge is Charge.USAGE
    assert line_of(item(SBQQ__BillingType__c="Advance")).charge is Charge.RECURRING
    charged = item(SBQQ__SubscriptionPricing__c=None, SBQQ__ChargeType__c="Usage", SBQQ__BillingType__c="Arrears")
    assert line_of(charged).charge is Charge.USAGE


def test_empty_frequency_means_monthly() -> None:
    assert line_of(item(SBQQ__BillingFrequency__c=None)).interval == 1
    assert line_of(item(SBQQ__BillingFrequency__c="Quarterly")).interval == 3


def test_segments_need_a_key_and_an_index_or_a_label() -> None:
    ramp: dict[str, Any] = {"SBQQ__SegmentKey__c": "1700066976941", "SBQQ__SegmentIndex__c": 2.0}
    assert line_of(item(**ramp)).segment == Segment("1700066976941", 2, "Year 1")
    assert line_of(item(**ramp, SBQQ__QuoteLine__c=None)).segment == Segment("1700066976941", 2, None)
    assert line_of(item(**{**ramp, "SBQQ__SegmentKey__c": None})).segment is None
    assert line_of(item(**{**ramp, "SBQQ__SegmentIndex__c": None}, SBQQ__QuoteLine__c=None)).segment is None


def test_floats_of_the_crm_are_exact() -> None:
    line = line_of(item(UnitPrice=0.1, TotalPrice=1.0, SBQQ__ProrateMultiplier__c=0.9166666666666666))
    assert (line.unit_price, line.multiplier) == (Decimal("0.1"), Decimal("0.9166666666666666"))


def test_the_total_may_be_rounded_by_one_cent_per_unit() -> None:
    assert line_of(item(UnitPrice="11.0505", Quantity=3, TotalPrice="33.15")).total == Decimal("33.15")
    assert line_of(item(TotalPrice=None)).total == 1200


def test_amendments_carry_changes() -> None:
    more = RawLine(item(LINE_2, Quantity=-2, TotalPrice=-240.0, SBQQ__RevisedOrderProduct__c=LINE[:15]))
    later = amendment(more, TotalAmount=-240.0)
    contract = contract_of(
        raw(item(), later=(later,), records=(quote(AMENDING_QUOTE, SBQQ__StartDate__c="2025-04-01"), more.record))
    )
    first, second = contract.revisions
    assert (first.ref, second.ref, second.kind) == (ORDER, AMENDMENT, RevisionKind.AMENDMENT)
    assert numbers(second.effective, second.value) == [date(2025, 4, 1), -240]
    assert numbers(second.lines[0].quantity, second.lines[0].revises) == [-2, LINE]
    assert contract.end == date(2026, 1, 1)


@pytest.mark.parametrize(
    ("rule", "value", "found"),
    [
        ("Paid__c", "2025-04-01", date(2025, 4, 1)),
        ("{from: Paid__c, as: day_after}", "2025-03-31", date(2025, 4, 1)),
        ("Paid__c", None, None),
    ],
)
def test_the_day_until_which_others_billed(rule: str, value: str | None, found: date | None) -> None:
    mapped = ("contract:\n", f"contract:\n  billed_through: {rule}\n")
    contract = contract_of(raw(item(), first=order(Paid__c=value)), mapped)
    assert contract.billed_through == found
    assert contract_of(raw(item())).billed_through is None


def test_policies_come_from_the_contract_then_the_file() -> None:
    skipping = contract_of(raw(item(), first=order(Stripe_Skip_Past__c=True)))
    assert skipping.policies == Policies(backdated_start="skip")
    changed = (
        ("  proration: crm", "  proration: none"),
        ("  stripe_id: {first_of: [Stripe_Schedule_Id__c, Stripe_Invoice_Id__c]}", "  proration: Proration__c"),
    )
    assert contract_of(raw(item()), *changed).policies.proration == "none"
    own = contract_of(raw(item(), first=order(Proration__c="stripe")), *changed)
    assert own.policies.proration == "stripe"


def test_other_currencies_of_the_customer() -> None:
    billed = order("801000000000008AAA", CurrencyIsoCode="EUR", Stripe_Schedule_Id__c="sub_sched_1")
    planned = order("801000000000009AAA", CurrencyIsoCode="GBP")
    assert contract_of(raw(item(), siblings=(billed, planned))).other_currencies == frozenset({"eur"})


def test_origins_name_record_and_field() -> None:
    contract = contract_of(raw(item()))
    assert contract.source(ORDER, "start") == Source(QUOTE, "SBQQ__StartDate__c")
    assert contract.source(ORDER, "effective") == Source(QUOTE, "SBQQ__StartDate__c")
    assert contract.source(LINE, "quantity") == Source(LINE, "Quantity")
    assert contract.source(LINE, "segment_label") == Source(QUOTE_LINE, "SBQQ__SegmentLabel__c")
    assert contract.source(ACCOUNT, "email") == Source(CONTACT, "Email")
    assert contract.source(ACCOUNT, "tax_id") == Source(ACCOUNT, "Tax_Id__c")
    assert contract.source(PRODUCT, "name") == Source(PRODUCT, "Name")


def test_the_trace_tells_how_a_value_came_about() -> None:
    trace = read(raw(item())).trace
    (found,) = [each for each in trace if (each.ref, each.slot) == (LINE, "end")]
    assert replace(found, line=0) == Traced(LINE, "end", date(2026, 1, 1), "2025-12-31", LINE, "EndDate", 0)
    assert DEFAULT.read_text().splitlines()[found.line - 1].strip() == "end: {from: EndDate, as: day_after}"


def test_the_order_of_records_does_not_matter() -> None:
    given = raw(item(), records=(product(Name=None), account(BillingCountry="Atlantis")))
    turned: RawContract = replace(given, records=RawRecords(reversed(list(given.records))))
    assert read(given).issues == read(turned).issues
    assert read(given).contract == read(turned).contract


def test_an_org_without_our_fields_is_read() -> None:
    contract = contract_of(raw(item()))
    assert (contract.stripe_id, contract.party.stripe_id, contract.lines[0].product.stripe_id) == (None, None, None)
