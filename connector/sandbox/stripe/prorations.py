"""Credit and debit for parts of a period, by the second.

Time is counted over the true length of the period; credit and debit are rounded each on its own (recorded traffic).
Credit is computed from the present price in classic mode, and from what was debited in flexible mode
(stripe.com/docs/billing/subscriptions/billing-mode/compare). Prorations wait as invoice items, net of discounts, or
with them when `proration_discounts` is `itemized` (changelog of 2025-09-30.clover).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING

from connector.sandbox.stripe.billing import counted_name, cut, grid_period, metered, price_of
from connector.sandbox.stripe.discounts import Reduction, Worth, living, reduce_lines
from connector.sandbox.stripe.money import half_up, price_amount
from connector.sandbox.stripe.pending import Extra, add_pending, waiting
from connector.sandbox.stripe.periods import day_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from connector.sandbox.stripe.state import Object, Tenant


@dataclass(frozen=True, slots=True)
class Part:
    """Something to be credited or debited: what it is worth, for which time, and the invoice lines it takes back."""

    worth: Worth
    span: tuple[int, int]
    credited: Object | None = None


def lasts_until(sub: Object, item: Object) -> int:
    """Find until when the running period of an item is to last: its end, or the cancel date inside it."""
    return cut(sub, item["current_period_start"], item["current_period_end"])


def billed_until(sub: Object, item: Object) -> int:
    """Find until when an item is billed; flexible mode knows it from what was debited."""
    debited = [entry["end"] for entry in item["_debits"]] if _flexible(sub) else []
    return int(max([lasts_until(sub, item), *debited]))


def credit(tenant: Tenant, sub: Object, item: Object, span: tuple[int, int], at: int) -> None:
    """Credit a billed time of an item."""
    if metered(price_of(tenant, item)) or span[1] <= span[0]:
        return
    if _flexible(sub):
        refunds = list(_ledger_credits(item, span))
    else:
        refunds = [Part(_worth_of_period(tenant, sub, item, at).times(_share(tenant, item, span)), span)]
    for part in refunds:
        back = replace(part, worth=part.worth.times(Fraction(-1)))
        _add_proration(tenant, sub, item, back, text="Unused time on {name} after {day}", at=at)


def debit(tenant: Tenant, sub: Object, item: Object, span: tuple[int, int], at: int) -> None:
    """Charge a time of an item within its running period."""
    if metered(price_of(tenant, item)) or span[1] <= span[0]:
        return
    worth = _worth_of_period(tenant, sub, item, at).times(_share(tenant, item, span))
    made = _add_proration(tenant, sub, item, Part(worth, span), text="Remaining time on {name} after {day}", at=at)
    billed = Worth(Fraction(made["amount"]), tuple((ident, Fraction(taken)) for ident, taken in made["_taken"]))
    item["_debits"].append({"start": span[0], "end": span[1], "worth": billed, "item": made["id"]})


def debit_past(tenant: Tenant, sub: Object, item: Object, span: tuple[int, int], *, share: Fraction, at: int) -> None:
    """Charge what had passed before a subscription was made, as so many periods in one (recorded traffic, classic)."""
    price = price_of(tenant, item)
    if metered(price):
        return
    gross = half_up(Fraction(price_amount(price, item["quantity"])) * share)
    work = Reduction(gross, price["product"], living(tenant, item["discounts"], at))
    reduce_lines([work], living(tenant, sub["discounts"], at))
    for ident, _ in work.shares:
        tenant.touch("discount", ident)["_used"] = "the past"
    text = f"Time on {{name}} from {day_text(span[0])} until {day_text(span[1])}"
    _add_proration(tenant, sub, item, Part(Worth(Fraction(work.left)), span), text=text, at=at)


def move_end(tenant: Tenant, sub: Object, item: Object, ends: tuple[int, int], at: int) -> None:
    """Credit what a nearer cancel date takes off the running period, or debit what a later one adds."""
    before, after = ends
    if after < before:
        credit(tenant, sub, item, (after, before), at)
    else:
        debited = [entry["end"] for entry in item["_debits"]] if _flexible(sub) else []
        debit(tenant, sub, item, (max([before, *debited]), after), at)


def _flexible(sub: Object) -> bool:
    return bool(sub["billing_mode"]["type"] == "flexible")


def _ledger_credits(item: Object, span: tuple[int, int]) -> Iterator[Part]:
    """Credit every debit of that time, by its own length, and take it off the ledger."""
    kept = []
    for entry in item["_debits"]:
        start, end = max(span[0], entry["start"]), min(span[1], entry["end"])
        if start >= end:
            kept.append(entry)
            continue
        lines = {"invoice": entry["invoice"], "invoice_line_items": [entry["line"]]} if "line" in entry else None
        yield Part(_part(entry, start, end)["worth"], (start, end), lines)
        if entry["start"] < start:
            kept.append(_part(entry, entry["start"], start))
        if entry["end"] > end:
            kept.append(_part(entry, end, entry["end"]))
    item["_debits"] = kept


def _part(entry: Object, start: int, end: int) -> Object:
    share = Fraction(end - start, entry["end"] - entry["start"])
    return {**entry, "start": start, "end": end, "worth": entry["worth"].times(share)}


def _share(tenant: Tenant, item: Object, span: tuple[int, int]) -> Fraction:
    """Tell which part of a whole period a time is; the period runs from boundary to boundary."""
    start, end = grid_period(tenant, item)
    return Fraction(span[1] - span[0], end - start)


def _worth_of_period(tenant: Tenant, sub: Object, item: Object, at: int) -> Worth:
    """Price a whole period of an item with its discounts: over all items in flexible mode, alone in classic."""
    members = [other for other in sub["items"]["data"] if _flexible(sub) and other is not item]
    works = [_period_reduction(tenant, other, at) for other in [*members, item]]
    reduce_lines(works, living(tenant, sub["discounts"], at))
    gross = Fraction(price_amount(price_of(tenant, item), item["quantity"]))
    return Worth(gross, tuple((ident, Fraction(amount)) for ident, amount in works[-1].shares))


def _period_reduction(tenant: Tenant, item: Object, at: int) -> Reduction:
    price = price_of(tenant, item)
    amount = 0 if metered(price) else half_up(price_amount(price, item["quantity"]))
    return Reduction(amount, price["product"], living(tenant, item["discounts"], at))


def _add_proration(tenant: Tenant, sub: Object, item: Object, part: Part, *, text: str, at: int) -> Object:
    """Make a proration item; it takes no further discounts, and is net of them unless they are itemized."""
    price, worth = price_of(tenant, item), part.worth
    name = counted_name(tenant, price, item["quantity"])
    if item["discounts"] or sub["discounts"]:
        name += " (with discounts)"
    itemized = _flexible(sub) and sub["billing_mode"]["flexible"]["proration_discounts"] == "itemized"
    extra = Extra(
        at=at,
        currency=sub["currency"],
        amount=half_up(worth.gross if itemized else worth.net),
        description=text.format(name=name, day=day_text(part.span[0])),
        price=price,
        quantity=item["quantity"],
        start=part.span[0],
        end=part.span[1],
        proration=True,
        discountable=False,
        subscription_item=item["id"],
        taken=tuple((ident, half_up(amount)) for ident, amount in worth.shares) if itemized else (),
        credited=part.credited,
    )
    return add_pending(tenant, tenant.objects["customer"][sub["customer"]], sub["id"], extra)


def drop_prorations(tenant: Tenant, sub: Object) -> None:
    """Remove prorations that still wait (SDK reference of subscription cancelation)."""
    waiting_here = [i for i in waiting(tenant, sub["customer"], sub["id"]) if i["_subscription"] and i["proration"]]
    gone = {tenant.drop("invoiceitem", item["id"])["id"] for item in waiting_here}
    items: Sequence[Object] = sub["items"]["data"]
    for item in items:
        item["_debits"] = [entry for entry in item["_debits"] if entry.get("item") not in gone]
