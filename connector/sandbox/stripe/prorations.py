"""Credit and debit for parts of a period, by the second.

Time is counted over the true length of the period; credit and debit are rounded each on its own (recorded traffic).
Credit is computed from the present price in classic mode, and from what was debited in flexible mode
(stripe.com/docs/billing/subscriptions/billing-mode/compare). Prorations wait as invoice items, net of discounts.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from connector.sandbox.stripe.billing import counted_name, cut, grid_period, metered, price_of
from connector.sandbox.stripe.discounts import Reduction, living, reduce_lines
from connector.sandbox.stripe.errors import not_emulated
from connector.sandbox.stripe.money import half_up, price_amount
from connector.sandbox.stripe.pending import Extra, add_pending, waiting
from connector.sandbox.stripe.periods import day_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from connector.sandbox.stripe.state import Object, Tenant


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
        refunds = [(-half_up(_net_of_period(tenant, sub, item, at) * _share(tenant, item, span)), span)]
    for amount, time in refunds:
        _add_proration(tenant, sub, item, "Unused time on {name} after {day}", amount=amount, span=time, at=at)


def debit(tenant: Tenant, sub: Object, item: Object, span: tuple[int, int], at: int) -> None:
    """Charge a time of an item within its running period."""
    if metered(price_of(tenant, item)) or span[1] <= span[0]:
        return
    amount = half_up(_net_of_period(tenant, sub, item, at) * _share(tenant, item, span))
    text = "Remaining time on {name} after {day}"
    made = _add_proration(tenant, sub, item, text, amount=amount, span=span, at=at)
    item["_debits"].append({"start": span[0], "end": span[1], "amount": amount, "item": made["id"]})


def debit_past(tenant: Tenant, sub: Object, item: Object, span: tuple[int, int], *, share: Fraction, at: int) -> None:
    """Charge what had passed before a subscription was made, as so many periods in one (recorded traffic, classic)."""
    price = price_of(tenant, item)
    if metered(price):
        return
    gross = half_up(Fraction(price_amount(price, item["quantity"])) * share)
    work = Reduction(gross, price["product"], living(tenant, item["discounts"], at))
    reduce_lines([work], living(tenant, sub["discounts"], at))
    for ident, _ in work.shares:
        tenant.touch("discount", ident)["_used"] = True
    text = f"Time on {{name}} from {day_text(span[0])} until {day_text(span[1])}"
    _add_proration(tenant, sub, item, text, amount=work.left, span=span, at=at)


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


def _ledger_credits(item: Object, span: tuple[int, int]) -> Iterator[tuple[int, tuple[int, int]]]:
    """Credit every debit of that time, by its own length, and take it off the ledger."""
    kept = []
    for entry in item["_debits"]:
        start, end = max(span[0], entry["start"]), min(span[1], entry["end"])
        if start >= end:
            kept.append(entry)
            continue
        amount = half_up(_part(entry, start, end)["amount"])
        yield -amount, (start, end)
        if entry["start"] < start:
            kept.append(_part(entry, entry["start"], start))
        if entry["end"] > end:
            kept.append(_part(entry, end, entry["end"]))
    item["_debits"] = kept


def _part(entry: Object, start: int, end: int) -> Object:
    share = Fraction(end - start, entry["end"] - entry["start"])
    return {**entry, "start": start, "end": end, "amount": entry["amount"] * share}


def _share(tenant: Tenant, item: Object, span: tuple[int, int]) -> Fraction:
    """Tell which part of a whole period a time is; the period runs from boundary to boundary."""
    start, end = grid_period(tenant, item)
    return Fraction(span[1] - span[0], end - start)


def _net_of_period(tenant: Tenant, sub: Object, item: Object, at: int) -> Fraction:
    """Price a whole period of an item, discounts baked in: over all items in flexible mode, alone in classic."""
    members = [other for other in sub["items"]["data"] if _flexible(sub) and other is not item]
    works = [_period_reduction(tenant, other, at) for other in [*members, item]]
    gross = Fraction(price_amount(price_of(tenant, item), item["quantity"]))
    common = living(tenant, sub["discounts"], at)
    if not common and not item["discounts"]:
        return gross
    if _flexible(sub) and (sub["billing_mode"]["flexible"] or {}).get("proration_discounts") == "itemized":
        what = "prorations with discounts when proration_discounts is itemized"
        raise not_emulated(what)
    reduce_lines(works, common)
    return gross - (works[-1].amount - works[-1].left)


def _period_reduction(tenant: Tenant, item: Object, at: int) -> Reduction:
    price = price_of(tenant, item)
    amount = 0 if metered(price) else half_up(price_amount(price, item["quantity"]))
    return Reduction(amount, price["product"], living(tenant, item["discounts"], at))


def _add_proration(
    tenant: Tenant, sub: Object, item: Object, text: str, *, amount: int, span: tuple[int, int], at: int
) -> Object:
    """Make a proration item; it is net of discounts already, so it takes no further ones (recorded traffic)."""
    price = price_of(tenant, item)
    name = counted_name(tenant, price, item["quantity"])
    if item["discounts"] or sub["discounts"]:
        name += " (with discounts)"
    extra = Extra(
        at=at,
        currency=sub["currency"],
        amount=amount,
        description=text.format(name=name, day=day_text(span[0])),
        price=price,
        quantity=item["quantity"],
        start=span[0],
        end=span[1],
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
        item["_debits"] = [entry for entry in item["_debits"] if entry.get("item") not in gone]
