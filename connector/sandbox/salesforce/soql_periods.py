"""Date literals such as ``TODAY`` and ``LAST_N_DAYS:30`` as half-open day ranges, in the org's time zone.

After the vendor's page on date formats and date literals. Weeks start on Sunday, as in a US org.
"""

from __future__ import annotations

from datetime import date, timedelta

_FIXED_DAYS = {
    "TODAY": (0, 1),
    "YESTERDAY": (-1, 0),
    "TOMORROW": (1, 2),
    "LAST_90_DAYS": (-90, 1),
    "NEXT_90_DAYS": (1, 91),
}
_MONTHS = {"MONTH": 1, "QUARTER": 3, "YEAR": 12}


def period(literal: str, today: date) -> tuple[date, date]:
    """Return the first day of a literal's period and the first day after it."""
    name, _, number = literal.partition(":")
    if name in _FIXED_DAYS:
        first, after = _FIXED_DAYS[name]
        return today + timedelta(first), today + timedelta(after)
    direction, _, unit = name.partition("_")
    count = int(number or 1)
    unit = unit.removeprefix("N_").rstrip("S")
    if unit == "DAY":
        return (
            (today - timedelta(count), today + timedelta(1))
            if direction == "LAST"
            else (
                today + timedelta(1),
                today + timedelta(count + 1),
            )
        )
    low, high = {"LAST": (-count, 0), "THIS": (0, 1), "NEXT": (1, count + 1)}[direction]
    return _starts(today, unit, low), _starts(today, unit, high)


def _starts(today: date, unit: str, shift: int) -> date:
    if unit == "WEEK":
        return today - timedelta((today.weekday() + 1) % 7) + timedelta(weeks=shift)
    size = _MONTHS[unit]
    months = today.year * 12 + today.month - 1
    months = months - months % size + shift * size
    return date(months // 12, months % 12 + 1, 1)
