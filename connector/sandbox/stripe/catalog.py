"""Products and coupons (stripe.com/docs/api/products, /coupons); prices have a module of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from connector.sandbox.stripe import events
from connector.sandbox.stripe.endpoint import Call, Endpoint, chosen, deletion, listing
from connector.sandbox.stripe.errors import exclusive, invalid, malformed
from connector.sandbox.stripe.limits import merge_metadata
from connector.sandbox.stripe.prices import make_price
from connector.sandbox.stripe.products import PRODUCT_FIELDS, make_product
from connector.sandbox.stripe.rendering import within

if TYPE_CHECKING:
    from connector.sandbox.stripe.state import Object


def _create_product(call: Call) -> Object:
    made = make_product(call.tenant, call.params, call.now)
    if "default_price_data" in call.params:
        given = {**call.params["default_price_data"], "product": made["id"]}
        made["default_price"] = make_price(call.tenant, given, call.now)["id"]
    return made


def _product(call: Call) -> Object:
    return call.tenant.get("product", call.variables["id"], "id", status=404)


def _update_product(call: Call) -> Object:
    product = _product(call)
    before = dict(product)
    call.tenant.touch("product", product["id"])
    if call.params.get("default_price"):
        call.tenant.get("price", call.params["default_price"], "default_price")
    product.update(chosen(call.params, *PRODUCT_FIELDS))
    product["metadata"] = merge_metadata(product["metadata"], call.params.get("metadata", {}))
    changed = {name: before[name] for name in product if product[name] != before[name]}
    if changed:
        product["updated"] = call.now
        events.record(call.tenant, "updated", product, call.now, changed)
    return product


def _delete_product(call: Call) -> Object:
    product = _product(call)
    if any(price["product"] == product["id"] for price in call.tenant.all("price")):
        message = "This product cannot be deleted because it has one or more user-created prices."
        raise invalid(message)
    call.tenant.drop("product", product["id"])
    return deletion("product", product["id"])


def _list_products(call: Call) -> Object:
    params = call.params
    found = [
        product
        for product in call.tenant.all("product")
        if ("active" not in params or product["active"] == params["active"])
        and ("ids" not in params or product["id"] in params["ids"])
        and ("url" not in params or product["url"] == params["url"])
        and ("shippable" not in params or product["shippable"] == params["shippable"])
        and ("created" not in params or within(product["created"], params["created"]))
    ]
    return listing(call, found)


# --- coupons -------------------------------------------------------------------------------------------


def _create_coupon(call: Call) -> Object:
    params, tenant = call.params, call.tenant
    _check_coupon(params)
    ident = params.get("id") or tenant.new_id("coupon")
    if ident in tenant.objects["coupon"]:
        raise invalid("Coupon already exists.", "id", code="resource_already_exists")
    made: Object = {
        "id": ident,
        "object": "coupon",
        "amount_off": params.get("amount_off"),
        "created": call.now,
        "currency": params["currency"].lower() if params.get("amount_off") else None,
        "duration": params.get("duration", "once"),
        "duration_in_months": params.get("duration_in_months"),
        "livemode": tenant.livemode,
        "max_redemptions": params.get("max_redemptions"),
        "metadata": merge_metadata({}, params.get("metadata")),
        "name": params.get("name"),
        "percent_off": params.get("percent_off"),
        "redeem_by": params.get("redeem_by"),
        "times_redeemed": 0,
        "valid": True,
        "_applies_to": params.get("applies_to"),
    }
    tenant.add("coupon", made)
    events.record(tenant, "created", made, call.now)
    return made


def _check_coupon(params: dict[str, Any]) -> None:
    if "percent_off" in params and "amount_off" in params:
        raise exclusive("amount_off", "percent_off")
    if "percent_off" not in params and "amount_off" not in params:
        message = "Must provide percent_off or amount_off."
        raise invalid(message, code="parameter_missing")
    percent = params.get("percent_off")
    if percent is not None and not 0 < percent <= 100:
        message = "Invalid percent_off: must be greater than 0 and at most 100"
        raise malformed(message, "percent_off")
    if "amount_off" in params and "currency" not in params:
        message = "Must provide currency when amount_off is provided."
        raise invalid(message, "currency", code="parameter_missing")
    if (params.get("duration") == "repeating") != ("duration_in_months" in params):
        message = "duration_in_months goes with the duration `repeating`, and only with it."
        raise invalid(message, "duration_in_months")


def _coupon(call: Call) -> Object:
    return call.tenant.get("coupon", call.variables["coupon"], "coupon", status=404)


def _update_coupon(call: Call) -> Object:
    coupon = _coupon(call)
    call.tenant.touch("coupon", coupon["id"])
    coupon.update(chosen(call.params, "name"))
    coupon["metadata"] = merge_metadata(coupon["metadata"], call.params.get("metadata", {}))
    return coupon


def _delete_coupon(call: Call) -> Object:
    """Remove a coupon; where it was applied it goes on working (stripe.com/docs/api/coupons/delete)."""
    coupon = _coupon(call)
    call.tenant.drop("coupon", coupon["id"])
    return deletion("coupon", coupon["id"])


ENDPOINTS = [
    Endpoint("POST", "/v1/products", "ProductCreateParams", _create_product),
    Endpoint("GET", "/v1/products", "ProductListParams", _list_products),
    Endpoint("GET", "/v1/products/{id}", "ProductRetrieveParams", _product),
    Endpoint("POST", "/v1/products/{id}", "ProductUpdateParams", _update_product),
    Endpoint("DELETE", "/v1/products/{id}", "ProductDeleteParams", _delete_product),
    Endpoint("POST", "/v1/coupons", "CouponCreateParams", _create_coupon),
    Endpoint("GET", "/v1/coupons", "CouponListParams", lambda call: listing(call, call.tenant.all("coupon"))),
    Endpoint("GET", "/v1/coupons/{coupon}", "CouponRetrieveParams", _coupon),
    Endpoint("POST", "/v1/coupons/{coupon}", "CouponUpdateParams", _update_coupon),
    Endpoint("DELETE", "/v1/coupons/{coupon}", "CouponDeleteParams", _delete_coupon),
]
