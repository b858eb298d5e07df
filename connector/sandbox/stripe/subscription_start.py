"""How a subscription begins: its items, its grid, and its first invoice.

Sources: stripe.com/docs/api/subscriptions/create for the parameters, recorded traffic for the first invoice in classic
mode, and stripe.com/docs/billing/subscriptions/billing-mode/compare for what differs in flexible mode.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from connector.sandbox.stripe import billing, prorations
from connector.sandbox.stripe.blanks import SUBSCRIPTION, blank
from connector.sandbox.stripe.item_changes import new_item
from connector.sandbox.stripe.rendering import embedded_list

if TYPE_CHECKING:
    from connector.sandbox.stripe.state import Object, Tenant


@dataclass(frozen=True, slots=True)
class Opening:
    """What a new subscription is made of: since when it is billed, and where the grid of its periods lies."""

    customer: Object
    currency: str
    mode: Object
    items: list[Object]
    start: int
    anchor: int
    first_period: int
    schedule: str | None = None


def open_subscription(tenant: Tenant, opening: Opening, at: int) -> Object:
    """Make a subscription with its items; nothing is billed yet."""
    customer = opening.customer
    sub = blank(
        SUBSCRIPTION,
        id=tenant.new_id("subscription"),
        billing_cycle_anchor=opening.anchor,
        billing_mode=dict(opening.mode),
        created=at,
        currency=opening.currency,
        customer=customer["id"],
        livemode=tenant.livemode,
        schedule=opening.schedule,
        start_date=opening.start,
        test_clock=customer["test_clock"],
    )
    tenant.add("subscription", sub)
    sub["items"] = embedded_list([], f"/v1/subscription_items?subscription={sub['id']}")
    for given in opening.items:
        item = new_item(tenant, sub, given, at)
        item["_anchor"] = opening.anchor
        item["current_period_start"] = item["current_period_end"] = opening.first_period
        sub["items"]["data"].append(item)
    sub["items"]["total_count"] = len(opening.items)
    tenant.touch("customer", customer["id"])
    customer["currency"] = customer["currency"] or opening.currency
    return sub


def bill_start(tenant: Tenant, sub: Object, behavior: str, at: int) -> Object | None:
    """Bill a subscription for the first time: what is to come, and what had passed before it was made."""
    flexible = sub["billing_mode"]["type"] == "flexible"
    backdated, anchored = sub["start_date"] < at, sub["billing_cycle_anchor"] > at
    if behavior == "none" and (backdated or anchored):
        _skip_past(tenant, sub, at)
        return None
    if backdated and not flexible:
        return _bill_past_in_one(tenant, sub, at)
    # A first period cut short by the end is seen prorated in classic mode; of flexible mode nothing is known.
    prorate = backdated or (not flexible and behavior != "none")
    return billing.bill(tenant, sub, at, "subscription_create", prorate=prorate)


def _skip_past(tenant: Tenant, sub: Object, at: int) -> None:
    """Enter the running period without billing it: nothing until the next cycle (recorded traffic)."""
    for item in sub["items"]["data"]:
        billing.enter_periods(tenant, sub, item, at)
    _classic_anchor(tenant, sub, at)


def _bill_past_in_one(tenant: Tenant, sub: Object, at: int) -> Object | None:
    """Bill from the start to the end of the running period as one proration line (recorded traffic, classic)."""
    for item in sub["items"]["data"]:
        start = item["current_period_end"]
        periods = billing.enter_periods(tenant, sub, item, at)
        share = sum((period.share for period in periods), Fraction(0))
        prorations.debit_past(tenant, sub, item, (start, periods[-1].until), share=share, at=at)
    _classic_anchor(tenant, sub, at)
    return billing.bill(tenant, sub, at, "subscription_create")


def _classic_anchor(tenant: Tenant, sub: Object, at: int) -> None:
    """In classic mode a backdated subscription is anchored where its first cycle ended, and its period starts today."""
    if sub["billing_mode"]["type"] == "classic":
        if sub["billing_cycle_anchor"] == sub["start_date"]:
            intervals = [billing.interval_of(billing.price_of(tenant, item)) for item in sub["items"]["data"]]
            sub["billing_cycle_anchor"] = min(interval.after(sub["start_date"]) for interval in intervals)
        for item in sub["items"]["data"]:
            item["current_period_start"] = at
