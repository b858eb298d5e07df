"""Coupons at work: starting discounts, and what they take off the lines of an invoice.

Item discounts come first, then those of the subscription or phase, each on what the former left
(stripe.com/docs/billing/subscriptions/coupons; amounts checked against recorded traffic). An amount off a whole
invoice is spread over its lines in proportion, the odd unit goes to the last line (example in the vendor's
documentation of proration in flexible billing mode: 500 over 1000 and 2000 is 166 and 334).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from connector.sandbox.stripe.errors import invalid, missing_object
from connector.sandbox.stripe.money import half_up
from connector.sandbox.stripe.periods import add_months

if TYPE_CHECKING:
    from collections.abc import Sequence
    from fractions import Fraction

    from connector.sandbox.stripe.state import Object, Tenant


@dataclass(slots=True)
class Reduction:
    """One line while discounts are taken off it."""

    amount: int
    product: str
    own: Sequence[Object] = ()
    shares: list[tuple[str, int]] = field(default_factory=list)
    left: int = 0

    def __post_init__(self) -> None:
        self.left = self.amount

    def take(self, discount: Object, amount: int) -> None:
        """Take an amount off."""
        if amount:
            self.left -= amount
            self.shares.append((discount["id"], amount))


@dataclass(frozen=True, slots=True)
class Worth:
    """An amount before discounts, exact, and what each discount takes off it."""

    gross: Fraction
    shares: tuple[tuple[str, Fraction], ...] = ()

    @property
    def net(self) -> Fraction:
        """What is left of the amount."""
        return self.gross - sum(amount for _, amount in self.shares)

    def times(self, share: Fraction) -> Worth:
        """Take a part of it, discounts and all."""
        return Worth(self.gross * share, tuple((ident, amount * share) for ident, amount in self.shares))


def check_discounts(tenant: Tenant, given: Any, path: str, currency: str | None, at: int) -> list[Object]:
    """Check a `discounts` parameter and show it as schedule phases do."""
    entries = []
    for index, entry in enumerate(given or []):
        where = f"{path}[{index}]"
        if len(entry) != 1:
            message = "You may only specify one of these parameters: coupon, discount, promotion_code."
            raise invalid(message, where)
        if "promotion_code" in entry:
            raise missing_object("promotion code", entry["promotion_code"], f"{where}[promotion_code]")
        if "discount" in entry:
            tenant.get("discount", entry["discount"], f"{where}[discount]")
        else:
            _check_coupon(tenant.get("coupon", entry["coupon"], f"{where}[coupon]"), where, currency, at)
        entries.append({"coupon": entry.get("coupon"), "discount": entry.get("discount"), "promotion_code": None})
    return entries


def _check_coupon(coupon: Object, path: str, currency: str | None, at: int) -> None:
    exhausted = coupon["max_redemptions"] is not None and coupon["times_redeemed"] >= coupon["max_redemptions"]
    if exhausted or (coupon["redeem_by"] is not None and coupon["redeem_by"] < at):
        raise invalid(f"Coupon expired: {coupon['id']}", f"{path}[coupon]", code="coupon_expired")
    if coupon["amount_off"] and currency and coupon["currency"] != currency:
        message = (
            f"The currency of the coupon ({coupon['currency']}) does not match the currency of the prices ({currency})."
        )
        raise invalid(message, f"{path}[coupon]")


def start_discounts(
    tenant: Tenant, entries: Sequence[Object], at: int, owner: Object, running: Sequence[str] = ()
) -> list[str]:
    """Begin the discounts of a phase; one that already runs with the same coupon goes on."""
    by_coupon = {tenant.objects["discount"][ident]["source"]["coupon"]: ident for ident in running}
    started = []
    for entry in entries:
        ident = entry["discount"] or by_coupon.get(entry["coupon"])
        started.append(ident or _start(tenant, tenant.objects["coupon"].get(entry["coupon"]), at, owner)["id"])
    return started


def _start(tenant: Tenant, coupon: Object | None, at: int, owner: Object) -> Object:
    if coupon is None:
        message = "A coupon of this schedule was deleted before its phase began."
        raise invalid(message)
    tenant.touch("coupon", coupon["id"])
    coupon["times_redeemed"] += 1
    months = coupon["duration_in_months"]
    made = {
        "id": tenant.new_id("discount"),
        "object": "discount",
        "checkout_session": None,
        "customer": owner["customer"],
        "customer_account": None,
        "end": add_months(at, months) if months else None,
        "invoice": owner.get("invoice"),
        "invoice_item": owner.get("invoice_item"),
        "promotion_code": None,
        "source": {"coupon": coupon["id"], "type": "coupon"},
        "start": at,
        "subscription": owner.get("subscription"),
        "subscription_item": owner.get("subscription_item"),
        "_coupon": dict(coupon),
        "_used": None,  # the invoice that used it
    }
    return tenant.add("discount", made)


def living(tenant: Tenant, idents: Sequence[str], at: int, invoice: str | None = None) -> list[Object]:
    """Find the discounts that count at a moment: `once` until another invoice used it, `repeating` until its end."""
    found = [tenant.objects["discount"][ident] for ident in idents]
    return [
        d
        for d in found
        if not (d["_coupon"]["duration"] == "once" and d["_used"] not in {None, invoice}) and _runs(d, at)
    ]


def _runs(discount: Object, at: int) -> bool:
    return discount["end"] is None or at < discount["end"]


def reduce_lines(lines: Sequence[Reduction], common: Sequence[Object]) -> None:
    """Take item discounts off, then those common to all lines."""
    for line in lines:
        for discount in line.own:
            _take_alone(line, discount)
    for discount in common:
        coupon = discount["_coupon"]
        meant = [line for line in lines if _applies(coupon, line.product)]
        if coupon["percent_off"] is not None:
            for line in meant:
                _take_alone(line, discount)
        else:
            _spread(meant, discount, coupon["amount_off"])


def _applies(coupon: Object, product: str) -> bool:
    limited = coupon["_applies_to"]
    return not limited or product in limited["products"]


def _take_alone(line: Reduction, discount: Object) -> None:
    coupon = discount["_coupon"]
    if not _applies(coupon, line.product):
        return
    if coupon["percent_off"] is not None:
        line.take(discount, half_up(Decimal(line.left) * coupon["percent_off"] / 100))
    else:
        line.take(discount, min(coupon["amount_off"], max(line.left, 0)))


def _spread(lines: Sequence[Reduction], discount: Object, amount: int) -> None:
    positive = [line for line in lines if line.left > 0]
    base = sum(line.left for line in positive)
    rest = min(amount, base)
    total = rest
    for line in positive[:-1]:
        part = total * line.left // base
        line.take(discount, part)
        rest -= part
    if positive:
        positive[-1].take(discount, rest)
