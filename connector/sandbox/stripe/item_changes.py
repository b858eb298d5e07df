"""The items of a running subscription: new ones, changed ones, and the prorations between.

An item goes on as long as its price does (recorded traffic). Where a new interval begins in the middle of a cycle,
classic mode restarts the cycle and flexible mode leaves the anchor alone
(stripe.com/docs/billing/subscriptions/billing-mode/compare).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from connector.sandbox.stripe import billing
from connector.sandbox.stripe.discounts import start_discounts

if TYPE_CHECKING:
    from connector.sandbox.stripe.periods import Interval
    from connector.sandbox.stripe.state import Object, Tenant


def new_item(tenant: Tenant, sub: Object, given: Object, at: int) -> Object:
    """Make an item; its period is still empty, so it is due at once."""
    item: Object = {
        "id": tenant.new_id("subscription_item"),
        "object": "subscription_item",
        "billed_until": None,
        "billing_thresholds": None,
        "created": at,
        "current_period_end": at,
        "current_period_start": at,
        "discounts": [],
        "metadata": dict(given["metadata"]),
        "price": given["price"],
        "subscription": sub["id"],
        "tax_rates": [],
        "_anchor": at,
        "_debits": [],
    }
    if "quantity" in given:
        item["quantity"] = given["quantity"]
    owner = {"customer": sub["customer"], "subscription_item": item["id"]}
    item["discounts"] = start_discounts(tenant, given["discounts"], at, owner)
    return item


def bill_change(tenant: Tenant, sub: Object, behavior: str, at: int) -> None:
    """Invoice at once when a period begins here or the caller wants prorations invoiced."""
    if billing.due_items(sub, at):
        billing.bill(tenant, sub, at, "subscription_cycle")
    elif behavior == "always_invoice":
        billing.bill(tenant, sub, at, "subscription_update")


def change_items(
    tenant: Tenant, sub: Object, wanted: list[Object], behavior: str, at: int, *, restart: bool = False
) -> None:
    """Bring the items of a subscription to those of a phase; an item whose price goes on keeps its id."""
    old = {item["price"]: item for item in sub["items"]["data"]}
    boundary = all(item["current_period_end"] <= at for item in old.values())
    ended = min((i["current_period_start"] for i in old.values() if i["current_period_end"] <= at), default=at)
    restart = restart or _interval_changes(tenant, sub, old, wanted)
    if restart:
        sub["billing_cycle_anchor"] = at
    kept = {given["price"] for given in wanted} & old.keys()
    prorate = behavior != "none"
    for price, item in old.items():
        if prorate and (price not in kept or restart):
            billing.credit_rest(tenant, sub, item, at)
    items = []
    for given in wanted:
        item = old.get(given["price"])
        if item is None:
            item = _added_item(tenant, sub, given, at, boundary=boundary or restart)
            item["current_period_start"] = min(item["current_period_start"], ended)
            items.append(item)
        else:
            items.append(item)
            _keep_item(tenant, sub, item, given, at, prorate=prorate, restart=restart)
    sub["items"]["data"] = items
    sub["items"]["total_count"] = len(items)
    for item in items:
        if prorate and item["price"] not in kept:
            billing.debit_rest(tenant, sub, item, at)
        tenant.clock_of({"test_clock": sub["test_clock"]}).plan("cycle", item["current_period_end"], sub["id"])


def _interval_changes(tenant: Tenant, sub: Object, old: dict[str, Object], wanted: list[Object]) -> bool:
    """In classic mode another interval begins a new cycle."""
    if sub["billing_mode"]["type"] != "classic" or not old:
        return False
    prices = tenant.objects["price"]
    return billing.interval_of(prices[next(iter(old))]) != billing.interval_of(prices[wanted[0]["price"]])


def _added_item(tenant: Tenant, sub: Object, given: Object, at: int, *, boundary: bool) -> Object:
    """Place a new item in time: on the grid of its interval when it fits, from here when a cycle begins here."""
    item = new_item(tenant, sub, given, at)
    interval = billing.interval_of(billing.price_of(tenant, item))
    anchor = _grid(tenant, sub, interval)
    if interval.meets(anchor, at):
        item["_anchor"] = anchor
    elif not boundary:
        item["_anchor"] = anchor
        item["current_period_start"] = interval.boundary_until(anchor, at)
        item["current_period_end"] = interval.boundary_after(anchor, at)
    return item


def _grid(tenant: Tenant, sub: Object, interval: Interval) -> int:
    """Find the anchor of an interval: that of an item which has it already, else the subscription's."""
    for item in sub["items"]["data"]:
        if billing.interval_of(billing.price_of(tenant, item)) == interval:
            return int(item["_anchor"])
    return int(sub["billing_cycle_anchor"])


def _keep_item(
    tenant: Tenant, sub: Object, item: Object, given: Object, at: int, *, prorate: bool, restart: bool
) -> None:
    changed = item.get("quantity") != given.get("quantity")
    if changed and prorate and not restart:
        billing.credit_rest(tenant, sub, item, at)
    if "quantity" in given:
        item["quantity"] = given["quantity"]
    item["metadata"] = dict(given["metadata"])
    owner = {"customer": sub["customer"], "subscription_item": item["id"]}
    item["discounts"] = start_discounts(tenant, given["discounts"], at, owner, item["discounts"])
    if restart:
        item["_anchor"] = item["current_period_start"] = item["current_period_end"] = at
    elif changed and prorate:
        billing.debit_rest(tenant, sub, item, at)
