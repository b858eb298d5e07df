"""From stored objects to answers: `expand`, lists and pages (stripe.com/docs/api/expanding_objects, /pagination)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from connector.sandbox.stripe.errors import invalid

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from connector.sandbox.stripe.state import Object, Tenant

REFERENCES = {
    "customer": "customer",
    "price": "price",
    "product": "product",
    "default_price": "price",
    "subscription": "subscription",
    "schedule": "subscription_schedule",
    "latest_invoice": "invoice",
    "invoice": "invoice",
    "coupon": "coupon",
    "discount": "discount",
    "discounts": "discount",
    "test_clock": "test_helpers.test_clock",
    "default_payment_method": "payment_method",
    "credit_note": "credit_note",
    "customer_balance_transaction": "customer_balance_transaction",
}
NEVER_EXPANDABLE = frozenset({"released_subscription", "plan"})

EMBEDDED_LINES = 10  # an invoice carries the first lines only; the rest is paged (reference of the invoice object)


def render(value: Any, tenant: Tenant) -> Any:
    """Copy an object as the API shows it: without our notes, and with the objects that are always embedded."""
    if isinstance(value, list):
        return [render(item, tenant) for item in value]
    if not isinstance(value, dict):
        return value
    shown = {
        key: dict(below) if key == "metadata" and below else render(below, tenant)
        for key, below in value.items()
        if not key.startswith("_")
    }
    if value.get("object") == "subscription_item" and isinstance(value.get("price"), str):
        price = tenant.objects["price"][value["price"]]
        shown["price"], shown["plan"] = render(price, tenant), legacy_plan(price)
    if value.get("object") == "invoice" and len(value.get("lines", {}).get("data", ())) > EMBEDDED_LINES:
        shown["lines"]["data"], shown["lines"]["has_more"] = shown["lines"]["data"][:EMBEDDED_LINES], True
    if "_data" in value:
        shown["data"] = json.loads(value["_data"])  # events keep their snapshot as text, to be small
    return shown


def legacy_plan(price: Object) -> Object:
    """Show a price as the plan object that subscription items still carry beside it."""
    recurring = price["recurring"]
    return {
        "id": price["id"],
        "object": "plan",
        "active": price["active"],
        "amount": price["unit_amount"],
        "amount_decimal": price["unit_amount_decimal"],
        "billing_scheme": price["billing_scheme"],
        "created": price["created"],
        "currency": price["currency"],
        "interval": recurring["interval"],
        "interval_count": recurring["interval_count"],
        "livemode": price["livemode"],
        "metadata": dict(price["metadata"]),
        "meter": recurring["meter"],
        "nickname": price["nickname"],
        "product": price["product"],
        "tiers_mode": price["tiers_mode"],
        "transform_usage": None,
        "trial_period_days": None,
        "usage_type": recurring["usage_type"],
    }


def expand(shown: Object, paths: Iterable[str], tenant: Tenant) -> Object:
    """Replace references by objects along the given paths."""
    for path in paths:
        if path.count(".") > 4:
            message = "You cannot expand more than 4 levels of a property."
            raise invalid(message, "expand")
        _expand(shown, path.split("."), path, tenant)
    return shown


def _expand(node: Any, parts: list[str], path: str, tenant: Tenant) -> None:
    if isinstance(node, list):
        for item in node:
            _expand(item, parts, path, tenant)
        return
    if not parts or not isinstance(node, dict):
        return
    name, rest = parts[0], parts[1:]
    if not rest or isinstance(node.get(name), str):
        _expand_field(node, name, path, tenant)
    _expand(node.get(name), rest, path, tenant)


def _expand_field(node: Object, name: str, path: str, tenant: Tenant) -> None:
    if _include(node, name, tenant):
        return
    if name not in node or name in NEVER_EXPANDABLE:
        message = f"This property cannot be expanded ({path})."
        raise invalid(message, "expand")
    kind, value = REFERENCES.get(name), node[name]
    if kind and isinstance(value, str) and value in tenant.objects[kind]:
        node[name] = render(tenant.objects[kind][value], tenant)
    elif kind and isinstance(value, list):
        node[name] = [_fetched(item, kind, tenant) for item in value]


def _fetched(value: Any, kind: str, tenant: Tenant) -> Any:
    found = tenant.objects[kind].get(value) if isinstance(value, str) else None
    return render(found, tenant) if found else value


def _include(node: Object, name: str, tenant: Tenant) -> bool:
    """Add a field that is only shown on request, such as the tiers of a price."""
    including = INCLUDABLE.get((str(node.get("object")), name))
    if including is None:
        return False
    node[name] = including(tenant, node["id"])
    return True


def _hidden(kind: str, note: str) -> Callable[[Tenant, str], Any]:
    return lambda tenant, ident: render(tenant.objects[kind][ident][note], tenant)


def _owned(kind: str, url: str) -> Callable[[Tenant, str], Any]:
    def listed(tenant: Tenant, owner: str) -> Object:
        living = [found for found in tenant.of(kind, owner) if not found.get("ended_at")]
        return embedded_list(render(living, tenant), url.format(owner=owner))

    return listed


INCLUDABLE: dict[tuple[str, str], Callable[[Tenant, str], Any]] = {
    ("price", "tiers"): _hidden("price", "_tiers"),
    ("price", "currency_options"): _hidden("price", "_currency_options"),
    ("coupon", "applies_to"): _hidden("coupon", "_applies_to"),
    ("customer", "tax_ids"): _owned("tax_id", "/v1/customers/{owner}/tax_ids"),
    ("customer", "subscriptions"): _owned("subscription", "/v1/customers/{owner}/subscriptions"),
}


def embedded_list(data: list[Any], url: str) -> Object:
    """Build a list object inside another object."""
    return {"object": "list", "data": data, "has_more": False, "total_count": len(data), "url": url}


@dataclass(frozen=True, slots=True)
class Page:
    """The part of a list a request asks for."""

    limit: int = 10
    starting_after: str | None = None
    ending_before: str | None = None


def page_of(params: dict[str, Any]) -> Page:
    """Read limit and cursors."""
    limit = params.get("limit", 10)
    if limit > 100:
        message = "This value must be less than or equal to 100."
        raise invalid(message, "limit")
    if limit < 1:
        message = "This value must be greater than or equal to 1."
        raise invalid(message, "limit")
    return Page(limit, params.get("starting_after"), params.get("ending_before"))


def list_of(found: Iterable[Object], page: Page, url: str) -> Object:
    """Cut one page out of all objects, newest first."""
    rows = list(found)
    places = {row["id"]: index for index, row in enumerate(rows)}
    for cursor, name in ((page.starting_after, "starting_after"), (page.ending_before, "ending_before")):
        if cursor and cursor not in places:
            message = f"No such object: '{cursor}'"
            raise invalid(message, name, code="resource_missing")
    if page.ending_before:
        stop = places[page.ending_before]
        start = max(0, stop - page.limit)
        return {"object": "list", "data": rows[start:stop], "has_more": start > 0, "url": url}
    start = places[page.starting_after] + 1 if page.starting_after else 0
    stop = start + page.limit
    return {"object": "list", "data": rows[start:stop], "has_more": stop < len(rows), "url": url}


def within(moment: int | None, wanted: Any) -> bool:
    """Compare a timestamp with a filter: a moment, or bounds gt, gte, lt, lte."""
    if not isinstance(wanted, dict):
        return bool(moment == wanted)
    if moment is None:
        return False
    tests = {
        "gt": moment > wanted.get("gt", moment - 1),
        "gte": moment >= wanted.get("gte", moment),
        "lt": moment < wanted.get("lt", moment + 1),
        "lte": moment <= wanted.get("lte", moment),
    }
    return all(tests.values())
