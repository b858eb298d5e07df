"""Deals read by the bundled HubSpot mapping: dates, segments, keys, changes; values only, no network."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from connector.crm.hubspot.family import families
from connector.domain.contract import Contract
from connector.mapping.raw import RawRecord, RawRecords
from connector.mapping.reader import Reading, read_contract
from connector.offline import bundled_mapping, read_mapping

MAPPING = read_mapping(bundled_mapping("hubspot"))
Fields = dict[str, Any]


def seats(quantity: int, start: str | None = None, months: int = 12, **more: str) -> Fields:
    made = {
        "name": "Seat",
        "hs_sku": "SEAT",
        "quantity": str(quantity),
        "price": "20",
        "recurringbillingfrequency": "monthly",
        "hs_recurring_billing_period": f"P{months}M",
        **more,
    }
    return {**made, "hs_recurring_billing_start_date": start} if start else made


def read(*deals: tuple[Fields, list[Fields]]) -> Reading:
    """Read a first deal (id 1) and its changes (2, 3, …), each with its lines (11, 12, …; 21, …)."""
    records = [RawRecord("companies", "9", {"name": "Acme", "bsync_billing_email": "ap@acme.example"})]
    for number, (fields, lines) in enumerate(deals, 1):
        known: Fields = {
            "hs_is_closed_won": "true",
            "deal_currency_code": "USD",
            "ClosedOn": "2026-01-05",
            "CompanyId": "companies/9",
            "OriginalDealIds": ("1",) if number > 1 else (),
        }
        made = {**known, **fields}
        made |= {
            "Action": made.get("bsync_action"),
            "EffectiveOn": made.get("bsync_effective_date") or made["ClosedOn"],
        }
        records.append(RawRecord("deals", str(number), {k: v for k, v in made.items() if v is not None}))
        for index, line in enumerate(lines, 1):
            records.append(RawRecord("line_items", f"{number}{index}", {**line, "DealId": f"deals/{number}"}))
    (raw,) = families(RawRecords(records), ["1"])
    return read_contract(raw, MAPPING)


def contract(*deals: tuple[Fields, list[Fields]]) -> Contract:
    reading = read(*deals)
    assert [issue for issue in reading.issues if issue.blocks] == []
    assert reading.contract is not None
    return reading.contract


def codes(reading: Reading) -> list[str]:
    return [issue.code.value for issue in reading.issues]


def in_revision(found: Contract, number: int) -> list[tuple[int, str, str]]:
    return [(int(line.quantity), str(line.start), str(line.end)) for line in found.revisions[number].lines]


STARTS = [
    ({"bsync_contract_start_date": "2026-03-01"}, [seats(1, "2026-04-01")], "2026-03-01"),
    ({}, [seats(1, "2026-05-01"), seats(1, "2026-04-01", name="Other", hs_sku="O")], "2026-04-01"),
    ({}, [seats(1)], "2026-01-05"),
]


@pytest.mark.parametrize(("deal", "lines", "expected"), STARTS)
def test_where_a_contract_begins(deal: Fields, lines: list[Fields], expected: str) -> None:
    assert contract((deal, lines)).start == date.fromisoformat(expected)


SPANS = [
    (seats(1, "2026-02-01"), ("2026-02-01", "2027-02-01")),
    (seats(1), ("2026-01-01", "2027-01-01")),
    (seats(1, hs_billing_start_delay_months="3", months=9), ("2026-04-01", "2027-01-01")),
    (seats(1, hs_billing_start_delay_days="10"), ("2026-01-11", "2027-01-11")),
    (seats(1, "2026-02-01", bsync_end_date="2026-08-01"), ("2026-02-01", "2026-08-01")),
    ({**seats(1), "hs_recurring_billing_period": "P1Y6M"}, ("2026-01-01", "2027-07-01")),
]


@pytest.mark.parametrize(("line", "span"), SPANS)
def test_how_long_a_line_runs(line: Fields, span: tuple[str, str]) -> None:
    (found,) = contract(({"bsync_contract_start_date": "2026-01-01"}, [line])).lines
    assert (str(found.start), str(found.end)) == span


def test_a_line_without_an_end_of_its_own_ends_with_the_contract() -> None:
    deal = {"bsync_contract_start_date": "2026-01-01", "bsync_contract_end_date": "2026-07-01"}
    (found,) = contract((deal, [{**seats(3), "hs_recurring_billing_period": ""}])).lines
    assert (str(found.end), found.total) == ("2026-07-01", Decimal("360.00"))


def test_a_line_without_any_end_runs_on() -> None:
    found = contract(({}, [{**seats(3), "hs_recurring_billing_period": ""}]))
    (line,) = found.lines
    assert (found.end, line.end, line.price_term, line.unit_price) == (None, None, Decimal(1), Decimal(20))


def test_what_runs_on_is_changed_and_ended_all_the_same() -> None:
    first = (
        {"bsync_contract_start_date": "2026-01-01"},
        [{**seats(10, "2026-01-01"), "hs_recurring_billing_period": ""}],
    )
    restated = change(bsync_amendment_mode="restate"), [{**seats(6), "hs_recurring_billing_period": ""}]
    ended: tuple[Fields, list[Fields]] = ({"bsync_action": "terminate", "bsync_effective_date": "2027-06-01"}, [])
    found = contract(first, restated, ended)
    assert in_revision(found, 1) == [(-4, "2027-01-01", "None")]
    assert in_revision(found, 2) == [(-6, "2027-06-01", "None")]


NAMES = [
    ([seats(1, "2026-01-01"), seats(2, "2027-01-01")], ["Year 1", "Year 2"]),
    ([seats(1, "2026-01-01", 3), seats(2, "2026-04-01", 9)], ["Segment 1", "Segment 2"]),
    ([seats(1, "2026-01-01", bsync_segment_label="Pilot"), seats(2, "2027-01-01")], ["Pilot", "Year 2"]),
    (
        [seats(1, "2026-01-01", hs_ramp_phase_name="Land"), seats(2, "2027-01-01", hs_ramp_phase_name="Expand")],
        ["Land", "Expand"],
    ),
    ([seats(1, "2026-01-01")], []),
]


@pytest.mark.parametrize(("lines", "names"), NAMES)
def test_dates_make_the_segments(lines: list[Fields], names: list[str]) -> None:
    found = contract(({}, lines)).segments
    assert [segment.label for segment in found] == names
    assert [segment.index for segment in found] == list(range(1, len(names) + 1))


def test_a_line_over_all_years_leaves_the_names_to_the_dates() -> None:
    found = contract(({}, [seats(40, "2026-01-01", 36), seats(15, "2027-01-01", 24), seats(25, "2028-01-01", 12)]))
    assert [segment.label for segment in found.segments] == ["Year 1", "Year 2", "Year 3"]


def test_a_number_that_the_dates_contradict_is_told() -> None:
    lines = [seats(1, "2026-01-01", bsync_segment_index="1"), seats(2, "2027-01-01", bsync_segment_index="3")]
    (issue,) = [issue for issue in read(({}, lines)).issues if issue.blocks]
    assert (issue.code.value, issue.record, issue.field) == ("SEGMENT_ORDER", "12", "bsync_segment_index")


def test_discounts_come_off_each_period() -> None:
    (one,) = contract(({}, [seats(10, "2026-01-01", hs_discount_percentage="15")])).lines
    (other,) = contract(({}, [seats(10, "2026-01-01", discount="2.5")])).lines
    assert (one.list_price, other.list_price) == (Decimal("17.00"), Decimal("17.5"))


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (seats(10, "2026-01-01", discount="1", hs_discount_percentage="5"), "DISCOUNT_INVALID"),
        (seats(10, "2026-01-01", discount="21"), "DISCOUNT_INVALID"),
        (seats(10, "2026-01-01", amount="201"), "LINE_TOTAL"),
        (seats(10, "2026-01-01", recurringbillingfrequency="weekly"), "BILLING_FREQUENCY"),
        (seats(10, "2026-01-01", hs_line_item_currency_code="EUR"), "CURRENCY_MIXED"),
        ({**seats(10, "2026-01-01"), "hs_recurring_billing_period": "P12W"}, "TERM_INVALID"),
    ],
)
def test_what_is_wrong_with_a_line(line: Fields, code: str) -> None:
    assert code in codes(read(({}, [line])))


def test_a_line_that_is_fine_has_no_issue() -> None:
    assert codes(read(({}, [seats(10, "2026-01-01", amount="200")]))) == []


# --- changes -----------------------------------------------------------------------------------------------

FIRST: tuple[Fields, list[Fields]] = (
    {"bsync_contract_start_date": "2026-01-01"},
    [
        seats(10, "2026-01-01", 24, bsync_line_key="seats"),
        {"name": "Setup", "hs_sku": "SETUP", "quantity": "1", "price": "500"},
    ],
)


def change(**fields: str) -> Fields:
    return {"bsync_effective_date": "2027-01-01", **fields}


def test_a_change_adds_from_its_day_to_the_end_of_the_contract() -> None:
    added = {**seats(5), "hs_recurring_billing_period": ""}
    assert in_revision(contract(FIRST, (change(), [added])), 1) == [(5, "2027-01-01", "2028-01-01")]


def test_a_change_replaces_what_has_its_key() -> None:
    for quantity, expected in ((14, 4), (6, -4)):
        line = seats(quantity, bsync_line_key="seats", bsync_change="update")
        assert in_revision(contract(FIRST, (change(), [line])), 1) == [(expected, "2027-01-01", "2028-01-01")]


def test_a_change_removes_what_has_its_key() -> None:
    line = seats(1, bsync_line_key="seats", bsync_change="remove")
    assert in_revision(contract(FIRST, (change(), [line])), 1) == [(-10, "2027-01-01", "2028-01-01")]


@pytest.mark.parametrize("key", ["chairs", None])
def test_a_change_of_nothing_is_told(key: str | None) -> None:
    line = {**seats(1, bsync_change="remove", hs_sku="CHAIR"), **({"bsync_line_key": key} if key else {})}
    assert "LINE_KEYS" in codes(read(FIRST, (change(), [line])))


def test_a_change_that_may_mean_several_lines_is_told() -> None:
    first: tuple[Fields, list[Fields]] = ({}, [seats(10, "2026-01-01", 24), seats(3, "2026-01-01", 24)])
    assert codes(read(first)) == []
    reading = read(first, (change(), [seats(4, bsync_change="update")]))
    assert [issue.message for issue in reading.issues if issue.blocks] == [
        "Seat: the contract has 2 lines of it, and the change does not say which one it means."
    ]


def test_a_restated_deal_bills_no_one_off_twice() -> None:
    restated = [seats(12, "2026-01-01", 24), {"name": "Setup", "hs_sku": "SETUP", "quantity": "1", "price": "500"}]
    found = contract(FIRST, (change(bsync_amendment_mode="restate"), restated))
    assert in_revision(found, 1) == [(2, "2027-01-01", "2028-01-01")]
    assert sum(line.total for line in found.lines) == Decimal(10 * 24 * 20 + 500 + 2 * 12 * 20)


def test_a_new_one_off_of_a_restated_deal_is_billed() -> None:
    restated = [seats(10, "2026-01-01", 24), {"name": "Training", "hs_sku": "TRAIN", "quantity": "1", "price": "300"}]
    found = contract(FIRST, (change(bsync_amendment_mode="restate"), restated))
    assert [(line.product.name, line.total) for line in found.revisions[1].lines] == [("Training", Decimal(300))]


def test_each_change_counts_on_top_of_the_one_before() -> None:
    more = change(bsync_effective_date="2026-07-01"), [seats(5, "2026-07-01", 18, bsync_line_key="more")]
    restated = change(bsync_amendment_mode="restate"), [seats(12, "2026-01-01", 24)]
    found = contract(FIRST, more, restated)
    assert in_revision(found, 1) == [(5, "2026-07-01", "2028-01-01")]
    assert in_revision(found, 2) == [(-3, "2027-01-01", "2028-01-01")], "15 were held, 12 are described"
    assert found.revisions[2].lines[0].revises == "21", "the newest is taken first"


ENDS = [
    ({"bsync_effective_date": "2026-05-10"}, "2026-06-01"),
    ({"bsync_effective_date": "2026-05-01"}, "2026-05-01"),
    ({"bsync_effective_date": "2026-05-10", "bsync_termination_mode": "on_date"}, "2026-05-10"),
    ({"bsync_effective_date": "2026-05-10", "bsync_termination_mode": "now"}, "2026-05-10"),
]


@pytest.mark.parametrize(("fields", "day"), ENDS)
@pytest.mark.parametrize("own", [False, True], ids=["by another deal", "by the deal itself"])
def test_when_a_termination_takes_effect(fields: Fields, day: str, *, own: bool) -> None:
    ended = {"bsync_action": "terminate", **fields}
    found = contract(({**FIRST[0], **ended}, FIRST[1])) if own else contract(FIRST, (ended, []))
    assert in_revision(found, 1) == [(-10, day, "2028-01-01")]


def test_a_change_that_is_not_won_yet_is_left_out_and_told() -> None:
    reading = read(FIRST, ({**change(), "hs_is_closed_won": "false"}, [seats(5, bsync_line_key="more")]))
    assert reading.contract is not None
    assert len(reading.contract.revisions) == 1
    assert codes(reading) == ["REVISION_NOT_ACTIVE"]


def test_a_change_of_no_deal_is_told() -> None:
    assert "ORIGINAL_MISSING" in codes(read(({"bsync_action": "amend"}, FIRST[1])))


def test_existing_business_without_an_original_is_only_a_warning() -> None:
    (issue,) = read(({**FIRST[0], "dealtype": "existingbusiness"}, FIRST[1])).issues
    assert (issue.code.value, issue.blocks) == ("ORIGINAL_MISSING", False)


# --- edits of a deal that is billed ------------------------------------------------------------------------


def edited(**fields: str) -> Reading:
    known = contract(FIRST).inputs
    assert known is not None
    lines = [{**FIRST[1][0], **fields}, FIRST[1][1]]
    return read(({**FIRST[0], "bsync_fingerprint": known}, lines))


@pytest.mark.parametrize(
    "fields", [{}, {"description": "new"}, {"bsync_stripe_price_id": "price_1"}, {"quantity": "10.0"}]
)
def test_what_changes_no_bill_is_no_edit(fields: Fields) -> None:
    assert codes(edited(**fields)) == []


@pytest.mark.parametrize(
    "fields",
    [{"quantity": "11"}, {"price": "21"}, {"hs_recurring_billing_start_date": "2026-02-01"}, {"discount": "1"}],
)
def test_what_changes_a_bill_is_an_edit(fields: Fields) -> None:
    assert codes(edited(**fields)) == ["IN_PLACE_EDIT"]
