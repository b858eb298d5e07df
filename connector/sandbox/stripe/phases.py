"""From the `phases` of a request to phases as the API shows them: dates, prices, checks.

Rules and texts: SDK types and reference of subscription schedules, recorded traffic, and messages quoted in public
issue threads. What a phase does not say is unset, so every phase is built from the request alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from connector.sandbox.stripe.billing import interval_of
from connector.sandbox.stripe.discounts import check_discounts
from connector.sandbox.stripe.errors import invalid, not_emulated
from connector.sandbox.stripe.limits import merge_metadata
from connector.sandbox.stripe.payments import check_method
from connector.sandbox.stripe.periods import Interval
from connector.sandbox.stripe.phase_items import (
    build_extra,
    build_item,
    check_currency,
    check_intervals,
    refuse_tax_rates,
)

if TYPE_CHECKING:
    from connector.sandbox.stripe.phase_items import Context
    from connector.sandbox.stripe.state import Object, Tenant

UNSUPPORTED = (
    "trial",
    "trial_end",
    "billing_thresholds",
    "application_fee_percent",
    "on_behalf_of",
    "transfer_data",
    "pause_schedules",
)


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
    refuse_tax_rates(entry, "default_tax_rates", path)
    items = [build_item(context, item, f"{path}[items][{i}]") for i, item in enumerate(entry["items"])]
    if not items:
        raise invalid(f"Missing required param: {path}[items].", f"{path}[items]", code="parameter_missing")
    prices = [context.tenant.objects["price"][item["price"]] for item in items]
    check_intervals(context, prices, f"{path}[items]")
    currency = (entry.get("currency") or prices[0]["currency"]).lower()
    extras = [
        build_extra(context, extra, f"{path}[add_invoice_items][{i}]")
        for i, extra in enumerate(entry.get("add_invoice_items") or [])
    ]
    check_currency(context, currency, [*items, *extras])
    _check_due(context, entry, path)
    return {
        "add_invoice_items": extras,
        "application_fee_percent": None,
        "automatic_tax": automatic_tax(entry.get("automatic_tax")),
        "billing_cycle_anchor": entry.get("billing_cycle_anchor"),
        "billing_thresholds": None,
        "collection_method": entry.get("collection_method"),
        "currency": currency,
        "default_payment_method": check_method(
            context.tenant, entry.get("default_payment_method"), context.customer, f"{path}[default_payment_method]"
        ),
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


def _check_due(context: Context, entry: Object, path: str) -> None:
    """Ask for days_until_due where invoices are sent."""
    method = entry.get("collection_method") or context.defaults["collection_method"]
    settings = {**(context.defaults["invoice_settings"] or {}), **(entry.get("invoice_settings") or {})}
    if method == "send_invoice" and settings.get("days_until_due") is None:
        message = "You must set `days_until_due` when `collection_method` is `send_invoice`."
        raise invalid(message, f"{path}[invoice_settings][days_until_due]")


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


# --- settings --------------------------------------------------------------------------------------------------


def refuse_unsupported(entry: Object) -> None:
    """Refuse what the engine cannot bill rightly, rather than ignore it."""
    for name in UNSUPPORTED:
        if entry.get(name):
            raise not_emulated(f"schedules with {name}")


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


def default_settings(tenant: Tenant, given: Object | None, customer: str) -> Object:
    """Show the default settings of a schedule with what the server fills in (recorded traffic)."""
    given = given or {}
    refuse_unsupported(given)
    method = check_method(
        tenant, given.get("default_payment_method"), customer, "default_settings[default_payment_method]"
    )
    return {
        "application_fee_percent": None,
        "automatic_tax": automatic_tax(given.get("automatic_tax"))
        or {"disabled_reason": None, "enabled": False, "liability": None},
        "billing_cycle_anchor": given.get("billing_cycle_anchor", "automatic"),
        "billing_thresholds": None,
        "collection_method": given.get("collection_method", "charge_automatically"),
        "default_payment_method": method,
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
