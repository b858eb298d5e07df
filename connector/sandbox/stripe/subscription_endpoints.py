"""Subscriptions as the API offers them: make, read, change in place, cancel; and their items."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from connector.sandbox.stripe import events, subscriptions
from connector.sandbox.stripe.discounts import check_discounts, start_discounts
from connector.sandbox.stripe.endpoint import Call, Endpoint, chosen, deletion, listing, owned
from connector.sandbox.stripe.errors import invalid, missing_object, not_emulated
from connector.sandbox.stripe.limits import merge_metadata
from connector.sandbox.stripe.payments import check_method
from connector.sandbox.stripe.rendering import within
from connector.sandbox.stripe.subscription_create import create
from connector.sandbox.stripe.subscription_update import change_billing

if TYPE_CHECKING:
    from connector.sandbox.stripe.state import Object

EDITABLE = frozenset(
    {
        "add_invoice_items",
        "billing_cycle_anchor",
        "default_payment_method",
        "metadata",
        "description",
        "collection_method",
        "days_until_due",
        "discounts",
        "items",
        "proration_behavior",
        "cancel_at",
        "cancel_at_period_end",
        "invoice_settings",
        "payment_settings",
        "expand",
        "cancellation_details",
    }
)

ITEM_EDITABLE = frozenset(
    {"discounts", "expand", "metadata", "price", "price_data", "proration_behavior", "quantity", "subscription"}
)


def _retrieve(call: Call) -> Object:
    return call.tenant.get("subscription", call.variables["id"], "id", status=404)


def _list(call: Call) -> Object:
    params = call.params
    status = params.get("status")
    found = [
        sub
        for sub in owned(call, "subscription")
        if ("customer" in params or "test_clock" in params or sub["test_clock"] is None)
        and params.get("test_clock") in (None, sub["test_clock"])
        and params.get("collection_method") in (None, sub["collection_method"])
        and ("price" not in params or any(item["price"] == params["price"] for item in sub["items"]["data"]))
        and _has_status(sub, status)
        and ("created" not in params or within(sub["created"], params["created"]))
    ]
    return listing(call, found)


def _has_status(sub: Object, wanted: str | None) -> bool:
    """Leave canceled subscriptions out unless asked for (stripe.com/docs/api/subscriptions/list)."""
    if wanted is None:
        return bool(sub["status"] != "canceled")
    if wanted == "ended":
        return sub["status"] in {"canceled", "incomplete_expired"}
    return wanted == "all" or sub["status"] == wanted


def _update(call: Call) -> Object:
    sub, params, tenant = _retrieve(call), call.params, call.tenant
    strange = sorted(params.keys() - EDITABLE)
    if strange:
        raise not_emulated(f"updating a subscription's {', '.join(strange)}")
    if sub["ended_at"] and params.keys() - {"metadata", "cancellation_details", "expand"}:
        message = "A canceled subscription can only update its cancellation_details and metadata."
        raise invalid(message)
    _refuse_managed(sub, params)
    at = tenant.clock_of(sub).now()
    tenant.touch("subscription", sub["id"])
    check_method(tenant, params.get("default_payment_method"), sub["customer"], "default_payment_method")
    names = ("description", "collection_method", "days_until_due", "default_payment_method")
    sub.update(chosen(params, *names))
    if sub["collection_method"] == "send_invoice" and sub["days_until_due"] is None:
        message = "You must set `days_until_due` when `collection_method` is `send_invoice`."
        raise invalid(message, "days_until_due")
    if "cancellation_details" in params:
        sub["cancellation_details"].update(chosen(params["cancellation_details"], "comment", "feedback"))
    if params.get("invoice_settings"):
        sub["invoice_settings"].update(chosen(params["invoice_settings"], "custom_fields", "description", "footer"))
    if params.get("payment_settings"):
        sub["payment_settings"].update(params["payment_settings"])
    sub["metadata"] = merge_metadata(sub["metadata"], params.get("metadata", {}))
    if "discounts" in params:
        entries = check_discounts(tenant, params["discounts"], "discounts", sub["currency"], at)
        owner = {"customer": sub["customer"], "subscription": sub["id"]}
        sub["discounts"] = start_discounts(tenant, entries, at, owner, sub["discounts"])
    change_billing(tenant, sub, params, at)
    events.record(tenant, "updated", sub, at, {})
    return sub


def _refuse_managed(sub: Object, params: dict[str, Any]) -> None:
    """Refuse what belongs to the schedule (text as quoted in public issue threads)."""
    if not sub["schedule"]:
        return
    if params.keys() & {"cancel_at", "cancel_at_period_end"}:
        message = (
            f"The subscription is managed by the subscription schedule `{sub['schedule']}`, and updating any "
            "cancelation behavior directly is not allowed. Please update the schedule instead."
        )
        raise invalid(message)
    if params.get("billing_cycle_anchor"):
        what = "moving the anchor of a subscription that a schedule manages"
        raise not_emulated(what)


def _cancel(call: Call) -> Object:
    """Cancel at once; a schedule above is canceled with it."""
    sub, tenant = _retrieve(call), call.tenant
    if sub["ended_at"]:
        raise missing_object("subscription", sub["id"], "id", status=404)
    at = tenant.clock_of(sub).now()
    options = {"prorate": False, "invoice_now": False, **call.params}
    subscriptions.cancel_now(tenant, sub, at, options)
    if sub["schedule"]:
        schedule = tenant.touch("subscription_schedule", sub["schedule"])
        schedule["status"], schedule["canceled_at"], schedule["current_phase"] = "canceled", at, None
        events.record(tenant, "aborted", schedule, at)
    return sub


# --- items -----------------------------------------------------------------------------------------------------


def _list_items(call: Call) -> Object:
    sub = call.tenant.get("subscription", call.params["subscription"], "subscription")
    return listing(call, sub["items"]["data"])


def _owner(call: Call) -> tuple[Object, Object]:
    """Find an item and the subscription it belongs to."""
    ident = call.variables["item"]
    for sub in call.tenant.all("subscription"):
        for item in sub["items"]["data"]:
            if item["id"] == ident and not sub["ended_at"]:
                return sub, item
    raise missing_object("subscription_item", ident, "item", status=404)


def _item(call: Call) -> Object:
    return _owner(call)[1]


def _change_item(call: Call, sub: Object, entry: Object) -> None:
    strange = sorted(call.params.keys() - ITEM_EDITABLE)
    if strange:
        raise not_emulated(f"changing subscription items with {', '.join(strange)}")
    at = call.tenant.clock_of(sub).now()
    call.tenant.touch("subscription", sub["id"])
    wanted = {"items": [entry]}
    if "proration_behavior" in call.params:
        wanted["proration_behavior"] = call.params["proration_behavior"]
    change_billing(call.tenant, sub, wanted, at)
    events.record(call.tenant, "updated", sub, at, {})


def _entry(call: Call) -> Object:
    names = ("price", "price_data", "quantity", "metadata", "discounts")
    return {name: call.params[name] for name in names if name in call.params}


def _create_item(call: Call) -> Object:
    sub = call.tenant.get("subscription", call.params["subscription"], "subscription")
    _change_item(call, sub, _entry(call))
    found: Object = sub["items"]["data"][-1]
    return found


def _update_item(call: Call) -> Object:
    sub, item = _owner(call)
    place = sub["items"]["data"].index(item)
    _change_item(call, sub, {"id": item["id"], **_entry(call)})
    found: Object = sub["items"]["data"][place]
    return found


def _delete_item(call: Call) -> Object:
    sub, item = _owner(call)
    _change_item(call, sub, {"id": item["id"], "deleted": True})
    return deletion("subscription_item", item["id"])


ENDPOINTS = [
    Endpoint("POST", "/v1/subscriptions", "SubscriptionCreateParams", create),
    Endpoint("GET", "/v1/subscriptions", "SubscriptionListParams", _list),
    Endpoint("GET", "/v1/subscriptions/{id}", "SubscriptionRetrieveParams", _retrieve),
    Endpoint("POST", "/v1/subscriptions/{id}", "SubscriptionUpdateParams", _update),
    Endpoint("DELETE", "/v1/subscriptions/{id}", "SubscriptionCancelParams", _cancel),
    Endpoint("GET", "/v1/subscription_items", "SubscriptionItemListParams", _list_items),
    Endpoint("POST", "/v1/subscription_items", "SubscriptionItemCreateParams", _create_item),
    Endpoint("GET", "/v1/subscription_items/{item}", "SubscriptionItemRetrieveParams", _item),
    Endpoint("POST", "/v1/subscription_items/{item}", "SubscriptionItemUpdateParams", _update_item),
    Endpoint("DELETE", "/v1/subscription_items/{item}", "SubscriptionItemDeleteParams", _delete_item),
]
