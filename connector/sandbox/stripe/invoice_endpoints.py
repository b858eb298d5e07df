"""Invoices and invoice items as the API offers them (stripe.com/docs/api/invoices, /invoiceitems)."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

from connector.sandbox.stripe import events
from connector.sandbox.stripe.billing import part_of
from connector.sandbox.stripe.customers import living_customer
from connector.sandbox.stripe.discounts import check_discounts, start_discounts
from connector.sandbox.stripe.endpoint import Call, Endpoint, chosen, deletion, listing, owned
from connector.sandbox.stripe.errors import StripeError, invalid, missing_object, not_emulated
from connector.sandbox.stripe.invoices import Charge, Heading, finalize, issue, set_lines, settle
from connector.sandbox.stripe.limits import merge_metadata
from connector.sandbox.stripe.money import price_amount
from connector.sandbox.stripe.payments import paying_method
from connector.sandbox.stripe.pending import Extra, add_pending, attach, charge_of, waiting
from connector.sandbox.stripe.prices import make_price
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
    head = Heading("manual", at, (at, at), currency.lower(), _facts(tenant, params, method, sub, at))
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
        _only_draft(invoice, "updated")
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


def _only_draft(invoice: Object, participle: str) -> None:
    if invoice["status"] != "draft":
        message = f"Invoice {invoice['id']} is in the status `{invoice['status']}` and can't be {participle}."
        raise invalid(message, code="invoice_not_editable")


def _finalize(call: Call) -> Object:
    invoice = _invoice(call)
    _only_draft(invoice, "finalized")
    finalize(call.tenant, invoice, _now(call, invoice))
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
        finalize(call.tenant, invoice, at)
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
    _only_draft(invoice, "deleted")
    if invoice["_subscription"]:
        message = "You can't delete invoices created by subscriptions."
        raise invalid(message)
    for item in [item for item in tenant.of("invoiceitem", invoice["customer"]) if item["invoice"] == invoice["id"]]:
        tenant.drop("invoiceitem", item["id"])
    tenant.drop("invoice", invoice["id"])
    return deletion("invoice", invoice["id"])


def _add_lines(call: Call) -> Object:
    """Add lines to a draft: each becomes an invoice item of it (stripe.com/docs/api/invoices/add_lines)."""
    invoice = _invoice(call)
    _only_draft(invoice, "updated")
    for line in call.params["lines"]:
        if "invoice_item" in line or "tax_amounts" in line:
            raise not_emulated("adding existing invoice items or own tax amounts")
        facts = {**line, "customer": invoice["customer"], "invoice": invoice["id"]}
        _create_item(Call(call.tenant, call.path, call.variables, facts))
    return _invoice(call)


# --- invoice items ---------------------------------------------------------------------------------------------


def _create_item(call: Call) -> Object:
    params, tenant = call.params, call.tenant
    if "customer" not in params:
        message = "Missing required param: customer."
        raise invalid(message, "customer", code="parameter_missing")
    customer = living_customer(tenant, params["customer"], "customer")
    at = tenant.clock_of(customer).now()
    price, amount, quantity = _item_amount(tenant, params, at)
    currency: str = price["currency"] if price else (params.get("currency") or customer["currency"] or "usd").lower()
    if customer["currency"] not in (None, currency):
        message = (
            f"The currency of the invoice item ({currency}) does not match the customer currency "
            f"({customer['currency']})."
        )
        raise invalid(message)
    sub = tenant.get("subscription", params["subscription"], "subscription") if "subscription" in params else None
    period = params.get("period") or {"start": at, "end": at}
    entries = check_discounts(tenant, params.get("discounts"), "discounts", currency, at)
    extra = Extra(
        at=at,
        currency=currency,
        amount=amount,
        description=params.get("description") or (tenant.objects["product"][price["product"]]["name"] if price else ""),
        price=price,
        quantity=quantity,
        start=period["start"],
        end=period["end"],
        metadata=merge_metadata({}, params.get("metadata")),
        discountable=params.get("discountable", amount >= 0),
        discounts=tuple(start_discounts(tenant, entries, at, {"customer": customer["id"]})),
    )
    made = add_pending(tenant, customer, sub["id"] if sub else None, extra)
    tenant.touch("customer", customer["id"])["currency"] = currency
    if "invoice" in params:
        _add_to_draft(tenant, made, params["invoice"])
    return made


def _item_amount(tenant: Tenant, params: dict[str, Any], at: int) -> tuple[Object | None, int, int]:
    """Find price, amount and quantity: `amount` alone, a price by id in `pricing`, or `price_data`."""
    quantity = params.get("quantity", 1)
    if "amount" in params:
        return None, params["amount"], 1
    if "price_data" in params:
        price = make_price(tenant, params["price_data"], at, inline=True)
    elif "pricing" in params:
        price = tenant.get("price", params["pricing"]["price"], "pricing[price]")
    else:
        raise not_emulated("invoice items without amount, pricing or price_data")
    return price, part_of(price_amount(price, quantity), Fraction(1)), quantity


def _add_to_draft(tenant: Tenant, item: Object, invoice_id: str) -> None:
    invoice = tenant.get("invoice", invoice_id, "invoice")
    _only_draft(invoice, "updated")
    tenant.touch("invoice", invoice_id)
    attach(tenant, [item], invoice)
    charges: list[Charge] = [*invoice["_charges"], charge_of(tenant, item)]
    set_lines(tenant, invoice, charges)


def _item(call: Call) -> Object:
    return call.tenant.get("invoiceitem", call.variables["invoiceitem"], "invoiceitem", status=404)


def _list_items(call: Call) -> Object:
    params = call.params
    found = [
        item
        for item in owned(call, "invoiceitem")
        if params.get("invoice") in (None, item["invoice"])
        and ("pending" not in params or (item["invoice"] is None) == params["pending"])
        and ("created" not in params or within(item["date"], params["created"]))
    ]
    return listing(call, found)


def _delete_item(call: Call) -> Object:
    item, tenant = _item(call), call.tenant
    if item["invoice"]:
        invoice = tenant.objects["invoice"].get(item["invoice"])
        if invoice is None:
            raise missing_object("invoice", item["invoice"], "invoice")
        _only_draft(invoice, "updated")
        tenant.touch("invoice", invoice["id"])
        set_lines(tenant, invoice, [c for c in invoice["_charges"] if c.invoice_item != item["id"]])
    tenant.drop("invoiceitem", item["id"])
    return deletion("invoiceitem", item["id"])


ENDPOINTS = [
    Endpoint("GET", "/v1/invoices", "InvoiceListParams", _list),
    Endpoint("POST", "/v1/invoices", "InvoiceCreateParams", _create),
    Endpoint("GET", "/v1/invoices/{invoice}", "InvoiceRetrieveParams", _invoice),
    Endpoint("POST", "/v1/invoices/{invoice}", "InvoiceUpdateParams", _update),
    Endpoint("DELETE", "/v1/invoices/{invoice}", "InvoiceDeleteParams", _delete),
    Endpoint("GET", "/v1/invoices/{invoice}/lines", "InvoiceLineItemListParams", _lines),
    Endpoint("POST", "/v1/invoices/{invoice}/add_lines", "InvoiceAddLinesParams", _add_lines),
    Endpoint("POST", "/v1/invoices/{invoice}/finalize", "InvoiceFinalizeInvoiceParams", _finalize),
    Endpoint("POST", "/v1/invoices/{invoice}/send", "InvoiceSendInvoiceParams", _send),
    Endpoint("POST", "/v1/invoices/{invoice}/pay", "InvoicePayParams", _pay),
    Endpoint("POST", "/v1/invoices/{invoice}/void", "InvoiceVoidInvoiceParams", _void),
    Endpoint(
        "POST", "/v1/invoices/{invoice}/mark_uncollectible", "InvoiceMarkUncollectibleParams", _mark_uncollectible
    ),
    Endpoint("POST", "/v1/invoiceitems", "InvoiceItemCreateParams", _create_item),
    Endpoint("GET", "/v1/invoiceitems", "InvoiceItemListParams", _list_items),
    Endpoint("GET", "/v1/invoiceitems/{invoiceitem}", "InvoiceItemRetrieveParams", _item),
    Endpoint("DELETE", "/v1/invoiceitems/{invoiceitem}", "InvoiceItemDeleteParams", _delete_item),
]
