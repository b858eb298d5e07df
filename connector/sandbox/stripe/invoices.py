"""The invoice object: its heading, its lines, and what they add up to (stripe.com/docs/api/invoices).

An invoice is a draft for an hour, then it is finalised. `due_date` counts from its creation (recorded traffic).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from connector.sandbox.stripe import events
from connector.sandbox.stripe.blanks import INVOICE, blank
from connector.sandbox.stripe.discounts import Reduction, living, reduce_lines
from connector.sandbox.stripe.errors import invalid
from connector.sandbox.stripe.rendering import embedded_list

if TYPE_CHECKING:
    from collections.abc import Sequence

    from connector.sandbox.stripe.state import Object, Tenant

DRAFT_SECONDS = 3600
DAY = 86_400
MAX_LINES = 250


@dataclass(frozen=True, slots=True)
class Charge:
    """One future invoice line."""

    amount: int
    description: str
    price: Object | None
    quantity: int | None
    start: int
    end: int
    metadata: dict[str, str] = field(default_factory=dict)
    subscription_item: str | None = None
    invoice_item: str | None = None
    proration: bool = False
    discountable: bool = True
    discounts: tuple[str, ...] = ()
    taken: tuple[tuple[str, int], ...] = ()
    credited: Object | None = None


@dataclass(frozen=True, slots=True)
class Heading:
    """What an invoice says about itself, beside its lines."""

    reason: str
    at: int
    period: tuple[int, int]
    currency: str
    facts: dict[str, Any] = field(default_factory=dict)


def issue(tenant: Tenant, customer: Object, sub: Object | None, charges: Sequence[Charge], head: Heading) -> Object:
    """Make a draft of charges, and note when it is to be finalised."""
    if len(charges) > MAX_LINES:
        raise invalid(f"An invoice can have up to {MAX_LINES} lines, but this one would have {len(charges)}.")
    invoice = _skeleton(tenant, customer, sub, head)
    tenant.add("invoice", invoice)
    invoice["lines"] = embedded_list([], f"/v1/invoices/{invoice['id']}/lines")
    set_lines(tenant, invoice, charges)
    if invoice["auto_advance"]:
        tenant.clock_of(customer).plan("finalize", invoice["automatically_finalizes_at"], invoice["id"])
    if sub is not None:
        sub["latest_invoice"] = invoice["id"]
    events.record(tenant, "created", invoice, head.at)
    return invoice


def set_lines(tenant: Tenant, invoice: Object, charges: Sequence[Charge]) -> None:
    """Put lines on an invoice and add them up, discounts taken off."""
    common = living(tenant, invoice["discounts"], invoice["created"], invoice["id"])
    works = [_reduction(tenant, charge, invoice) for charge in charges]
    reduce_lines([work for work, charge in zip(works, charges, strict=True) if charge.discountable], common)
    lines = [_line(tenant, invoice, charge, work) for charge, work in zip(charges, works, strict=True)]
    for ident in {ident for work in works for ident, _ in work.shares}:
        discount = tenant.touch("discount", ident)
        discount["_used"] = discount["_used"] or invoice["id"]
    invoice["_charges"] = list(charges)
    invoice["lines"]["data"] = lines
    invoice["lines"]["total_count"] = len(lines)
    _add_up(invoice, works)


def _reduction(tenant: Tenant, charge: Charge, invoice: Object) -> Reduction:
    at, ident = invoice["created"], invoice["id"]
    own = living(tenant, charge.discounts, at, ident) if charge.discountable else []
    work = Reduction(charge.amount, charge.price["product"] if charge.price else "", own)
    for discount, amount in charge.taken:
        work.take({"id": discount}, amount)
    return work


def _add_up(invoice: Object, works: Sequence[Reduction]) -> None:
    subtotal = sum(work.amount for work in works)
    taken: dict[str, int] = {}
    for ident, amount in (share for work in works for share in work.shares):
        taken[ident] = taken.get(ident, 0) + amount
    total = sum(work.left for work in works)
    invoice["total_discount_amounts"] = [{"amount": amount, "discount": ident} for ident, amount in taken.items()]
    invoice["subtotal"] = invoice["subtotal_excluding_tax"] = subtotal
    invoice["total"] = invoice["total_excluding_tax"] = total
    invoice["amount_due"] = invoice["amount_remaining"] = max(0, total)


def _line(tenant: Tenant, invoice: Object, charge: Charge, work: Reduction) -> Object:
    price = charge.price
    return {
        "id": tenant.new_id("line_item"),
        "object": "line_item",
        "amount": charge.amount,
        "currency": invoice["currency"],
        "description": charge.description,
        "discount_amounts": [{"amount": amount, "discount": ident} for ident, amount in work.shares],
        "discountable": charge.discountable,
        "discounts": list(charge.discounts),
        "invoice": invoice["id"],
        "livemode": tenant.livemode,
        "metadata": dict(charge.metadata),
        "parent": _line_parent(invoice, charge),
        "period": {"end": charge.end, "start": charge.start},
        "pretax_credit_amounts": [],
        "pricing": price
        and {
            "price_details": {"price": price["id"], "product": price["product"]},
            "type": "price_details",
            "unit_amount_decimal": price["unit_amount_decimal"],
        },
        "quantity": charge.quantity,
        "quantity_decimal": None if charge.quantity is None else str(charge.quantity),
        "subscription": invoice["_subscription"],
        "subtotal": charge.amount,
        "taxes": [],
    }


def _line_parent(invoice: Object, charge: Charge) -> Object:
    """Tell where a line comes from; since basil this replaces `subscription`, `proration` and their like."""
    details: Object = {
        "invoice_item": charge.invoice_item,
        "proration": charge.proration,
        "proration_details": {"credited_items": charge.credited},
        "subscription": invoice["_subscription"],
    }
    if charge.invoice_item:
        return {
            "invoice_item_details": details,
            "subscription_item_details": None,
            "type": "invoice_item_details",
        }
    details["subscription_item"] = charge.subscription_item
    return {
        "invoice_item_details": None,
        "subscription_item_details": details,
        "type": "subscription_item_details",
    }


def _skeleton(tenant: Tenant, customer: Object, sub: Object | None, head: Heading) -> Object:
    facts = head.facts
    days = facts.get("days_until_due")
    draft_until = head.at + DRAFT_SECONDS
    advancing = facts.get("auto_advance", True)
    automatic = facts["collection_method"] == "charge_automatically"
    return blank(
        INVOICE,
        id=tenant.new_id("invoice"),
        auto_advance=advancing,
        automatic_tax=_automatic_tax(facts.get("automatic_tax")),
        automatically_finalizes_at=draft_until if advancing else None,
        billing_reason=head.reason,
        collection_method=facts["collection_method"],
        created=head.at,
        currency=head.currency,
        custom_fields=facts.get("custom_fields") or customer["invoice_settings"]["custom_fields"],
        **_customer_facts(customer),
        customer_tax_ids=[{"type": tax["type"], "value": tax["value"]} for tax in tenant.of("tax_id", customer["id"])],
        description=facts.get("description"),
        discounts=list(facts.get("discounts") or []),
        due_date=facts.get("due_date") or (head.at + days * DAY if days and not automatic else None),
        footer=facts.get("footer") or customer["invoice_settings"]["footer"],
        livemode=tenant.livemode,
        metadata=dict(facts.get("metadata") or {}),
        next_payment_attempt=draft_until if automatic and advancing else None,
        parent=sub
        and {
            "quote_details": None,
            "subscription_details": {"metadata": dict(sub["metadata"]), "subscription": sub["id"]},
            "type": "subscription_details",
        },
        period_end=head.period[1],
        period_start=head.period[0],
        starting_balance=customer["balance"],
        test_clock=customer["test_clock"],
        _subscription=sub["id"] if sub else None,
    )


def _automatic_tax(given: Object | None) -> Object:
    """Show automatic tax as an account without any tax registration does: complete, and nothing collected."""
    enabled = bool(given and given["enabled"])
    return {
        "disabled_reason": None,
        "enabled": enabled,
        "liability": {"type": "self"} if enabled else None,
        "provider": "stripe" if enabled else None,
        "status": "complete" if enabled else None,
    }


def _customer_facts(customer: Object) -> Object:
    return {
        "customer": customer["id"],
        "customer_account": None,
        "customer_address": customer["address"],
        "customer_email": customer["email"],
        "customer_name": customer["name"],
        "customer_phone": customer["phone"],
        "customer_shipping": customer["shipping"],
        "customer_tax_exempt": customer["tax_exempt"],
    }


def only_draft(invoice: Object, participle: str) -> None:
    """Refuse what can be done to a draft only."""
    if invoice["status"] != "draft":
        message = f"Invoice {invoice['id']} is in the status `{invoice['status']}` and can't be {participle}."
        raise invalid(message, code="invoice_not_editable")
