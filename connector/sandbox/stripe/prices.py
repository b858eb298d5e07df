"""Prices and the meters behind metered ones (stripe.com/docs/api/prices, /billing/meter)."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from connector.sandbox.stripe import events
from connector.sandbox.stripe.endpoint import Call, Endpoint, chosen, listing
from connector.sandbox.stripe.errors import exclusive, invalid, malformed, not_emulated
from connector.sandbox.stripe.limits import merge_metadata
from connector.sandbox.stripe.money import plain
from connector.sandbox.stripe.products import make_product
from connector.sandbox.stripe.rendering import within

if TYPE_CHECKING:
    from connector.sandbox.stripe.state import Object, Tenant


def make_price(tenant: Tenant, params: dict[str, Any], at: int, *, inline: bool = False, param: str = "") -> Object:
    """Make a price; one given inline as `price_data` is inactive from the start (recorded traffic)."""
    prefix = f"{param}[price_data]" if param else ""
    tenant.get("product", params["product"], f"{prefix}[product]" if prefix else "product")
    made: Object = {
        "id": tenant.new_id("price"),
        "object": "price",
        "active": False if inline else params.get("active", True),
        "billing_scheme": params.get("billing_scheme", "per_unit"),
        "created": at,
        "currency": params["currency"].lower(),
        "custom_unit_amount": None,
        "livemode": tenant.livemode,
        "lookup_key": None,
        "metadata": merge_metadata({}, params.get("metadata")),
        "nickname": params.get("nickname"),
        "product": params["product"],
        "recurring": _recurring(tenant, params.get("recurring")),
        "tax_behavior": params.get("tax_behavior", "unspecified"),
        "tiers_mode": params.get("tiers_mode"),
        "transform_quantity": params.get("transform_quantity"),
        "type": "recurring" if params.get("recurring") else "one_time",
        **_amount(params),
        "_tiers": [_tier(tier) for tier in params.get("tiers", [])] or None,
        "_currency_options": None,
    }
    return tenant.add("price", made)


def _amount(params: dict[str, Any]) -> Object:
    """Show the decimal always, the integer only when the amount is whole (recorded traffic)."""
    amount = params.get("unit_amount_decimal", params.get("unit_amount"))
    if amount is None:
        return {"unit_amount": None, "unit_amount_decimal": None}
    value = Decimal(amount)
    whole = int(value) if value == value.to_integral_value() else None
    return {"unit_amount": whole, "unit_amount_decimal": plain(value)}


def _tier(given: dict[str, Any]) -> Object:
    unit = _amount(given)
    flat = _amount(
        {name.replace("flat", "unit"): value for name, value in given.items() if name.startswith("flat_amount")}
    )
    return {
        "flat_amount": flat["unit_amount"],
        "flat_amount_decimal": flat["unit_amount_decimal"],
        "unit_amount": unit["unit_amount"],
        "unit_amount_decimal": unit["unit_amount_decimal"],
        "up_to": None if given["up_to"] == "inf" else given["up_to"],
    }


def _recurring(tenant: Tenant, given: dict[str, Any] | None) -> Object | None:
    if not given:
        return None
    usage = given.get("usage_type", "licensed")
    if usage == "metered" and "meter" not in given:
        message = "Starting with Stripe version `2025-03-31.basil`, metered prices must be backed by meters."
        raise invalid(message, "recurring[meter]")
    if "meter" in given:
        tenant.get("billing.meter", given["meter"], "recurring[meter]")
    return {
        "interval": given["interval"],
        "interval_count": given.get("interval_count", 1),
        "meter": given.get("meter"),
        "trial_period_days": None,
        "usage_type": usage,
    }


def _create(call: Call) -> Object:
    params, tenant = dict(call.params), call.tenant
    _check(params)
    _free_lookup_key(tenant, params)
    if "product_data" in params:
        params["product"] = make_product(tenant, params["product_data"], call.now)["id"]
    made = make_price(tenant, params, call.now)
    made["lookup_key"] = params.get("lookup_key")
    events.record(tenant, "created", made, call.now)
    return made


def _check(params: dict[str, Any]) -> None:
    for name in ("custom_unit_amount", "currency_options"):
        if name in params:
            raise not_emulated(f"prices with {name}")
    if "product" in params and "product_data" in params:
        raise exclusive("product", "product_data")
    if "product" not in params and "product_data" not in params:
        message = "You must specify either `product` or `product_data` when creating a price."
        raise invalid(message)
    if params.get("billing_scheme") == "tiered":
        _check_tiers(params)
    elif "unit_amount" not in params and "unit_amount_decimal" not in params:
        message = "Prices require an `unit_amount` or `unit_amount_decimal` parameter to be set."
        raise invalid(message)


def _check_tiers(params: dict[str, Any]) -> None:
    tiers = params.get("tiers")
    if not tiers:
        message = "If the billing scheme is set to tiered the parameter tiers must be set."
        raise malformed(message, "tiers")
    if "tiers_mode" not in params:
        message = "If the billing scheme is set to tiered the parameter tiers_mode must be set."
        raise malformed(message, "tiers_mode")
    if tiers[-1]["up_to"] != "inf":
        message = "The tiers array must include a catch all tier with up_to set to `inf` as last item."
        raise malformed(message, f"tiers[{len(tiers) - 1}][up_to]")


def _free_lookup_key(tenant: Tenant, params: dict[str, Any]) -> None:
    """Refuse a lookup key in use, or take it over (text as quoted in public issue threads)."""
    key = params.get("lookup_key")
    holder = next((price for price in tenant.all("price") if key and price["lookup_key"] == key), None)
    if holder is None:
        return
    if not params.get("transfer_lookup_key"):
        raise invalid(f"A price (`{holder['id']}`) already uses that lookup key.", "lookup_key")
    tenant.touch("price", holder["id"])["lookup_key"] = None


def _price(call: Call) -> Object:
    return call.tenant.get("price", call.variables["price"], "price", status=404)


def _update(call: Call) -> Object:
    price, params = _price(call), call.params
    before = dict(price)
    call.tenant.touch("price", price["id"])
    if params.get("lookup_key") and params["lookup_key"] != price["lookup_key"]:
        _free_lookup_key(call.tenant, params)
    price.update(chosen(params, "active", "nickname", "tax_behavior", "lookup_key"))
    price["metadata"] = merge_metadata(price["metadata"], params.get("metadata", {}))
    changed = {name: before[name] for name in price if price[name] != before[name]}
    if changed:
        events.record(call.tenant, "updated", price, call.now, changed)
    return price


def _list(call: Call) -> Object:
    params = call.params
    found = [
        price
        for price in call.tenant.all("price")
        if ("active" not in params or price["active"] == params["active"])
        and ("product" not in params or price["product"] == params["product"])
        and ("lookup_keys" not in params or price["lookup_key"] in params["lookup_keys"])
        and ("currency" not in params or price["currency"] == params["currency"].lower())
        and ("type" not in params or price["type"] == params["type"])
        and ("created" not in params or within(price["created"], params["created"]))
    ]
    return listing(call, found)


# --- meters ----------------------------------------------------------------------------------------------


def _create_meter(call: Call) -> Object:
    params = call.params
    if any(meter["event_name"] == params["event_name"] for meter in call.tenant.all("billing.meter")):
        raise invalid(f"There is already an active meter with the event name `{params['event_name']}`.", "event_name")
    made = {
        "id": call.tenant.new_id("billing.meter"),
        "object": "billing.meter",
        "created": call.now,
        "customer_mapping": params.get(
            "customer_mapping", {"event_payload_key": "stripe_customer_id", "type": "by_id"}
        ),
        "default_aggregation": params["default_aggregation"],
        "display_name": params["display_name"],
        "event_name": params["event_name"],
        "event_time_window": params.get("event_time_window"),
        "livemode": call.tenant.livemode,
        "status": "active",
        "status_transitions": {"deactivated_at": None},
        "updated": call.now,
        "value_settings": params.get("value_settings", {"event_payload_key": "value"}),
    }
    return call.tenant.add("billing.meter", made)


def _meter(call: Call) -> Object:
    return call.tenant.get("billing.meter", call.variables["id"], "id", status=404)


def _list_meters(call: Call) -> Object:
    wanted = call.params.get("status")
    return listing(call, [m for m in call.tenant.all("billing.meter") if wanted in (None, m["status"])])


ENDPOINTS = [
    Endpoint("POST", "/v1/prices", "PriceCreateParams", _create),
    Endpoint("GET", "/v1/prices", "PriceListParams", _list),
    Endpoint("GET", "/v1/prices/{price}", "PriceRetrieveParams", _price),
    Endpoint("POST", "/v1/prices/{price}", "PriceUpdateParams", _update),
    Endpoint("POST", "/v1/billing/meters", "billing.MeterCreateParams", _create_meter),
    Endpoint("GET", "/v1/billing/meters", "billing.MeterListParams", _list_meters),
    Endpoint("GET", "/v1/billing/meters/{id}", "billing.MeterRetrieveParams", _meter),
]
