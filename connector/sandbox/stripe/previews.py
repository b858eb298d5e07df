"""Previews: what the next invoice would be (stripe.com/docs/api/invoices/create_preview).

The preview is the real thing on a copy of the account: the same engine runs until it makes an invoice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from connector.sandbox.stripe import engine
from connector.sandbox.stripe.customers import living_customer
from connector.sandbox.stripe.endpoint import Call, Endpoint
from connector.sandbox.stripe.errors import StripeError, invalid, not_emulated
from connector.sandbox.stripe.invoice_life import foresee_balance
from connector.sandbox.stripe.periods import DAY
from connector.sandbox.stripe.schedule_create import create_schedule
from connector.sandbox.stripe.schedule_update import update_phases
from connector.sandbox.stripe.subscription_update import change_billing

if TYPE_CHECKING:
    from connector.sandbox.stripe.state import Object, Tenant

SUPPORTED = frozenset(
    {
        "customer",
        "subscription",
        "subscription_details",
        "schedule",
        "schedule_details",
        "preview_mode",
        "expand",
        "currency",
    }
)
FARTHEST = 4 * 366 * DAY
DETAILS = frozenset({"items", "proration_behavior", "cancel_at", "cancel_at_period_end", "billing_cycle_anchor"})


def _preview(call: Call) -> Object:
    params = call.params
    strange = sorted(params.keys() - SUPPORTED)
    if strange or params.get("preview_mode") == "recurring":
        raise not_emulated(f"invoice previews with {', '.join(strange) or 'preview_mode recurring'}")
    copied = call.tenant.copied()
    before = set(copied.objects["invoice"])
    customer, owner = _change(copied, params)
    invoice = _next_invoice(copied, customer, owner, before)
    if invoice is None:
        message = f"No upcoming invoices for customer: {customer['id']}"
        raise StripeError(message, status=404, code="invoice_upcoming_none")
    foresee_balance(invoice, copied.objects["customer"][customer["id"]])
    shown = {"id": f"upcoming_{invoice['id']}", "status": "draft", "number": None, "billing_reason": "upcoming"}
    return {**invoice, **shown}


def _change(copied: Tenant, params: dict[str, Any]) -> tuple[Object, str | None]:
    """Make the change to be previewed; return the customer and the subscription in question."""
    details = params.get("schedule_details")
    if "schedule" in params:
        schedule = copied.get("subscription_schedule", params["schedule"], "schedule")
        at = copied.clock_of(schedule).now()
        if details:
            update_phases(copied, schedule, details, at)
        return copied.objects["customer"][schedule["customer"]], schedule["subscription"]
    if "subscription" in params:
        sub = copied.get("subscription", params["subscription"], "subscription")
        _change_subscription(copied, sub, params.get("subscription_details") or {})
        return copied.objects["customer"][sub["customer"]], sub["id"]
    if params.get("subscription_details"):
        what = "invoice previews with subscription_details and no subscription"
        raise not_emulated(what)
    if "customer" not in params:
        message = "You must pass customer, subscription or schedule."
        raise invalid(message, "customer")
    customer = living_customer(copied, params["customer"], "customer")
    if details:
        return customer, create_schedule(copied, customer, details)["subscription"]
    return customer, None


def _change_subscription(copied: Tenant, sub: Object, details: dict[str, Any]) -> None:
    """Make the change to a subscription that is to be previewed."""
    strange = sorted(details.keys() - DETAILS)
    if strange:
        raise not_emulated(f"invoice previews with subscription_details {', '.join(strange)}")
    change_billing(copied, sub, details, copied.clock_of(sub).now())


def _next_invoice(copied: Tenant, customer: Object, sub_id: str | None, before: set[str]) -> Object | None:
    """Let time pass for this customer alone until an invoice is made; no interval is longer than three years."""
    clock = copied.clock_of(customer)
    until = clock.now() + FARTHEST
    while True:
        for ident, invoice in copied.objects["invoice"].items():
            ours = invoice["customer"] == customer["id"] and sub_id in (None, invoice["_subscription"])
            if ident not in before and ours:
                return invoice
        due = clock.pop_due(until)
        if due is None:
            return None
        if _owner(copied, due.ref) == customer["id"]:
            engine.step(copied, due)


def _owner(copied: Tenant, ref: str) -> str | None:
    for kind in ("subscription_schedule", "subscription", "invoice"):
        if ref in copied.objects[kind]:
            return str(copied.objects[kind][ref]["customer"])
    return None


ENDPOINTS = [Endpoint("POST", "/v1/invoices/create_preview", "InvoiceCreatePreviewParams", _preview)]
