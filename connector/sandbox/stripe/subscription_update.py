"""Changing a running subscription: its items, its cancel date, its anchor, and the schedule above it.

Sources: stripe.com/docs/api/subscriptions/update for the parameters; what a change of items does to a schedule is
described at stripe.com/docs/billing/subscriptions/subscription-schedules (the running phase is split).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from connector.sandbox.stripe import events
from connector.sandbox.stripe.discounts import check_discounts
from connector.sandbox.stripe.engine import plan_schedule
from connector.sandbox.stripe.errors import exclusive, invalid, missing_object, not_emulated
from connector.sandbox.stripe.item_changes import Change, as_given, bill_change, change_items
from connector.sandbox.stripe.limits import merge_metadata
from connector.sandbox.stripe.phase_items import Context, build_extra, build_item, check_currency, check_intervals
from connector.sandbox.stripe.subscriptions import add_extras

if TYPE_CHECKING:
    from connector.sandbox.stripe.state import Object, Tenant

#: Parameters that change what is billed, and so may be prorated.
BILLING = frozenset({"items", "cancel_at", "cancel_at_period_end", "billing_cycle_anchor", "add_invoice_items"})


def change_billing(tenant: Tenant, sub: Object, params: dict[str, Any], at: int) -> None:
    """Take what a request changes of items, cancel date and anchor, and prorate it as asked."""
    if not params.keys() & BILLING:
        return
    behavior = params.get("proration_behavior", "create_prorations")
    restart = (params.get("billing_cycle_anchor") or {}).get("type") == "now"
    wanted = _merged_items(tenant, sub, params.get("items") or [], at)
    cancel_at = _cancel_at(sub, params, at)
    if restart and sub["billing_mode"]["type"] == "flexible" and behavior != "always_invoice":
        what = "billing_cycle_anchor now in flexible mode without proration_behavior always_invoice"
        raise not_emulated(what)
    before = list(sub["items"]["data"])
    change_items(tenant, sub, wanted, Change(behavior, at, cancel_at, restart))
    if sub["cancel_at"]:
        tenant.clock_of(sub).plan("cancel", sub["cancel_at"], sub["id"])
    context = _context(tenant, sub, at)
    extras = [
        build_extra(context, entry, f"add_invoice_items[{i}]")
        for i, entry in enumerate(params.get("add_invoice_items") or [])
    ]
    check_currency(context, sub["currency"], extras)
    add_extras(tenant, sub, {"start_date": at, "end_date": at, "add_invoice_items": extras}, at)
    bill_change(tenant, sub, behavior, at)
    if sub["schedule"] and (params.get("items") or before != sub["items"]["data"]):
        _split_phase(tenant, tenant.touch("subscription_schedule", sub["schedule"]), sub, at)


def _context(tenant: Tenant, sub: Object, at: int) -> Context:
    known = {item["price"] for item in sub["items"]["data"]}
    return Context(tenant, at, sub["billing_mode"]["type"], {}, sub["customer"], known)


def _merged_items(tenant: Tenant, sub: Object, entries: list[Object], at: int) -> list[Object]:
    """Put the items of a request over those there are; what it does not name stays."""
    context = _context(tenant, sub, at)
    by_id = {item["id"]: item for item in sub["items"]["data"]}
    wanted = {ident: as_given(item) for ident, item in by_id.items()}
    for index, entry in enumerate(entries):
        path = f"items[{index}]"
        ident = entry.get("id")
        if ident is None:
            wanted[path] = build_item(context, entry, path)
        elif ident not in by_id:
            raise missing_object("subscription item", ident, f"{path}[id]")
        elif entry.get("deleted"):
            del wanted[ident]
        else:
            wanted[ident] = {**_changed(context, wanted[ident], entry, path), "id": ident}
    if not wanted:
        message = "A subscription must have at least one active plan."
        raise invalid(message, "items")
    prices = [tenant.objects["price"][given["price"]] for given in wanted.values()]
    check_intervals(context, prices, "items")
    check_currency(context, sub["currency"], list(wanted.values()))
    return list(wanted.values())


def _changed(context: Context, given: Object, entry: Object, path: str) -> Object:
    """Change an item that is there; it keeps its id and metadata, also under another price."""
    named = entry.keys() & {"price", "price_data", "plan"}
    terms = {name: entry[name] for name in named} or {"price": given["price"]}
    for name in ("quantity", "billing_thresholds", "tax_rates"):
        if name in entry:
            terms[name] = entry[name]
    if "quantity" not in entry and "quantity" in given:
        terms["quantity"] = given["quantity"]
    made = build_item(context, terms, path)
    made["metadata"] = merge_metadata(given["metadata"], entry.get("metadata", {}))
    made["discounts"] = given["discounts"]
    if "discounts" in entry:
        price = context.tenant.objects["price"][made["price"]]
        made["discounts"] = check_discounts(
            context.tenant, entry["discounts"], f"{path}[discounts]", price["currency"], context.at
        )
    return made


def _cancel_at(sub: Object, params: dict[str, Any], at: int) -> int | None:
    """Find when the subscription is to be canceled after the request."""
    moment: Any = params.get("cancel_at")
    if moment and params.get("cancel_at_period_end"):
        raise exclusive("cancel_at", "cancel_at_period_end")
    if params.get("cancel_at_period_end"):
        sub["cancel_at_period_end"] = True
        return named_end(sub, "min_period_end")
    if "cancel_at_period_end" in params or "cancel_at" in params:
        sub["cancel_at_period_end"] = False
    if not moment:
        return None if {"cancel_at", "cancel_at_period_end"} & params.keys() else sub["cancel_at"]
    if not isinstance(moment, int):
        return named_end(sub, moment)
    if moment <= at:
        message = "`cancel_at` must be a timestamp in the future."
        raise invalid(message, "cancel_at")
    return moment


def named_end(sub: Object, name: str) -> int:
    """Resolve `min_period_end` and `max_period_end` (changelog of 2025-07-30.basil)."""
    ends = [int(item["current_period_end"]) for item in sub["items"]["data"]]
    if name not in {"min_period_end", "max_period_end"}:
        raise not_emulated(f"cancel_at {name}")
    return min(ends) if name == "min_period_end" else max(ends)


def _split_phase(tenant: Tenant, schedule: Object, sub: Object, at: int) -> None:
    """End the running phase of a schedule here and begin another with the items the subscription has now."""
    current = schedule["current_phase"]
    index = next(i for i, p in enumerate(schedule["phases"]) if p["start_date"] == current["start_date"])
    running = schedule["phases"][index]
    items = [_as_phase_item(item) for item in sub["items"]["data"]]
    begun = {**running, "start_date": at, "items": items, "add_invoice_items": []}
    kept = [] if running["start_date"] == at else [{**running, "end_date": at}]
    schedule["phases"] = [*schedule["phases"][:index], *kept, begun, *schedule["phases"][index + 1 :]]
    schedule["current_phase"] = {"end_date": begun["end_date"], "start_date": at}
    plan_schedule(tenant, schedule, at)
    events.record(tenant, "updated", schedule, at, {})


def _as_phase_item(item: Object) -> Object:
    given = as_given(item)
    return {
        **given,
        "metadata": dict(item["metadata"]),
        "billing_thresholds": None,
        "plan": given["price"],
        "tax_rates": [],
    }
