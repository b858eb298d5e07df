"""Amounts and moments of the real service, as tables: recorded in classic mode, documented for flexible mode.

Each row names the section of the project's facts about Stripe that it is from (B.10 invoices, B.11 prorations). Nothing
here is computed by the code under test: the numbers are what was recorded or is printed in the documentation.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from connector.sandbox.stripe import StripeSandbox

DAY, HOUR = 86_400, 3_600
BOTH = ("classic", "flexible")


def ts(year, month, date, hour=0):
    return int(datetime(year, month, date, hour, tzinfo=UTC).timestamp())


class Account:
    """A customer on a test clock of its own."""

    def __init__(self, client, start):
        self.client = client
        client.v1.products.create({"id": "sku", "name": "SKU"})
        self.clock = client.v1.test_helpers.test_clocks.create({"frozen_time": start}).id
        self.customer = client.v1.customers.create({"name": "ACME", "test_clock": self.clock}).id

    def advance(self, moment):
        self.client.v1.test_helpers.test_clocks.advance(self.clock, {"frozen_time": moment})

    def schedule(self, mode, *phases, start="now", send=True, **more):
        settings: Any = {"collection_method": "send_invoice", "invoice_settings": {"days_until_due": 30}}
        order = {
            "customer": self.customer,
            "start_date": start,
            "end_behavior": "cancel",
            "billing_mode": {"type": mode, **more},
            "default_settings": settings if send else {},
            "phases": list(phases),
        }
        return self.client.v1.subscription_schedules.create(order)

    def invoices(self):
        found = self.client.v1.invoices.list({"customer": self.customer, "limit": 100}).data
        return sorted(found, key=lambda invoice: invoice.created)

    def waiting(self):
        found = self.client.v1.invoice_items.list({"customer": self.customer, "pending": True, "limit": 100}).data
        return sorted(item.amount for item in found)


@pytest.fixture
def client():
    with StripeSandbox(now=datetime(2026, 1, 1, tzinfo=UTC)) as sandbox:
        yield sandbox.client()


def item(amount, quantity=1, interval="month", count=1, **more):
    terms = {"interval": interval, "interval_count": count}
    price = {"currency": "usd", "product": "sku", "recurring": terms, "unit_amount_decimal": Decimal(amount)}
    return {"price_data": price, "quantity": quantity, **more}


def phase(*items, until=None, years=1, behavior="none", **more):
    end: Any = {"end_date": until} if until else {"duration": {"interval": "year", "interval_count": years}}
    return {"items": list(items), "proration_behavior": behavior, **end, **more}


def kept(schedule, index=0):
    """The items of a phase as they are sent back."""
    return [{"price": i.price, "quantity": i.quantity} for i in schedule.phases[index]["items"]]


# --- B.11: prorations by the second ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Split:
    """A price that is exchanged for an equal one in the middle of a period."""

    row: str
    start: int
    now: int
    interval: str
    amount: int
    expected: int


SPLITS = (
    Split(
        "B.11 month of 30 days, 2,530,559 s left",
        ts(2023, 11, 15),
        ts(2023, 12, 15) - 2_530_559,
        "month",
        6_000,
        5_858,
    ),
    Split("B.11 year of 366 days, 274 left", ts(2024, 1, 1), ts(2025, 1, 1) - 274 * DAY, "year", 90_000, 67_377),
)


@pytest.mark.parametrize("mode", BOTH)
@pytest.mark.parametrize("row", SPLITS, ids=lambda row: row.row)
def test_time_counts_by_the_second(client, row, mode):
    account = Account(client, row.start)
    made = account.schedule(mode, phase(item(row.amount, interval=row.interval), years=2))
    account.advance(row.now)
    before = {"start_date": row.start, "end_date": "now", "items": kept(made)}
    ends = made.phases[0].end_date
    after = phase(item(row.amount, interval=row.interval), until=ends, behavior="create_prorations")
    client.v1.subscription_schedules.update(made.id, {"phases": [before, {**after, "start_date": "now"}]})
    assert account.waiting() == [-row.expected, row.expected]


@dataclass(frozen=True)
class Backdated:
    """A subscription that is made after it has begun, at 24.00 a month."""

    row: str
    now: int
    order: dict[str, Any]
    expected: int
    text: str


BACKDATED = (
    Backdated(
        "B.11 five whole months",
        ts(2023, 8, 3),
        {"backdate_start_date": ts(2023, 4, 2)},
        12_000,
        "Time on SKU from 02 Apr 2023 until 02 Sep 2023",
    ),
    Backdated(
        "B.11 30 of 31 days and four months",
        ts(2023, 7, 15),
        {"backdate_start_date": ts(2023, 3, 3), "billing_cycle_anchor": ts(2023, 8, 2)},
        11_923,
        "Time on SKU from 03 Mar 2023 until 02 Aug 2023",
    ),
)


@pytest.mark.parametrize("row", BACKDATED, ids=lambda row: row.row)
def test_the_past_is_one_line_in_classic_mode(client, row):
    account = Account(client, row.now)
    price = client.v1.prices.create(
        {"product": "sku", "currency": "usd", "unit_amount": 2_400, "recurring": {"interval": "month"}}
    )
    order = {
        "customer": account.customer,
        "items": [{"price": price.id}],
        "collection_method": "send_invoice",
        "days_until_due": 30,
        "billing_mode": {"type": "classic"},
    }
    client.v1.subscriptions.create({**order, **row.order})
    lines = account.invoices()[0].lines.data
    assert [(line.amount, line.description) for line in lines] == [(row.expected, row.text)]
    assert (lines[0].parent.invoice_item_details.proration, lines[0].discountable) == (True, False)


# --- B.11: discounts -------------------------------------------------------------------------------------------

OFF_30, OFF_50, OFF_10 = ({"amount_off": amount, "currency": "usd"} for amount in (3_000, 5_000, 1_000))
QUARTER = {"percent_off": 25}

STACKS: tuple[Any, ...] = (
    ("B.11 item 30.00 off, then phase 25 %", 12_000, [OFF_30], [QUARTER], 6_750),
    ("B.11 item 25 %, then phase 50.00 off", 12_000, [QUARTER], [OFF_50], 4_000),
    ("B.11 phase 25 %, then 10.00 off", 144_000, [], [QUARTER, OFF_10], 107_000),
)


def coupons(client, given, place):
    for number, terms in enumerate(given):
        client.v1.coupons.create({"id": f"{place}{number}", "duration": "forever", **terms})
    return [{"coupon": f"{place}{number}"} for number in range(len(given))]


@pytest.mark.parametrize("late", [0, HOUR], ids=["now", "an hour ago"])
@pytest.mark.parametrize("mode", BOTH)
@pytest.mark.parametrize("row", STACKS, ids=lambda row: row[0])
def test_discounts_in_their_order(client, row, mode, late):
    _, amount, on_item, on_phase, expected = row
    account = Account(client, ts(2023, 11, 9))
    entry = item(amount, interval="year", discounts=coupons(client, on_item, "item"))
    sold = phase(entry, behavior="create_prorations", discounts=coupons(client, on_phase, "phase"))
    account.schedule(mode, sold, start=ts(2023, 11, 9) - late)
    assert account.invoices()[0].total == expected


# --- B.11: classic and flexible mode -----------------------------------------------------------------------------


@pytest.mark.parametrize(("mode", "expected"), [("classic", -250), ("flexible", -417)])
def test_b11_an_item_under_an_amount_off_removed_after_half_a_period(client, mode, expected):
    account = Account(client, ts(2026, 1, 1))
    off = coupons(client, [{"amount_off": 500, "currency": "usd"}], "off")
    made = account.schedule(mode, phase(item(1_000), item(2_000), discounts=off))
    assert [line.discount_amounts[0].amount for line in account.invoices()[0].lines.data] == [166, 334]
    account.advance(ts(2026, 1, 16, 12))
    stays = {"start_date": ts(2026, 1, 1), "end_date": ts(2027, 1, 1), "items": kept(made)[1:], "discounts": off}
    client.v1.subscription_schedules.update(made.id, {"phases": [stays]})
    assert account.waiting() == [expected]


@pytest.mark.parametrize(("mode", "net", "credited"), [("classic", -334, -667), ("flexible", 0, -333)])
def test_b11_twice_as_much_without_proration_and_back_with(client, mode, net, credited):
    """10.00 becomes 20.00 and 10.00 again when a third of the month is left: April has 30 days."""
    account = Account(client, ts(2026, 4, 1))
    made = account.schedule(mode, phase(item(1_000)))
    account.advance(ts(2026, 4, 21))
    for quantity, behavior in ((2, "none"), (1, "create_prorations")):
        entry = {"price": kept(made)[0]["price"], "quantity": quantity}
        sold = {"start_date": ts(2026, 4, 1), "end_date": ts(2027, 4, 1), "items": [entry]}
        client.v1.subscription_schedules.update(made.id, {"phases": [sold], "proration_behavior": behavior})
    assert (sum(account.waiting()), min(account.waiting())) == (net, credited)


@pytest.mark.parametrize(("mode", "expected"), [("classic", [-2_300]), ("flexible", [-2_000, -300])])
def test_b11_as_many_credits_as_there_were_debits(client, mode, expected):
    """30.00 in April, so 1.00 a day: billed until the 11th, then until the end, and taken away on the 8th."""
    account = Account(client, ts(2026, 4, 1))
    made = account.schedule(mode, phase(item(3_000), item(0)))
    seat, other = kept(made)
    for date, items, until in (
        (2, [seat, other], ts(2026, 4, 11)),
        (5, [seat, other], ts(2027, 4, 1)),
        (8, [other], ts(2027, 4, 1)),
    ):
        account.advance(ts(2026, 4, date))
        before = account.waiting()
        sold = {"start_date": ts(2026, 4, 1), "end_date": until, "items": items}
        client.v1.subscription_schedules.update(made.id, {"phases": [sold]})
    new = account.waiting()
    for amount in before:
        new.remove(amount)
    assert [amount for amount in new if amount] == expected


@pytest.mark.parametrize(
    ("shown", "amounts", "taken"), [("included", [-417], []), ("itemized", [-500], [-83])], ids=["included", "itemized"]
)
def test_b11_discounts_of_prorations_are_baked_in_or_itemized(client, shown, amounts, taken):
    """5.00 off 10.00 and 20.00 is 1.66 of the first; half of it is given back with half of the price."""
    account = Account(client, ts(2026, 1, 1))
    off = coupons(client, [{"amount_off": 500, "currency": "usd"}], "off")
    made = account.schedule(
        "flexible", phase(item(1_000), item(2_000), discounts=off), flexible={"proration_discounts": shown}
    )
    account.advance(ts(2026, 1, 16, 12))
    stays = {"start_date": ts(2026, 1, 1), "end_date": ts(2027, 1, 1), "items": kept(made)[1:], "discounts": off}
    client.v1.subscription_schedules.update(made.id, {"phases": [stays], "proration_behavior": "always_invoice"})
    line = account.invoices()[-1].lines.data[0]
    assert [line.amount] == amounts
    assert [share.amount for share in line.discount_amounts] == taken
    assert account.invoices()[-1].total == -417
    credited = line.parent.invoice_item_details.proration_details.credited_items
    assert credited.invoice == account.invoices()[0].id
    assert credited.invoice_line_items == [account.invoices()[0].lines.data[0].id]


# --- B.10: what a schedule invoices, and when ----------------------------------------------------------------------


@dataclass(frozen=True)
class Moment:
    """What an invoice says at some time after it was made."""

    row: str
    after: int
    facts: dict[str, Any]
    send: bool = False


START = ts(2026, 3, 1)
NEXT = ts(2026, 4, 1)
LIFE = (
    Moment(
        "B.10 made at the boundary",
        0,
        {
            "status": "draft",
            "billing_reason": "subscription_cycle",
            "auto_advance": True,
            "created": NEXT,
            "period_start": START,
            "period_end": NEXT,
            "next_payment_attempt": NEXT + HOUR,
            "number": None,
        },
    ),
    Moment(
        "B.10 an hour later, without a card",
        HOUR,
        {
            "status": "open",
            "effective_at": NEXT + HOUR,
            "next_payment_attempt": NEXT + HOUR + 3 * DAY,
            "attempt_count": 1,
            "attempted": True,
        },
    ),
    Moment("B.10 just before", HOUR - 1, {"status": "draft", "effective_at": None}),
    Moment(
        "B.10 an hour later, to be sent",
        HOUR,
        {"status": "open", "effective_at": NEXT + HOUR, "next_payment_attempt": None, "attempt_count": 0},
        send=True,
    ),
    Moment("B.10 due date counts from the start", HOUR, {"created": NEXT, "due_date": NEXT + 30 * DAY}, send=True),
)


@pytest.mark.parametrize("mode", BOTH)
@pytest.mark.parametrize("row", LIFE, ids=lambda row: row.row)
def test_the_life_of_an_invoice(client, row, mode):
    account = Account(client, START)
    account.schedule(mode, phase(item(12_000)), send=row.send)
    account.advance(NEXT + row.after)
    invoice = account.invoices()[-1]
    assert {name: invoice[name] for name in row.facts} == row.facts
    line = invoice.lines.data[0]
    assert (line.period.start, line.period.end) == (NEXT, ts(2026, 5, 1))


@pytest.mark.parametrize("mode", BOTH)
@pytest.mark.parametrize("behavior", ["create_prorations", "always_invoice", "none"])
@pytest.mark.parametrize("when", ["now", "later"])
def test_b10_the_first_invoice_is_ordinary_whatever_the_phase_says(client, mode, behavior, when):
    account = Account(client, START)
    at = START if when == "now" else START + 5 * DAY
    account.schedule(mode, phase(item(12_000, count=12), behavior=behavior), start=START if when == "now" else at)
    account.advance(at + HOUR - 1)
    first = account.invoices()[0]
    line = first.lines.data[0]
    assert (first.billing_reason, first.period_start, first.period_end, first.status) == (
        "subscription_create",
        at,
        at,
        "draft",
    )
    assert (line.amount, line.description) == (12_000, "1 \u00d7 SKU (at $120.00 / every 12 months)")
    assert (line.parent.type, line.parent.subscription_item_details.proration) == ("subscription_item_details", False)


def test_b10_without_a_card_the_subscription_is_past_due(client):
    account = Account(client, START)
    made = account.schedule("classic", phase(item(500)), send=False)
    account.advance(START + HOUR)
    assert client.v1.subscriptions.retrieve(made.subscription).status == "past_due"


@pytest.mark.parametrize(("behavior", "totals"), [("create_prorations", [12_000]), ("none", [])])
@pytest.mark.parametrize("late", [60, HOUR, 20 * DAY])
def test_b10_a_start_in_the_past_by_however_little(client, behavior, totals, late):
    account = Account(client, START)
    made = account.schedule("classic", phase(item(12_000), behavior=behavior), start=START - late)
    assert [invoice.total for invoice in account.invoices()] == totals
    sub = client.v1.subscriptions.retrieve(made.subscription)
    assert (sub.latest_invoice is None) is (totals == [])
    assert (sub.start_date, sub.created) == (START - late, START)
    assert sub["items"].data[0].current_period_start == START
    if totals:
        line = account.invoices()[0].lines.data[0]
        assert (line.parent.type, line.metadata.to_dict()) == ("invoice_item_details", {})


MID = ts(2026, 3, 16, 12)  # half of March is left
BOUNDARIES: tuple[Any, ...] = (
    ("B.10 on the boundary of a period", NEXT, "create_prorations", [6_000, 9_000], []),
    ("B.10 in the middle, create_prorations", MID, "create_prorations", [6_000], [-3_000, 4_500]),
    ("B.10 in the middle, always_invoice", MID, "always_invoice", [6_000, 1_500], []),
    ("B.10 in the middle, none", MID, "none", [6_000], []),
)


@pytest.mark.parametrize("mode", BOTH)
@pytest.mark.parametrize("row", BOUNDARIES, ids=lambda row: row[0])
def test_entering_a_phase(client, row, mode):
    _, moment, behavior, totals, waiting = row
    account = Account(client, START)
    second = phase(item(9_000), until=ts(2027, 3, 1), behavior=behavior)
    account.schedule(mode, phase(item(6_000), until=moment), second)
    account.advance(moment)
    assert [invoice.total for invoice in account.invoices()] == totals
    assert account.waiting() == waiting
    if totals == [6_000, 1_500]:
        assert account.invoices()[-1].billing_reason == "subscription_update"
    account.advance(ts(2026, 5, 1) if moment == NEXT else NEXT)
    assert account.invoices()[-1].total == 9_000 + sum(waiting)


def test_b10_one_off_items_of_a_phase_in_the_middle_wait(client):
    """The time they are for is kept as it was given, to the second."""
    account = Account(client, START)
    time = {
        "start": {"type": "timestamp", "timestamp": START},
        "end": {"type": "timestamp", "timestamp": ts(2027, 3, 1) - 1},
    }
    fee = {"price_data": {"currency": "usd", "product": "sku", "unit_amount": -250}, "period": time}
    second = phase(item(6_000), until=ts(2027, 3, 1), add_invoice_items=[fee])
    account.schedule("classic", phase(item(6_000), until=MID), second)
    account.advance(MID)
    assert (account.waiting(), [invoice.total for invoice in account.invoices()]) == ([-250], [6_000])
    account.advance(NEXT)
    line = account.invoices()[-1].lines.data[0]
    assert (line.amount, line.period.start, line.period.end) == (-250, START, ts(2027, 3, 1) - 1)
    assert account.invoices()[-1].total == 5_750


@pytest.mark.parametrize("mode", BOTH)
def test_b10_an_anchor_at_the_start_of_a_phase_begins_a_period(client, mode):
    account = Account(client, START)
    second = phase(item(9_000), until=ts(2027, 3, 1), behavior="create_prorations", billing_cycle_anchor="phase_start")
    account.schedule(mode, phase(item(6_000), until=MID), second)
    account.advance(MID)
    last = account.invoices()[-1]
    assert (last.created, last.total) == (MID, 9_000 - 3_000)
    assert sorted(line.amount for line in last.lines.data) == [-3_000, 9_000]


@pytest.mark.parametrize("mode", BOTH)
def test_b10_a_draft_is_paid_outside_of_stripe(client, mode):
    account = Account(client, START)
    account.schedule(mode, phase(item(12_000)), send=False)
    paid = client.v1.invoices.pay(account.invoices()[0].id, {"paid_out_of_band": True})
    assert (paid.status, paid.attempted, paid.attempt_count, paid.number[-5:]) == ("paid", False, 0, "-0001")
    assert paid.status_transitions.paid_at == paid.status_transitions.finalized_at == START


def test_b10_an_invoice_made_by_hand_collects_what_waits_for_the_subscription(client):
    account = Account(client, START)
    made = account.schedule("classic", phase(item(6_000)))
    account.advance(MID)
    sub = made.subscription
    client.v1.invoice_items.create({"customer": account.customer, "subscription": sub, "amount": 70, "currency": "usd"})
    by_hand = client.v1.invoices.create({"customer": account.customer, "subscription": sub})
    assert (by_hand.billing_reason, by_hand.total, by_hand.status) == ("manual", 70, "draft")
    assert (by_hand.period_start, by_hand.period_end) == (START, MID)


@pytest.mark.parametrize(("mode", "lines"), [("classic", [0, 500]), ("flexible", [500])])
def test_b10_usage_that_nobody_reported(client, mode, lines):
    account = Account(client, START)
    meter = {"display_name": "m", "event_name": "m", "default_aggregation": {"formula": "sum"}}
    recurring = {
        "interval": "month",
        "usage_type": "metered",
        "meter": client.v1.billing.meters.create(meter).id,
    }
    used = client.v1.prices.create({"product": "sku", "currency": "usd", "unit_amount": 3, "recurring": recurring})
    account.schedule(mode, phase({"price": used.id}, item(500)))
    account.advance(NEXT)
    assert sorted(line.amount for line in account.invoices()[-1].lines.data) == lines


@dataclass(frozen=True)
class Text:
    """How a line is described."""

    row: str
    items: list[dict[str, Any]]
    texts: list[str] = field(default_factory=list)


TEXTS = (
    Text("B.10 a month", [item(12_000)], ["1 \u00d7 SKU (at $120.00 / month)"]),
    Text("B.10 several", [item(12_000, 50)], ["50 \u00d7 SKU (at $120.00 / month)"]),
    Text("B.10 12 months", [item(12_000, count=12)], ["1 \u00d7 SKU (at $120.00 / every 12 months)"]),
    Text("B.10 thousands", [item(100_000, count=12)], ["1 \u00d7 SKU (at $1,000.00 / every 12 months)"]),
)


@pytest.mark.parametrize("row", TEXTS, ids=lambda row: row.row)
def test_texts_of_lines(client, row):
    account = Account(client, START)
    account.schedule("classic", phase(*row.items))
    assert [line.description for line in account.invoices()[0].lines.data] == row.texts


def test_b10_texts_of_prorations(client):
    account = Account(client, START)
    made = account.schedule("classic", phase(item(6_000, 2)))
    account.advance(MID)
    before = {"start_date": START, "end_date": "now", "items": kept(made)}
    after = phase(item(9_000, 3), until=ts(2027, 3, 1), behavior="create_prorations")
    client.v1.subscription_schedules.update(made.id, {"phases": [before, {**after, "start_date": "now"}]})
    found = client.v1.invoice_items.list({"customer": account.customer}).data
    assert {one.description for one in found} == {
        "Unused time on 2 \u00d7 SKU after 16 Mar 2026",
        "Remaining time on 3 \u00d7 SKU after 16 Mar 2026",
    }
    assert {(one.proration, one.discountable) for one in found} == {(True, False)}


def test_b10_a_zero_invoice_is_paid_when_it_is_finalized(client):
    account = Account(client, START)
    account.schedule("classic", phase(item(0)), send=False)
    account.advance(START + HOUR)
    assert (account.invoices()[0].status, account.invoices()[0].attempt_count) == ("paid", 0)
