"""Credit notes: they lower what is left of a finalized invoice, and give back what had been paid (SDK reference).

A credit note first reduces what remains to be paid, never below zero; that is its pre-payment amount. What exceeds it
is given back as a refund, as credit on the customer's balance, or outside of Stripe; the three must add up to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from connector.sandbox.stripe import events
from connector.sandbox.stripe.credit_note_lines import note_lines
from connector.sandbox.stripe.customers import move_balance
from connector.sandbox.stripe.endpoint import Call, Endpoint, listing, owned
from connector.sandbox.stripe.errors import invalid, not_emulated
from connector.sandbox.stripe.invoice_life import settle
from connector.sandbox.stripe.limits import merge_metadata
from connector.sandbox.stripe.rendering import embedded_list, list_of, page_of, within

if TYPE_CHECKING:
    from connector.sandbox.stripe.state import Object, Tenant

GIVEN_BACK = ("refund_amount", "credit_amount", "out_of_band_amount")


def _create(call: Call) -> Object:
    return make_note(call.tenant, call.params)


def _preview(call: Call) -> Object:
    """Show the credit note that would be made, on a copy of the account."""
    return make_note(call.tenant.copied(), call.params)


def _preview_lines(call: Call) -> Object:
    found = _preview(call)["lines"]["data"]
    return list_of(found, page_of(call.params), call.path)


def make_note(tenant: Tenant, params: dict[str, Any]) -> Object:
    """Make a credit note and do to the invoice, the balance and the payment what it says."""
    for name in ("refunds", "shipping_cost", "effective_at"):
        if params.get(name):
            raise not_emulated(f"credit notes with {name}")
    invoice = tenant.get("invoice", params["invoice"], "invoice")
    if invoice["status"] not in {"open", "paid", "uncollectible"}:
        message = (
            f"You can only create credit notes for finalized invoices that are not void, but {invoice['id']} is "
            f"`{invoice['status']}`."
        )
        raise invalid(message, "invoice")
    lines = note_lines(tenant, invoice, params)
    total = sum(line["amount"] - line["discount_amount"] for line in lines)
    _check_total(invoice, total)
    before = min(total, invoice["amount_remaining"])
    _check_given_back(invoice, params, total - before)
    customer = tenant.touch("customer", invoice["customer"])
    at = tenant.clock_of(customer).now()
    note = _note(tenant, invoice, params, lines, at)
    note["pre_payment_amount"], note["post_payment_amount"] = before, total - before
    tenant.add("credit_note", note)
    _give_back(tenant, customer, note, params, at)
    _reduce(tenant, invoice, note, at)
    events.record(tenant, "created", note, at)
    return note


# --- amounts ---------------------------------------------------------------------------------------------------


def _check_total(invoice: Object, total: int) -> None:
    credited = invoice["pre_payment_credit_notes_amount"] + invoice["post_payment_credit_notes_amount"]
    most = invoice["total"] - credited
    if not 0 < total <= most:
        message = f"The credit note amount must be between 1 and {most}, which is what can be credited of the invoice."
        raise invalid(message, "amount")


def _check_given_back(invoice: Object, params: dict[str, Any], after: int) -> None:
    given = sum(params.get(name, 0) for name in GIVEN_BACK)
    if given != after:
        message = (
            f"The sum of credit amount, refund amount and out of band amount ({given}) must equal the post payment "
            f"amount ({after})."
        )
        raise invalid(message)
    charged = invoice.get("_charged", 0) - invoice.get("_refunded", 0)
    if params.get("refund_amount", 0) > charged:
        message = f"The refund amount must not exceed what was charged and not refunded yet ({charged})."
        raise invalid(message, "refund_amount")


def _give_back(tenant: Tenant, customer: Object, note: Object, params: dict[str, Any], at: int) -> None:
    if params.get("credit_amount"):
        facts = {"type": "credit_note", "credit_note": note["id"], "invoice": note["invoice"]}
        moved = move_balance(tenant, customer, -params["credit_amount"], note["currency"], at, **facts)
        note["customer_balance_transaction"] = moved["id"]
    if params.get("refund_amount"):
        refund = {
            "amount_refunded": params["refund_amount"],
            "payment_record_refund": None,
            "refund": tenant.new_id("refund"),
            "type": "refund",
        }
        note["refunds"] = [refund]
    note["out_of_band_amount"] = params.get("out_of_band_amount") or None


def _reduce(tenant: Tenant, invoice: Object, note: Object, at: int) -> None:
    """Take a credit note off its invoice; one that nothing remains of is paid."""
    tenant.touch("invoice", invoice["id"])
    invoice["pre_payment_credit_notes_amount"] += note["pre_payment_amount"]
    invoice["post_payment_credit_notes_amount"] += note["post_payment_amount"]
    invoice["_refunded"] = invoice.get("_refunded", 0) + sum(r["amount_refunded"] for r in note["refunds"])
    invoice["amount_due"] -= note["pre_payment_amount"]
    invoice["amount_remaining"] -= note["pre_payment_amount"]
    if invoice["status"] == "open" and invoice["amount_remaining"] == 0:
        settle(tenant, invoice, at, outside=True)
    events.record(tenant, "updated", invoice, at, {})


def _note(tenant: Tenant, invoice: Object, params: dict[str, Any], lines: list[Object], at: int) -> Object:
    ident = tenant.new_id("credit_note")
    subtotal, discount = sum(line["amount"] for line in lines), sum(line["discount_amount"] for line in lines)
    numbers = [note for note in tenant.all("credit_note") if note["invoice"] == invoice["id"]]
    return {
        "id": ident,
        "object": "credit_note",
        "amount": subtotal - discount,
        "amount_shipping": 0,
        "created": at,
        "currency": invoice["currency"],
        "customer": invoice["customer"],
        "customer_account": None,
        "customer_balance_transaction": None,
        "discount_amount": discount,
        "discount_amounts": [entry for line in lines for entry in line["discount_amounts"]],
        "effective_at": at,
        "invoice": invoice["id"],
        "lines": embedded_list(lines, f"/v1/credit_notes/{ident}/lines"),
        "livemode": tenant.livemode,
        "memo": params.get("memo"),
        "metadata": merge_metadata({}, params.get("metadata")),
        "number": f"{invoice['number']}-CN-{len(numbers) + 1:02d}",
        "out_of_band_amount": None,
        "pdf": f"https://pay.stripe.com/credit_notes/acct_sandbox/test_{ident}/pdf",
        "post_payment_amount": 0,
        "pre_payment_amount": 0,
        "pretax_credit_amounts": [],
        "reason": params.get("reason"),
        "refunds": [],
        "shipping_cost": None,
        "status": "issued",
        "subtotal": subtotal,
        "subtotal_excluding_tax": subtotal,
        "total": subtotal - discount,
        "total_excluding_tax": subtotal - discount,
        "total_taxes": [],
        "type": "post_payment" if invoice["status"] == "paid" else "pre_payment",
        "voided_at": None,
        "_test_clock": invoice["test_clock"],
    }


# --- the rest --------------------------------------------------------------------------------------------------


def _retrieve(call: Call) -> Object:
    return call.tenant.get("credit_note", call.variables["id"], "id", status=404)


def _update(call: Call) -> Object:
    note = _retrieve(call)
    call.tenant.touch("credit_note", note["id"])
    if "memo" in call.params:
        note["memo"] = call.params["memo"] or None
    note["metadata"] = merge_metadata(note["metadata"], call.params.get("metadata", {}))
    return note


def _void(call: Call) -> Object:
    """Take a credit note back; only what lowered an open invoice can be (stripe.com/docs/api/credit_notes/void)."""
    note, tenant = _retrieve(call), call.tenant
    invoice = tenant.objects["invoice"][note["invoice"]]
    if note["status"] == "void":
        message = "This credit note is already void."
        raise invalid(message)
    if invoice["status"] != "open":
        message = "You can only void a credit note of an open invoice."
        raise invalid(message)
    at = tenant.clock_of(invoice).now()
    tenant.touch("credit_note", note["id"])
    tenant.touch("invoice", invoice["id"])
    note["status"], note["voided_at"] = "void", at
    for name in ("amount_due", "amount_remaining"):
        invoice[name] += note["pre_payment_amount"]
    invoice["pre_payment_credit_notes_amount"] -= note["pre_payment_amount"]
    events.record(tenant, "voided", note, at)
    return note


def _list(call: Call) -> Object:
    params = call.params
    found = [
        note
        for note in owned(call, "credit_note")
        if params.get("invoice") in (None, note["invoice"])
        and ("customer" in params or "invoice" in params or note["_test_clock"] is None)
        and ("created" not in params or within(note["created"], params["created"]))
    ]
    return listing(call, found)


def _list_lines(call: Call) -> Object:
    return list_of(_retrieve(call)["lines"]["data"], page_of(call.params), call.path)


ENDPOINTS = [
    Endpoint("POST", "/v1/credit_notes", "CreditNoteCreateParams", _create),
    Endpoint("GET", "/v1/credit_notes", "CreditNoteListParams", _list),
    Endpoint("GET", "/v1/credit_notes/preview", "CreditNotePreviewParams", _preview),
    Endpoint("GET", "/v1/credit_notes/preview/lines", "CreditNotePreviewLinesListParams", _preview_lines),
    Endpoint("GET", "/v1/credit_notes/{id}", "CreditNoteRetrieveParams", _retrieve),
    Endpoint("POST", "/v1/credit_notes/{id}", "CreditNoteUpdateParams", _update),
    Endpoint("POST", "/v1/credit_notes/{id}/void", "CreditNoteVoidCreditNoteParams", _void),
    Endpoint("GET", "/v1/credit_notes/{id}/lines", "CreditNoteLineItemListParams", _list_lines),
]
