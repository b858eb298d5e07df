"""Subscription schedules: what is accepted, what is refused, and how they move."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
import stripe

from connector.sandbox.stripe import StripeSandbox


def ts(year, month, day):
    return int(datetime(year, month, day, tzinfo=UTC).timestamp())


@pytest.fixture
def sandbox():
    with StripeSandbox(now=datetime(2026, 1, 1, tzinfo=UTC)) as running:
        yield running


@pytest.fixture
def client(sandbox):
    client = sandbox.client()
    for name in ("sku", "setup"):
        client.v1.products.create({"id": name, "name": name.title()})
    return client


@pytest.fixture
def customer(client):
    return client.v1.customers.create({"name": "ACME"}).id


def inline(amount, *, product="sku", interval="month", currency="usd", **more):
    price = {
        "currency": currency,
        "product": product,
        "recurring": {"interval": interval},
        "unit_amount_decimal": Decimal(amount),
    }
    return {"price_data": price, **more}


def year(*items, **more):
    return {
        "duration": {"interval": "year", "interval_count": 1},
        "proration_behavior": "none",
        "items": list(items),
        **more,
    }


def refused(call, *arguments):
    with pytest.raises(stripe.InvalidRequestError) as caught:
        call(*arguments)
    return caught.value


def ramp(customer, **more):
    return {
        "customer": customer,
        "start_date": "now",
        "end_behavior": "cancel",
        "billing_mode": {"type": "flexible"},
        "metadata": {"deal": "D1"},
        "default_settings": {"collection_method": "send_invoice", "invoice_settings": {"days_until_due": 30}},
        "phases": [
            year(inline(1000, quantity=5, metadata={"line": "L1"}), metadata={"segment": "1"}),
            year(inline(1100, quantity=6, metadata={"line": "L2"}), metadata={"segment": "2"}),
            year(inline("1200.5", quantity=7, metadata={"line": "L3"}), metadata={"segment": "3"}),
        ],
        **more,
    }


def test_a_three_phase_ramp(client, customer):
    made = client.v1.subscription_schedules.create(ramp(customer, expand=["phases.items.price", "subscription"]))
    assert (made.status, made.end_behavior, made.metadata.to_dict()) == ("active", "cancel", {"deal": "D1"})
    assert [(p.start_date, p.end_date) for p in made.phases] == [
        (ts(2026, 1, 1), ts(2027, 1, 1)),
        (ts(2027, 1, 1), ts(2028, 1, 1)),
        (ts(2028, 1, 1), ts(2029, 1, 1)),
    ]
    assert made.current_phase.to_dict() == {"start_date": ts(2026, 1, 1), "end_date": ts(2027, 1, 1)}
    assert [p["items"][0].quantity for p in made.phases] == [5, 6, 7]
    prices = [p["items"][0].price for p in made.phases]
    assert [price.unit_amount_decimal for price in prices] == [1000, 1100, Decimal("1200.5")]
    assert {price.active for price in prices} == {False}
    assert [p["items"][0].metadata["line"] for p in made.phases] == ["L1", "L2", "L3"]
    assert made.default_settings.collection_method == "send_invoice"
    assert made.default_settings.invoice_settings.days_until_due == 30
    first = made.phases[0].to_dict()
    assert {name: first[name] for name in ("currency", "discounts", "add_invoice_items", "default_tax_rates")} == {
        "currency": "usd",
        "discounts": [],
        "add_invoice_items": [],
        "default_tax_rates": [],
    }
    assert "duration" not in first
    sub = made.subscription
    assert (sub.status, sub.schedule, sub.metadata.to_dict()) == ("active", made.id, {"segment": "1"})
    assert sub["items"].data[0].current_period_end == ts(2026, 2, 1)
    assert sub.cancel_at is None
    again = client.v1.subscription_schedules.retrieve(made.id)
    assert again.phases[0]["items"][0].price == prices[0].id
    assert [s.id for s in client.v1.subscription_schedules.list({"customer": customer}).data] == [made.id]


def test_a_start_in_the_future(client, sandbox, customer):
    order = ramp(customer, start_date=ts(2026, 3, 1))
    made = client.v1.subscription_schedules.create(order)
    assert (made.status, made.subscription, made.current_phase) == ("not_started", None, None)
    assert client.v1.subscription_schedules.list({"scheduled": True}).data[0].id == made.id
    sandbox.move_clock(now=datetime(2026, 3, 2, tzinfo=UTC))
    begun = client.v1.subscription_schedules.retrieve(made.id, {"expand": ["subscription.latest_invoice"]})
    assert begun.status == "active"
    assert begun.subscription.latest_invoice.created == ts(2026, 3, 1)
    assert begun.subscription.latest_invoice.billing_reason == "subscription_create"
    assert begun.subscription.latest_invoice.status == "open"


def test_phases_pass_and_the_subscription_follows(client, sandbox, customer):
    made = client.v1.subscription_schedules.create(ramp(customer))
    sandbox.move_clock(now=datetime(2028, 6, 1, tzinfo=UTC))
    sub = client.v1.subscriptions.retrieve(made.subscription)
    assert sub["items"].data[0].quantity == 7
    assert sub.metadata.to_dict() == {"segment": "3"}
    assert sub.cancel_at == ts(2029, 1, 1)
    sandbox.move_clock(now=datetime(2029, 1, 1, tzinfo=UTC))
    ended = client.v1.subscription_schedules.retrieve(made.id, {"expand": ["subscription"]})
    assert (ended.status, ended.completed_at, ended.current_phase) == ("completed", ts(2029, 1, 1), None)
    assert (ended.subscription.status, ended.subscription.ended_at) == ("canceled", ts(2029, 1, 1))


def test_release_at_the_end_lets_the_subscription_live(client, sandbox, customer):
    order = ramp(customer, end_behavior="release")
    made = client.v1.subscription_schedules.create(order)
    sandbox.move_clock(now=datetime(2029, 3, 1, tzinfo=UTC))
    ended = client.v1.subscription_schedules.retrieve(made.id)
    assert (ended.status, ended.subscription, ended.released_subscription) == ("released", None, made.subscription)
    assert (ended.released_at, ended.completed_at) == (ts(2029, 1, 1), None)
    sub = client.v1.subscriptions.retrieve(made.subscription, {"expand": ["latest_invoice"]})
    assert (sub.status, sub.schedule) == ("active", None)
    assert sub.latest_invoice.created == ts(2029, 3, 1)


@pytest.mark.parametrize(
    "case",
    [
        ({"iterations": 2}, "parameter_unknown", "phases[0][iterations]", "Received unknown parameter: phases[0][iter"),
        ({"items": ""}, "parameter_invalid_empty", "phases[0][items]", "You passed an empty string for 'phases[0][ite"),
        ({"end_date": "soon"}, "parameter_invalid_integer", "phases[0][end_date]", "Invalid integer: soon"),
        ({"proration_behavior": "some"}, None, "phases[0][proration_behavior]", "Invalid proration_behavior: must be"),
        ({"end_date": ts(2027, 1, 1)}, None, "phases[0]", "You may only specify one of these parameters: end_date, du"),
        ({"collection_method": "send_invoice"}, None, None, "days_until_due"),
        ({"discounts": [{"coupon": "none"}]}, "resource_missing", "phases[0][discounts][0][coupon]", "No such coupon"),
        ({"default_tax_rates": ["txr_1"]}, "resource_missing", "phases[0][default_tax_rates][0]", "No such tax rate"),
        (
            {"items": [inline(1), inline(1, interval="week")]},
            None,
            "phases[0][items]",
            "whole multiple of the shortest",
        ),
        (
            {"items": [inline(1), inline(1, currency="eur")]},
            None,
            None,
            "For a particular phase, all of its `items` prices must have the same `interval`",
        ),
        (
            {"items": [inline(1, product="none")]},
            "resource_missing",
            "phases[0][items][0][price_data][product]",
            "No such product: 'none'",
        ),
        (
            {"items": [{"price_data": {"currency": "usd", "product": "sku", "tiers": [], "lookup_key": "x"}}]},
            "parameter_unknown",
            "phases[0][items][0][price_data][lookup_key]",
            "unknown parameter",
        ),
        (
            {"items": [{"price_data": {"currency": "usd", "product": "sku"}}]},
            "parameter_missing",
            "phases[0][items][0][price_data][recurring]",
            "Missing required param",
        ),
        ({"metadata": {"k": "x" * 501}}, None, "phases[0][metadata][k]", "Metadata values can have up to 500"),
        ({"items": [inline(i) for i in range(21)]}, None, "phases[0][items]", "exceeded maximum 20 allowed elements"),
    ],
)
def test_refusals(client, customer, case):
    change, code, param, text = case
    order = {"customer": customer, "phases": [{**year(inline(1000)), **change}]}
    error = refused(client.v1.subscription_schedules.create, order)
    assert text in error.user_message
    assert error.code == code
    if param:
        assert error.param == param
    assert client.v1.subscription_schedules.list({"customer": customer}).data == []
    assert client.v1.prices.list().data == []  # a refused request leaves no inline price behind


def test_price_types(client, customer):
    once = client.v1.prices.create({"product": "sku", "currency": "usd", "unit_amount": 5})
    monthly = client.v1.prices.create(
        {"product": "sku", "currency": "usd", "unit_amount": 5, "recurring": {"interval": "month"}}
    )
    create = client.v1.subscription_schedules.create
    error = refused(create, {"customer": customer, "phases": [year({"price": once.id})]})
    assert "set to `type=one_time`" in error.user_message
    wrong = year(inline(1), add_invoice_items=[{"price": monthly.id}])
    assert "set to `type=recurring`" in refused(create, {"customer": customer, "phases": [wrong]}).user_message
    client.v1.prices.update(monthly.id, {"active": False})
    error = refused(create, {"customer": customer, "phases": [year({"price": monthly.id})]})
    assert error.user_message == "The price specified is inactive. This field only accepts active prices."


def test_more_than_ten_phases(client, customer):
    create = client.v1.subscription_schedules.create
    phases = [year(inline(1000))] * 11
    assert refused(create, {"customer": customer, "phases": phases}).param == "phases"
    assert len(create({"customer": customer, "phases": phases[:10]}).phases) == 10


def test_past_phases_do_not_count(client, sandbox, customer):
    made = client.v1.subscription_schedules.create({"customer": customer, "phases": [year(inline(1000))] * 10})
    sandbox.move_clock(now=datetime(2028, 2, 1, tzinfo=UTC))
    kept = [
        {"start_date": p.start_date, "end_date": p.end_date, "items": [{"price": p["items"][0].price}]}
        for p in made.phases[2:]
    ]
    more = [{**year(inline(2000)), "start_date": ts(2036, 1, 1)}, year(inline(2000))]
    changed = client.v1.subscription_schedules.update(made.id, {"phases": [*kept, *more]})
    assert len(changed.phases) == 12
    assert (
        refused(client.v1.subscription_schedules.update, made.id, {"phases": [*kept, *more, year(inline(1))]}).param
        == "phases"
    )


def test_classic_mode_wants_one_interval(client, customer):
    order = {
        "customer": customer,
        "billing_mode": {"type": "classic"},
        "phases": [year(inline(1), inline(2, interval="year"))],
    }
    assert "must have the same `interval`" in refused(client.v1.subscription_schedules.create, order).user_message
    order["billing_mode"] = {"type": "flexible"}
    assert client.v1.subscription_schedules.create(order).status == "active"


def test_one_currency_for_a_customer(client, customer):
    client.v1.subscription_schedules.create(ramp(customer))
    other = {"customer": customer, "phases": [year(inline(1, currency="eur"))]}
    error = refused(client.v1.subscription_schedules.create, other)
    assert error.user_message == (
        "The currency of the selected prices (eur) does not match the customer currency (usd)."
    )
    assert client.v1.customers.retrieve(customer).currency == "usd"


def given(phase, **more):
    """Send a phase back as the API showed it."""
    items = [{"price": i.price, "quantity": i.quantity, "metadata": i.metadata.to_dict()} for i in phase["items"]]
    return {
        "start_date": phase.start_date,
        "end_date": phase.end_date,
        "proration_behavior": "none",
        "items": items,
        "metadata": phase.metadata.to_dict(),
        **more,
    }


def test_update_of_a_future_phase_bills_nothing(client, sandbox, customer):
    made = client.v1.subscription_schedules.create(ramp(customer))
    sandbox.move_clock(now=datetime(2026, 5, 15, tzinfo=UTC))
    before = client.v1.invoices.list({"customer": customer}).data
    later = given(made.phases[1])
    later["items"][0]["quantity"] = 60
    changed = client.v1.subscription_schedules.update(
        made.id, {"phases": [given(made.phases[0]), later, given(made.phases[2])]}
    )
    assert [p["items"][0].quantity for p in changed.phases] == [5, 60, 7]
    assert [p["items"][0].price for p in changed.phases] == [p["items"][0].price for p in made.phases]
    assert client.v1.invoices.list({"customer": customer}).data[0].id == before[0].id
    assert client.v1.invoice_items.list({"customer": customer, "pending": True}).data == []


def test_splitting_the_current_phase_now(client, sandbox, customer):
    made = client.v1.subscription_schedules.create(ramp(customer))
    sandbox.move_clock(now=datetime(2026, 5, 15, 12, tzinfo=UTC))
    at = int(datetime(2026, 5, 15, 12, tzinfo=UTC).timestamp())
    rest = given(made.phases[0], start_date="now")
    rest["items"][0]["quantity"] = 8
    first = given(made.phases[0], end_date="now")
    changed = client.v1.subscription_schedules.update(
        made.id, {"phases": [first, rest, given(made.phases[1]), given(made.phases[2])], "expand": ["subscription"]}
    )
    assert [(p.start_date, p.end_date) for p in changed.phases][:2] == [(ts(2026, 1, 1), at), (at, ts(2027, 1, 1))]
    assert changed.current_phase.start_date == at
    item = changed.subscription["items"].data[0]
    assert item.quantity == 8
    untouched = client.v1.subscription_schedules.update(made.id, {"phases": [given(p) for p in changed.phases[1:]]})
    assert len(untouched.phases) == 4  # the past phase is kept although it was left out
    assert client.v1.subscriptions.retrieve(made.subscription)["items"].data[0].id == item.id


def test_update_errors(client, sandbox, customer):
    made = client.v1.subscription_schedules.create(ramp(customer))
    sandbox.move_clock(now=datetime(2026, 5, 15, tzinfo=UTC))
    update = client.v1.subscription_schedules.update
    loose = given(made.phases[0])
    del loose["start_date"]
    assert "at least one phase with a `start_date`" in refused(update, made.id, {"phases": [loose]}).user_message
    moved = given(made.phases[0], start_date=ts(2026, 2, 1))
    assert "modify the start date of the current phase" in refused(update, made.id, {"phases": [moved]}).user_message
    ended = given(made.phases[0], end_date=ts(2026, 2, 1))
    assert "end date to a future date" in refused(update, made.id, {"phases": [ended]}).user_message
    gap = [given(made.phases[0]), given(made.phases[2])]
    assert refused(update, made.id, {"phases": gap}).param == "phases[1][start_date]"
    assert refused(update, made.id, {"billing_mode": {"type": "classic"}}).code == "parameter_unknown"
    assert client.v1.subscription_schedules.retrieve(made.id).phases == made.phases


def test_metadata_travels_with_the_phase(client, sandbox, customer):
    order = ramp(customer)
    order["phases"][0]["metadata"] = {"a": "1", "b": "1"}
    order["phases"][1]["metadata"] = {"b": "", "c": "2"}
    made = client.v1.subscription_schedules.create(order)
    sandbox.move_clock(now=datetime(2027, 1, 1, tzinfo=UTC))
    sub = client.v1.subscriptions.retrieve(made.subscription, {"expand": ["latest_invoice"]})
    assert sub.metadata.to_dict()["a"] == "1"
    assert "b" not in sub.metadata.to_dict()
    assert sub.latest_invoice.parent.subscription_details.metadata["c"] == "2"
    assert sub.latest_invoice.lines.data[0].metadata.to_dict() == {"a": "1", "c": "2"}
    assert sub["items"].data[0].metadata.to_dict() == {"line": "L2"}


def test_cancel_and_terminal_states(client, sandbox, customer):
    made = client.v1.subscription_schedules.create(ramp(customer))
    sandbox.move_clock(now=datetime(2026, 1, 16, 12, tzinfo=UTC))
    gone = client.v1.subscription_schedules.cancel(made.id, {"invoice_now": False, "prorate": False})
    assert (gone.status, gone.subscription) == ("canceled", made.subscription)
    assert client.v1.subscriptions.retrieve(made.subscription).status == "canceled"
    error = refused(client.v1.subscription_schedules.update, made.id, {"metadata": {"a": "b"}})
    assert "currently in the `canceled` status" in error.user_message
    assert "canceled" in refused(client.v1.subscription_schedules.release, made.id).user_message
    sandbox.move_clock(now=datetime(2026, 6, 1, tzinfo=UTC))
    assert len(client.v1.invoices.list({"customer": customer}).data) == 1


def test_release(client, sandbox, customer):
    made = client.v1.subscription_schedules.create(ramp(customer))
    free = client.v1.subscription_schedules.release(made.id)
    assert (free.status, free.subscription, free.released_subscription) == ("released", None, made.subscription)
    assert client.v1.subscriptions.retrieve(made.subscription).schedule is None
    sandbox.move_clock(now=datetime(2027, 6, 2, tzinfo=UTC))
    sub = client.v1.subscriptions.retrieve(made.subscription)
    assert sub["items"].data[0].quantity == 5  # the later phases never came


def test_a_schedule_for_a_running_subscription(client, customer):
    made = client.v1.subscription_schedules.create(ramp(customer))
    create = client.v1.subscription_schedules.create
    error = refused(create, {"from_subscription": made.subscription})
    assert "already attached to a schedule" in error.user_message
    client.v1.subscription_schedules.release(made.id)
    again = create({"from_subscription": made.subscription})
    assert (again.status, again.subscription, len(again.phases)) == ("active", made.subscription, 1)
    phases = [given(again.phases[0]), year(inline(900))]
    changed = client.v1.subscription_schedules.update(again.id, {"phases": phases, "end_behavior": "cancel"})
    assert len(changed.phases) == 2
    error = refused(create, {"from_subscription": made.subscription, "phases": [year(inline(1))]})
    assert error.user_message == "You cannot set `phases` if `from_subscription` is set."


def test_cancelation_belongs_to_the_schedule(client, customer):
    made = client.v1.subscription_schedules.create(ramp(customer))
    error = refused(client.v1.subscriptions.update, made.subscription, {"cancel_at_period_end": True})
    assert error.user_message.startswith(f"The subscription is managed by the subscription schedule `{made.id}`")
    client.v1.subscriptions.cancel(made.subscription)
    assert client.v1.subscription_schedules.retrieve(made.id).status == "canceled"


def test_expand(client, customer):
    made = client.v1.subscription_schedules.create(ramp(customer))
    listed = client.v1.subscription_schedules.list(
        {"customer": customer, "expand": ["data.customer", "data.subscription.latest_invoice"]}
    )
    assert listed.data[0].customer.name == "ACME"
    assert listed.data[0].subscription.latest_invoice.total == 5000
    error = refused(client.v1.subscription_schedules.retrieve, made.id, {"expand": ["nonsense"]})
    assert error.user_message == "This property cannot be expanded (nonsense)."


def test_what_the_engine_cannot_bill_is_refused(client, customer):
    for more in ({"trial": True}, {"billing_thresholds": {"amount_gte": 5}}):
        with pytest.raises(stripe.APIError, match="Not emulated"):
            client.v1.subscription_schedules.create({"customer": customer, "phases": [year(inline(1), **more)]})
