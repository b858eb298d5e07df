"""Subscriptions as the API offers them: read, change in place, cancel. They are made by schedules here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from connector.sandbox.stripe import events, subscriptions
from connector.sandbox.stripe.discounts import check_discounts, start_discounts
from connector.sandbox.stripe.endpoint import Call, Endpoint, chosen, listing, owned
from connector.sandbox.stripe.errors import invalid, missing_object, not_emulated
from connector.sandbox.stripe.item_changes import Change, as_given, bill_change, change_items
from connector.sandbox.stripe.limits import merge_metadata
from connector.sandbox.stripe.prices import make_price
from connector.sandbox.stripe.rendering import within

if TYPE_CHECKING:
    from connector.sandbox.stripe.state import Object, Tenant

EDITABLE = frozenset(
    {
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
    if sub["ended_at"]:
        message = "A canceled subscription can only update its cancellation_details and metadata."
        raise invalid(message)
    _refuse_managed(sub, params)
    at = tenant.clock_of(sub).now()
    tenant.touch("subscription", sub["id"])
    sub.update(chosen(params, "description", "collection_method", "days_until_due"))
    if params.get("invoice_settings"):
        sub["invoice_settings"].update(chosen(params["invoice_settings"], "custom_fields", "description", "footer"))
    if params.get("payment_settings"):
        sub["payment_settings"].update(params["payment_settings"])
    sub["metadata"] = merge_metadata(sub["metadata"], params.get("metadata", {}))
    if "discounts" in params:
        entries = check_discounts(tenant, params["discounts"], "discounts", sub["currency"], at)
        owner = {"customer": sub["customer"], "subscription": sub["id"]}
        sub["discounts"] = start_discounts(tenant, entries, at, owner, sub["discounts"])
    if params.get("items"):
        _change_items(tenant, sub, params, at)
    _set_cancel(tenant, sub, params, at)
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
    if params.get("items"):
        what = "changing items of a subscription that a schedule manages (it would split the phase)"
        raise not_emulated(what)


def _change_items(tenant: Tenant, sub: Object, params: dict[str, Any], at: int) -> None:
    by_id = {item["id"]: item for item in sub["items"]["data"]}
    wanted = {ident: as_given(item) for ident, item in by_id.items()}
    for index, entry in enumerate(params["items"]):
        ident = entry.get("id", f"new {index}")
        if "id" in entry and ident not in by_id:
            raise missing_object("subscription item", ident, f"items[{index}][id]")
        if entry.get("deleted"):
            del wanted[ident]
            continue
        given = wanted.setdefault(ident, {"metadata": {}, "discounts": [], "quantity": 1})
        if "price_data" in entry:
            given["price"] = make_price(tenant, entry["price_data"], at, inline=True, param=f"items[{index}]")["id"]
        elif "price" in entry:
            given["price"] = tenant.get("price", entry["price"], f"items[{index}][price]")["id"]
        if "quantity" in entry:
            given["quantity"] = entry["quantity"]
        given["metadata"] = merge_metadata(given["metadata"], entry.get("metadata", {}))
    behavior = params.get("proration_behavior", "create_prorations")
    change_items(tenant, sub, list(wanted.values()), Change(behavior, at, sub["cancel_at"]))
    bill_change(tenant, sub, behavior, at)


def _set_cancel(tenant: Tenant, sub: Object, params: dict[str, Any], at: int) -> None:
    moment: Any = params.get("cancel_at")
    if params.get("cancel_at_period_end"):
        moment = min(item["current_period_end"] for item in sub["items"]["data"])
        sub["cancel_at_period_end"] = True
    elif "cancel_at_period_end" in params or moment == "":
        sub["cancel_at_period_end"], sub["cancel_at"], sub["canceled_at"] = False, None, None
        return
    if moment is None:
        return
    if not isinstance(moment, int):
        raise not_emulated(f"cancel_at {moment}")
    sub["cancel_at"], sub["canceled_at"] = moment, at
    tenant.clock_of(sub).plan("cancel", moment, sub["id"])


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


def _list_items(call: Call) -> Object:
    sub = call.tenant.get("subscription", call.params["subscription"], "subscription")
    return listing(call, sub["items"]["data"])


ENDPOINTS = [
    Endpoint("GET", "/v1/subscriptions", "SubscriptionListParams", _list),
    Endpoint("GET", "/v1/subscriptions/{id}", "SubscriptionRetrieveParams", _retrieve),
    Endpoint("POST", "/v1/subscriptions/{id}", "SubscriptionUpdateParams", _update),
    Endpoint("DELETE", "/v1/subscriptions/{id}", "SubscriptionCancelParams", _cancel),
    Endpoint("GET", "/v1/subscription_items", "SubscriptionItemListParams", _list_items),
]
