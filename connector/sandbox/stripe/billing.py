"""What subscription items cost: whole periods, and parts of them by the second.

Every item keeps its own period; boundaries lie on the grid of its anchor. In flexible mode items with different
intervals bill each at its own boundaries (stripe.com/docs/billing/subscriptions/mixed-interval). Prorations are
counted by the second over the true length of the period; credit and debit are rounded each on its own (recorded
traffic). Credit is computed from the present price in classic mode, and from what was debited in flexible mode
(stripe.com/docs/billing/subscriptions/billing-mode/compare).
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from connector.sandbox.stripe.discounts import Reduction, living, reduce_lines
from connector.sandbox.stripe.errors import not_emulated
from connector.sandbox.stripe.invoices import Charge, Heading, issue
from connector.sandbox.stripe.money import half_up, price_amount, symbol
from connector.sandbox.stripe.pending import Extra, add_pending, attach, charge_of, waiting
from connector.sandbox.stripe.periods import Interval, day_text

if TYPE_CHECKING:
    from collections.abc import Sequence

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


def bill(tenant: Tenant, sub: Object, at: int, reason: str, *, renew: bool = True) -> Object | None:
    """Invoice a subscription: the next period of every item that is due, and what waits. None when there is nothing."""
    due = due_items(sub, at) if renew else []
    ended = [(item["current_period_start"], item["current_period_end"]) for item in due]
    charges = [charge for item in due for charge in advance(tenant, sub, item, at)]
    customer = tenant.objects["customer"][sub["customer"]]
    extras = list(waiting(tenant, customer["id"], sub["id"]))
    charges = [*[charge_of(tenant, item) for item in extras], *charges]
    if not charges:
        return None
    period = max(ended) if ended and reason != "subscription_create" else (at, at)
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


def advance(tenant: Tenant, sub: Object, item: Object, at: int) -> list[Charge]:
    """Move an item on until its period contains the moment; return a charge for every period entered."""
    price, charges = price_of(tenant, item), []
    interval = interval_of(price)
    item["_debits"] = []
    while item["current_period_end"] <= at:
        start = item["current_period_end"]
        end = interval.boundary_after(item["_anchor"], start)
        item["current_period_start"], item["current_period_end"] = start, end
        if not metered(price):
            charges.append(_period_charge(tenant, sub, item, price, (start, end)))
    tenant.clock_of({"test_clock": sub["test_clock"]}).plan("cycle", item["current_period_end"], sub["id"])
    return charges


def _period_charge(tenant: Tenant, sub: Object, item: Object, price: Object, period: tuple[int, int]) -> Charge:
    start, end = period
    whole_start = interval_of(price).boundary_until(item["_anchor"], start)
    share = Fraction(end - start, end - whole_start)
    return Charge(
        amount=part_of(price_amount(price, item["quantity"]), share),
        description=describe(tenant, price, item["quantity"]),
        price=price,
        quantity=item["quantity"],
        start=start,
        end=end,
        metadata={**sub["metadata"], **item["metadata"]},
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
            net = line["amount"] - sum(share["amount"] for share in line["discount_amounts"])
            debit = {**line["period"], "amount": net, "line": line["id"], "invoice": invoice["id"]}
            by_item[details["subscription_item"]]["_debits"].append(debit)
    tenant.touch("subscription", sub["id"])


# --- prorations --------------------------------------------------------------------------------------------


def credit_rest(tenant: Tenant, sub: Object, item: Object, at: int) -> None:
    """Credit the unused time of an item, as pending invoice items."""
    price = price_of(tenant, item)
    if metered(price) or item["current_period_end"] <= at:
        return
    flexible = sub["billing_mode"]["type"] == "flexible"
    refunds = _ledger_credits(item, at) if flexible else [_present_credit(tenant, sub, item, at)]
    item["_debits"] = []
    for amount, end in refunds:
        text = f"Unused time on {{name}} after {day_text(at)}"
        _add_proration(tenant, sub, item, text, amount=amount, period=(at, end))


def _ledger_credits(item: Object, at: int) -> list[tuple[int, int]]:
    refunds = []
    for debit in item["_debits"]:
        if debit["end"] > at:
            share = Fraction(debit["end"] - max(at, debit["start"]), debit["end"] - debit["start"])
            refunds.append((-half_up(debit["amount"] * share), debit["end"]))
    return refunds


def _present_credit(tenant: Tenant, sub: Object, item: Object, at: int) -> tuple[int, int]:
    share = rest_share(price_of(tenant, item), item, at)
    net = _net_of_period(tenant, sub, item, at)
    return -half_up(net * share), item["current_period_end"]


def debit_rest(tenant: Tenant, sub: Object, item: Object, at: int) -> None:
    """Charge the rest of the running period of an item, as a pending invoice item."""
    price = price_of(tenant, item)
    if metered(price) or item["current_period_end"] <= at:
        return
    amount = half_up(_net_of_period(tenant, sub, item, at) * rest_share(price, item, at))
    period = (at, item["current_period_end"])
    text = f"Remaining time on {{name}} after {day_text(at)}"
    made = _add_proration(tenant, sub, item, text, amount=amount, period=period)
    item["_debits"].append({"start": at, "end": period[1], "amount": amount, "item": made["id"]})


def rest_share(price: Object, item: Object, at: int) -> Fraction:
    """Tell which part of a whole period is left; the period runs from boundary to boundary, however it was entered."""
    end = item["current_period_end"]
    start = interval_of(price).boundary_until(item["_anchor"], end - 1)
    return Fraction(end - at, end - start)


def _net_of_period(tenant: Tenant, sub: Object, item: Object, at: int) -> Fraction:
    """Price a whole period of an item, discounts baked in: over all items in flexible mode, alone in classic."""
    flexible = sub["billing_mode"]["type"] == "flexible"
    members = [other for other in sub["items"]["data"] if flexible and other is not item]
    works = [_period_reduction(tenant, other, at) for other in [*members, item]]
    gross = Fraction(price_amount(price_of(tenant, item), item["quantity"]))
    common = living(tenant, sub["discounts"], at)
    if not common and not item["discounts"]:
        return gross
    if flexible and (sub["billing_mode"]["flexible"] or {}).get("proration_discounts") == "itemized":
        what = "prorations with discounts when proration_discounts is itemized"
        raise not_emulated(what)
    reduce_lines(works, common)
    return gross - (works[-1].amount - works[-1].left)


def _period_reduction(tenant: Tenant, item: Object, at: int) -> Reduction:
    price = price_of(tenant, item)
    amount = 0 if metered(price) else half_up(price_amount(price, item["quantity"]))
    return Reduction(amount, price["product"], living(tenant, item["discounts"], at))


def _add_proration(
    tenant: Tenant, sub: Object, item: Object, text: str, *, amount: int, period: tuple[int, int]
) -> Object:
    """Make a proration item; it is net of discounts already, so it takes no further ones (recorded traffic)."""
    price = price_of(tenant, item)
    extra = Extra(
        at=period[0],
        currency=sub["currency"],
        amount=amount,
        description=text.format(name=counted_name(tenant, price, item["quantity"])),
        price=price,
        quantity=item["quantity"],
        start=period[0],
        end=period[1],
        proration=True,
        discountable=False,
        subscription_item=item["id"],
    )
    return add_pending(tenant, tenant.objects["customer"][sub["customer"]], sub["id"], extra)


def drop_prorations(tenant: Tenant, sub: Object) -> None:
    """Remove prorations that still wait (SDK reference of subscription cancelation)."""
    waiting_here = [i for i in waiting(tenant, sub["customer"], sub["id"]) if i["_subscription"] and i["proration"]]
    gone = {tenant.drop("invoiceitem", item["id"])["id"] for item in waiting_here}
    items: Sequence[Object] = sub["items"]["data"]
    for item in items:
        item["_debits"] = [debit for debit in item["_debits"] if debit.get("item") not in gone]
