"""The items of a running subscription: new ones, changed ones, and the prorations between.

An item goes on as long as its price does (recorded traffic). Where a new interval begins in the middle of a cycle,
classic mode restarts the cycle and flexible mode leaves the anchor alone
(stripe.com/docs/billing/subscriptions/billing-mode/compare).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from connector.sandbox.stripe import billing, prorations
from connector.sandbox.stripe.discounts import start_discounts
from connector.sandbox.stripe.pending import waiting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from connector.sandbox.stripe.periods import Interval
    from connector.sandbox.stripe.state import Object, Tenant


def new_item(tenant: Tenant, sub: Object, given: Object, at: int) -> Object:
    """Make an item; its period is still empty, so it is due at once."""
    item: Object = {
        "id": given.get("id") or tenant.new_id("subscription_item"),
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
    """Invoice at once when a period begins here, or when the caller wants prorations invoiced and there are any."""
    if billing.due_items(sub, at):
        billing.bill(tenant, sub, at, "subscription_cycle", prorate=behavior != "none")
    elif behavior == "always_invoice" and _has_new(tenant, sub, at):
        billing.bill(tenant, sub, at, "subscription_update")


def _has_new(tenant: Tenant, sub: Object, at: int) -> bool:
    """Tell whether this moment brought something to invoice: prorations, and in flexible mode one-off items as well."""
    flexible = sub["billing_mode"]["type"] == "flexible"
    return any(
        item["date"] == at and (item["proration"] or (flexible and item["_subscription"]))
        for item in waiting(tenant, sub["customer"], sub["id"])
    )


@dataclass(frozen=True, slots=True)
class Change:
    """How the items of a subscription change: with which prorations, when, and what is to hold of the whole then."""

    behavior: str
    at: int
    cancel_at: int | None
    restart: bool = False
    discounts: Sequence[Object] | None = None

    @property
    def prorate(self) -> bool:
        """Tell whether the change is to be prorated."""
        return self.behavior != "none"


@dataclass(frozen=True, slots=True)
class Before:
    """An item as it was: what is asked of it now, if anything, until when it was billed, and was to last."""

    given: Object | None
    billed: int
    lasted: int
    recounted: bool


def change_items(tenant: Tenant, sub: Object, wanted: list[Object], change: Change) -> None:
    """Bring the items of a subscription to those of a phase; an item whose price goes on keeps its id."""
    at = change.at
    old = {item["price"]: item for item in sub["items"]["data"]}
    if _interval_changes(tenant, sub, old, wanted):
        change = replace(change, restart=True)
    before = {item["id"]: _before(sub, item, wanted) for item in old.values()}
    for item in old.values():
        was = before[item["id"]]
        if change.prorate and (was.given is None or was.recounted or change.restart):
            prorations.credit(tenant, sub, item, (at, was.billed), at)
    moves_end = sub["cancel_at"] != change.cancel_at
    set_cancel_date(sub, change.cancel_at, at)
    if change.discounts is not None:
        owner = {"customer": sub["customer"], "subscription": sub["id"]}
        sub["discounts"] = start_discounts(tenant, change.discounts, at, owner, sub["discounts"])
    items = _new_set(tenant, sub, old, wanted, change)
    for item in items:
        if change.prorate and not change.restart:
            then = before[item["id"]] if item["price"] in old else None
            _charge_change(tenant, sub, item, then, moves_end=moves_end, at=at)
        tenant.clock_of({"test_clock": sub["test_clock"]}).plan("cycle", item["current_period_end"], sub["id"])


def _before(sub: Object, item: Object, wanted: list[Object]) -> Before:
    given = next((given for given in wanted if given["price"] == item["price"]), None)
    recounted = given is not None and item.get("quantity") != given.get("quantity")
    return Before(given, prorations.billed_until(sub, item), prorations.lasts_until(sub, item), recounted)


def _new_set(tenant: Tenant, sub: Object, old: dict[str, Object], wanted: list[Object], change: Change) -> list[Object]:
    """Make the items that are wanted out of the old ones and new ones, each with its period."""
    at = change.at
    boundary = change.restart or all(item["current_period_end"] <= at for item in old.values())
    ended = min((i["current_period_start"] for i in old.values() if i["current_period_end"] <= at), default=at)
    if change.restart:
        sub["billing_cycle_anchor"] = at
    items = []
    for given in wanted:
        item = old.get(given["price"])
        if item is None:
            item = _added_item(tenant, sub, given, at, boundary=boundary)
            item["current_period_start"] = min(item["current_period_start"], ended)
        else:
            _keep_item(tenant, sub, item, given, change)
        items.append(item)
    sub["items"]["data"] = items
    sub["items"]["total_count"] = len(items)
    return items


def _charge_change(tenant: Tenant, sub: Object, item: Object, was: Before | None, *, moves_end: bool, at: int) -> None:
    """Charge the rest of a running period for what is new, or what a moved cancel date makes of it."""
    if (was.lasted if was else item["current_period_end"]) <= at:
        return  # its next period begins here, and is billed as a whole
    until = prorations.lasts_until(sub, item)
    if was is None or was.recounted:
        prorations.debit(tenant, sub, item, (at, until), at)
    elif moves_end:
        prorations.move_end(tenant, sub, item, (max(at, was.lasted), max(at, until)), at)


def change_end(tenant: Tenant, sub: Object, cancel_at: int | None, behavior: str, at: int) -> None:
    """Move the cancel date of a subscription and leave its items alone."""
    wanted = [as_given(item) for item in sub["items"]["data"]]
    change_items(tenant, sub, wanted, Change(behavior, at, cancel_at))


def set_cancel_date(sub: Object, cancel_at: int | None, at: int) -> None:
    """Note when a subscription is to be canceled; that counts as canceled by request from now on (recorded traffic)."""
    if cancel_at == sub["cancel_at"]:
        return
    sub["cancel_at"] = cancel_at
    sub["canceled_at"] = None if cancel_at is None else at
    sub["cancellation_details"]["reason"] = None if cancel_at is None else "cancellation_requested"


def as_given(item: Object) -> Object:
    """Show an item as a phase would ask for it."""
    entries = [{"coupon": None, "discount": ident, "promotion_code": None} for ident in item["discounts"]]
    kept = {"price": item["price"], "metadata": item["metadata"], "discounts": entries}
    return {**kept, "quantity": item["quantity"]} if "quantity" in item else kept


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
    anchor, alike = _grid(tenant, sub, interval), _of_interval(tenant, sub, interval)
    running = [other for other in alike if other["current_period_end"] > at]
    if interval.meets(anchor, at) and not running:
        item["_anchor"] = anchor
    elif not boundary:
        item["_anchor"] = anchor
        classic = sub["billing_mode"]["type"] == "classic" and running
        starts = [other["current_period_start"] for other in running]
        item["current_period_start"] = min(starts) if classic else interval.boundary_until(anchor, at)
        fit_end(tenant, sub, item)
    return item


def _of_interval(tenant: Tenant, sub: Object, interval: Interval) -> list[Object]:
    items: list[Object] = sub["items"]["data"]
    return [item for item in items if billing.interval_of(billing.price_of(tenant, item)) == interval]


def fit_end(tenant: Tenant, sub: Object, item: Object) -> None:
    """Put the end of an item's period in place; in classic mode a cancel date inside it is its end."""
    _, end = billing.grid_period(tenant, item)
    classic = sub["billing_mode"]["type"] == "classic"
    item["current_period_end"] = billing.cut(sub, item["current_period_start"], end) if classic else end


def _grid(tenant: Tenant, sub: Object, interval: Interval) -> int:
    """Find the anchor of an interval: that of an item which has it already, else the subscription's."""
    for item in _of_interval(tenant, sub, interval):
        return int(item["_anchor"])
    return int(sub["billing_cycle_anchor"])


def _keep_item(tenant: Tenant, sub: Object, item: Object, given: Object, change: Change) -> None:
    """Let an item go on; where a new cycle begins its period is over."""
    at = change.at
    if "quantity" in given:
        item["quantity"] = given["quantity"]
    item["metadata"] = dict(given["metadata"])
    owner = {"customer": sub["customer"], "subscription_item": item["id"]}
    item["discounts"] = start_discounts(tenant, given["discounts"], at, owner, item["discounts"])
    if change.restart:
        item["_anchor"] = item["current_period_start"] = item["current_period_end"] = at
    elif item["current_period_end"] > at:
        fit_end(tenant, sub, item)
