"""The subscription under a schedule: made when the first phase begins, changed when a phase is entered.

Sources: stripe.com/docs/api/subscriptions/object for the shape, recorded traffic for the first invoice, and
stripe.com/docs/billing/subscriptions/billing-mode/compare for what differs in flexible mode.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from connector.sandbox.stripe import billing, events, prorations
from connector.sandbox.stripe.discounts import start_discounts
from connector.sandbox.stripe.item_changes import Change, bill_change, change_items, set_cancel_date
from connector.sandbox.stripe.limits import merge_metadata
from connector.sandbox.stripe.money import half_up, price_amount
from connector.sandbox.stripe.pending import Extra, add_pending, waiting
from connector.sandbox.stripe.subscription_start import Opening, bill_start, open_subscription

if TYPE_CHECKING:
    from connector.sandbox.stripe.state import Object, Tenant


def begin(tenant: Tenant, schedule: Object, phase: Object, at: int) -> Object:
    """Make the subscription of a schedule, which starts now or has started in the past."""
    start = schedule["phases"][0]["start_date"]
    opening = Opening(
        tenant.objects["customer"][schedule["customer"]],
        phase["currency"],
        schedule["billing_mode"],
        phase["items"],
        start=start,
        anchor=start,
        first_period=max(start, phase["start_date"]),
        schedule=schedule["id"],
    )
    sub = open_subscription(tenant, opening, at)
    set_cancel_date(sub, scheduled_end(schedule, phase), at)
    take_settings(tenant, sub, schedule, phase, at)
    add_extras(tenant, sub, phase, at)
    bill_start(tenant, sub, phase["proration_behavior"], at)
    events.record(tenant, "created", sub, at)
    return sub


# --- entering a phase ----------------------------------------------------------------------------------------


def take_settings(tenant: Tenant, sub: Object, schedule: Object, phase: Object, at: int) -> None:
    """Bring what a phase or the schedule's defaults say onto the subscription (phase first, then defaults)."""
    defaults = schedule["default_settings"]
    sub["collection_method"] = phase["collection_method"] or defaults["collection_method"]
    sub["default_payment_method"] = phase["default_payment_method"] or defaults["default_payment_method"]
    settings = {name: value for name, value in (defaults["invoice_settings"] or {}).items() if value is not None}
    settings |= {name: value for name, value in (phase["invoice_settings"] or {}).items() if value is not None}
    automatic = sub["collection_method"] == "charge_automatically"
    sub["days_until_due"] = None if automatic else settings.get("days_until_due")
    for name in ("custom_fields", "description", "footer"):
        sub["invoice_settings"][name] = settings.get(name)
    sub["description"] = phase["description"] or defaults["description"]
    enabled = (phase["automatic_tax"] or defaults["automatic_tax"])["enabled"]
    sub["automatic_tax"] = {
        "disabled_reason": None,
        "enabled": enabled,
        "liability": {"type": "self"} if enabled else None,
    }
    sub["metadata"] = merge_metadata(sub["metadata"], phase["_metadata"] or {})
    owner = {"customer": sub["customer"], "subscription": sub["id"]}
    sub["discounts"] = start_discounts(tenant, phase["discounts"], at, owner, sub["discounts"])


def scheduled_end(schedule: Object, phase: Object) -> int | None:
    """Find the cancel date a phase gives its subscription: that of the last one, if the schedule ends with it."""
    last = phase is schedule["phases"][-1] and schedule["end_behavior"] == "cancel"
    return int(phase["end_date"]) if last else None


def add_extras(tenant: Tenant, sub: Object, phase: Object, at: int) -> None:
    """Put the one-off items of a phase among what waits for its next invoice (SDK reference, add_invoice_items)."""
    customer = tenant.objects["customer"][sub["customer"]]
    for given in phase["add_invoice_items"]:
        price = tenant.objects["price"][given["price"]]
        owner = {"customer": sub["customer"]}
        start, end = _extra_period(tenant, sub, phase, given["period"], at)
        extra = Extra(
            at=at,
            currency=sub["currency"],
            amount=half_up(price_amount(price, given["quantity"])),
            description=tenant.objects["product"][price["product"]]["name"],
            price=price,
            quantity=given["quantity"],
            start=start,
            end=end,
            metadata=given["metadata"],
            discountable=given["discountable"],
            discounts=tuple(start_discounts(tenant, given["discounts"], at, owner)),
        )
        add_pending(tenant, customer, sub["id"], extra)


def _extra_period(tenant: Tenant, sub: Object, phase: Object, period: Object, at: int) -> tuple[int, int]:
    """Work out the time a one-off item stands for; by default the time its phase's items are billed for."""

    def moment(side: Object) -> int:
        if side["type"] == "timestamp":
            return int(side["timestamp"])
        if side["type"] == "now":
            return at
        if side["type"] in {"phase_start", "phase_end"}:
            return int(phase["start_date"] if side["type"] == "phase_start" else phase["end_date"])
        starts, ends = [], []
        for item in sub["items"]["data"]:
            start = (
                max(item["current_period_start"], at)
                if item["current_period_end"] <= at
                else item["current_period_start"]
            )
            starts.append(start)
            rolled = billing.interval_of(billing.price_of(tenant, item)).boundary_after(item["_anchor"], at)
            ends.append(rolled if item["current_period_end"] <= at else item["current_period_end"])
        return max(starts) if side["type"] == "max_item_period_start" else min(ends)

    return moment(period["start"]), moment(period["end"])


def enter(tenant: Tenant, sub: Object, schedule: Object, phase: Object, at: int) -> None:
    """Enter a later phase: items, settings, one-off items, and the invoice if one is due now."""
    tenant.touch("subscription", sub["id"])
    behavior = phase["proration_behavior"]
    restart = (phase["billing_cycle_anchor"] or schedule["default_settings"]["billing_cycle_anchor"]) == "phase_start"
    change = Change(behavior, at, scheduled_end(schedule, phase), restart, phase["discounts"])
    change_items(tenant, sub, phase["items"], change)
    if sub["cancel_at"] is not None:
        sub["canceled_at"] = at  # the last phase has been entered only now (recorded traffic)
    take_settings(tenant, sub, schedule, phase, at)
    add_extras(tenant, sub, phase, at)
    bill_change(tenant, sub, behavior, at)
    events.record(tenant, "updated", sub, at, {})


# --- the end -------------------------------------------------------------------------------------------------


def end(tenant: Tenant, sub: Object, at: int, *, reason: str | None = None) -> None:
    """End a subscription; what still waits is billed on a last invoice (SDK reference of cancelation)."""
    tenant.touch("subscription", sub["id"])
    left = any(item["_subscription"] for item in waiting(tenant, sub["customer"], sub["id"]))
    sub["status"] = "canceled"
    sub["ended_at"] = at
    sub["canceled_at"] = sub["canceled_at"] or at
    sub["cancellation_details"]["reason"] = reason or sub["cancellation_details"]["reason"]
    if left:
        billing.bill(tenant, sub, at, "subscription_cycle", renew=False)
    events.record(tenant, "deleted", sub, at)


def cancel_now(tenant: Tenant, sub: Object, at: int, options: dict[str, Any]) -> None:
    """Cancel at once, with credit for unused time and a last invoice if wanted."""
    tenant.touch("subscription", sub["id"])
    prorate, invoice = options["prorate"], options["invoice_now"]
    if prorate and invoice:
        prorations.drop_prorations(tenant, sub)
    if prorate:
        for item in sub["items"]["data"]:
            prorations.credit(tenant, sub, item, (at, prorations.billed_until(sub, item)), at)
    sub["status"] = "canceled"
    sub["ended_at"] = sub["canceled_at"] = at
    sub["cancellation_details"]["reason"] = "cancellation_requested"
    sub["cancel_at"] = None
    if invoice and any(item["_subscription"] for item in waiting(tenant, sub["customer"], sub["id"])):
        billing.bill(tenant, sub, at, "subscription_update", renew=False)
    events.record(tenant, "deleted", sub, at)
