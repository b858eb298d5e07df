"""The lines of a credit note: parts of invoice lines with their part of the discounts, or amounts of one's own."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from connector.sandbox.stripe.errors import exclusive, invalid, missing_object, not_emulated
from connector.sandbox.stripe.money import half_up, plain

if TYPE_CHECKING:
    from connector.sandbox.stripe.state import Object, Tenant


def note_lines(tenant: Tenant, invoice: Object, params: dict[str, Any]) -> list[Object]:
    """Build the lines of a credit note from `amount` or `lines`."""
    if "amount" in params and "lines" in params:
        raise exclusive("amount", "lines")
    if "amount" in params:
        return [_line(tenant, None, None, params["amount"], 1)]
    if not params.get("lines"):
        message = "One of `amount`, `lines`, or `shipping_cost` must be provided."
        raise invalid(message, "amount")
    return [_given_line(tenant, invoice, entry, f"lines[{i}]") for i, entry in enumerate(params["lines"])]


def _given_line(tenant: Tenant, invoice: Object, entry: Object, path: str) -> Object:
    if entry.get("tax_amounts") or entry.get("tax_rates"):
        what = "credit note lines with taxes"
        raise not_emulated(what)
    quantity = entry.get("quantity", 1)
    if entry["type"] == "custom_line_item":
        if not {"unit_amount", "unit_amount_decimal"} & entry.keys():
            raise invalid(f"Missing required param: {path}[unit_amount].", f"{path}[unit_amount]")
        unit = Decimal(entry["unit_amount_decimal"] if "unit_amount_decimal" in entry else entry["unit_amount"])
        made = _line(tenant, None, entry.get("description"), half_up(unit * quantity), quantity)
        made["unit_amount_decimal"], made["unit_amount"] = plain(unit), int(unit) if unit == int(unit) else None
        return made
    source = next((line for line in invoice["lines"]["data"] if line["id"] == entry.get("invoice_line_item")), None)
    if source is None:
        raise missing_object("invoice line item", str(entry.get("invoice_line_item")), f"{path}[invoice_line_item]")
    if "amount" in entry and "quantity" in entry:
        raise exclusive("amount", "quantity", param=path)
    return _of_invoice_line(tenant, source, entry, path)


def _of_invoice_line(tenant: Tenant, source: Object, entry: Object, path: str) -> Object:
    """Credit an amount or a quantity of an invoice line, with its part of the discounts."""
    had: int = source["quantity"] or 1
    quantity: int = entry.get("quantity", had)
    amount = entry.get("amount", half_up(Fraction(source["amount"]) * Fraction(quantity, had)))
    if not 0 < amount <= source["amount"]:
        message = (
            f"The amount of a credit note line must be between 1 and that of its invoice line, {source['amount']}."
        )
        raise invalid(message, f"{path}[amount]")
    made = _line(tenant, source["id"], source["description"], amount, quantity)
    share = Fraction(amount, source["amount"])
    made["discount_amounts"] = [
        {"amount": half_up(entry["amount"] * share), "discount": entry["discount"]}
        for entry in source["discount_amounts"]
    ]
    made["discount_amount"] = sum(entry["amount"] for entry in made["discount_amounts"])
    made["metadata"] = dict(entry.get("metadata") or {})
    return made


def _line(tenant: Tenant, source: str | None, description: str | None, amount: int, quantity: int) -> Object:
    return {
        "id": tenant.new_id("credit_note_line_item"),
        "object": "credit_note_line_item",
        "amount": amount,
        "description": description,
        "discount_amount": 0,
        "discount_amounts": [],
        "invoice_line_item": source,
        "livemode": tenant.livemode,
        "metadata": {},
        "pretax_credit_amounts": [],
        "quantity": quantity,
        "tax_rates": [],
        "taxes": [],
        "type": "invoice_line_item" if source else "custom_line_item",
        "unit_amount": None,
        "unit_amount_decimal": None,
    }
