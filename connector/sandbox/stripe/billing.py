"""What subscription items cost period by period, and the invoices that come of it.

Every item keeps its own period; boundaries lie on the grid of its anchor. In flexible mode items with different
intervals bill each at its own boundaries (stripe.com/docs/billing/subscriptions/mixed-interval). A period that a cancel
date cuts short costs its share by the second; in the period in which that date is set, only if the caller wants
prorations (SDK reference of `cancel_at`, and observations in public issue threads).
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from connector.sandbox.stripe.discounts import Worth
from connector.sandbox.stripe.invoices import Charge, Heading, issue
from connector.sandbox.stripe.money import half_up, price_amount, symbol
from connector.sandbox.stripe.pending import attach, charge_of, waiting
from connector.sandbox.stripe.periods import Interval

if TYPE_CHECKING:
    from connector.sandbox.stripe.state import Object, Tenant

TIMES = "\u00d7"


def price_of(tenant: Tenant, item: Object) -> Object:
    """Find the price of a subscription item."""
    return tenant.objects["price"][item["price"]]


def interval_of(price: Object) -> Interval:
    """Find the billing interval of a recurring price."""
    return Interval.of(price["recurring"])


def metered(price: Object) -> bool:
    """Tell whether a price bills by usage."""
    return bool(price["recurring"] and price["recurring"]["usage_type"] == "metered")


def due_items(sub: Object, at: int) -> list[Object]:
    """Find the items whose period is over."""
    return [item for item in sub["items"]["data"] if item["current_period_end"] <= at]


def bill(
    tenant: Tenant, sub: Object, at: int, reason: str, *, renew: bool = True, prorate: bool = True
) -> Object | None:
    """Invoice a subscription: the next period of every item that is due, and what waits. None when there is nothing."""
    due = due_items(sub, at) if renew else []
    ended = [(item["current_period_start"], item["current_period_end"]) for item in due]
    charges = [charge for item in due for charge in advance(tenant, sub, item, at, prorate=prorate)]
    customer = tenant.objects["customer"][sub["customer"]]
    extras = list(waiting(tenant, customer["id"], sub["id"]))
    charges = [*[charge_of(tenant, item) for item in extras], *charges]
    if not charges:
        return None
    since = min((item["current_period_start"] for item in sub["items"]["data"]), default=at)
    period = max(ended) if ended else (min(since, at), at)
    if reason == "subscription_create":
        period = (at, at)
    head = Heading(reason, at, period, sub["currency"], invoice_facts(sub))
    invoice = issue(tenant, customer, sub, charges, head)
    attach(tenant, extras, invoice)
    note_debits(tenant, sub, invoice)
    return invoice


def invoice_facts(sub: Object) -> dict[str, Any]:
    """Tell what invoices take over from their subscription."""
    settings = sub["invoice_settings"]
    return {
        "collection_method": sub["collection_method"],
        "days_until_due": sub["days_until_due"],
        "discounts": sub["discounts"],
        "custom_fields": settings["custom_fields"],
        "description": settings["description"],
        "footer": settings["footer"],
        "automatic_tax": sub["automatic_tax"],
    }


@dataclass(frozen=True, slots=True)
class Period:
    """A period of an item as it is billed: from, until, and the part of a whole period that is."""

    start: int
    until: int
    share: Fraction


def grid_period(tenant: Tenant, item: Object) -> tuple[int, int]:
    """Find the bounds of the whole period an item is in, however it was entered and whenever it will be cut."""
    interval, start = interval_of(price_of(tenant, item)), item["current_period_start"]
    return interval.boundary_until(item["_anchor"], start), interval.boundary_after(item["_anchor"], start)


def advance(tenant: Tenant, sub: Object, item: Object, at: int, *, prorate: bool = True) -> list[Charge]:
    """Move an item on until its period contains the moment; return a charge for every period entered."""
    price, began = price_of(tenant, item), item["current_period_start"]
    entered = enter_periods(tenant, sub, item, at, prorate=prorate)
    if metered(price):
        return _usage(tenant, sub, item, price, began)
    return [_period_charge(tenant, sub, item, price, period) for period in entered]


def _usage(tenant: Tenant, sub: Object, item: Object, price: Object, began: int) -> list[Charge]:
    """Bill the usage of the period that is over: none is kept here, and only classic mode has a line for that."""
    over = item["current_period_start"]
    if sub["billing_mode"]["type"] != "classic" or began >= over or price["billing_scheme"] == "tiered":
        return []
    return [
        Charge(
            amount=0,
            description=describe(tenant, price, 0),
            price=price,
            quantity=0,
            start=began,
            end=over,
            metadata=dict(sub["metadata"]),
            subscription_item=item["id"],
        )
    ]


def enter_periods(tenant: Tenant, sub: Object, item: Object, at: int, *, prorate: bool = True) -> list[Period]:
    """Move an item on until its period contains the moment; return the periods entered.

    Without `prorate` a cancel date inside a period leaves its price alone.
    """
    entered, item["_debits"] = [], []
    while item["current_period_end"] <= at:
        item["current_period_start"] = start = item["current_period_end"]
        whole_start, end = grid_period(tenant, item)
        shown = cut(sub, start, end)
        item["current_period_end"] = shown if sub["billing_mode"]["type"] == "classic" else end
        until = shown if prorate else end
        entered.append(Period(start, until, Fraction(until - start, end - whole_start)))
    tenant.clock_of({"test_clock": sub["test_clock"]}).plan("cycle", item["current_period_end"], sub["id"])
    return entered


def cut(sub: Object, start: int, end: int) -> int:
    """Find where a period really ends: a cancel date inside it cuts it short."""
    cancel_at = sub["cancel_at"]
    return cancel_at if cancel_at is not None and start < cancel_at < end else end


def _period_charge(tenant: Tenant, sub: Object, item: Object, price: Object, period: Period) -> Charge:
    return Charge(
        amount=part_of(price_amount(price, item["quantity"]), period.share),
        description=describe(tenant, price, item["quantity"]),
        price=price,
        quantity=item["quantity"],
        start=period.start,
        end=period.until,
        metadata=dict(sub["metadata"]),
        subscription_item=item["id"],
        discounts=tuple(item["discounts"]),
    )


def part_of(amount: Decimal, share: Fraction) -> int:
    """Take a share of an exact amount and round once."""
    return half_up(Fraction(amount) * share)


def describe(tenant: Tenant, price: Object, quantity: int) -> str:
    """Describe a line: `1 x NAME (at $120.00 / month)` (format of recorded traffic)."""
    name = tenant.objects["product"][price["product"]]["name"]
    recurring = price["recurring"]
    if recurring["interval_count"] == 1:
        every = recurring["interval"]
    else:
        every = f"every {recurring['interval_count']} {recurring['interval']}s"
    if price["billing_scheme"] == "tiered":
        return f"{quantity} {TIMES} {name} ({price['tiers_mode']} tiers / {every})"
    amount = symbol(Decimal(price["unit_amount_decimal"]), price["currency"])
    return f"{quantity} {TIMES} {name} (at {amount} / {every})"


def counted_name(tenant: Tenant, price: Object, quantity: int) -> str:
    """Name a product with its quantity as proration lines do: `50 x NAME`, or the name alone (recorded traffic)."""
    name = str(tenant.objects["product"][price["product"]]["name"])
    return name if quantity == 1 else f"{quantity} {TIMES} {name}"


def note_debits(tenant: Tenant, sub: Object, invoice: Object) -> None:
    """Remember what was debited for which time, as the base of later credit in flexible mode."""
    by_item = {item["id"]: item for item in sub["items"]["data"]}
    for line in invoice["lines"]["data"]:
        details = line["parent"]["subscription_item_details"]
        if details and details["subscription_item"] in by_item:
            shares = tuple((share["discount"], Fraction(share["amount"])) for share in line["discount_amounts"])
            worth = Worth(Fraction(line["amount"]), shares)
            debit = {**line["period"], "worth": worth, "line": line["id"], "invoice": invoice["id"]}
            by_item[details["subscription_item"]]["_debits"].append(debit)
    tenant.touch("subscription", sub["id"])
