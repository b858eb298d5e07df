"""Subscriptions without a schedule, and those under one that are changed, canceled or released directly.

Prices are 1.00 a month for a seat; January 2026 has 31 days, and at noon of 16 January half of it is left.
"""

from datetime import UTC, datetime

import pytest
import stripe

from connector.sandbox.stripe import StripeSandbox

MODES = ("classic", "flexible")


def ts(month, date, hour=0, year=2026):
    return int(datetime(year, month, date, hour, tzinfo=UTC).timestamp())


NOW, HALF = ts(1, 1), ts(1, 16, 12)


class World:
    """An account with a customer, and prices by name."""

    def __init__(self, sandbox):
        self.sandbox, self.client = sandbox, sandbox.client()
        self.client.v1.products.create({"id": "sku", "name": "SKU"})
        self.customer = self.client.v1.customers.create({"name": "ACME"}).id
        terms = {"product": "sku", "currency": "usd"}
        recurring = {"recurring": {"interval": "month"}}
        self.seat = self.client.v1.prices.create({**terms, **recurring, "unit_amount": 100}).id
        self.site = self.client.v1.prices.create({**terms, **recurring, "unit_amount": 2_400}).id
        self.yearly = self.client.v1.prices.create(
            {**terms, "recurring": {"interval": "year"}, "unit_amount": 36_500}
        ).id

    def subscribe(self, mode="flexible", *, price=None, quantity=60, **more):
        order = {
            "customer": self.customer,
            "items": [{"price": price or self.seat, "quantity": quantity}],
            "collection_method": "send_invoice",
            "days_until_due": 30,
            "billing_mode": {"type": mode},
            **more,
        }
        return self.client.v1.subscriptions.create(order)

    def schedule(self, mode="flexible", **more):
        order = {
            "customer": self.customer,
            "billing_mode": {"type": mode},
            "end_behavior": "cancel",
            "default_settings": {"collection_method": "send_invoice", "invoice_settings": {"days_until_due": 30}},
            "phases": [{"items": [{"price": self.seat, "quantity": 60}], "end_date": ts(1, 1, year=2027)}],
            **more,
        }
        return self.client.v1.subscription_schedules.create(order)

    def run_to(self, moment):
        self.sandbox.move_clock(now=datetime.fromtimestamp(moment, UTC))

    def waiting(self):
        found = self.client.v1.invoice_items.list({"customer": self.customer, "pending": True}).data
        return sorted(item.amount for item in found)

    def invoices(self):
        found = self.client.v1.invoices.list({"customer": self.customer, "limit": 100}).data
        return sorted(found, key=lambda invoice: invoice.created)

    def totals(self):
        return [invoice.total for invoice in self.invoices()]


@pytest.fixture
def world():
    with StripeSandbox(now=datetime(2026, 1, 1, tzinfo=UTC)) as sandbox:
        yield World(sandbox)


def refused(call, *arguments):
    with pytest.raises(stripe.InvalidRequestError) as caught:
        call(*arguments)
    return caught.value


@pytest.mark.parametrize("mode", MODES)
def test_it_bills_month_by_month(world, mode):
    extra = {"price_data": {"currency": "usd", "product": "sku", "unit_amount": 900}}
    sub = world.subscribe(mode, metadata={"a": "1"}, description="d", add_invoice_items=[extra])
    assert (sub.status, sub.schedule, sub.billing_cycle_anchor, sub.billing_mode.type) == ("active", None, NOW, mode)
    assert (sub["items"].data[0].current_period_end, sub.description) == (ts(2, 1), "d")
    world.run_to(ts(3, 1))
    assert world.totals() == [6_900, 6_000, 6_000]
    first = world.invoices()[0]
    assert (first.billing_reason, first.status, first.due_date) == ("subscription_create", "open", NOW + 30 * 86_400)
    assert first.lines.data[-1].metadata.to_dict() == {"a": "1"}


def test_an_automatic_one_needs_a_card_and_charges_at_once(world):
    order = {"customer": world.customer, "items": [{"price": world.seat}]}
    error = refused(world.client.v1.subscriptions.create, order)
    assert (error.code, "no attached payment source" in error.user_message) == ("resource_missing", True)
    assert world.client.v1.subscriptions.list({"customer": world.customer}).data == []
    card = world.client.v1.payment_methods.attach("pm_card_visa", {"customer": world.customer}).id
    sub = world.client.v1.subscriptions.create({**order, "default_payment_method": card, "expand": ["latest_invoice"]})
    assert (sub.latest_invoice.status, sub.latest_invoice.amount_paid) == ("paid", 100)


@pytest.mark.parametrize(
    ("mode", "more", "first"),
    [
        # the anchor lies half a month ahead: half a month is billed, or nothing until then
        ("classic", {"billing_cycle_anchor": HALF, "proration_behavior": "create_prorations"}, 3_000),
        ("flexible", {"billing_cycle_anchor": HALF, "proration_behavior": "create_prorations"}, 3_000),
        ("classic", {"billing_cycle_anchor": HALF, "proration_behavior": "none"}, None),
        ("flexible", {"billing_cycle_anchor": HALF, "proration_behavior": "none"}, None),
        # three months ago, with and without the past
        ("classic", {"backdate_start_date": ts(10, 1, year=2025)}, 4 * 6_000),
        ("flexible", {"backdate_start_date": ts(10, 1, year=2025)}, 4 * 6_000),
        ("classic", {"backdate_start_date": ts(10, 1, year=2025), "proration_behavior": "none"}, None),
    ],
)
def test_where_the_grid_lies(world, mode, more, first):
    # December has 31 days, so from 16 December noon to 16 January noon half a month is from 1 January on.
    sub = world.subscribe(mode, **more)
    assert world.totals() == ([first] if first else [])
    assert sub.start_date == more.get("backdate_start_date", NOW)
    end = more.get("billing_cycle_anchor", ts(2, 1))
    assert sub["items"].data[0].current_period_end == end
    world.run_to(end)
    assert world.totals()[-1] == 6_000


def test_what_cannot_be_made(world):
    refusals = [
        ({"days_until_due": 5, "collection_method": "send_invoice", "items": ""}, "parameter_invalid_empty"),
        ({"billing_cycle_anchor": ts(2, 2)}, None),
        ({"backdate_start_date": ts(2, 2)}, None),
        ({"cancel_at": NOW}, None),
        ({"cancel_at": ts(2, 2), "cancel_at_period_end": True}, None),
        ({"items": [{"price": world.seat}, {"price": world.seat}]}, None),
    ]
    for more, code in refusals:
        order = {"customer": world.customer, "items": [{"price": world.seat}], "days_until_due": 5}
        order |= {"collection_method": "send_invoice", **more}
        assert refused(world.client.v1.subscriptions.create, order).code == code, more
    with pytest.raises(stripe.APIError, match="Not emulated: making a subscription with trial_period_days"):
        world.subscribe(trial_period_days=5)
    assert world.client.v1.subscriptions.list({"customer": world.customer}).data == []


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("behavior", "expected"),
    [
        ("none", ([], [6_000])),
        ("create_prorations", ([-3_000, 4_500], [6_000])),
        ("always_invoice", ([], [6_000, 1_500])),
    ],
)
def test_more_seats_directly(world, mode, behavior, expected):
    sub = world.subscribe(mode)
    world.run_to(HALF)
    change = {"items": [{"id": sub["items"].data[0].id, "quantity": 90}], "proration_behavior": behavior}
    changed = world.client.v1.subscriptions.update(sub.id, change)
    assert (world.waiting(), world.totals()) == expected
    assert (changed["items"].data[0].id, changed["items"].data[0].quantity) == (sub["items"].data[0].id, 90)


@pytest.mark.parametrize("mode", MODES)
def test_another_price_keeps_the_item(world, mode):
    sub = world.subscribe(mode, quantity=2)
    world.run_to(HALF)
    item = sub["items"].data[0].id
    changed = world.client.v1.subscription_items.update(item, {"price": world.site, "metadata": {"a": "1"}})
    assert (changed.id, changed.price.id, changed.quantity) == (item, world.site, 2)
    assert world.waiting() == [-100, 2_400]
    assert world.client.v1.subscription_items.retrieve(item).metadata.to_dict() == {"a": "1"}


@pytest.mark.parametrize("mode", MODES)
def test_items_come_and_go(world, mode):
    sub = world.subscribe(mode)
    world.run_to(HALF)
    added = world.client.v1.subscription_items.create({"subscription": sub.id, "price": world.site})
    assert world.waiting() == [1_200]
    assert len(world.client.v1.subscription_items.list({"subscription": sub.id}).data) == 2
    assert world.client.v1.subscription_items.delete(added.id).deleted
    assert sorted(world.waiting()) == [-1_200, 1_200]
    last = world.client.v1.subscription_items.list({"subscription": sub.id}).data[0].id
    assert refused(world.client.v1.subscription_items.delete, last).param == "items"
    assert refused(world.client.v1.subscription_items.retrieve, added.id).code == "resource_missing"


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("change", "ends", "waiting"),
    [
        ({"cancel_at_period_end": True}, ts(2, 1), []),
        ({"cancel_at": "min_period_end"}, ts(2, 1), []),
        ({"cancel_at": ts(1, 24, 6)}, ts(1, 24, 6), [-1_500]),  # a quarter of January is left then
        ({"cancel_at": ts(1, 24, 6), "proration_behavior": "none"}, ts(1, 24, 6), []),
    ],
)
def test_to_be_canceled(world, mode, change, ends, waiting):
    sub = world.subscribe(mode)
    world.run_to(HALF)
    marked = world.client.v1.subscriptions.update(sub.id, change)
    assert (marked.status, marked.cancel_at, marked.canceled_at) == ("active", ends, HALF)
    assert marked.cancellation_details.reason == "cancellation_requested"
    assert world.waiting() == waiting
    world.run_to(ts(4, 1))
    ended = world.client.v1.subscriptions.retrieve(sub.id)
    assert (ended.status, ended.ended_at, ended.canceled_at) == ("canceled", ends, HALF)
    assert sum(world.totals()) == 6_000 + sum(waiting)


@pytest.mark.parametrize("mode", MODES)
def test_a_later_period_that_is_cut_short_is_always_prorated(world, mode):
    sub = world.subscribe(mode)
    world.client.v1.subscriptions.update(sub.id, {"cancel_at": ts(3, 16, 12), "proration_behavior": "none"})
    world.run_to(ts(5, 1))
    assert world.totals() == [6_000, 6_000, 3_000]


@pytest.mark.parametrize("mode", MODES)
def test_a_cancelation_taken_back(world, mode):
    sub = world.subscribe(mode)
    for change in ({"cancel_at_period_end": True}, {"cancel_at_period_end": False}):
        marked = world.client.v1.subscriptions.update(sub.id, change)
    assert (marked.cancel_at, marked.canceled_at, marked.cancellation_details.reason) == (None, None, None)
    world.run_to(ts(2, 1))
    assert world.totals() == [6_000, 6_000]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("flags", "totals", "waiting"),
    [
        ({}, [6_000], []),  # of a subscription both are false by default
        ({"prorate": True}, [6_000], [-3_000]),
        ({"invoice_now": True}, [6_000], []),
        ({"prorate": True, "invoice_now": True}, [6_000, -3_000], []),
    ],
)
def test_canceled_at_once(world, mode, flags, totals, waiting):
    sub = world.subscribe(mode)
    world.run_to(HALF)
    gone = world.client.v1.subscriptions.cancel(sub.id, flags)
    assert (gone.status, gone.ended_at, gone.canceled_at) == ("canceled", HALF, HALF)
    assert (world.totals(), world.waiting()) == (totals, waiting)
    world.run_to(ts(3, 1))
    assert world.totals() == totals


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("flags", "totals", "waiting"),
    [
        ({}, [6_000, -3_000], []),  # of a schedule both are true by default
        ({"prorate": False}, [6_000], []),
        ({"invoice_now": False}, [6_000], [-3_000]),
        ({"prorate": False, "invoice_now": False}, [6_000], []),
    ],
)
def test_a_schedule_canceled_at_once(world, mode, flags, totals, waiting):
    made = world.schedule(mode)
    world.run_to(HALF)
    gone = world.client.v1.subscription_schedules.cancel(made.id, flags)
    assert (gone.status, gone.canceled_at, gone.current_phase) == ("canceled", HALF, None)
    assert world.client.v1.subscriptions.retrieve(made.subscription).status == "canceled"
    assert (world.totals(), world.waiting()) == (totals, waiting)


def test_a_schedule_that_has_not_begun_is_canceled_or_released(world):
    for verb, stamp in (("cancel", "canceled_at"), ("release", "released_at")):
        made = world.schedule(start_date=ts(3, 1))
        done = getattr(world.client.v1.subscription_schedules, verb)(made.id)
        assert (done[stamp], done.subscription, done.released_subscription) == (NOW, None, None)
        again = refused(getattr(world.client.v1.subscription_schedules, verb), made.id)
        assert "status. It must be in `not_started`, `active` status" in again.user_message
    world.run_to(ts(4, 1))
    assert world.totals() == []


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("preserve", "ends"), [(False, None), (True, ts(1, 1, year=2027))])
def test_released(world, mode, preserve, ends):
    made = world.schedule(mode)
    freed = world.client.v1.subscription_schedules.release(made.id, {"preserve_cancel_date": preserve})
    assert (freed.status, freed.subscription, freed.released_subscription) == ("released", None, made.subscription)
    assert world.client.v1.subscriptions.retrieve(made.subscription).cancel_at == ends
    world.run_to(ts(2, 2, year=2027))
    sub = world.client.v1.subscriptions.retrieve(made.subscription)
    assert (sub.status, len(world.totals())) == (("canceled", 12) if preserve else ("active", 14))


@pytest.mark.parametrize("mode", MODES)
def test_released_with_a_date_that_cut_a_period_short(world, mode):
    """Without its cancel date the period goes on to its end, and is charged for that."""
    phase = {"items": [{"price": world.seat, "quantity": 60}], "end_date": ts(2, 15)}
    made = world.schedule(mode, phases=[phase])
    world.run_to(ts(2, 1))
    assert world.totals() == [6_000, 3_000]  # half of February
    world.client.v1.subscription_schedules.release(made.id)
    assert world.waiting() == [3_000]
    world.run_to(ts(3, 1))
    assert world.totals() == [6_000, 3_000, 9_000]


@pytest.mark.parametrize("mode", MODES)
def test_items_changed_under_a_schedule_split_its_phase(world, mode):
    made = world.schedule(mode)
    world.run_to(HALF)
    item = world.client.v1.subscriptions.retrieve(made.subscription)["items"].data[0].id
    world.client.v1.subscriptions.update(made.subscription, {"items": [{"id": item, "quantity": 90}]})
    after = world.client.v1.subscription_schedules.retrieve(made.id)
    assert [(p.start_date, p.end_date, p["items"][0].quantity) for p in after.phases] == [
        (NOW, HALF, 60),
        (HALF, ts(1, 1, year=2027), 90),
    ]
    assert after.current_phase.start_date == HALF
    world.client.v1.subscriptions.update(made.subscription, {"items": [{"id": item, "quantity": 30}]})
    again = world.client.v1.subscription_schedules.retrieve(made.id)
    assert [p["items"][0].quantity for p in again.phases] == [60, 30]  # nothing lasts no time
    assert sum(world.waiting()) == -1_500


def test_what_a_schedule_keeps_to_itself(world):
    made = world.schedule()
    for change in ({"cancel_at": ts(2, 1)}, {"cancel_at_period_end": True}):
        error = refused(world.client.v1.subscriptions.update, made.subscription, change)
        assert "is managed by the subscription schedule" in error.user_message
    world.client.v1.subscriptions.update(made.subscription, {"metadata": {"a": "1"}})
    assert world.client.v1.subscription_schedules.retrieve(made.id).phases[0].metadata.to_dict() == {}
    assert refused(world.client.v1.subscription_schedules.create, {"from_subscription": made.subscription}).param


def test_the_anchor_reset_to_now(world):
    """Classic mode begins a new period and invoices it at once, less what was not used."""
    sub = world.subscribe("classic")
    world.run_to(HALF)
    reset = world.client.v1.subscriptions.update(sub.id, {"billing_cycle_anchor": {"type": "now"}})
    assert (reset.billing_cycle_anchor, reset["items"].data[0].current_period_end) == (HALF, ts(2, 16, 12))
    assert world.totals() == [6_000, 3_000]
    assert refused(world.client.v1.subscriptions.update, sub.id, {"billing_cycle_anchor": "now"}).user_message == (
        "Invalid object"
    )


@pytest.mark.parametrize("mode", MODES)
def test_a_preview_of_a_change_is_what_it_costs(world, mode):
    sub = world.subscribe(mode)
    world.run_to(HALF)
    item = {"id": sub["items"].data[0].id, "quantity": 90}
    for behavior, total in (("always_invoice", 1_500), ("create_prorations", 10_500), ("none", 9_000)):
        asked = {"items": [item], "proration_behavior": behavior}
        shown = world.client.v1.invoices.create_preview({"subscription": sub.id, "subscription_details": asked})
        assert (shown.total, shown.billing_reason) == (total, "upcoming")
    assert (world.waiting(), world.totals()) == ([], [6_000])
    world.client.v1.subscriptions.update(sub.id, {"items": [item], "proration_behavior": "create_prorations"})
    world.run_to(ts(2, 1))
    assert world.totals() == [6_000, 10_500]


@pytest.mark.parametrize(
    ("mode", "anchor", "totals", "waiting"),
    [
        # classic mode begins a new cycle and invoices it at once
        ("classic", HALF, [6_000, 36_500 - 3_000], []),
        # flexible mode leaves the anchor alone: 349.5 of the year's 365 days are charged with the next invoice
        ("flexible", NOW, [6_000], [-3_000, 34_950]),
    ],
)
def test_another_interval(world, mode, anchor, totals, waiting):
    sub = world.subscribe(mode)
    world.run_to(HALF)
    item = {"id": sub["items"].data[0].id, "price": world.yearly, "quantity": 1}
    changed = world.client.v1.subscriptions.update(sub.id, {"items": [item]})
    assert (changed.billing_cycle_anchor, world.totals(), world.waiting()) == (anchor, totals, waiting)


@pytest.mark.parametrize("mode", MODES)
def test_a_schedule_around_a_subscription_keeps_its_settings(world, mode):
    sub = world.subscribe(mode, description="d", invoice_settings={"custom_fields": [{"name": "PO", "value": "1"}]})
    made = world.client.v1.subscription_schedules.create({"from_subscription": sub.id})
    assert (made.end_behavior, made.billing_mode.type, made.status) == ("release", mode, "active")
    assert made.phases[0].metadata.to_dict() == {}
    phases = [
        {"start_date": NOW, "end_date": ts(2, 1), "items": [{"price": world.seat, "quantity": 60}]},
        {"end_date": ts(4, 1), "items": [{"price": world.seat, "quantity": 70}], "proration_behavior": "none"},
    ]
    world.client.v1.subscription_schedules.update(made.id, {"phases": phases, "end_behavior": "cancel"})
    world.run_to(ts(6, 1))
    assert world.totals() == [6_000, 7_000, 7_000]
    last = world.invoices()[-1]
    assert (last.collection_method, last.custom_fields[0].value) == ("send_invoice", "1")
    assert world.client.v1.subscriptions.retrieve(sub.id).description == "d"
