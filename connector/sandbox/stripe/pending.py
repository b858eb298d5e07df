"""Invoice items: charges that wait for the next invoice (stripe.com/docs/api/invoiceitems)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from connector.sandbox.stripe import events
from connector.sandbox.stripe.blanks import INVOICE_ITEM, blank
from connector.sandbox.stripe.invoices import Charge

if TYPE_CHECKING:
    from collections.abc import Iterator

    from connector.sandbox.stripe.state import Object, Tenant


@dataclass(frozen=True, slots=True)
class Extra:
    """What an invoice item is to charge, and when it was made."""

    at: int
    currency: str
    amount: int
    description: str
    price: Object | None
    quantity: int
    start: int
    end: int
    metadata: dict[str, str] = field(default_factory=dict)
    proration: bool = False
    discountable: bool = True
    discounts: tuple[str, ...] = ()
    subscription_item: str | None = None
    invoice: str | None = None
    taken: tuple[tuple[str, int], ...] = ()
    credited: Object | None = None


def add_pending(tenant: Tenant, customer: Object, sub_id: str | None, extra: Extra) -> Object:
    """Make an invoice item."""
    made = blank(
        INVOICE_ITEM,
        id=tenant.new_id("invoiceitem"),
        amount=extra.amount,
        currency=extra.currency,
        customer=customer["id"],
        date=extra.at,
        description=extra.description,
        discountable=extra.discountable,
        discounts=list(extra.discounts),
        invoice=extra.invoice,
        livemode=tenant.livemode,
        metadata=dict(extra.metadata),
        net_amount=extra.amount - sum(amount for _, amount in extra.taken),
        parent=sub_id
        and {
            "subscription_details": {"subscription": sub_id, "subscription_item": extra.subscription_item},
            "type": "subscription_details",
        },
        period={"end": extra.end, "start": extra.start},
        pricing=extra.price
        and {
            "price_details": {"price": extra.price["id"], "product": extra.price["product"]},
            "type": "price_details",
            "unit_amount_decimal": extra.price["unit_amount_decimal"],
        },
        proration=extra.proration,
        proration_details=_details(extra),
        quantity=extra.quantity,
        quantity_decimal=str(extra.quantity),
        test_clock=customer["test_clock"],
        _subscription=sub_id,
        _taken=extra.taken,
        _credited=extra.credited,
        _made=extra.at if customer["test_clock"] is None else tenant.clock.now(),
    )
    tenant.add("invoiceitem", made)
    made["_event"] = events.record(tenant, "created", made, extra.at)
    return made


def _details(extra: Extra) -> Object | None:
    taken = [{"amount": amount, "discount": ident} for ident, amount in extra.taken]
    return {"discount_amounts": taken} if extra.proration else None


def waiting(tenant: Tenant, customer: str, sub_id: str | None) -> Iterator[Object]:
    """Find what waits for an invoice of a subscription: its own items, and those of the customer alone."""
    for item in reversed(tenant.of("invoiceitem", customer)):
        if item["invoice"] is None and item["_subscription"] in (None, sub_id):
            yield item


def charge_of(tenant: Tenant, item: Object) -> Charge:
    """Turn an invoice item into an invoice line."""
    details: dict[str, Any] = (item["pricing"] or {}).get("price_details") or {}
    return Charge(
        amount=item["amount"],
        description=item["description"],
        price=tenant.objects["price"].get(details.get("price", "")),
        quantity=item["quantity"],
        start=item["period"]["start"],
        end=item["period"]["end"],
        metadata=item["metadata"],
        invoice_item=item["id"],
        proration=item["proration"],
        discountable=item["discountable"],
        discounts=tuple(item["discounts"]),
        taken=item["_taken"],
        credited=item["_credited"],
    )


def attach(tenant: Tenant, items: list[Object], invoice: Object) -> None:
    """Note on which invoice items ended up."""
    for item in items:
        tenant.touch("invoiceitem", item["id"])["invoice"] = invoice["id"]
        if item["proration"] and item["date"] == invoice["created"]:
            events.retell(tenant, item["_event"], item)
