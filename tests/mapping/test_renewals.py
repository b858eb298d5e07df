"""Renewals read: the terms of each term of a contract, links to the contracts beside it, and what must not be."""

from dataclasses import replace
from datetime import date

import pytest

from connector.domain.contract import RevisionKind
from connector.domain.errors import ConfigError
from connector.mapping.raw import RawContract, RawLine, RawRevision
from tests.mapping.builders import LINE, LINE_2, ORDER, contract_of, item, mapping, order, quote, raw, read

RENEWAL, NEXT_QUOTE = "801000000000009AAA", "a0Q000000000009AAA"


def renewed(
    line: RawLine | None = None, *, quote_says: dict[str, object] | None = None, **changed: object
) -> RawContract:
    """Return a year from January 2025, renewed for another one on the same schedule."""
    dates = {"ServiceDate": "2026-01-01", "EndDate": "2026-12-31"}
    again = line or RawLine(item(LINE_2, OrderId=RENEWAL, SBQQ__RevisedOrderProduct__c=LINE, **dates))
    record = order(RENEWAL, SBQQ__Quote__c=NEXT_QUOTE, EffectiveDate="2026-01-01", **changed)
    says = {"SBQQ__StartDate__c": "2026-01-01", "SBQQ__EndDate__c": "2026-12-31", **(quote_says or {})}
    later = RawRevision("renewal", record, (again,))
    return raw(item(), later=(later,), records=(quote(NEXT_QUOTE, **says), again.record))


def test_a_renewal_continues_the_contract_until_its_own_end():
    contract = contract_of(renewed())
    assert [(r.ref, r.kind, r.effective) for r in contract.revisions] == [
        (ORDER, RevisionKind.INITIAL, date(2025, 1, 1)),
        (RENEWAL, RevisionKind.RENEWAL, date(2026, 1, 1)),
    ]
    assert (contract.start, contract.end) == (date(2025, 1, 1), date(2027, 1, 1))
    assert [line.end for line in contract.lines] == [date(2026, 1, 1), date(2027, 1, 1)]


def test_a_line_that_says_nothing_ends_with_its_own_term():
    again = RawLine(item(LINE_2, OrderId=RENEWAL, ServiceDate=None, EndDate=None))
    contract = contract_of(renewed(again, quote_says={"SBQQ__SubscriptionTerm__c": 24, "SBQQ__EndDate__c": None}))
    assert (contract.lines[1].start, contract.lines[1].end) == (date(2026, 1, 1), date(2028, 1, 1))
    assert contract.end == date(2028, 1, 1)


def test_a_draft_renewal_is_left_out():
    reading = read(renewed(Status="Draft"))
    assert [issue.code.value for issue in reading.issues] == ["REVISION_NOT_ACTIVE"]
    assert reading.contract is not None
    assert reading.contract.end == date(2026, 1, 1)


@pytest.mark.parametrize(("own", "codes"), [("sub_sched_2", ["RENEWAL"]), ("sub_sched_1", []), (None, [])])
def test_a_renewal_that_has_a_schedule_of_its_own_is_not_billed_again(own: str | None, codes: list[str]):
    given = renewed(Stripe_Schedule_Id__c=own)
    root = replace(given.root, fields={**given.root.fields, "Stripe_Schedule_Id__c": "sub_sched_1"})
    first = replace(given.revisions[0], record=root)
    reading = read(replace(given, root=root, revisions=(first, *given.revisions[1:])))
    assert [issue.code.value for issue in reading.issues if issue.blocks] == codes


def test_neighbours_are_named_where_a_renewal_is_handed_over():
    draft = order("801000000000007AAA", Status="Draft")
    counts = order("801000000000008AAA")
    contract = contract_of(replace(raw(item()), renews=order("801000000000006AAA"), renewed_by=(draft, counts)))
    assert (contract.renews, contract.renewed_by) == ("801000000000006AAA", "801000000000008AAA")
    assert contract_of(replace(raw(item()), renewed_by=(draft,))).renewed_by is None


def test_what_becomes_of_renewals_is_one_word_for_all_contracts():
    assert mapping().renewal == "hand_over"
    assert mapping(("renewal: hand_over", "renewal: append")).renewal == "append"
    of_orders = mapping(("renewal: hand_over", "renewal: {from: Renewal__c, default: append}"))
    with pytest.raises(ConfigError, match="policy renewal holds for all contracts"):
        _ = of_orders.renewal
