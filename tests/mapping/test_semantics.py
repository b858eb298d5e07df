"""What the newer parts of the grammar do to a contract: kinds of orders, clearing, the sync-from day, previews."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

import pytest

from connector.domain.contract import Policies
from connector.domain.issues import IssueCode
from connector.mapping import slots
from connector.mapping.conditions import Condition, holds
from connector.mapping.raw import RawLine, RawRecords, RawRevision
from tests.mapping.builders import AMENDMENT, LINE_2, PRODUCT, item, mapping, order, raw, read, record, said

STRIPE = "stripe:\n"


def amended() -> RawRevision:
    later = order(AMENDMENT, TotalAmount=0, EffectiveDate="2025-07-01", SBQQ__Quote__c=None)
    line = item(LINE_2, Quantity=0, TotalPrice=0, ServiceDate="2025-07-01", OrderId=AMENDMENT)
    return RawRevision("amendment", later, (RawLine(line),))


def test_a_rule_counts_only_on_the_orders_it_is_for() -> None:
    change = (STRIPE, "stripe:\n  item:\n    metadata.origin: {const: changed, on: amendment}\n")
    reading = read(raw(item(), later=(amended(),)), change)
    assert reading.contract
    first, second = (line.extras for line in reading.contract.lines)
    assert first.get("item") is None
    assert second["item"] == ((("metadata", "origin"), "changed"),)


def test_a_rule_for_first_orders_does_not_count_on_changes() -> None:
    change = (
        "  segment_label: SBQQ__QuoteLine__r",
        "  segment_label:\n    on: [initial, renewal]\n    from: SBQQ__QuoteLine__r",
    )
    contract = read(raw(item(SBQQ__SegmentKey__c="k"), later=(amended(),)), change).contract
    assert contract
    assert contract.lines[0].segment
    assert contract.lines[0].segment.label == "Year 1"
    assert contract.lines[1].segment is None


def test_an_empty_value_is_left_cleared_or_refused() -> None:
    def changed(empty: str) -> tuple[str, str]:
        return STRIPE, f"stripe:\n  customer:\n    metadata.region: {{from: Region__c, empty: {empty}}}\n"

    left, cleared, refused = (read(raw(item()), changed(word)) for word in ("leave", "clear", "refuse"))
    assert left.contract
    assert "customer" not in left.contract.extras
    assert cleared.contract
    assert cleared.contract.extras["customer"] == ((("metadata", "region"), ""),)
    assert said(refused) == [(IssueCode.FIELD_MISSING, order().id, "Region__c")]
    filled = read(raw(item(), first=order(Region__c="EU")), changed("clear")).contract
    assert filled
    assert filled.extras["customer"] == ((("metadata", "region"), "EU"),)


def test_a_rule_that_does_not_count_clears_and_asks_for_nothing() -> None:
    when = "when: {path: Public__c, eq: true}"
    for empty in ("clear", "refuse"):
        rule = f"stripe:\n  customer:\n    metadata.region: {{from: Region__c, {when}, empty: {empty}}}\n"
        idle = read(raw(item()), (STRIPE, rule))
        assert idle.contract
        assert "customer" not in idle.contract.extras
        assert idle.issues == ()


def test_contracts_before_the_day_are_left_alone() -> None:
    def since(day: str) -> tuple[str, str]:
        return "sync:\n", f"sync:\n  from: {day}\n"

    assert said(read(raw(item()), since("2025-01-02"))) == [
        (IssueCode.NOT_ACTIVE, "a0Q000000000001AAA", "SBQQ__StartDate__c")
    ]
    assert read(raw(item()), since("2025-01-01")).issues == ()
    assert mapping(since("2025-01-01")).hash != mapping().hash


def test_preview_parameters_reach_stripe_beside_the_known_ones() -> None:
    change = ("# Where more", "preview:\n  subscription_schedule: {prebilling.iterations: {const: 2}}\n# Where more")
    contract = read(raw(item()), change).contract
    assert contract
    assert (("prebilling", "iterations"), 2) in contract.extras["subscription_schedule"]


ORDER = record("Order", "801", {"Products__c": "Seats; Support", "Name__c": "EU-77", "N__c": 7, "None__c": None})


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("{path: Products__c, contains: Support}", True),
        ("{path: Products__c, contains: Supp}", False),  # of a multi-select picklist a whole value is meant
        ("{path: Name__c, contains: -7}", True),
        ("{path: Name__c, contains: us}", False),
        ("{path: Name__c, starts_with: EU-}", True),
        ("{path: Name__c, starts_with: 77}", False),
        ("{path: None__c, contains: x}", False),
        ("{path: N__c, starts_with: '7'}", True),
    ],
)
def test_text_conditions(text: str, wanted: bool) -> None:
    found: Condition | None = mapping(
        ("sync:\n", f"sync:\n  hold: {text}\n"), ("  hold: {path: Stripe_Hold_Sync__c, eq: true}\n", "")
    ).gates.hold
    assert found is not None
    assert holds(found, ORDER, RawRecords([ORDER])) is wanted


def test_a_new_policy_needs_no_word_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """A field of Policies becomes a slot by its type: words, a day, a number, yes or no."""

    @dataclass(frozen=True)
    class More:
        settlement: Literal["none", "credit"] = "none"
        billed_through: date | None = None
        grace_days: int = 0
        strict: bool = False
        share: Decimal | None = None
        prefix: str = ""

    monkeypatch.setattr(slots, "Policies", More)
    monkeypatch.setitem(More.__annotations__, "unused", int)
    found = {slot.name: slot.type for slot in slots._policy_slots()}
    assert found == {
        "settlement": "none|credit",
        "billed_through": "date",
        "grace_days": "whole_number",
        "strict": "boolean",
        "share": "decimal",
        "prefix": "text",
    }


def test_policies_may_be_decided_by_a_condition() -> None:
    rule = "stub: {first_of: [{const: first, when: {path: Account.BillingCountry, eq: United States}}, {const: last}]}"
    contract = read(raw(item()), ("  stub: last", f"  {rule}")).contract
    assert contract
    assert contract.policies == Policies(stub="first")


def test_the_trace_says_the_path() -> None:
    traced = {(trace.ref, trace.slot): trace for trace in read(raw(item())).trace}
    assert traced[PRODUCT, "name"].path == "Product2.Name"
    assert traced[PRODUCT, "name"].file == ""
    assert traced[order().id, "currency"].raw is None
