"""Dates and prices the way CPQ computes them.

A term counted in months has the multiplier months / product term. Odd dates use the package's "Monthly + Daily"
precision: whole months plus days * 12/365 (recorded traffic agrees to the last bit). The unit price is rounded once,
per unit and for the whole line.
"""

from __future__ import annotations

import calendar
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

DECIMALS = {"JPY": 0, "KWD": 3}


def add_months(day: date, months: int) -> date:
    """Return the same day some months on, or the month's last."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def last_day(start: date, months: int) -> date:
    """Return the last day included in a term."""
    return add_months(start, months) - timedelta(1)


def months_between(start: date, end: date) -> Fraction:
    """Return the length of a line from its first to its last day, both included."""
    after = end + timedelta(1)
    months = 0
    while add_months(start, months + 1) <= after:
        months += 1
    return months + Fraction((after - add_months(start, months)).days * 12, 365)


def rounded(amount: Fraction, currency: str) -> Decimal:
    """Return an amount in the currency's decimals, half up."""
    digits = Decimal(1).scaleb(-DECIMALS.get(currency, 2))
    exact = Decimal(amount.numerator) / Decimal(amount.denominator)
    return exact.quantize(digits, ROUND_HALF_UP)


def json_number(amount: Decimal | Fraction | int) -> float:
    """Return a number as the API gives it."""
    return float(amount)


def next_month(today: date) -> date:
    """Return the first of the month after."""
    return add_months(today.replace(day=1), 1)
