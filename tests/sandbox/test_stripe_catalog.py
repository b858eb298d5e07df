"""Customers, products, prices, coupons, meters, webhooks, events: the small objects."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
import stripe

from connector.sandbox.stripe import StripeSandbox


@pytest.fixture
def sandbox():
    with StripeSandbox(now=datetime(2026, 1, 1, tzinfo=UTC)) as running:
        yield running


@pytest.fixture
def client(sandbox):
    return sandbox.client()


@pytest.fixture
def product(client):
    return client.v1.products.create({"id": "cpq_sku", "name": "Seat"})


def refused(call, *arguments, error=stripe.InvalidRequestError):
    with pytest.raises(error) as caught:
        call(*arguments)
    return caught.value


def test_customer_life(client):
    made = client.v1.customers.create(
        {
            "name": "ACME",
            "email": "billing@acme.test",
            "metadata": {"a": "1", "b": "2"},
            "address": {"country": "DE", "line1": "Weg 1"},
            "tax_id_data": [{"type": "eu_vat", "value": "DE123456789"}],
            "expand": ["tax_ids"],
        }
    )
    assert (made.address.country, made.address.city) == ("DE", None)
    assert [tax.value for tax in made.tax_ids.data] == ["DE123456789"]
    client.v1.customers.update(made.id, {"metadata": {"a": "", "c": "3"}, "name": "ACME SE"})
    changed = client.v1.customers.retrieve(made.id)
    assert (changed.name, changed.metadata.to_dict()) == ("ACME SE", {"b": "2", "c": "3"})
    assert [found.id for found in client.v1.customers.list({"email": "billing@acme.test"}).data] == [made.id]
    assert client.v1.customers.list({"email": "other@acme.test"}).data == []
    extra = client.v1.customers.tax_ids.create(made.id, {"type": "gb_vat", "value": "GB1"})
    client.v1.customers.tax_ids.delete(made.id, extra.id)
    assert len(client.v1.customers.tax_ids.list(made.id).data) == 1
    assert client.v1.customers.delete(made.id).deleted
    assert client.v1.customers.retrieve(made.id).deleted
    assert client.v1.customers.list().data == []


def test_balance_is_booked(client):
    customer = client.v1.customers.create({"name": "A"})
    client.v1.customers.balance_transactions.create(customer.id, {"amount": -500, "currency": "usd"})
    assert client.v1.customers.retrieve(customer.id).balance == -500
    rows = client.v1.customers.balance_transactions.list(customer.id).data
    assert [(row.amount, row.ending_balance) for row in rows] == [(-500, -500)]


def test_pages(client):
    made = [client.v1.customers.create({"name": str(i)}).id for i in range(7)]
    first = client.v1.customers.list({"limit": 3})
    assert first.has_more
    assert [row.id for row in first.auto_paging_iter()] == made[::-1]
    before = client.v1.customers.list({"limit": 2, "ending_before": made[0]})
    assert [row.id for row in before.data] == [made[2], made[1]]
    assert refused(client.v1.customers.list, {"limit": 101}).param == "limit"


def test_own_ids_are_unique(client, product):
    error = refused(client.v1.products.create, {"id": product.id, "name": "Again"})
    assert (error.code, error.http_status) == ("resource_already_exists", 400)
    coupon = {"id": "cpq_10", "percent_off": 10, "duration": "forever"}
    assert client.v1.coupons.create(coupon).percent_off == 10
    assert refused(client.v1.coupons.create, coupon).code == "resource_already_exists"
    assert client.v1.coupons.delete("cpq_10").deleted
    assert refused(client.v1.coupons.retrieve, "cpq_10").http_status == 404


def test_product_changes_and_filters(client, product):
    other = client.v1.products.create({"name": "Other", "active": False})
    client.v1.products.update(product.id, {"description": "A seat", "metadata": {"k": "v"}})
    assert client.v1.products.retrieve(product.id).description == "A seat"
    assert [p.id for p in client.v1.products.list({"active": True}).data] == [product.id]
    assert [p.id for p in client.v1.products.list({"ids": [other.id]}).data] == [other.id]
    assert client.v1.products.delete(other.id).deleted


def test_price_amounts(client, product):
    def create(**given):
        return client.v1.prices.create({"product": product.id, "currency": "usd", **given})

    whole = create(unit_amount_decimal=Decimal("12000.0"), recurring={"interval": "month"})
    assert (whole.unit_amount, whole.unit_amount_decimal, whole.type) == (12000, Decimal(12000), "recurring")
    part = create(unit_amount_decimal=Decimal("0.5"))
    assert (part.unit_amount, part.unit_amount_decimal, part.type) == (None, Decimal("0.5"), "one_time")


def test_price_by_lookup_key(client, product):
    order = {"product": product.id, "currency": "usd", "unit_amount": 5, "lookup_key": "cpq_abc"}
    price = client.v1.prices.create(order)
    error = refused(client.v1.prices.create, order)
    assert error.user_message == f"A price (`{price.id}`) already uses that lookup key."
    assert error.param == "lookup_key"
    assert [found.id for found in client.v1.prices.list({"lookup_keys": ["cpq_abc"]}).data] == [price.id]
    moved = client.v1.prices.create({**order, "transfer_lookup_key": True})
    assert client.v1.prices.retrieve(price.id).lookup_key is None
    assert client.v1.prices.update(moved.id, {"active": False}).active is False
    assert client.v1.prices.list({"active": True, "product": product.id}).data[0].id == price.id


def test_price_errors(client, product):
    base = {"product": product.id, "currency": "usd"}
    cases = [
        ({"currency": "usd", "unit_amount": 1}, "You must specify either `product` or `product_data`"),
        (base, "Prices require an `unit_amount` or `unit_amount_decimal`"),
        ({**base, "unit_amount": 1, "unit_amount_decimal": Decimal(1)}, "You may only specify one of these parameters"),
        (
            {**base, "billing_scheme": "tiered"},
            "If the billing scheme is set to tiered the parameter tiers must be set.",
        ),
        (
            {**base, "unit_amount": 1, "billing_scheme": "x"},
            "Invalid billing_scheme: must be one of per_unit or tiered",
        ),
        (
            {**base, "unit_amount": 1, "recurring": {"interval": "month", "interval_count": 37}},
            "can't be greater than 36",
        ),
        (
            {**base, "unit_amount": 1, "lookup_key": "x" * 201},
            "Invalid string: xxxx...xxxx; must be at most 200 characters",
        ),
        ({**base, "unit_amount_decimal": "0.1e-12"}, "must contain at most 12 decimal places"),
        ({**base, "unit_amount": "1.0"}, "Invalid integer: 1.0"),
        ({"product": product.id, "currency": "xxx", "unit_amount": 1}, "Invalid currency: xxx"),
        ({**base, "product": "prod_none", "unit_amount": 1}, "No such product: 'prod_none'"),
        (
            {**base, "unit_amount": 1, "recurring": {"interval": "month", "usage_type": "metered"}},
            "metered prices must be backed by meters",
        ),
    ]
    for order, text in cases:
        assert text in refused(client.v1.prices.create, order).user_message


def test_tiers_are_shown_on_request(client, product):
    tiers = [
        {"up_to": 10, "unit_amount": 100},
        {"up_to": "inf", "unit_amount_decimal": Decimal("50.5"), "flat_amount": 7},
    ]
    order = {
        "product": product.id,
        "currency": "usd",
        "billing_scheme": "tiered",
        "tiers_mode": "graduated",
        "tiers": tiers,
        "recurring": {"interval": "month"},
    }
    price = client.v1.prices.create(order)
    assert "tiers" not in price
    shown = client.v1.prices.retrieve(price.id, {"expand": ["tiers"]})
    assert [(tier.up_to, tier.unit_amount_decimal) for tier in shown.tiers] == [(10, 100), (None, Decimal("50.5"))]
    open_end = {**order, "tiers": tiers[:1]}
    assert refused(client.v1.prices.create, open_end).param == "tiers[0][up_to]"


def test_metadata_limits(client):
    def create(metadata):
        return refused(client.v1.customers.create, {"metadata": metadata}).user_message

    assert create({str(i): "x" for i in range(51)}) == "Metadata can have up to 50 keys, but you've set 51."
    assert "up to 40 characters" in create({"k" * 41: "x"})
    assert "up to 500 characters" in create({"k": "x" * 501})
    assert client.v1.customers.create({"metadata": {"0": "digits are keys too"}}).metadata["0"]


def test_meters(client, product):
    meter = client.v1.billing.meters.create(
        {"display_name": "Calls", "event_name": "calls", "default_aggregation": {"formula": "sum"}}
    )
    recurring = {"interval": "month", "usage_type": "metered", "meter": meter.id}
    price = client.v1.prices.create(
        {"product": product.id, "currency": "usd", "unit_amount": 3, "recurring": recurring}
    )
    assert price.recurring.meter == meter.id
    assert [found.id for found in client.v1.billing.meters.list({"status": "active"}).data] == [meter.id]


def test_webhook_endpoints_are_kept(client):
    made = client.v1.webhook_endpoints.create({"url": "https://example.com/hook", "enabled_events": ["*"]})
    assert made.secret.startswith("whsec_")
    assert "secret" not in client.v1.webhook_endpoints.retrieve(made.id)
    assert client.v1.webhook_endpoints.update(made.id, {"disabled": True}).status == "disabled"
    client.v1.webhook_endpoints.delete(made.id)
    assert client.v1.webhook_endpoints.list().data == []


def test_events_name_the_request(client):
    made = client.v1.customers.create({"name": "A"}, {"idempotency_key": "k1"})
    client.v1.customers.update(made.id, {"name": "B"})
    updated, created = client.v1.events.list({"types": ["customer.created", "customer.updated"]}).data
    assert created.data.object["name"] == "A"
    assert (created.request.id, created.request.idempotency_key) == (made.last_response.request_id, "k1")
    assert updated.data.previous_attributes["name"] == "A"
    assert client.v1.events.retrieve(created.id).type == "customer.created"
    assert client.v1.events.list({"type": "price.*"}).data == []
