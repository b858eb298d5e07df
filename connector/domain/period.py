"""Dates and billing periods: plain dates, half-open, always anchor + n months.

CRM end dates are inclusive; the mapping adds the day when it reads them, so every period here is [start, end). A period
without an end ends on FOREVER, a day after every other one, so that cutting and comparing need no case of their own.
"""

import calendar
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction

#: The end of what has none.
FOREVER = date.max
#: Days of a month where parts of months are counted: CPQ's "Monthly + Daily" precision, its multipliers bit for bit.
DAYS_PER_MONTH = Fraction(365, 12)


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """Days from `start` up to and without `end`; FOREVER when it is open."""

    start: date
    end: date

    def __post_init__(self) -> None:
        if self.end <= self.start:
            msg = f"a period must end after it starts: {self.start} .. {self.end}"
            raise ValueError(msg)

    @property
    def days(self) -> int:
        """Return the length in days."""
        return (self.end - self.start).days

    @property
    def open(self) -> bool:
        """Tell whether it has no end."""
        return self.end == FOREVER

    def covers(self, other: "Period") -> bool:
        """Tell whether `other` lies wholly inside."""
        return self.start <= other.start and other.end <= self.end

    def overlaps(self, other: "Period") -> bool:
        """Tell whether at least one day is common."""
        return self.start < other.end and other.start < self.end

    def __str__(self) -> str:
        return f"{self.start}..{'open' if self.open else self.end}"


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A length in the calendar: whole months, then days (18 months; 11 months and 29 days)."""

    months: int
    days: int = 0

    @property
    def in_months(self) -> Fraction:
        """Return the length in months."""
        return self.months + self.days / DAYS_PER_MONTH

    def __str__(self) -> str:
        parts = [_count(self.months, "month")] * bool(self.months) + [_count(self.days, "day")] * bool(self.days)
        return " and ".join(parts) or "0 days"


def add_months(anchor: date, months: int) -> date:
    """Return the anchor's day n months on, or the month's last day: 31 Jan + 1 = 28 Feb, + 2 = 31 Mar.

    Never chain it (+1 and +1 again): 31 Jan would become 28 Mar. Count from the anchor each time.
    """
    index = anchor.year * 12 + anchor.month - 1 + months
    year, month = divmod(index, 12)
    return date(year, month + 1, min(anchor.day, calendar.monthrange(year, month + 1)[1]))


def months_since(anchor: date, day: date) -> int:
    """Return the largest n with anchor + n months <= day."""
    estimate = (day.year - anchor.year) * 12 + day.month - anchor.month
    return estimate if add_months(anchor, estimate) <= day else estimate - 1


def span(start: date, end: date, anchor: date | None = None) -> Span:
    """Return the length of [start, end) in months and days, counted on the anchor's days of the month.

    With anchor 31 Jan, 28 Feb .. 31 Mar is one month, not one month and three days.
    """
    anchor = anchor or start
    first = months_since(anchor, start)
    whole = months_since(anchor, end) - first
    if add_months(anchor, first) == start:
        return Span(whole, (end - add_months(anchor, first + whole)).days)
    own = months_since(start, end)
    return Span(own, (end - add_months(start, own)).days)


def billing_dates(anchor: date, interval_months: int, within: Period) -> Iterator[date]:
    """Yield the days in `within` on which a period of `interval_months` begins, counted from the anchor."""
    index = -(-(months_since(anchor, within.start)) // interval_months)
    while add_months(anchor, index * interval_months) < within.start:
        index += 1
    while (day := add_months(anchor, index * interval_months)) < within.end:
        yield day
        index += 1


def day_after(day: date) -> date:
    """Return the exclusive end for an inclusive last day."""
    return day + timedelta(days=1)


def _count(number: int, unit: str) -> str:
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"
