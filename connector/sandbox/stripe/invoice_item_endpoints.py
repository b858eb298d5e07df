"""Invoice items as the API offers them, and the lines of drafts made of them (stripe.com/docs/api/invoiceitems)."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

from connector.sandbox.stripe.billing import part_of
from connector.sandbox.stripe.customers import living_customer
from connector.sandbox.stripe.discounts import check_discounts, start_discounts
from connector.sandbox.stripe.endpoint import Call, Endpoint, chosen, deletion, listing, owned
from connector.sandbox.stripe.errors import invalid, not_emulated
from connector.sandbox.stripe.invoices import Charge, only_draft, set_lines
from connector.sandbox.stripe.limits import merge_metadata
from connector.sandbox.stripe.money import price_amount
from connector.sandbox.stripe.pending import Extra, add_pending, attach, charge_of
from connector.sandbox.stripe.prices import make_price
from connector.sandbox.stripe.rendering import within

if TYPE_CHECKING:
    from connector.sandbox.stripe.state import Object, Tenant


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
    only_draft(invoice, "updated")
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
        and ("created" not in params or within(item["_made"], params["created"]))  # wall clock, recorded traffic
    ]
    return listing(call, found)


def _update_item(call: Call) -> Object:
    """Change an item that waits, or is on a draft (stripe.com/docs/api/invoiceitems/update)."""
    item, tenant, params = _item(call), call.tenant, call.params
    strange = sorted(params.keys() - {"amount", "description", "discountable", "expand", "metadata", "period"})
    if strange:
        raise not_emulated(f"updating an invoice item's {', '.join(strange)}")
    tenant.touch("invoiceitem", item["id"])
    item["metadata"] = merge_metadata(item["metadata"], params.get("metadata", {}))
    item.update(chosen(params, "amount", "description", "discountable", "period"))
    item["net_amount"] = item["amount"]
    if item["invoice"]:
        charges = [charge_of(tenant, item) if c.invoice_item == item["id"] else c for c in _draft_charges(tenant, item)]
        set_lines(tenant, tenant.objects["invoice"][item["invoice"]], charges)
    return item


def _delete_item(call: Call) -> Object:
    item, tenant = _item(call), call.tenant
    if item["invoice"]:
        charges = [c for c in _draft_charges(tenant, item) if c.invoice_item != item["id"]]
        set_lines(tenant, tenant.objects["invoice"][item["invoice"]], charges)
    tenant.drop("invoiceitem", item["id"])
    return deletion("invoiceitem", item["id"])


def _draft_charges(tenant: Tenant, item: Object) -> list[Charge]:
    """Find what is on the draft an invoice item belongs to; after that it cannot be changed."""
    invoice = tenant.get("invoice", item["invoice"], "invoice")
    only_draft(invoice, "updated")
    tenant.touch("invoice", invoice["id"])
    charges: list[Charge] = invoice["_charges"]
    return charges


def _add_lines(call: Call) -> Object:
    """Add lines to a draft: each becomes an invoice item of it (stripe.com/docs/api/invoices/add_lines)."""
    invoice = call.tenant.get("invoice", call.variables["invoice"], "invoice", status=404)
    only_draft(invoice, "updated")
    for line in call.params["lines"]:
        if "invoice_item" in line or "tax_amounts" in line:
            raise not_emulated("adding existing invoice items or own tax amounts")
        facts = {**line, "customer": invoice["customer"], "invoice": invoice["id"]}
        _create_item(Call(call.tenant, call.path, call.variables, facts))
    return invoice


ENDPOINTS = [
    Endpoint("POST", "/v1/invoiceitems", "InvoiceItemCreateParams", _create_item),
    Endpoint("GET", "/v1/invoiceitems", "InvoiceItemListParams", _list_items),
    Endpoint("GET", "/v1/invoiceitems/{invoiceitem}", "InvoiceItemRetrieveParams", _item),
    Endpoint("POST", "/v1/invoiceitems/{invoiceitem}", "InvoiceItemUpdateParams", _update_item),
    Endpoint("DELETE", "/v1/invoiceitems/{invoiceitem}", "InvoiceItemDeleteParams", _delete_item),
    Endpoint("POST", "/v1/invoices/{invoice}/add_lines", "InvoiceAddLinesParams", _add_lines),
]
