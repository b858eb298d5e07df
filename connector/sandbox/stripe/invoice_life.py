"""The life of an invoice: finalized, paid or sent, overdue (stripe.com/docs/api/invoices; times from recorded traffic).

An automatic charge succeeds with a test card and fails without one; then the invoice stays open.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from connector.sandbox.stripe import events
from connector.sandbox.stripe.customers import move_balance
from connector.sandbox.stripe.payments import paying_method
from connector.sandbox.stripe.periods import DAY

if TYPE_CHECKING:
    from connector.sandbox.stripe.state import Object, Tenant


def finalize(tenant: Tenant, invoice: Object, at: int, *, collect: bool = True) -> None:
    """Give an invoice its number, apply the customer's balance, then charge or send it, unless it is paid otherwise."""
    tenant.touch("invoice", invoice["id"])
    customer = tenant.touch("customer", invoice["customer"])
    invoice["status"] = "open"
    invoice["effective_at"] = invoice["status_transitions"]["finalized_at"] = at
    invoice["automatically_finalizes_at"] = None
    invoice["number"] = f"{customer['invoice_prefix']}-{customer['next_invoice_sequence']:04d}"
    customer["next_invoice_sequence"] += 1
    page = f"https://invoice.stripe.com/i/acct_sandbox/test_{invoice['id']}"
    invoice["hosted_invoice_url"], invoice["invoice_pdf"] = page, f"{page}/pdf"
    _apply_balance(tenant, invoice, customer, at)
    events.record(tenant, "finalized", invoice, at)
    if invoice["due_date"]:
        tenant.clock_of(customer).plan("overdue", invoice["due_date"], invoice["id"])
    if invoice["amount_due"] == 0:
        settle(tenant, invoice, at)
    elif not collect:
        invoice["next_payment_attempt"] = None
    elif invoice["collection_method"] == "send_invoice":
        events.record(tenant, "sent", invoice, at)
    elif paying_method(tenant, customer, tenant.objects["subscription"].get(invoice["_subscription"] or "")):
        invoice["attempted"], invoice["attempt_count"] = True, 1
        settle(tenant, invoice, at)
    else:
        _fail_charge(tenant, invoice, at)


def _apply_balance(tenant: Tenant, invoice: Object, customer: Object, at: int) -> None:
    """Use credit for the invoice, or turn a negative total into credit (stripe.com/docs/billing/customer/balance)."""
    moved = foresee_balance(invoice, customer)
    if moved:
        facts = {"invoice": invoice["id"], "type": "applied_to_invoice"}
        move_balance(tenant, customer, moved, invoice["currency"], at, **facts)


def foresee_balance(invoice: Object, customer: Object) -> int:
    """Show what the customer's balance makes of an invoice; return what moves on that balance."""
    balance, total = customer["balance"], invoice["total"]
    moved: int = total if total < 0 else min(-balance, total)
    invoice["starting_balance"], invoice["ending_balance"] = balance, balance + moved
    invoice["amount_due"] = invoice["amount_remaining"] = total - moved
    return moved


def _fail_charge(tenant: Tenant, invoice: Object, at: int) -> None:
    """Fail for want of a payment method: open, next attempt in three days, subscription past due (recorded traffic)."""
    invoice["attempted"], invoice["attempt_count"] = True, 1
    invoice["next_payment_attempt"] = at + 3 * DAY
    events.record(tenant, "payment_failed", invoice, at)
    sub = tenant.objects["subscription"].get(invoice["_subscription"] or "")
    if sub and sub["status"] == "active":
        tenant.touch("subscription", sub["id"])["status"] = "past_due"
        events.record(tenant, "updated", sub, at, {"status": "active"})


def settle(tenant: Tenant, invoice: Object, at: int, *, outside: bool = False) -> None:
    """Mark an invoice paid."""
    tenant.touch("invoice", invoice["id"])
    invoice["status"] = "paid"
    invoice["amount_paid"] = invoice["amount_due"]
    invoice["amount_paid_off_stripe"] = invoice["amount_due"] if outside else None
    invoice["_charged"] = invoice["amount_due"] if not outside else 0
    invoice["amount_remaining"] = 0
    invoice["attempted"], invoice["auto_advance"] = invoice["attempted"] or not outside, False
    invoice["next_payment_attempt"] = None
    invoice["status_transitions"]["paid_at"] = at
    events.record(tenant, "paid", invoice, at)
    _revive(tenant, invoice, at)


def _revive(tenant: Tenant, invoice: Object, at: int) -> None:
    sub = tenant.objects["subscription"].get(invoice["_subscription"] or "")
    if sub is None or sub["status"] != "past_due":
        return
    ours = tenant.of("invoice", sub["customer"])
    unpaid = (i for i in ours if i["_subscription"] == sub["id"] and i["status"] == "open")
    if next(unpaid, None) is None:
        tenant.touch("subscription", sub["id"])["status"] = "active"
        events.record(tenant, "updated", sub, at, {"status": "past_due"})
