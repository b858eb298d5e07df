"""Somebody edits a schedule in Stripe by hand: through Stripe's own SDK, as the Dashboard would."""

from collections.abc import Mapping
from typing import Any, cast

import stripe


def set_quantities(client: stripe.StripeClient, schedule: str, quantities: Mapping[int, int]) -> None:
    """Give the first item of phases (by their number from 0) another quantity; everything else stays."""
    held = client.v1.subscription_schedules.retrieve(schedule).to_dict()
    phases = [_sent(phase, quantities.get(number)) for number, phase in enumerate(held["phases"])]
    client.v1.subscription_schedules.update(schedule, cast("Any", {"phases": phases, "proration_behavior": "none"}))


def set_prices(client: stripe.StripeClient, schedule: str, amounts: Mapping[int, int]) -> None:
    """Give the first item of phases another price, with the same product and interval."""
    held = client.v1.subscription_schedules.retrieve(schedule).to_dict()
    phases = [_sent(phase, None) for phase in held["phases"]]
    for number, amount in amounts.items():
        item = phases[number]["items"][0]
        price = client.v1.prices.retrieve(str(item.pop("price"))).to_dict()
        recurring = {name: price["recurring"][name] for name in ("interval", "interval_count")}
        data = {"currency": price["currency"], "product": price["product"], "recurring": recurring}
        item["price_data"] = {**data, "unit_amount": amount}
    client.v1.subscription_schedules.update(schedule, cast("Any", {"phases": phases, "proration_behavior": "none"}))


def set_schedule(client: stripe.StripeClient, schedule: str, **params: Any) -> None:
    """Set parameters of a schedule itself."""
    client.v1.subscription_schedules.update(schedule, cast("Any", params))


def drop_item(client: stripe.StripeClient, schedule: str, phase: int) -> None:
    """Take the last item of a phase away."""
    held = client.v1.subscription_schedules.retrieve(schedule).to_dict()
    phases = [_sent(each, None) for each in held["phases"]]
    phases[phase]["items"].pop()
    client.v1.subscription_schedules.update(schedule, cast("Any", {"phases": phases, "proration_behavior": "none"}))


def _sent(phase: Mapping[str, Any], quantity: int | None) -> dict[str, Any]:
    items = [_kept(item, "price", "quantity", "metadata", "discounts") for item in phase["items"]]
    if quantity is not None:
        items[0]["quantity"] = quantity
    once = [_kept(one, "price", "quantity", "metadata", "period", "discounts") for one in phase["add_invoice_items"]]
    coupons = [_kept(one, "coupon") for one in phase.get("discounts") or ()]
    return {
        **_kept(phase, "start_date", "end_date", "proration_behavior", "metadata", "billing_cycle_anchor"),
        **({"discounts": coupons} if coupons else {}),
        "items": items,
        **({"add_invoice_items": once} if once else {}),
    }


def _kept(held: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: held[name] for name in names if held.get(name)}
