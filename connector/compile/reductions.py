"""Discounts as amounts: when one holds, and what it takes off a line or off a whole invoice.

Every line carries its own share of a discount in whole minor units. A percentage is taken off each line; an amount off
an invoice is shared over the lines that cost something, and the last of them takes the odd unit.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from fractions import Fraction

from connector.domain.contract import Discount
from connector.domain.money import round_minor, to_minor
from connector.domain.period import add_months


def holds(discount: Discount, began: date, day: date, *, first: bool) -> bool:
    """Tell whether a discount that began on a day counts on an invoice of another; `first`: it is its first invoice."""
    if discount.duration == "forever":
        return True
    if discount.duration == "once" or discount.months is None:
        return first
    return day < (discount.until or add_months(began, discount.months))


def reduce(amount: int, discounts: Iterable[Discount], currency: str) -> int:
    """Take discounts off one line, in order; never below nothing."""
    for discount in discounts:
        if discount.percent is not None:
            amount -= _percent(amount, discount)
        else:
            amount -= min(_amount_off(discount, currency), max(amount, 0))
    return amount


def off_invoice(amounts: Sequence[int], discounts: Iterable[Discount], currency: str) -> list[int]:
    """Take discounts off a whole invoice, in order."""
    left = list(amounts)
    for discount in discounts:
        if discount.percent is not None:
            left = [amount - _percent(amount, discount) for amount in left]
        else:
            left = _share(left, _amount_off(discount, currency))
    return left


def _percent(amount: int, discount: Discount) -> int:
    return round_minor(Fraction(amount) * Fraction(discount.percent or 0) / 100)


def _amount_off(discount: Discount, currency: str) -> int:
    return round_minor(to_minor(discount.amount or 0, currency))


def _share(amounts: list[int], off: int) -> list[int]:
    costing = [index for index, amount in enumerate(amounts) if amount > 0]
    base = sum(amounts[index] for index in costing)
    rest = total = min(off, base)
    left = list(amounts)
    for index in costing:
        part = rest if index == costing[-1] else total * amounts[index] // base
        left[index] -= part
        rest -= part
    return left
