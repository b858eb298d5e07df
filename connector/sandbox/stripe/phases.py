"""From the `phases` of a request to phases as the API shows them: dates, prices, checks.

Rules and texts: SDK types and reference of subscription schedules, recorded traffic, and messages quoted in public
issue threads. What a phase does not say is unset, so every phase is built from the request alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from connector.sandbox.stripe.billing import interval_of, metered
from connector.sandbox.stripe.discounts import check_discounts
from connector.sandbox.stripe.errors import invalid, missing_object, not_emulated
from connector.sandbox.stripe.limits import merge_metadata
from connector.sandbox.stripe.periods import Interval
from connector.sandbox.stripe.prices import make_price

if TYPE_CHECKING:
    from connector.sandbox.stripe.state import Object, Tenant

MIXED = (
    "For a particular phase, all of its `items` prices must have the same `interval`, `interval_count`, and `currency`."
)
UNSUPPORTED = (
    "trial",
    "trial_end",
    "billing_thresholds",
    "application_fee_percent",
    "on_behalf_of",
    "transfer_data",
    "pause_schedules",
)


@dataclass(frozen=True, slots=True)
class Context:
    """What phases are built against."""

    tenant: Tenant
    at: int
    mode: str
    defaults: Object
    known_prices: set[str] = field(default_factory=set)


def build_phases(context: Context, given: list[Object], start: int) -> list[Object]:
    """Build all phases, each from the end of the one before."""
    phases = []
    for index, entry in enumerate(given):
        path = f"phases[{index}]"
        asked = _moment(entry.get("start_date"), context.at)
        if index and asked is not None and asked != start:
            message = (
                "Phases must follow one another without a gap: a start_date must equal the end of the phase before."
            )
            raise invalid(message, f"{path}[start_date]")
        phase = _build(context, entry, start if asked is None else asked, path)
        phases.append(phase)
        start = phase["end_date"]
    return phases


def _moment(value: Any, now: int) -> int | None:
    """Read a moment; `now` is the same instant everywhere in one request (recorded traffic)."""
    return now if value == "now" else value


def _build(context: Context, entry: Object, start: int, path: str) -> Object:
    refuse_unsupported(entry)
    _refuse_references(entry, path)
    items = [_item(context, item, f"{path}[items][{i}]") for i, item in enumerate(entry["items"])]
    if not items:
        raise invalid(f"Missing required param: {path}[items].", f"{path}[items]", code="parameter_missing")
    prices = [context.tenant.objects["price"][item["price"]] for item in items]
    _check_intervals(context, prices, f"{path}[items]")
    currency = (entry.get("currency") or prices[0]["currency"]).lower()
    extras = [
        _extra(context, extra, f"{path}[add_invoice_items][{i}]")
        for i, extra in enumerate(entry.get("add_invoice_items") or [])
    ]
    _check_currency(context, currency, [*items, *extras])
    _check_due(context, entry, path)
    return {
        "add_invoice_items": extras,
        "application_fee_percent": None,
        "automatic_tax": automatic_tax(entry.get("automatic_tax")),
        "billing_cycle_anchor": entry.get("billing_cycle_anchor"),
        "billing_thresholds": None,
        "collection_method": entry.get("collection_method"),
        "currency": currency,
        "default_payment_method": None,
        "default_tax_rates": [],
        "description": entry.get("description") or None,
        "discounts": check_discounts(
            context.tenant, entry.get("discounts"), f"{path}[discounts]", currency, context.at
        ),
        "end_date": _end(context, entry, start, prices, path),
        "invoice_settings": invoice_settings(entry.get("invoice_settings")),
        "items": items,
        "metadata": merge_metadata({}, entry.get("metadata")),
        "on_behalf_of": None,
        "proration_behavior": entry.get("proration_behavior", "create_prorations"),
        "start_date": start,
        "transfer_data": None,
        "trial_end": None,
        "_metadata": entry.get("metadata"),  # with the empty values that unset keys of the subscription
    }


def _end(context: Context, entry: Object, start: int, prices: list[Object], path: str) -> int:
    """Find the end of a phase; without end or duration it lasts one billing period."""
    end = _moment(entry.get("end_date"), context.at)
    if end is None:
        spec = entry.get("duration")
        end = (Interval.of(spec) if spec else interval_of(prices[0])).after(start)
    if end <= start:
        message = "The end date of a phase must be later than its start date."
        raise invalid(message, f"{path}[end_date]")
    return end


# --- items ---------------------------------------------------------------------------------------------------


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


def _item(context: Context, entry: Object, path: str) -> Object:
    if entry.get("billing_thresholds"):
        what = "billing thresholds"
        raise not_emulated(what)
    _refuse_tax_rates(entry, "tax_rates", path)
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


def _extra(context: Context, entry: Object, path: str) -> Object:
    _refuse_tax_rates(entry, "tax_rates", path)
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


def _check_intervals(context: Context, prices: list[Object], path: str) -> None:
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


def _check_currency(context: Context, currency: str, entries: list[Object]) -> None:
    for entry in entries:
        price = context.tenant.objects["price"][entry["price"]]
        if price["currency"] != currency:
            message = (
                f"The currency of the selected prices ({price['currency']}) does not match the currency of the phase "
                f"({currency})."
            )
            raise invalid(message)


def _check_due(context: Context, entry: Object, path: str) -> None:
    """Ask for days_until_due where invoices are sent."""
    method = entry.get("collection_method") or context.defaults["collection_method"]
    settings = {**(context.defaults["invoice_settings"] or {}), **(entry.get("invoice_settings") or {})}
    if method == "send_invoice" and settings.get("days_until_due") is None:
        message = "You must set `days_until_due` when `collection_method` is `send_invoice`."
        raise invalid(message, f"{path}[invoice_settings][days_until_due]")


# --- settings --------------------------------------------------------------------------------------------------


def refuse_unsupported(entry: Object) -> None:
    """Refuse what the engine cannot bill rightly, rather than ignore it."""
    for name in UNSUPPORTED:
        if entry.get(name):
            raise not_emulated(f"schedules with {name}")


def _refuse_references(entry: Object, path: str) -> None:
    if entry.get("default_payment_method"):
        where = f"{path}[default_payment_method]" if path else "default_payment_method"
        raise missing_object("PaymentMethod", entry["default_payment_method"], where)
    _refuse_tax_rates(entry, "default_tax_rates", path)


def _refuse_tax_rates(entry: Object, name: str, path: str) -> None:
    if entry.get(name):
        raise missing_object("tax rate", entry[name][0], f"{path}[{name}][0]")


def automatic_tax(given: Object | None) -> Object | None:
    """Show automatic tax settings."""
    if not given:
        return None
    liability = given.get("liability") or ({"type": "self"} if given["enabled"] else None)
    return {"disabled_reason": None, "enabled": given["enabled"], "liability": liability}


def invoice_settings(given: Object | None) -> Object | None:
    """Show invoice settings."""
    if not given:
        return None
    if given.get("account_tax_ids") or (given.get("issuer") or {}).get("type") == "account":
        what = "invoice settings with account_tax_ids or a connected issuer"
        raise not_emulated(what)
    return {
        "account_tax_ids": None,
        "custom_fields": given.get("custom_fields") or None,
        "days_until_due": given.get("days_until_due"),
        "description": given.get("description") or None,
        "footer": given.get("footer") or None,
        "issuer": given.get("issuer") or {"type": "self"},
    }


def default_settings(given: Object | None) -> Object:
    """Show the default settings of a schedule with what the server fills in (recorded traffic)."""
    given = given or {}
    refuse_unsupported(given)
    _refuse_references(given, "default_settings")
    return {
        "application_fee_percent": None,
        "automatic_tax": automatic_tax(given.get("automatic_tax"))
        or {"disabled_reason": None, "enabled": False, "liability": None},
        "billing_cycle_anchor": given.get("billing_cycle_anchor", "automatic"),
        "billing_thresholds": None,
        "collection_method": given.get("collection_method", "charge_automatically"),
        "default_payment_method": None,
        "description": given.get("description") or None,
        "invoice_settings": invoice_settings(given.get("invoice_settings"))
        or {
            "account_tax_ids": None,
            "custom_fields": None,
            "days_until_due": None,
            "description": None,
            "footer": None,
            "issuer": {"type": "self"},
        },
        "on_behalf_of": None,
        "transfer_data": None,
    }
