"""Invoices as the API offers them (stripe.com/docs/api/invoices)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from connector.sandbox.stripe import events
from connector.sandbox.stripe.customers import living_customer
from connector.sandbox.stripe.discounts import check_discounts, start_discounts
from connector.sandbox.stripe.endpoint import Call, Endpoint, chosen, deletion, listing, owned
from connector.sandbox.stripe.errors import StripeError, invalid, not_emulated
from connector.sandbox.stripe.invoice_life import finalize, settle
from connector.sandbox.stripe.invoices import Heading, issue, only_draft
from connector.sandbox.stripe.limits import merge_metadata
from connector.sandbox.stripe.payments import paying_method
from connector.sandbox.stripe.pending import attach, charge_of, waiting
from connector.sandbox.stripe.rendering import list_of, page_of, within

if TYPE_CHECKING:
    from connector.sandbox.stripe.state import Object, Tenant


def _invoice(call: Call) -> Object:
    return call.tenant.get("invoice", call.variables["invoice"], "invoice", status=404)


def _list(call: Call) -> Object:
    params = call.params
    found = [
        invoice
        for invoice in owned(call, "invoice")
        if ("customer" in params or "subscription" in params or invoice["test_clock"] is None)
        and params.get("subscription") in (None, invoice["_subscription"])
        and params.get("status") in (None, invoice["status"])
        and params.get("collection_method") in (None, invoice["collection_method"])
        and all(within(invoice[name], params[name]) for name in ("created", "due_date") if name in params)
    ]
    return listing(call, found)


def _lines(call: Call) -> Object:
    return list_of(_invoice(call)["lines"]["data"], page_of(call.params), call.path)


def _create(call: Call) -> Object:
    params, tenant = call.params, call.tenant
    if "customer" not in params:
        message = "Missing required param: customer."
        raise invalid(message, "customer", code="parameter_missing")
    customer = living_customer(tenant, params["customer"], "customer")
    sub = tenant.get("subscription", params["subscription"], "subscription") if "subscription" in params else None
    at = tenant.clock_of(customer).now()
    method: Any = params.get("collection_method", sub["collection_method"] if sub else "charge_automatically")
    if method == "send_invoice" and not ({"days_until_due", "due_date"} & params.keys() or sub):
        message = "You must set `days_until_due` or `due_date` when `collection_method` is `send_invoice`."
        raise invalid(message, "days_until_due")
    behavior = params.get("pending_invoice_items_behavior", "include" if sub else "exclude")
    extras = list(waiting(tenant, customer["id"], sub["id"] if sub else None)) if behavior == "include" else []
    if sub and not extras:
        message = "Nothing to invoice for subscription"
        raise invalid(message, code="invoice_no_subscription_line_items")
    currency = params.get("currency") or (extras[0]["currency"] if extras else customer["currency"] or "usd")
    since = min((item["current_period_start"] for item in sub["items"]["data"]), default=at) if sub else at
    head = Heading("manual", at, (since, at), currency.lower(), _facts(tenant, params, method, sub, at))
    made = issue(tenant, customer, sub, [charge_of(tenant, item) for item in extras], head)
    attach(tenant, extras, made)
    return made


def _facts(tenant: Tenant, params: dict[str, Any], method: str, sub: Object | None, at: int) -> dict[str, Any]:
    names = ("days_until_due", "due_date", "custom_fields", "footer", "description", "metadata", "automatic_tax")
    facts = {name: params[name] for name in names if params.get(name)}
    if sub and "days_until_due" not in facts:
        facts["days_until_due"] = sub["days_until_due"]
    entries = check_discounts(tenant, params.get("discounts"), "discounts", None, at)
    facts["discounts"] = start_discounts(tenant, entries, at, {"customer": params["customer"]})
    return {**facts, "collection_method": method, "auto_advance": params.get("auto_advance", False)}


def _update(call: Call) -> Object:
    invoice, params = _invoice(call), call.params
    strange = sorted(
        params.keys()
        - {"metadata", "description", "footer", "custom_fields", "auto_advance", "days_until_due", "expand"}
    )
    if strange:
        raise not_emulated(f"updating an invoice's {', '.join(strange)}")
    call.tenant.touch("invoice", invoice["id"])
    invoice["metadata"] = merge_metadata(invoice["metadata"], params.get("metadata", {}))
    if params.keys() - {"metadata", "expand"}:
        only_draft(invoice, "updated")
    invoice.update(chosen(params, "description", "footer", "custom_fields"))
    if "days_until_due" in params:
        invoice["due_date"] = invoice["created"] + params["days_until_due"] * 86_400
    if "auto_advance" in params:
        invoice["auto_advance"] = params["auto_advance"]
        at = _now(call, invoice)
        invoice["automatically_finalizes_at"] = at + 3600 if params["auto_advance"] else None
        call.tenant.clock_of(invoice).plan("finalize", at + 3600, invoice["id"])
    return invoice


def _now(call: Call, owner: Object) -> int:
    return call.tenant.clock_of(owner).now()


def _finalize(call: Call) -> Object:
    invoice = _invoice(call)
    only_draft(invoice, "finalized")
    call.tenant.touch("invoice", invoice["id"])
    invoice["auto_advance"] = call.params.get("auto_advance", invoice["auto_advance"])
    finalize(call.tenant, invoice, _now(call, invoice), collect=invoice["auto_advance"])
    return invoice


def _send(call: Call) -> Object:
    invoice = _invoice(call)
    if invoice["collection_method"] != "send_invoice":
        message = "You can only manually send an invoice if its collection method is 'send_invoice'."
        raise invalid(message)
    if invoice["status"] == "draft":
        finalize(call.tenant, invoice, _now(call, invoice))
    elif invoice["status"] == "open":
        events.record(call.tenant, "sent", invoice, _now(call, invoice))
    else:
        _refuse_transition(invoice, "sent")
    return invoice


def _refuse_transition(invoice: Object, participle: str) -> None:
    message = (
        f"You can't change the status of invoice {invoice['id']} from `{invoice['status']}`: it can't be {participle}."
    )
    raise invalid(message, code="status_transition_invalid")


def _pay(call: Call) -> Object:
    invoice, at = _invoice(call), _now(call, _invoice(call))
    if invoice["status"] == "draft":
        finalize(call.tenant, invoice, at, collect=False)
        if invoice["status"] == "paid":
            return invoice
    if invoice["status"] == "paid":
        message = "Invoice is already paid"
        raise invalid(message)
    if invoice["status"] not in {"open", "uncollectible"}:
        _refuse_transition(invoice, "paid")
    customer = call.tenant.objects["customer"][invoice["customer"]]
    owner = call.tenant.objects["subscription"].get(invoice["_subscription"] or "")
    outside = bool(call.params.get("paid_out_of_band"))
    if not outside and not paying_method(call.tenant, customer, owner):
        message = "Cannot charge customer that has no active card"
        raise StripeError(message, status=402, kind="card_error", code="missing")
    settle(call.tenant, invoice, at, outside=outside)
    return invoice


def _void(call: Call) -> Object:
    invoice = _invoice(call)
    if invoice["status"] not in {"open", "uncollectible"}:
        _refuse_transition(invoice, "voided")
    return _close(call, invoice, "void", "voided_at", "voided")


def _mark_uncollectible(call: Call) -> Object:
    invoice = _invoice(call)
    if invoice["status"] != "open":
        _refuse_transition(invoice, "marked uncollectible")
    return _close(call, invoice, "uncollectible", "marked_uncollectible_at", "marked_uncollectible")


def _close(call: Call, invoice: Object, status: str, stamp: str, action: str) -> Object:
    at = _now(call, invoice)
    call.tenant.touch("invoice", invoice["id"])
    invoice["status"], invoice["status_transitions"][stamp] = status, at
    invoice["auto_advance"], invoice["next_payment_attempt"] = False, None
    events.record(call.tenant, action, invoice, at)
    return invoice


def _delete(call: Call) -> Object:
    invoice, tenant = _invoice(call), call.tenant
    only_draft(invoice, "deleted")
    if invoice["_subscription"]:
        message = "You can't delete invoices created by subscriptions."
        raise invalid(message)
    for item in [item for item in tenant.of("invoiceitem", invoice["customer"]) if item["invoice"] == invoice["id"]]:
        tenant.drop("invoiceitem", item["id"])
    tenant.drop("invoice", invoice["id"])
    return deletion("invoice", invoice["id"])


ENDPOINTS = [
    Endpoint("GET", "/v1/invoices", "InvoiceListParams", _list),
    Endpoint("POST", "/v1/invoices", "InvoiceCreateParams", _create),
    Endpoint("GET", "/v1/invoices/{invoice}", "InvoiceRetrieveParams", _invoice),
    Endpoint("POST", "/v1/invoices/{invoice}", "InvoiceUpdateParams", _update),
    Endpoint("DELETE", "/v1/invoices/{invoice}", "InvoiceDeleteParams", _delete),
    Endpoint("GET", "/v1/invoices/{invoice}/lines", "InvoiceLineItemListParams", _lines),
    Endpoint("POST", "/v1/invoices/{invoice}/finalize", "InvoiceFinalizeInvoiceParams", _finalize),
    Endpoint("POST", "/v1/invoices/{invoice}/send", "InvoiceSendInvoiceParams", _send),
    Endpoint("POST", "/v1/invoices/{invoice}/pay", "InvoicePayParams", _pay),
    Endpoint("POST", "/v1/invoices/{invoice}/void", "InvoiceVoidInvoiceParams", _void),
    Endpoint(
        "POST", "/v1/invoices/{invoice}/mark_uncollectible", "InvoiceMarkUncollectibleParams", _mark_uncollectible
    ),
]
