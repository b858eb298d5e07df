"""From which day on an edit of a billed deal counts, and what it adds and takes away; values only, no network."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from connector.crm.hubspot.family import families
from connector.mapping.raw import RawContract, RawRecord, RawRecords, SoldBefore, SoldFrom
from connector.mapping.reader import Reading, read_contract
from connector.mapping.rules import Const, Rule
from connector.offline import bundled_mapping, read_mapping
from tests.mapping.test_described import seats

_SHIPPED = read_mapping(bundled_mapping("hubspot"))
_CONTRACT = {**_SHIPPED.sections["contract"], "in_place_edits": Rule(Const("amend"))}
MAPPING = replace(_SHIPPED, sections={**_SHIPPED.sections, "contract": _CONTRACT})
Fields = dict[str, Any]
QUARTERLY: Fields = {"recurringbillingfrequency": "quarterly"}
YEARLY: Fields = {"recurringbillingfrequency": "annually"}
FEE: Fields = {"name": "Setup", "hs_sku": "SETUP", "quantity": "1", "price": "500"}


def deal(*lines: Fields, **more: str) -> RawContract:
    """Return a contract of one deal (id 1) with its lines (11, 12, …)."""
    fields = {"hs_is_closed_won": "true", "deal_currency_code": "USD", "ClosedOn": "2026-01-05", **more}
    company = RawRecord("companies", "9", {"name": "Acme", "bsync_billing_email": "ap@acme.example"})
    records = [company, RawRecord("deals", "1", {**fields, "CompanyId": "companies/9"})]
    records += [RawRecord("line_items", f"1{n}", {**line, "DealId": "deals/1"}) for n, line in enumerate(lines, 1)]
    (raw,) = families(RawRecords(records), ["1"])
    return raw


def kept(raw: RawContract, heard: str = "2026-01-05", before: tuple[SoldFrom, ...] = ()) -> tuple[SoldFrom, ...]:
    return read_contract(raw, MAPPING, SoldBefore(date.fromisoformat(heard), before)).sold


def edited(before: RawContract, after: RawContract, heard: str) -> Reading:
    return read_contract(after, MAPPING, SoldBefore(date.fromisoformat(heard), kept(before)))


def changes(reading: Reading) -> list[tuple[str, str, int, str, str]]:
    """Return what the revisions after the first add and take away: line, what it revises, how many, from, to."""
    assert [issue for issue in reading.issues if issue.blocks] == []
    assert reading.contract is not None
    lines = [line for revision in reading.contract.revisions[1:] for line in revision.lines]
    return [(line.ref, line.revises or "", int(line.quantity), str(line.start), str(line.end)) for line in lines]


DAYS = [
    ([seats(10, "2026-01-15")], "2026-02-03", "2026-02-15"),
    ([seats(10, "2026-01-15")], "2026-02-15", "2026-03-15"),  # its first invoice of the day may be out
    ([seats(10, "2026-01-31")], "2026-02-10", "2026-02-28"),
    ([seats(10, "2026-01-01", **QUARTERLY)], "2026-02-10", "2026-04-01"),
    ([seats(10, "2026-01-01", **YEARLY)], "2026-06-10", "2027-01-01"),
    ([seats(10, "2026-01-01", **YEARLY), seats(1, "2026-01-01", hs_sku="B")], "2026-06-10", "2026-07-01"),
    ([seats(10, "2026-01-01", months=0, hs_recurring_billing_period="")], "2031-06-10", "2031-07-01"),
    ([seats(10, "2026-01-01", months=2)], "2026-06-10", "2026-06-10"),  # all is over, and nothing is within a period
    ([FEE, {**FEE, "hs_sku": "B"}], "2026-06-10", "2026-06-10"),
    ([seats(10, "2026-01-01", months=3), seats(20, "2026-04-01", months=9)], "2026-03-31", "2026-04-01"),
]


@pytest.mark.parametrize(("lines", "heard", "since"), DAYS)
def test_the_day_on_which_an_edit_begins_to_count(lines: list[Fields], heard: str, since: str) -> None:
    before = deal(*lines)
    extra = seats(3, "2026-01-01", months=120, hs_sku="EXTRA")
    found = edited(before, deal(*lines, extra), heard).sold
    assert [str(each.since) for each in found] == ["None", since]


def test_before_anything_begins_the_deal_is_read_as_it_is_now() -> None:
    after = deal(seats(12, "2026-03-01"))
    found = edited(deal(seats(10, "2026-02-01")), after, "2026-01-31")
    assert changes(found) == []
    assert [(each.since, each.inputs) for each in found.sold] == [(None, kept(after)[0].inputs)]


def test_more_less_and_another_price() -> None:
    before = deal(seats(10, "2026-01-01"))
    more, less = (edited(before, deal(seats(n, "2026-01-01")), "2026-03-10") for n in (12, 7))
    assert changes(more) == [("11@2026-04-01", "", 2, "2026-04-01", "2027-01-01")]
    assert changes(less) == [("1@2026-04-01-1", "11", -3, "2026-04-01", "2027-01-01")]
    dearer = edited(before, deal({**seats(10, "2026-01-01"), "price": "25"}), "2026-03-10")
    assert changes(dearer) == [
        ("1@2026-04-01-1", "11", -10, "2026-04-01", "2027-01-01"),
        ("11@2026-04-01", "", 10, "2026-04-01", "2027-01-01"),
    ]


def test_another_frequency_is_exchanged_in_one_day() -> None:
    before = deal(seats(10, "2026-01-01"))
    after = deal({**seats(10, "2026-01-01"), "price": "240", **YEARLY})
    assert [(quantity, start) for _, _, quantity, start, _ in changes(edited(before, after, "2026-03-10"))] == [
        (-10, "2026-04-01"),
        (10, "2026-04-01"),
    ]


def test_a_contract_that_is_prolonged_or_cut_short_ends_as_the_deal_says_now() -> None:
    before = deal(seats(10, "2026-01-01"))
    longer, shorter = (edited(before, deal(seats(10, "2026-01-01", months=n)), "2026-03-10") for n in (24, 2))
    assert changes(longer) == [("11@2026-04-01", "", 10, "2027-01-01", "2028-01-01")]
    assert changes(shorter) == [("1@2026-04-01-1", "11", -10, "2026-04-01", "2027-01-01")]
    assert longer.contract is not None
    assert shorter.contract is not None
    assert (str(longer.contract.end), str(shorter.contract.end)) == ("2028-01-01", "2026-04-01")


def test_reading_what_is_kept_gives_the_same_again() -> None:
    before, after = deal(seats(10, "2026-01-01")), deal(seats(12, "2026-01-01"))
    first = edited(before, after, "2026-03-10")
    for heard in ("2026-03-10", "2026-04-01", "2026-09-09"):
        again = read_contract(after, MAPPING, SoldBefore(date.fromisoformat(heard), first.sold))
        assert (again.contract, again.sold) == (first.contract, first.sold)


def test_an_edit_replaces_those_that_do_not_count_yet() -> None:
    first = kept(deal(seats(10, "2026-01-01")))
    second = kept(deal(seats(12, "2026-01-01")), "2026-03-10", first)
    third = kept(deal(seats(14, "2026-01-01")), "2026-03-11", second)
    assert [str(each.since) for each in third] == ["None", "2026-04-01"]
    assert third[1].inputs != second[1].inputs
    assert kept(deal(seats(10, "2026-01-01")), "2026-03-12", third) == first
    later = kept(deal(seats(14, "2026-01-01")), "2026-05-12", second)
    assert [str(each.since) for each in later] == ["None", "2026-04-01", "2026-06-01"]


def test_on_a_contract_that_is_over_two_edits_of_one_day_are_one() -> None:
    first = kept(deal(seats(10, "2026-01-01", months=2)))
    second = kept(deal(seats(10, "2026-01-01", months=3)), "2026-06-10", first)
    third = kept(deal(seats(10, "2026-01-01", months=8)), "2026-06-10", second)
    assert [str(each.since) for each in third] == ["None", "2026-06-10"]
    fourth = kept(deal(seats(10, "2026-01-01", months=9)), "2026-06-10", third)
    assert [str(each.since) for each in fourth] == ["None", "2026-06-10", "2026-07-01"], "something runs again"


FEES = [
    ([FEE], [{**FEE, "price": "600"}], ["IN_PLACE_EDIT"], []),
    ([FEE], [], ["IN_PLACE_EDIT"], []),
    ([FEE], [FEE, {**FEE, "price": "80"}], [], [("13@2026-04-01", "2026-04-01")]),
    ([{**FEE, "hs_recurring_billing_start_date": "2026-09-01"}], [], [], []),
    (
        [{**FEE, "hs_recurring_billing_start_date": "2026-09-01"}],
        [{**FEE, "price": "600", "hs_recurring_billing_start_date": "2026-10-01"}],
        [],
        [("12@2026-04-01", "2026-10-01")],
    ),
]


@pytest.mark.parametrize(("before", "after", "codes", "charged"), FEES)
def test_what_is_charged_once(
    before: list[Fields], after: list[Fields], codes: list[str], charged: list[tuple[str, str]]
) -> None:
    flat = seats(10, "2026-01-01")
    found = edited(deal(flat, *before), deal(flat, *after), "2026-03-10")
    assert [issue.code.value for issue in found.issues if issue.blocks] == codes
    if not codes:
        assert [(ref, start) for ref, _, _, start, _ in changes(found)] == charged


def test_another_currency_waits_for_somebody() -> None:
    before, after = deal(seats(10, "2026-01-01")), deal(seats(10, "2026-01-01"), deal_currency_code="EUR")
    (issue,) = [issue for issue in edited(before, after, "2026-03-10").issues if issue.blocks]
    assert (issue.code.value, issue.record, issue.field) == ("IN_PLACE_EDIT", "1", "deal_currency_code")


def test_a_quote_that_replaces_another_one_says_the_same_currency_and_start() -> None:
    def quoted(quote: str, quantity: int) -> RawContract:
        told = {"hs_currency": "EUR", "hs_contract_effective_start_date": "2026-01-01"}
        raw = deal(seats(quantity), deal_currency_code="", QuoteId=f"quotes/{quote}")
        return replace(raw, records=RawRecords([*raw.records, RawRecord("quotes", quote, told)]))

    found = edited(quoted("7", 10), quoted("8", 12), "2026-03-10")
    assert changes(found) == [("11@2026-04-01", "", 2, "2026-04-01", "2027-01-01")]
    assert found.contract is not None
    assert (found.contract.currency, str(found.contract.start)) == ("eur", "2026-01-01")


def test_without_what_was_sold_before_an_edit_waits_for_somebody() -> None:
    reading = read_contract(deal(seats(10, "2026-01-01"), bsync_fingerprint="of something else"), MAPPING)
    (issue,) = reading.issues
    assert issue.message == "The deal was edited after it was billed, and nothing is kept of what it sold before."
    assert "clear bsync_fingerprint" in issue.remedy
