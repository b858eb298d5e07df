"""Prices per billing period, as some CRMs have them, and the price of a line's whole time that they come to. Pure.

The rest of the connector prices a line for its whole time, since that is what was sold and what must tie out. The
price of a period is kept as the list price, so that nothing is divided back: 1.5 periods of 33.33 are billed at 33.33.
"""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from fractions import Fraction

from connector.domain.contract import Charge, Line
from connector.domain.issues import IssueCode, block
from connector.domain.money import exponent, plain, quantize
from connector.domain.period import span
from connector.mapping.reading import Scope

_DAYS_PER_MONTH = Fraction(365, 12)
_PLACES = 12  # decimals of a number of periods
_FULL = 100  # percent


def cycle_price(scope: Scope, currency: str | None) -> Decimal | None:
    """Return the price of one unit and billing period after the line's own discount; None where none is mapped.

    What is wrong with it is noted: two kinds of discount, more off than there is, another sum than the CRM's.
    """
    price = scope.decimal("cycle_price")
    if price is None:
        return None
    percent, off = scope.decimal("cycle_discount_percent"), scope.decimal("cycle_discount")
    if percent and off:
        message = f"The line has two discounts, {plain(percent)} % and {plain(off)} off each unit."
        remedy = "Keep one of the two."
        scope.report(block(IssueCode.DISCOUNT_INVALID, scope.source("cycle_discount"), message, remedy))
        return price
    net = price * (_FULL - percent) / _FULL if percent else price - (off or Decimal(0))
    if net < 0:
        message = f"The discount takes more off than the price of {plain(price)}."
        scope.report(
            block(IssueCode.DISCOUNT_INVALID, scope.source("cycle_discount"), message, "Correct the discount.")
        )
        return price
    _check_sum(scope, net, currency)
    return net


def _check_sum(scope: Scope, net: Decimal, currency: str | None) -> None:
    """Compare with the CRM's own sum of one billing period; each unit's price may have been rounded."""
    said, quantity = scope.decimal("cycle_total"), scope.decimal("quantity")
    if said is None or quantity is None:
        return
    places = exponent(currency) if currency else 2
    allowed = Decimal(1).scaleb(-places) * max(Decimal(1), abs(quantity))
    if abs(said - quantity * net) > allowed:
        message = (
            f"The line's amount is {plain(said):,f}, but {plain(quantity):f} at {plain(net):f} is "
            f"{plain(quantity * net):,f}."
        )
        remedy = "Save the line again, so that its amount is recalculated, or correct quantity, price and discount."
        scope.report(block(IssueCode.LINE_TOTAL, scope.source("cycle_total"), message, remedy))


def cycles(start: date, end: date, interval: int) -> Decimal:
    """Return how many billing periods of `interval` months a stretch has: 18 months billed yearly are 1.5."""
    length = span(start, end)
    months = length.months + length.days / _DAYS_PER_MONTH
    exact = Fraction(months) / interval
    return plain(quantize(exact, _PLACES))


def priced(line: Line, price: Decimal | None = None) -> Line:
    """Return a line priced for its whole time, from `price` per billing period or from the one that it has already."""
    per_cycle = price if price is not None else line.list_price
    if per_cycle is None:
        return line
    if line.charge is Charge.ONE_TIME:
        return replace(line, unit_price=per_cycle, total=per_cycle * line.quantity, list_price=None, list_term=None)
    if line.end is None:  # it runs on: what is known is the price of a period
        return replace(
            line,
            unit_price=per_cycle,
            total=per_cycle * line.quantity,
            list_price=per_cycle,
            list_term=line.interval,
            price_term=Decimal(line.interval),
            multiplier=None,
            discount_percent=None,
        )
    if line.end <= line.start:
        return replace(line, unit_price=per_cycle, total=per_cycle * line.quantity)
    number = cycles(line.start, line.end, line.interval)
    decimals = max(2, -int(plain(per_cycle).as_tuple().exponent))
    whole = number == number.to_integral_value()
    unit = quantize(per_cycle * number, decimals if whole else max(decimals, 4))
    return replace(
        line,
        unit_price=unit,
        total=unit * line.quantity,
        list_price=per_cycle,
        list_term=line.interval,
        multiplier=number,
        price_term=None,
        discount_percent=None,
    )
