"""Running phases: ended now, begun now, changed in place, cut short; which proration behaviour counts, and how much.

The subscription costs 60 x 1.00 a month from 1 January 2026. At noon of 16 January exactly half the month is left.
"""

from datetime import UTC, datetime

import pytest
import stripe

from connector.sandbox.stripe import StripeSandbox

MODES = ("classic", "flexible")


def ts(month, date, hour=0, year=2026):
    return int(datetime(year, month, date, hour, tzinfo=UTC).timestamp())


START, HALF, END = ts(1, 1), ts(1, 16, 12), ts(1, 1, year=2027)


class Running:
    """A schedule of one phase that has run for half a month."""

    def __init__(self, sandbox, mode, *, until=END, behavior="none", end_behavior="cancel", at=HALF):
        self.client, self.sandbox = sandbox.client(), sandbox
        self.client.v1.products.create({"id": "sku", "name": "SKU"})
        terms = {"product": "sku", "currency": "usd", "recurring": {"interval": "month"}}
        self.price = self.client.v1.prices.create({**terms, "unit_amount": 100}).id
        self.other = self.client.v1.prices.create({**terms, "unit_amount": 300}).id
        self.customer = self.client.v1.customers.create({"name": "ACME"}).id
        phase = {"end_date": until, "items": self.items(60), "proration_behavior": behavior}
        settings = {"collection_method": "send_invoice", "invoice_settings": {"days_until_due": 30}}
        self.schedule = self.client.v1.subscription_schedules.create(
            {
                "customer": self.customer,
                "start_date": START,
                "end_behavior": end_behavior,
                "billing_mode": {"type": mode},
                "default_settings": settings,
                "phases": [phase],
            }
        )
        sandbox.move_clock(now=datetime.fromtimestamp(at, UTC))

    def items(self, quantity, price=None):
        return [{"price": price or self.price, "quantity": quantity}]

    def phase(self, quantity=60, *, start=START, until=END, **more):
        return {"start_date": start, "end_date": until, "items": self.items(quantity), **more}

    def update(self, *phases, **more):
        return self.client.v1.subscription_schedules.update(self.schedule.id, {"phases": list(phases), **more})

    def waiting(self):
        found = self.client.v1.invoice_items.list({"customer": self.customer, "pending": True}).data
        return sorted(item.amount for item in found)

    def totals(self):
        found = self.client.v1.invoices.list({"customer": self.customer, "limit": 100}).data
        return [invoice.total for invoice in sorted(found, key=lambda invoice: invoice.created)]

    def subscription(self):
        return self.client.v1.subscriptions.retrieve(self.schedule.subscription)

    def run_to(self, moment):
        self.sandbox.move_clock(now=datetime.fromtimestamp(moment, UTC))


@pytest.fixture
def sandbox():
    with StripeSandbox(now=datetime(2026, 1, 1, tzinfo=UTC)) as running:
        yield running


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("top", [None, "none", "always_invoice"])
@pytest.mark.parametrize(
    ("behavior", "expected"),
    [
        ("none", ([], [6_000])),
        ("create_prorations", ([-3_000, 4_500], [6_000])),
        ("always_invoice", ([], [6_000, 1_500])),
    ],
)
def test_ended_now_and_begun_now_goes_by_the_phase_that_begins(sandbox, mode, top, behavior, expected):
    running = Running(sandbox, mode)
    more = {"proration_behavior": top} if top else {}
    begins = running.phase(90, start="now", proration_behavior=behavior)
    changed = running.update(running.phase(until="now"), begins, **more)
    assert [(p.start_date, p.end_date) for p in changed.phases] == [(START, HALF), (HALF, END)]
    assert (changed.status, changed.current_phase.start_date) == ("active", HALF)
    assert (running.waiting(), running.totals()) == expected
    assert running.subscription()["items"].data[0].quantity == 90


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("own", ["none", "always_invoice"])
@pytest.mark.parametrize(
    ("top", "expected"),
    [
        (None, ([-3_000, 4_500], [6_000])),
        ("none", ([], [6_000])),
        ("create_prorations", ([-3_000, 4_500], [6_000])),
        ("always_invoice", ([], [6_000, 1_500])),
    ],
)
def test_a_running_phase_changed_in_place_goes_by_the_request(sandbox, mode, own, top, expected):
    running = Running(sandbox, mode)
    running.update(running.phase(90, proration_behavior=own), **({"proration_behavior": top} if top else {}))
    assert (running.waiting(), running.totals()) == expected


@pytest.mark.parametrize("mode", MODES)
def test_what_does_not_change_the_items_is_not_prorated(sandbox, mode):
    running = Running(sandbox, mode)
    running.client.v1.coupons.create({"id": "off", "percent_off": 10, "duration": "forever"})
    running.update(running.phase(metadata={"a": "1"}, description="new", discounts=[{"coupon": "off"}]))
    running.client.v1.subscription_schedules.update(running.schedule.id, {"metadata": {"b": "2"}})
    assert (running.waiting(), running.totals()) == ([], [6_000])
    assert running.subscription().metadata.to_dict() == {"a": "1"}
    running.run_to(ts(2, 1))
    assert running.totals() == [6_000, 5_400]


@pytest.mark.parametrize("mode", MODES)
def test_an_inline_price_given_again_is_another_price(sandbox, mode):
    running = Running(sandbox, mode)
    inline = {"currency": "usd", "product": "sku", "recurring": {"interval": "month"}, "unit_amount": 100}
    again = {**running.phase(), "items": [{"price_data": inline, "quantity": 60}]}
    running.update(again)
    assert running.waiting() == [-3_000, 3_000]


@pytest.mark.parametrize("mode", MODES)
def test_the_last_phase_ended_now_ends_the_subscription(sandbox, mode):
    running = Running(sandbox, mode)
    ended = running.update(running.phase(until="now"))
    assert (ended.status, ended.completed_at, ended.current_phase) == ("completed", HALF, None)
    assert (running.subscription().status, running.subscription().ended_at) == ("canceled", HALF)
    assert running.totals() == [6_000, -3_000]
    running.run_to(ts(3, 1))
    assert running.totals() == [6_000, -3_000]
    assert running.client.v1.customers.retrieve(running.customer).balance == -3_000


@pytest.mark.parametrize("mode", MODES)
def test_the_last_phase_ended_now_without_prorations_gives_no_credit(sandbox, mode):
    running = Running(sandbox, mode)
    assert running.update(running.phase(until="now"), proration_behavior="none").status == "completed"
    assert (running.subscription().status, running.totals()) == ("canceled", [6_000])


@pytest.mark.parametrize("mode", MODES)
def test_the_last_phase_ended_now_can_let_the_subscription_live(sandbox, mode):
    running = Running(sandbox, mode, end_behavior="release")
    ended = running.update(running.phase(until="now"))
    assert (ended.status, ended.released_subscription) == ("released", running.schedule.subscription)
    running.run_to(ts(2, 1))
    assert (running.subscription().status, running.totals()) == ("active", [6_000, 6_000])


@pytest.mark.parametrize("mode", MODES)
def test_a_nearer_end_is_credited_and_a_later_one_charged_again(sandbox, mode):
    running = Running(sandbox, mode)
    near, further = ts(1, 24, 6), ts(1, 28, 3)  # a quarter and an eighth of January are left then
    running.update(running.phase(until=near))
    assert (running.waiting(), running.subscription().cancel_at) == ([-1_500], near)
    shown = running.subscription()["items"].data[0].current_period_end
    assert shown == (near if mode == "classic" else ts(2, 1))
    running.update(running.phase(until=further))
    assert running.waiting() == [-1_500, 750]
    running.update(running.phase(until=END))
    assert running.waiting() == [-1_500, 750, 750]
    assert running.subscription()["items"].data[0].current_period_end == ts(2, 1)
    running.run_to(ts(2, 1))
    assert running.totals() == [6_000, 6_000]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("behavior", ["none", "create_prorations"])
def test_a_last_period_that_is_cut_short_costs_its_share(sandbox, mode, behavior):
    """March has 31 days, and half of it is used; a date set for a later period always prorates that period."""
    running = Running(sandbox, mode, until=ts(3, 16, 12), behavior=behavior)
    running.run_to(ts(5, 1))
    assert running.totals() == [6_000, 6_000, 3_000]
    last = running.client.v1.invoices.list({"customer": running.customer}).data[0].lines.data[0]
    assert (last.period.start, last.period.end) == (ts(3, 1), ts(3, 16, 12))
    assert running.subscription().ended_at == ts(3, 16, 12)


@pytest.mark.parametrize(
    ("mode", "behavior", "total"),
    [("classic", "create_prorations", 3_000), ("classic", "none", 6_000), ("flexible", "none", 6_000)],
)
def test_a_first_period_that_is_cut_short(sandbox, mode, behavior, total):
    running = Running(sandbox, mode, until=HALF, behavior=behavior, at=START + 1)
    assert running.totals() == [total]


@pytest.mark.parametrize("mode", MODES)
def test_cut_short_and_changed_at_once(sandbox, mode):
    """90 seats for a quarter of the month instead of 60 for half of it."""
    running = Running(sandbox, mode)
    until = ts(1, 24, 6)
    begins = running.phase(90, start="now", until=until, proration_behavior="create_prorations")
    running.update(running.phase(until="now"), begins)
    assert running.waiting() == [-3_000, 2_250]


@pytest.mark.parametrize("mode", MODES)
def test_amended_three_times_in_one_month(sandbox, mode):
    running = Running(sandbox, mode, at=ts(1, 8, 18))  # a quarter is over
    for moment, quantity in ((None, 80), (HALF, 40), (ts(1, 24, 6), 120)):
        if moment:
            running.run_to(moment)
        current = running.client.v1.subscription_schedules.retrieve(running.schedule.id).phases[-1]
        had = current["items"][0].quantity
        running.update(
            running.phase(had, start=current.start_date, until="now"),
            running.phase(quantity, start="now", proration_behavior="create_prorations"),
        )
    assert len(running.client.v1.subscription_schedules.retrieve(running.schedule.id).phases) == 4
    assert sum(running.waiting()) == (80 + 40 + 120) * 25 - 60 * 75
    running.run_to(ts(2, 1))
    assert running.totals() == [6_000, (80 + 40 + 120) * 25 - 60 * 75 + 12_000]


def test_the_past_cannot_be_changed(sandbox):
    running = Running(sandbox, "flexible")
    past = running.phase(until="now")
    now = running.phase(70, start="now", proration_behavior="none")
    running.update(past, now)
    running.run_to(ts(1, 20))
    kept = running.phase(70, start=HALF)
    with_past = running.update(running.phase(until=HALF), kept)
    assert [(p.start_date, p.end_date) for p in with_past.phases] == [(START, HALF), (HALF, END)]
    with pytest.raises(stripe.InvalidRequestError, match="already ended"):
        running.update({**running.phase(until=HALF), "items": running.items(61)}, kept)
    with pytest.raises(stripe.InvalidRequestError, match="start date of the current phase"):
        running.update(running.phase(start="now"))
    with pytest.raises(stripe.InvalidRequestError, match="later than its start"):
        running.update(kept, running.phase(start=END, until=END))


@pytest.mark.parametrize("mode", MODES)
def test_a_schedule_that_has_not_begun_can_begin_now(sandbox, mode):
    running = Running(sandbox, mode, until=END, at=START + 1)
    client = running.client
    later = client.v1.subscription_schedules.create(
        {
            "customer": running.customer,
            "start_date": ts(3, 1),
            "billing_mode": {"type": mode},
            "phases": [{"items": running.items(1), "end_date": ts(4, 1)}],
        }
    )
    phase = {"start_date": "now", "end_date": ts(4, 1), "items": running.items(1)}
    begun = client.v1.subscription_schedules.update(later.id, {"phases": [phase]})
    assert (begun.status, begun.current_phase.start_date) == ("active", START + 1)
    assert client.v1.invoices.list({"subscription": begun.subscription}).data[0].total == 100


@pytest.mark.parametrize("mode", MODES)
def test_what_a_phase_does_not_repeat_is_unset(sandbox, mode):
    """Discounts and descriptions go; metadata that has reached the subscription stays there until it is emptied."""
    running = Running(sandbox, mode)
    running.client.v1.coupons.create({"id": "off", "percent_off": 10, "duration": "forever"})
    said = {"discounts": [{"coupon": "off"}], "description": "said", "metadata": {"a": "1"}}
    fee = {"price_data": {"currency": "usd", "product": "sku", "unit_amount": 70}}
    running.update(running.phase(**said, add_invoice_items=[fee]))
    assert (running.waiting(), len(running.subscription().discounts)) == ([70], 1)
    bare = running.update(running.phase()).phases[0]
    assert (bare.discounts, bare.description, bare.metadata.to_dict(), bare.add_invoice_items) == ([], None, {}, [])
    sub = running.subscription()
    assert (sub.discounts, sub.description, sub.metadata.to_dict()) == ([], None, {"a": "1"})
    running.update(running.phase(metadata={"a": ""}))
    assert running.subscription().metadata.to_dict() == {}
    assert running.waiting() == [70]  # what was to be billed once is not taken back


@pytest.mark.parametrize("mode", MODES)
def test_default_settings_that_are_not_named_stay(sandbox, mode):
    running = Running(sandbox, mode)
    settings = {"default_settings": {"invoice_settings": {"days_until_due": 45}}}
    changed = running.client.v1.subscription_schedules.update(running.schedule.id, settings)
    assert changed.default_settings.collection_method == "send_invoice"
    assert running.subscription().days_until_due == 45
    assert running.waiting() == []


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("start", [ts(2, 1), ts(5, 1)])
def test_a_start_that_is_still_to_come_can_be_moved(sandbox, mode, start):
    running = Running(sandbox, mode, at=START + 1)
    order = {
        "customer": running.customer,
        "start_date": ts(3, 1),
        "billing_mode": {"type": mode},
        "phases": [{"items": running.items(7), "end_date": ts(6, 1)}],
    }
    made = running.client.v1.subscription_schedules.create(order)
    phase = {"start_date": start, "end_date": ts(6, 1), "items": running.items(7)}
    moved = running.client.v1.subscription_schedules.update(made.id, {"phases": [phase]})
    assert (moved.status, moved.phases[0].start_date) == ("not_started", start)
    running.run_to(start)
    begun = running.client.v1.subscription_schedules.retrieve(made.id)
    assert running.client.v1.invoices.list({"subscription": begun.subscription}).data[0].created == start


@pytest.mark.parametrize("mode", MODES)
def test_end_behavior_alone_moves_the_cancel_date(sandbox, mode):
    """The end lies in the middle of the running period: what is cut off is credited, and charged when it comes back."""
    running = Running(sandbox, mode, until=ts(1, 24, 6), end_behavior="release")  # a quarter is left then
    assert (running.totals(), running.subscription().cancel_at) == ([6_000], None)
    update = running.client.v1.subscription_schedules.update
    update(running.schedule.id, {"end_behavior": "cancel"})
    assert (running.waiting(), running.subscription().cancel_at) == ([-1_500], ts(1, 24, 6))
    update(running.schedule.id, {"end_behavior": "release"})
    assert (running.waiting(), running.subscription().cancel_at) == ([-1_500, 1_500], None)
    update(running.schedule.id, {"end_behavior": "cancel", "proration_behavior": "none"})
    assert running.waiting() == [-1_500, 1_500]


@pytest.mark.parametrize("behavior", ["none", "renew"])
def test_ends_that_the_reference_does_not_describe_are_not_emulated(sandbox, behavior):
    running = Running(sandbox, "flexible")
    with pytest.raises(stripe.APIError, match="Not emulated: end_behavior"):
        running.client.v1.subscription_schedules.update(running.schedule.id, {"end_behavior": behavior})
