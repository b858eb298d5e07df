"""Invoices over a contract's life: what is billed, when, and to the cent."""

import itertools
import random
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise

import pytest
import stripe

from connector.sandbox.stripe import StripeSandbox


def day(year, month, date, hour=0):
    return datetime(year, month, date, hour, tzinfo=UTC)


def ts(*parts):
    return int(day(*parts).timestamp())


@pytest.fixture
def sandbox():
    with StripeSandbox(now=day(2026, 1, 1)) as running:
        yield running


@pytest.fixture
def client(sandbox):
    client = sandbox.client()
    for name in ("sku", "setup", "credit"):
        client.v1.products.create({"id": name, "name": name.upper()})
    return client


@pytest.fixture
def customer(client):
    return client.v1.customers.create({"name": "ACME"}).id


def inline(amount, quantity=1, *, interval="month", count=1, product="sku", **more):
    price = {
        "currency": "usd",
        "product": product,
        "recurring": {"interval": interval, "interval_count": count},
        "unit_amount_decimal": Decimal(amount),
    }
    return {"price_data": price, "quantity": quantity, **more}


def fee(amount, product="setup", **more):
    return {"price_data": {"currency": "usd", "product": product, "unit_amount_decimal": Decimal(amount)}, **more}


def lasting(count, unit, *items, behavior="none", **more):
    return {
        "duration": {"interval": unit, "interval_count": count},
        "items": list(items),
        "proration_behavior": behavior,
        **more,
    }


def create(client, customer, *phases, mode="flexible", start="now", **more):
    return client.v1.subscription_schedules.create(
        {
            "customer": customer,
            "start_date": start,
            "end_behavior": "cancel",
            "billing_mode": {"type": mode},
            "default_settings": {"collection_method": "send_invoice", "invoice_settings": {"days_until_due": 30}},
            "phases": list(phases),
            **more,
        }
    )


def invoices(client, customer):
    found = client.v1.invoices.list({"customer": customer, "limit": 100}).auto_paging_iter()
    return sorted(found, key=lambda invoice: invoice.created)


def lines(invoice):
    return [(line.amount, line.period.start, line.period.end) for line in invoice.lines.data]


def pending(client, customer):
    return {i.description: i.amount for i in client.v1.invoice_items.list({"customer": customer, "pending": True}).data}


def test_a_monthly_ramp_adds_up(client, sandbox, customer):
    years = [lasting(1, "year", inline(amount, seats)) for amount, seats in (("1000.4", 5), ("1100.5", 6), (1200, 7))]
    create(client, customer, *years)
    sandbox.move_clock(now=day(2029, 6, 1))
    billed = invoices(client, customer)
    assert len(billed) == 36
    assert sum(invoice.total for invoice in billed) == 12 * (5002 + 6603 + 8400)
    assert {invoice.status for invoice in billed} == {"open"}
    assert [invoice.created for invoice in billed[:3]] == [ts(2026, 1, 1), ts(2026, 2, 1), ts(2026, 3, 1)]
    assert billed[0].billing_reason == "subscription_create"
    assert {invoice.billing_reason for invoice in billed[1:]} == {"subscription_cycle"}
    assert lines(billed[12]) == [(6603, ts(2027, 1, 1), ts(2027, 2, 1))]
    assert (billed[12].period_start, billed[12].period_end) == (ts(2026, 12, 1), ts(2027, 1, 1))


def test_an_annual_ramp_adds_up_on_a_test_clock(client):
    clock = client.v1.test_helpers.test_clocks.create({"frozen_time": ts(2024, 2, 29)})
    customer = client.v1.customers.create({"name": "ACME", "test_clock": clock.id}).id
    create(client, customer, *[lasting(1, "year", inline(n * 10_000, n, interval="year")) for n in (1, 2, 3)])
    for moment in (ts(2025, 8, 1), ts(2027, 3, 1)):
        assert client.v1.test_helpers.test_clocks.advance(clock.id, {"frozen_time": moment}).status == "advancing"
        assert client.v1.test_helpers.test_clocks.retrieve(clock.id).status == "ready"
    billed = invoices(client, customer)
    assert [(invoice.created, invoice.total) for invoice in billed] == [
        (ts(2024, 2, 29), 10_000),
        (ts(2025, 2, 28), 40_000),
        (ts(2026, 2, 28), 90_000),
    ]
    with pytest.raises(stripe.InvalidRequestError, match="later time"):
        client.v1.test_helpers.test_clocks.advance(clock.id, {"frozen_time": ts(2024, 1, 1)})
    assert client.v1.invoices.list().data == []  # what lives on a clock is in no list without it
    client.v1.test_helpers.test_clocks.delete(clock.id)
    with pytest.raises(stripe.InvalidRequestError, match="No such customer"):
        client.v1.customers.retrieve(customer)


def test_the_end_of_the_month_is_kept(client, sandbox):
    sandbox.move_clock(now=day(2026, 1, 31))
    customer = client.v1.customers.create({"name": "ACME"}).id
    create(client, customer, lasting(1, "year", inline(100)))
    sandbox.move_clock(now=day(2026, 6, 1))
    dates = [datetime.fromtimestamp(invoice.created, UTC).date().isoformat() for invoice in invoices(client, customer)]
    assert dates == ["2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30", "2026-05-31"]


def test_from_draft_to_paid(client, sandbox, customer):
    create(client, customer, lasting(1, "year", inline(12_000, interval="year")))
    draft = invoices(client, customer)[0]
    assert (draft.status, draft.number, draft.due_date) == ("draft", None, ts(2026, 1, 31))
    assert draft.lines.data[0].description == "1 \u00d7 SKU (at $120.00 / year)"
    sandbox.move_clock(advance=3600)
    sent = client.v1.invoices.retrieve(draft.id)
    assert (sent.status, sent.number[-5:], sent.effective_at) == ("open", "-0001", ts(2026, 1, 1, 1))
    assert sent.hosted_invoice_url
    assert (sent.amount_due, sent.due_date) == (12_000, draft.due_date)
    paid = client.v1.invoices.pay(draft.id, {"paid_out_of_band": True})
    assert (paid.status, paid.amount_remaining, paid.status_transitions.paid_at) == ("paid", 0, ts(2026, 1, 1, 1))


def test_without_a_payment_method_an_automatic_charge_fails(client, sandbox, customer):
    made = create(client, customer, lasting(1, "year", inline(500)), default_settings={})
    sandbox.move_clock(advance=3601)
    assert client.v1.subscriptions.retrieve(made.subscription).status == "past_due"
    invoice = invoices(client, customer)[0]
    assert (invoice.status, invoice.attempt_count) == ("open", 1)
    with pytest.raises(stripe.CardError):
        client.v1.invoices.pay(invoice.id)
    client.v1.invoices.pay(invoice.id, {"paid_out_of_band": True})
    assert client.v1.subscriptions.retrieve(made.subscription).status == "active"


def test_one_off_items_with_periods_and_credit(client, sandbox, customer):
    whole = {"start": {"type": "phase_start"}, "end": {"type": "phase_end"}}
    fixed = {"start": {"type": "timestamp", "timestamp": 5}, "end": {"type": "timestamp", "timestamp": 9}}
    extras = [fee(250_000, quantity=2, period=whole, metadata={"line": "L9"}), fee("-91666.666666666667", "credit")]
    made = create(
        client,
        customer,
        lasting(1, "year", inline(100_000, interval="year"), add_invoice_items=extras),
        lasting(1, "year", inline(100_000, interval="year"), add_invoice_items=[fee(700, period=fixed)]),
    )
    assert made.phases[0].add_invoice_items[0].period.to_dict() == whole
    assert made.phases[0].add_invoice_items[1].period.start.type == "max_item_period_start"
    sandbox.move_clock(now=day(2028, 6, 1))
    first, second = invoices(client, customer)
    year_one = (ts(2026, 1, 1), ts(2027, 1, 1))
    assert lines(first) == [(500_000, *year_one), (-91_667, *year_one), (100_000, *year_one)]
    assert first.lines.data[0].metadata.to_dict() == {"line": "L9"}
    assert first.lines.data[0].parent.type == "invoice_item_details"
    assert first.total == 508_333
    assert lines(second) == [(700, 5, 9), (100_000, ts(2027, 1, 1), ts(2028, 1, 1))]


def test_different_intervals_bill_each_at_its_own_time(client, sandbox, customer):
    create(client, customer, lasting(1, "year", inline(100), inline(1_000, interval="month", count=3)))
    sandbox.move_clock(now=day(2027, 6, 1))
    totals = [invoice.total for invoice in invoices(client, customer)]
    assert totals == [1_100, 100, 100] * 4


def test_a_stub_at_the_end_is_a_shorter_interval(client, sandbox, customer):
    create(
        client,
        customer,
        lasting(12, "month", inline(3_000)),
        lasting(17, "day", inline(1_645, interval="day", count=17)),
    )
    sandbox.move_clock(now=day(2027, 6, 1))
    billed = invoices(client, customer)
    assert [invoice.total for invoice in billed] == [3_000] * 12 + [1_645]
    assert lines(billed[-1]) == [(1_645, ts(2027, 1, 1), ts(2027, 1, 18))]
    assert billed[-1].lines.data[0].description == "1 \u00d7 SKU (at $16.45 / every 17 days)"


def test_a_stub_at_the_start(client, sandbox, customer):
    create(
        client,
        customer,
        lasting(14, "day", inline(1_400, interval="day", count=14)),
        lasting(12, "month", inline(3_000)),
    )
    sandbox.move_clock(now=day(2027, 6, 1))
    billed = invoices(client, customer)
    assert [invoice.total for invoice in billed] == [1_400] + [3_000] * 12
    assert [invoice.created for invoice in billed[:3]] == [ts(2026, 1, 1), ts(2026, 1, 15), ts(2026, 2, 15)]


# --- discounts ---------------------------------------------------------------------------------------------


def coupon(client, ident, **given):
    client.v1.coupons.create({"id": ident, **given})
    return [{"coupon": ident}]


@pytest.mark.parametrize(
    "case",
    [  # recorded with the real API
        (12_000, [{"amount_off": 3_000}], [{"percent_off": 25}], 6_750),
        (12_000, [{"percent_off": 25}], [{"amount_off": 5_000}], 4_000),
        (144_000, [], [{"percent_off": 25}, {"amount_off": 1_000}], 107_000),
        (1_000, [], [{"amount_off": 5_000}], 0),
    ],
)
def test_discounts_stack_item_first(client, customer, case):
    amount, on_item, on_phase, total = case

    def start(given, place):
        currency = {"currency": "usd"} if "amount_off" in given else {}
        return coupon(client, f"{place}_{next(iter(given))}", duration="forever", **given, **currency)[0]

    item = inline(amount, interval="year", discounts=[start(given, "item") for given in on_item])
    phase = lasting(1, "year", item, discounts=[start(given, "phase") for given in on_phase])
    create(client, customer, phase)
    assert invoices(client, customer)[0].total == total


def test_an_amount_off_is_spread_over_lines(client, customer):
    off = coupon(client, "off", amount_off=500, currency="usd", duration="forever")
    create(client, customer, lasting(1, "year", inline(1_000), inline(2_000), discounts=off))
    invoice = invoices(client, customer)[0]
    assert [line.discount_amounts[0].amount for line in invoice.lines.data] == [166, 334]
    assert (invoice.subtotal, invoice.total) == (3_000, 2_500)


def test_how_long_a_coupon_lasts(client, sandbox):
    expected = {"once": [900, 1_000, 1_000, 1_000], "repeating": [900, 900, 900, 1_000], "forever": [900] * 4}
    customers = {}
    for duration in expected:
        months = {"duration_in_months": 3} if duration == "repeating" else {}
        off = coupon(client, duration, percent_off=10, duration=duration, **months)
        customers[duration] = client.v1.customers.create({"name": duration}).id
        create(client, customers[duration], lasting(1, "year", inline(1_000), discounts=off))
    sandbox.move_clock(now=day(2026, 4, 2))
    for duration, customer in customers.items():
        assert [invoice.total for invoice in invoices(client, customer)] == expected[duration], duration


def test_coupon_of_one_product(client, customer):
    off = coupon(client, "off", percent_off=50, duration="forever", applies_to={"products": ["credit"]})
    create(client, customer, lasting(1, "year", inline(1_000), inline(500, product="credit"), discounts=off))
    assert invoices(client, customer)[0].total == 1_250


# --- backdating --------------------------------------------------------------------------------------------


def test_backdated_start_bills_every_elapsed_period(client, sandbox):
    sandbox.move_clock(now=day(2026, 5, 20))
    customer = client.v1.customers.create({"name": "ACME"}).id
    made = create(
        client, customer, lasting(1, "year", inline(2_400), behavior="create_prorations"), start=ts(2026, 1, 1)
    )
    first = invoices(client, customer)[0]
    starts = [ts(2026, month, 1) for month in range(1, 7)]
    assert lines(first) == [(2_400, start, end) for start, end in itertools.pairwise(starts)]
    sub = client.v1.subscriptions.retrieve(made.subscription)
    assert (sub.start_date, sub.billing_cycle_anchor) == (ts(2026, 1, 1), ts(2026, 1, 1))
    sandbox.move_clock(now=day(2027, 6, 1))
    assert sum(invoice.total for invoice in invoices(client, customer)) == 12 * 2_400


@pytest.mark.parametrize("mode", ["classic", "flexible"])
def test_backdated_start_without_prorations_waits_for_the_next_cycle(client, sandbox, customer, mode):
    sandbox.move_clock(now=day(2026, 1, 1, 9))
    made = create(client, customer, lasting(1, "year", inline(2_400)), start=ts(2026, 1, 1), mode=mode)
    assert client.v1.subscriptions.retrieve(made.subscription).latest_invoice is None
    sandbox.move_clock(now=day(2026, 2, 3))
    assert [(invoice.created, invoice.total) for invoice in invoices(client, customer)] == [(ts(2026, 2, 1), 2_400)]


def test_backdated_start_in_classic_mode_is_one_line(client, sandbox):
    sandbox.move_clock(now=day(2026, 8, 16))
    customer = client.v1.customers.create({"name": "ACME"}).id
    phase = lasting(1, "year", inline(2_400), behavior="create_prorations")
    made = create(client, customer, phase, start=ts(2026, 4, 2), mode="classic")
    first = invoices(client, customer)[0]
    assert lines(first) == [(12_000, ts(2026, 4, 2), ts(2026, 9, 2))]
    assert first.lines.data[0].description == "Time on SKU from 02 Apr 2026 until 02 Sep 2026"
    assert client.v1.subscriptions.retrieve(made.subscription).billing_cycle_anchor == ts(2026, 5, 2)


# --- changes in the middle of a period ---------------------------------------------------------------------


def split(client, made, *, behavior, items):
    """End the running phase now and go on with other items."""
    current = made.phases[-1]
    stay = [{"price": i.price, "quantity": i.quantity} for i in current["items"]]
    phases = [
        {"start_date": current.start_date, "end_date": "now", "items": stay, "proration_behavior": "none"},
        {"start_date": "now", "end_date": current.end_date, "items": items, "proration_behavior": behavior},
    ]
    return client.v1.subscription_schedules.update(made.id, {"phases": phases})


@pytest.mark.parametrize("mode", ["classic", "flexible"])
@pytest.mark.parametrize(
    "case",
    [  # recorded with the real API, in classic mode
        (ts(2023, 11, 15), ts(2023, 12, 15) - 2_530_559, "month", 6_000, 5_858),
        (ts(2024, 1, 1), ts(2025, 1, 1) - 274 * 86_400, "year", 90_000, 67_377),
    ],
)
def test_prorations_by_the_second(client, mode, case):
    start, now, interval, amount, expected = case
    clock = client.v1.test_helpers.test_clocks.create({"frozen_time": start})
    customer = client.v1.customers.create({"name": "ACME", "test_clock": clock.id}).id
    made = create(client, customer, lasting(2, "year", inline(amount, interval=interval)), mode=mode)
    client.v1.test_helpers.test_clocks.advance(clock.id, {"frozen_time": now})
    split(client, made, behavior="create_prorations", items=[inline(amount, interval=interval)])
    waiting = client.v1.invoice_items.list({"customer": customer, "pending": True}).data
    assert sorted(item.amount for item in waiting) == [-expected, expected]
    assert {item.description.split(" time on SKU after ")[0] for item in waiting} == {"Unused", "Remaining"}


def test_more_seats_each_way(client, sandbox):
    expected = {"none": [6_000, 9_000], "create_prorations": [6_000, 10_500], "always_invoice": [6_000, 1_500, 9_000]}
    customers = {}
    for behavior in expected:
        customers[behavior] = client.v1.customers.create({"name": behavior}).id
    made = {behavior: create(client, customers[behavior], lasting(1, "year", inline(100, 60))) for behavior in expected}
    sandbox.move_clock(now=day(2026, 1, 16, 12))
    for behavior, schedule in made.items():
        price = schedule.phases[0]["items"][0].price
        split(client, schedule, behavior=behavior, items=[{"price": price, "quantity": 90}])
    sandbox.move_clock(now=day(2026, 2, 2))
    for behavior, customer in customers.items():
        assert [invoice.total for invoice in invoices(client, customer)] == expected[behavior], behavior


def test_one_off_items_of_a_mid_period_phase_wait_for_the_next_invoice(client, sandbox, customer):
    made = create(client, customer, lasting(1, "year", inline(1_000, 2)))
    sandbox.move_clock(now=day(2026, 3, 11))
    price = made.phases[0]["items"][0].price
    phases = [
        {"start_date": ts(2026, 1, 1), "end_date": "now", "items": [{"price": price, "quantity": 2}]},
        {
            "start_date": "now",
            "end_date": ts(2027, 1, 1),
            "proration_behavior": "none",
            "items": [{"price": price, "quantity": 3}],
            "add_invoice_items": [fee(677, metadata={"line": "stub"})],
        },
    ]
    client.v1.subscription_schedules.update(made.id, {"phases": phases})
    assert pending(client, customer) == {"SETUP": 677}
    sandbox.move_clock(now=day(2027, 2, 1))
    billed = invoices(client, customer)
    assert [invoice.total for invoice in billed] == [2_000] * 3 + [3_677] + [3_000] * 8
    assert billed[3].lines.data[0].metadata["line"] == "stub"


def test_what_waits_at_the_end_is_billed_on_a_last_invoice(client, sandbox, customer):
    made = create(client, customer, lasting(1, "year", inline(12_000, interval="year")))
    sandbox.move_clock(now=day(2026, 7, 1))
    price = made.phases[0]["items"][0].price
    more = [{"price": price}, inline(2_000, interval="year")]
    split(client, made, behavior="create_prorations", items=more)
    sandbox.move_clock(now=day(2027, 2, 1))
    assert [(i.created, i.total) for i in invoices(client, customer)] == [
        (ts(2026, 1, 1), 12_000),
        (ts(2027, 1, 1), 1_008),
    ]


@pytest.mark.parametrize(("mode", "credit"), [("classic", -250), ("flexible", -417)])
def test_credit_under_an_amount_off(client, sandbox, customer, mode, credit):
    """The vendor's worked example: the 10.00 item goes after half a period, 5.00 had been taken off 10.00 and 20.00."""
    off = coupon(client, "off", amount_off=500, currency="usd", duration="forever")
    made = create(client, customer, lasting(2, "month", inline(1_000), inline(2_000), discounts=off), mode=mode)
    sandbox.move_clock(now=day(2026, 1, 16, 12))
    keep = {"price": made.phases[0]["items"][1].price}
    phases = [{"start_date": ts(2026, 1, 1), "end_date": ts(2026, 3, 1), "items": [keep], "discounts": off}]
    client.v1.subscription_schedules.update(made.id, {"phases": phases})
    assert pending(client, customer) == {"Unused time on SKU (with discounts) after 16 Jan 2026": credit}


@pytest.mark.parametrize(("mode", "net"), [("classic", -500), ("flexible", 0)])
def test_credit_for_what_was_never_debited(client, sandbox, customer, mode, net):
    made = create(client, customer, lasting(2, "month", inline(1_000)), mode=mode)
    price = made.phases[0]["items"][0].price
    sandbox.move_clock(now=day(2026, 1, 16, 12))
    for quantity, behavior in ((2, "none"), (1, "create_prorations")):
        phase = {
            "start_date": ts(2026, 1, 1),
            "end_date": ts(2026, 3, 1),
            "items": [{"price": price, "quantity": quantity}],
        }
        client.v1.subscription_schedules.update(made.id, {"phases": [phase], "proration_behavior": behavior})
    waiting = client.v1.invoice_items.list({"customer": customer, "pending": True}).data
    assert sum(item.amount for item in waiting) == net


def test_cancel_with_credit(client, sandbox, customer):
    made = create(client, customer, lasting(1, "year", inline(3_100)))
    sandbox.move_clock(now=day(2026, 1, 11))
    client.v1.subscription_schedules.cancel(made.id)
    sandbox.move_clock(advance=3_600)
    last = invoices(client, customer)[-1]
    assert (last.total, last.amount_due, last.status) == (-2_100, 0, "paid")
    assert client.v1.customers.retrieve(customer).balance == -2_100


def test_credit_balance_pays_the_next_invoice(client, sandbox, customer):
    client.v1.customers.balance_transactions.create(customer, {"amount": -600, "currency": "usd"})
    create(client, customer, lasting(1, "year", inline(1_000)))
    sandbox.move_clock(advance=3_600)
    invoice = invoices(client, customer)[0]
    assert (invoice.total, invoice.starting_balance, invoice.ending_balance, invoice.amount_due) == (
        1_000,
        -600,
        0,
        400,
    )


def test_phase_start_anchor_begins_a_new_period(client, sandbox, customer):
    create(
        client,
        customer,
        {"end_date": ts(2026, 3, 11), "items": [inline(3_100)], "proration_behavior": "none"},
        lasting(2, "month", inline(6_200), billing_cycle_anchor="phase_start"),
    )
    sandbox.move_clock(now=day(2026, 6, 1))
    assert [(i.created, i.total) for i in invoices(client, customer)] == [
        (ts(2026, 1, 1), 3_100),
        (ts(2026, 2, 1), 3_100),
        (ts(2026, 3, 1), 3_100),
        (ts(2026, 3, 11), 6_200),
        (ts(2026, 4, 11), 6_200),
    ]


def test_zero_invoices_are_paid(client, sandbox, customer):
    create(client, customer, lasting(1, "month", inline(0)))
    sandbox.move_clock(advance=3_600)
    assert invoices(client, customer)[0].status == "paid"


def test_usage_without_usage_has_no_line(client, customer):
    meter = client.v1.billing.meters.create(
        {"display_name": "Calls", "event_name": "calls", "default_aggregation": {"formula": "sum"}}
    )
    recurring = {"interval": "month", "usage_type": "metered", "meter": meter.id}
    price = client.v1.prices.create({"product": "sku", "currency": "usd", "unit_amount": 3, "recurring": recurring})
    made = create(client, customer, lasting(1, "year", {"price": price.id}, inline(500)))
    assert "quantity" not in made.phases[0]["items"][0]
    assert lines(invoices(client, customer)[0]) == [(500, ts(2026, 1, 1), ts(2026, 2, 1))]
    with pytest.raises(stripe.InvalidRequestError, match="usage_type=metered") as refused:
        create(client, customer, lasting(1, "year", {"price": price.id, "quantity": 1}))
    assert refused.value.param == "phases[0][items][0][quantity]"


@pytest.mark.parametrize(
    ("mode", "quantity", "total"), [("volume", 15, 15 * 50 + 7), ("graduated", 15, 10 * 100 + 5 * 50 + 7)]
)
def test_tiers(client, customer, mode, quantity, total):
    tiers = [{"up_to": 10, "unit_amount": 100}, {"up_to": "inf", "unit_amount": 50, "flat_amount": 7}]
    price = client.v1.prices.create(
        {
            "product": "sku",
            "currency": "usd",
            "billing_scheme": "tiered",
            "tiers_mode": mode,
            "tiers": tiers,
            "recurring": {"interval": "month"},
        }
    )
    create(client, customer, lasting(1, "year", {"price": price.id, "quantity": quantity}))
    assert invoices(client, customer)[0].total == total


def test_a_preview_is_what_will_be_billed(client, sandbox, customer):
    phases = [lasting(1, "year", inline(1_000, 5), add_invoice_items=[fee(99)])]
    shown = client.v1.invoices.create_preview({"customer": customer, "schedule_details": {"phases": phases}})
    assert (shown.total, shown.id.startswith("upcoming_in_")) == (5_099, True)
    assert client.v1.subscription_schedules.list({"customer": customer}).data == []
    made = create(client, customer, *phases)
    assert invoices(client, customer)[0].total == 5_099
    upcoming = client.v1.invoices.create_preview({"schedule": made.id})
    assert (upcoming.total, upcoming.created) == (5_000, ts(2026, 2, 1))
    sandbox.move_clock(now=day(2026, 2, 1))
    assert invoices(client, customer)[-1].total == 5_000
    client.v1.subscription_schedules.cancel(made.id, {"prorate": False, "invoice_now": False})
    with pytest.raises(stripe.InvalidRequestError, match="No upcoming invoices") as none:
        client.v1.invoices.create_preview({"customer": customer})
    assert none.value.code == "invoice_upcoming_none"


def test_invoices_by_hand(client, customer):
    client.v1.invoice_items.create({"customer": customer, "amount": 700, "currency": "usd", "description": "Work"})
    draft = client.v1.invoices.create(
        {
            "customer": customer,
            "collection_method": "send_invoice",
            "days_until_due": 14,
            "pending_invoice_items_behavior": "include",
            "custom_fields": [{"name": "PO", "value": "4711"}],
        }
    )
    client.v1.invoice_items.create({"customer": customer, "amount": 50, "currency": "usd", "invoice": draft.id})
    sent = client.v1.invoices.send_invoice(draft.id)
    assert (sent.status, sent.total, sent.custom_fields[0].value) == ("open", 750, "4711")
    assert len(client.v1.invoices.line_items.list(draft.id).data) == 2
    assert client.v1.invoices.void_invoice(draft.id).status == "void"
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.invoices.finalize_invoice(draft.id)
    assert refused.value.code == "invoice_not_editable"
    other = client.v1.invoices.create({"customer": customer})
    assert client.v1.invoices.delete(other.id).deleted


@pytest.mark.parametrize("mode", ["classic", "flexible"])
@pytest.mark.parametrize("seed", range(5))
def test_prorations_neither_make_nor_lose_money(client, sandbox, customer, mode, seed):
    """However often items change within their periods, the sum is the price over time, but for rounding."""
    dice = random.Random(seed)  # noqa: S311
    recurring = {"interval": "month"}
    base = {"product": "sku", "currency": "usd", "recurring": recurring}
    prices = {}
    for _ in range(3):
        amount = dice.randint(100, 9_000)
        prices[client.v1.prices.create({**base, "unit_amount": amount}).id] = amount
    bounds = [ts(2026, month, 1) for month in range(1, 8)]

    def some_items():
        return [{"price": p, "quantity": dice.randint(1, 5)} for p in dice.sample(sorted(prices), dice.randint(1, 3))]

    history = [(bounds[0], some_items())]
    made = create(client, customer, {"items": history[0][1], "end_date": bounds[-1]}, mode=mode)
    for _ in range(5):
        sandbox.move_clock(advance=dice.randint(1, 30 * 86_400))
        running = client.v1.subscription_schedules.retrieve(made.id).phases[-1]
        history.append((sandbox.app.tenant("sk_test_sandbox").clock.now(), some_items()))
        phase = {"start_date": running.start_date, "end_date": bounds[-1], "items": history[-1][1]}
        behavior = dice.choice(["create_prorations", "always_invoice"])
        client.v1.subscription_schedules.update(made.id, {"phases": [phase], "proration_behavior": behavior})
    sandbox.move_clock(now=day(2027, 1, 1))

    worth = 0.0
    for (since, items), (until, _) in pairwise([*history, (bounds[-1], [])]):
        for start, end in pairwise(bounds):
            share = max(0, min(until, end) - max(since, start)) / (end - start)
            worth += share * sum(prices[item["price"]] * item["quantity"] for item in items)
    assert abs(sum(invoice.total for invoice in invoices(client, customer)) - worth) < 12
