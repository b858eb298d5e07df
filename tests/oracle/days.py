"""Months and days, counted by walking: slow, and on purpose not the arithmetic of the connector."""

from datetime import date, timedelta
from fractions import Fraction

#: A month in days, where a CRM counts days ("Monthly + Daily").
MONTH = Fraction(365, 12)


def last_of_month(year: int, month: int) -> int:
    """Return the number of days of a month."""
    first_of_next = date(year + month // 12, month % 12 + 1, 1)
    return (first_of_next - timedelta(days=1)).day


def months_on(start: date, months: int, day_of_month: int | None = None) -> date:
    """Return the day so many months later, on a day of the month, or on the month's last where it has no such day."""
    wanted = day_of_month or start.day
    year, month = start.year, start.month + months
    while not 1 <= month <= 12:
        year, month = (year + 1, month - 12) if month > 12 else (year - 1, month + 12)
    return date(year, month, min(wanted, last_of_month(year, month)))


def counted(start: date, end: date, anchor: date) -> tuple[int, int]:
    """Return whole months and days of [start, end): on the anchor's day of the month if it starts on it, else its own.

    >>> counted(date(2027, 2, 28), date(2027, 3, 31), date(2027, 1, 31))
    (1, 0)
    """
    on_anchor = start.day == min(anchor.day, last_of_month(start.year, start.month))
    wanted = anchor.day if on_anchor else start.day
    months = 0
    while months_on(start, months + 1, wanted) <= end:
        months += 1
    return months, (end - months_on(start, months, wanted)).days


def length(start: date, end: date, anchor: date, precision: str) -> Fraction:
    """Return how many months a CRM counts for [start, end)."""
    months, days = counted(start, end, anchor)
    if precision == "month":
        return Fraction(months + (days > 0))
    if precision == "day":
        return (end - start).days / MONTH
    return months + days / MONTH
