"""The answers have the shape the SDK's response classes state: no key of our own, none missing."""

from datetime import UTC, datetime
from typing import Any

import pytest
import stripe
import stripe.billing
import stripe.test_helpers

from connector.sandbox.stripe import StripeSandbox, shapes

ON_REQUEST = {
    "customer": {"sources", "subscriptions", "tax_ids", "tax", "cash_balance", "invoice_credit_balance"},
    "product": {"tax_details"},
    "price": {"tiers", "currency_options"},
    "plan": {"tiers"},
    "coupon": {"applies_to", "currency_options"},
    "subscription": {"managed_payments", "presentment_details", "status_details"},
    "subscription_item": {"current_trial"},
    "invoice": {"payments", "confirmation_secret", "status_details"},
    "event": {"account", "context"},
}
SOMETIMES = {"deleted", "quantity", "secret", "trial", "business_name", "individual_name", "last_response"}


@pytest.fixture(scope="module")
def answers():
    with StripeSandbox(now=datetime(2026, 1, 1, tzinfo=UTC)) as sandbox:
        client = sandbox.client()
        clock = client.v1.test_helpers.test_clocks.create({"frozen_time": 1767225600})
        customer = client.v1.customers.create({"name": "A", "test_clock": clock.id})
        client.v1.products.create({"id": "sku", "name": "Seat"})
        client.v1.coupons.create({"id": "off", "percent_off": 10, "duration": "once"})
        meter = client.v1.billing.meters.create(
            {"display_name": "m", "event_name": "m", "default_aggregation": {"formula": "sum"}}
        )
        item = {
            "price_data": {"currency": "usd", "product": "sku", "recurring": {"interval": "year"}, "unit_amount": 9}
        }
        extra = {"price_data": {"currency": "usd", "product": "sku", "unit_amount": 5}}
        phase: Any = {
            "items": [item],
            "add_invoice_items": [extra],
            "duration": {"interval": "year"},
            "discounts": [{"coupon": "off"}],
            "invoice_settings": {"description": "x"},
        }
        schedule = client.v1.subscription_schedules.create(
            {
                "customer": customer.id,
                "phases": [phase],
                "expand": ["phases.items.price", "subscription.latest_invoice", "subscription.discounts"],
            }
        )
        client.v1.customers.balance_transactions.create(customer.id, {"amount": -7, "currency": "usd"})
        order: Any = {"items": [{"price_data": item["price_data"]}], "customer": customer.id}
        order |= {"collection_method": "send_invoice", "days_until_due": 5}
        alone: Any = client.v1.subscriptions.create(order)
        invoice = client.v1.invoices.finalize_invoice(alone.latest_invoice)
        note: Any = {"invoice": invoice.id, "lines": [{"type": "custom_line_item", "unit_amount": 1, "quantity": 1}]}
        yield [
            alone,
            client.v1.credit_notes.create(note),
            client.v1.customers.balance_transactions.list(customer.id).data[0],
            client.v1.customers.retrieve(customer.id),
            client.v1.products.retrieve("sku"),
            client.v1.coupons.retrieve("off"),
            client.v1.prices.list().data[0],
            client.v1.events.list().data[0],
            client.v1.invoice_items.list({"customer": customer.id}).data[0],
            client.v1.customers.tax_ids.create(customer.id, {"type": "eu_vat", "value": "DE1"}),
            client.v1.webhook_endpoints.create({"url": "https://example.com", "enabled_events": ["*"]}),
            clock,
            meter,
            schedule,
        ]


def walk(value):
    if isinstance(value, stripe.StripeObject):
        yield value
        value = [value[name] for name in value.to_dict(recursive=False)]
    if isinstance(value, list):
        for item in value:
            yield from walk(item)


def test_keys(answers):
    seen = set()
    for answer in walk(answers):
        stated = {name for name in vars(type(answer)).get("__annotations__", {}) if not name.isupper()}
        stated = {name for name in stated if not name.startswith("_")}
        if not stated or isinstance(answer, stripe.ListObject):
            continue
        kind = answer.to_dict().get("object")
        kind = kind if isinstance(kind, str) else type(answer).__name__
        seen.add(kind)
        keys = set(answer.to_dict())
        assert keys <= stated, kind
        if kind != type(answer).__name__:
            assert stated - keys <= SOMETIMES | ON_REQUEST.get(kind, set()), kind
    expected = "subscription_schedule subscription subscription_item invoice line_item discount price Phase Item"
    money = "credit_note credit_note_line_item customer_balance_transaction"
    assert {*expected.split(), *money.split()} <= seen


def test_every_request_type_of_the_sdk_can_be_read():
    sandbox = StripeSandbox()
    endpoints = [found for _, _, _, found in sandbox.app._router._patterns]
    endpoints += [found for _, found in sandbox.app._router._fixed.values()]
    assert len(endpoints) > 60
    for endpoint in endpoints:
        assert "expand" in shapes.struct_named(endpoint.params).fields or endpoint.method == "DELETE"
