"""Small records of an invented org, and the default mapping to read them with."""

from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from connector.billing.targets import sdk_targets
from connector.domain.contract import Contract, Line
from connector.domain.issues import IssueCode
from connector.mapping.grammar import MappingFile, load_mapping
from connector.mapping.raw import RawContract, RawLine, RawRecord, RawRecords, RawRevision
from connector.mapping.reader import Reading, read_contract

DEFAULT = Path(__file__).parents[2] / "mappings" / "salesforce-cpq.yaml"
ORDER, AMENDMENT = "801000000000001AAA", "801000000000002AAA"
QUOTE, AMENDING_QUOTE = "a0Q000000000001AAA", "a0Q000000000002AAA"
ACCOUNT, CONTACT, PRODUCT = "001000000000001AAA", "003000000000001AAA", "01t000000000001AAA"
LINE, LINE_2, QUOTE_LINE = "802000000000001AAA", "802000000000002AAA", "a0L000000000001AAA"
URL = "https://acme.my.salesforce.com"


@cache
def mapping(*replaced: tuple[str, str], text: str | None = None) -> MappingFile:
    """Return the default mapping, with some of its text replaced."""
    text = text or DEFAULT.read_text()
    for old, new in replaced:
        assert old in text, old
        text = text.replace(old, new)
    loaded = load_mapping(text, name="mappings/salesforce-cpq.yaml", targets=sdk_targets())
    assert loaded.mapping, "\n".join(problem.render() for problem in loaded.problems)
    return loaded.mapping


def order(ref: str = ORDER, /, **changed: Any) -> RawRecord:
    fields = {
        "Status": "Activated",
        "AccountId": ACCOUNT,
        "BillToContactId": CONTACT,
        "SBQQ__Quote__c": QUOTE,
        "EffectiveDate": "2025-01-01",
        "TotalAmount": 1200.0,
        "SBQQ__PaymentTerm__c": "Net 45",
        "PoNumber": "PO-77",
    }
    return record("Order", ref, fields | changed)


def item(ref: str = LINE, /, **changed: Any) -> RawRecord:
    fields = {
        "OrderId": ORDER,
        "Product2Id": PRODUCT,
        "SBQQ__QuoteLine__c": QUOTE_LINE,
        "Quantity": 10,
        "UnitPrice": 120.0,
        "TotalPrice": 1200.0,
        "ServiceDate": "2025-01-01",
        "EndDate": "2025-12-31",
        "SBQQ__BillingFrequency__c": "Monthly",
        "SBQQ__SubscriptionPricing__c": "Fixed Price",
        "SBQQ__SubscriptionType__c": "Renewable",
        "SBQQ__Activated__c": True,
        "SBQQ__QuotedListPrice__c": 120.0,
        "SBQQ__ProrateMultiplier__c": 1.0,
    }
    return record("OrderItem", ref, fields | changed)


def quote(ref: str = QUOTE, /, **changed: Any) -> RawRecord:
    return record(
        "SBQQ__Quote__c", ref, {"SBQQ__StartDate__c": "2025-01-01", "SBQQ__SubscriptionTerm__c": 12} | changed
    )


def account(**changed: Any) -> RawRecord:
    fields = {
        "Name": "Acme Ltd",
        "Phone": "+1 555 0100",
        "BillingStreet": "1 Main St",
        "BillingCity": "Sanford",
        "BillingState": "North Carolina",
        "BillingPostalCode": "27330",
        "BillingCountry": "United States",
    }
    return record("Account", ACCOUNT, fields | changed)


def product(**changed: Any) -> RawRecord:
    return record("Product2", PRODUCT, {"Name": "Seats", "Description": "One seat"} | changed)


def record(name: str, ref: str, fields: Mapping[str, Any]) -> RawRecord:
    return RawRecord(name, ref, {key: value for key, value in fields.items() if value is not None})


def others() -> tuple[RawRecord, ...]:
    contact = record("Contact", CONTACT, {"Email": "ap@acme.example"})
    label = record("SBQQ__QuoteLine__c", QUOTE_LINE, {"SBQQ__SegmentLabel__c": "Year 1"})
    return (quote(), account(), product(), contact, label)


def raw(
    *lines: RawRecord | RawLine,
    first: RawRecord | None = None,
    later: tuple[RawRevision, ...] = (),
    records: tuple[RawRecord, ...] = (),
    discounts: tuple[RawRecord, ...] = (),
    siblings: tuple[RawRecord, ...] = (),
    url: str = URL,
) -> RawContract:
    """Return a contract of one order; `records` replace those of the same id."""
    root = first or order()
    rows = tuple(line if isinstance(line, RawLine) else RawLine(line) for line in lines)
    everything = (*others(), root, *(row.record for row in rows), *(each.record for each in later), *records)
    return RawContract(
        key=f"salesforce:{root.id}",
        crm="salesforce",
        root=root,
        revisions=(RawRevision("initial", root, rows, discounts), *later),
        records=RawRecords(everything),
        siblings=siblings,
        instance_url=url,
    )


def read(contract: RawContract, *replaced: tuple[str, str]) -> Reading:
    return read_contract(contract, mapping(*replaced))


def contract_of(given: RawContract, *replaced: tuple[str, str]) -> Contract:
    """Return the contract of records without a fault."""
    reading = read(given, *replaced)
    assert reading.contract, reading.issues
    assert not reading.issues
    return reading.contract


def line_of(given: RawRecord | RawLine, *records: RawRecord, total: object = None) -> Line:
    """Return the one line of an order, read without a fault."""
    first = order(TotalAmount=total) if total is not None else order(TotalAmount=None)
    (line,) = contract_of(raw(given, first=first, records=records)).lines
    return line


def numbers(*values: object) -> list[object]:
    """Return exact numbers as plain ones, for comparing with what a test writes down."""
    return [int(value) if isinstance(value, Decimal) and value == int(value) else value for value in values]


def said(reading: Reading) -> list[tuple[IssueCode, str | None, str | None]]:
    """Return code, record and field of every issue."""
    return [(issue.code, issue.record, issue.field) for issue in reading.issues]
