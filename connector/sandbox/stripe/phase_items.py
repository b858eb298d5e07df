"""The items of phases and subscriptions: from a request to items as schedules show them, and the rules over several.

Rules and texts: SDK types and reference of subscription schedules, recorded traffic, and messages quoted in public
issue threads.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from connector.sandbox.stripe.billing import interval_of, metered
from connector.sandbox.stripe.discounts import check_discounts
from connector.sandbox.stripe.errors import invalid, missing_object, not_emulated
from connector.sandbox.stripe.limits import merge_metadata
from connector.sandbox.stripe.prices import make_price

if TYPE_CHECKING:
    from connector.sandbox.stripe.state import Object, Tenant

MIXED = (
    "For a particular phase, all of its `items` prices must have the same `interval`, `interval_count`, and `currency`."
)


@dataclass(frozen=True, slots=True)
class Context:
    """What phases are built against."""

    tenant: Tenant
    at: int
    mode: str
    defaults: Object
    customer: str
    known_prices: set[str] = field(default_factory=set)


def _price(context: Context, entry: Object, path: str) -> Object:
    tenant = context.tenant
    if "price_data" in entry:
        return make_price(tenant, entry["price_data"], context.at, inline=True, param=path)
    ident = entry.get("price") or entry.get("plan")  # `plan` is the older name, and recorded clients send both
    if ident is None:
        raise invalid(f"Missing required param: {path}[price].", f"{path}[price]", code="parameter_missing")
    price = tenant.get("price", ident, f"{path}[price]")
    if not price["active"] and price["id"] not in context.known_prices:
        message = "The price specified is inactive. This field only accepts active prices."
        raise invalid(message, f"{path}[price]")
    return price


def build_item(context: Context, entry: Object, path: str) -> Object:
    """Build a recurring item; without a price it is refused, without a quantity it is one."""
    if entry.get("billing_thresholds"):
        what = "billing thresholds"
        raise not_emulated(what)
    refuse_tax_rates(entry, "tax_rates", path)
    price = _price(context, entry, path)
    _check_type(price, "recurring", path)
    made: Object = {
        "billing_thresholds": None,
        "discounts": check_discounts(
            context.tenant, entry.get("discounts"), f"{path}[discounts]", price["currency"], context.at
        ),
        "metadata": merge_metadata({}, entry.get("metadata")),
        "plan": price["id"],
        "price": price["id"],
        "tax_rates": [],
    }
    if not metered(price):
        made["quantity"] = entry.get("quantity", 1)
    elif "quantity" in entry:
        message = "A quantity cannot be set for prices with `usage_type=metered`."
        raise invalid(message, f"{path}[quantity]")
    return made


def build_extra(context: Context, entry: Object, path: str) -> Object:
    """Build a one-off item."""
    refuse_tax_rates(entry, "tax_rates", path)
    price = _price(context, entry, path)
    _check_type(price, "one_time", path)
    period = entry.get("period") or {}
    return {
        "discountable": entry.get("discountable", True),
        "discounts": check_discounts(
            context.tenant, entry.get("discounts"), f"{path}[discounts]", price["currency"], context.at
        ),
        "metadata": merge_metadata({}, entry.get("metadata")),
        "period": {
            "end": _side(period.get("end"), "min_item_period_end", f"{path}[period][end]"),
            "start": _side(period.get("start"), "max_item_period_start", f"{path}[period][start]"),
        },
        "price": price["id"],
        "quantity": entry.get("quantity", 1),
        "tax_rates": [],
    }


def _side(given: Object | None, default: str, path: str) -> Object:
    if not given:
        return {"type": default}
    if (given["type"] == "timestamp") != ("timestamp" in given):
        message = "A timestamp goes with the type `timestamp`, and only with it."
        raise invalid(message, f"{path}[timestamp]")
    return dict(given)


def _check_type(price: Object, wanted: str, path: str) -> None:
    if price["type"] != wanted:
        message = (
            f"The price specified is set to `type={price['type']}` but this field only accepts prices with "
            f"`type={wanted}`."
        )
        raise invalid(message, f"{path}[price]")


# --- rules over several items --------------------------------------------------------------------------------


def check_intervals(context: Context, prices: list[Object], path: str) -> None:
    """One interval per phase in classic mode; whole multiples of the shortest in flexible mode."""
    if len({price["currency"] for price in prices}) > 1:
        raise invalid(MIXED)
    repeated = [price["id"] for i, price in enumerate(prices) if price in prices[:i]]
    if repeated:
        message = f"A phase cannot have several items with the same price: {repeated[0]}."
        raise invalid(message, path)
    intervals = [interval_of(price) for price in prices]
    if context.mode == "classic":
        if len(set(intervals)) > 1:
            raise invalid(MIXED)
        return
    shortest = min(intervals, key=lambda interval: interval.days or interval.months * 30)
    if not all(interval.multiple_of(shortest) for interval in intervals):
        message = "All prices of a phase must have an interval that is a whole multiple of the shortest one."
        raise invalid(message, path)


def check_currency(context: Context, currency: str, entries: list[Object]) -> None:
    """Hold all items to one currency."""
    for entry in entries:
        price = context.tenant.objects["price"][entry["price"]]
        if price["currency"] != currency:
            message = (
                f"The currency of the selected prices ({price['currency']}) does not match the currency of the phase "
                f"({currency})."
            )
            raise invalid(message)


def refuse_tax_rates(entry: Object, name: str, path: str) -> None:
    """Refuse tax rates: none can be made here, so none exists."""
    if entry.get(name):
        raise missing_object("tax rate", entry[name][0], f"{path}[{name}][0]")
