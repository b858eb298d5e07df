"""Converters of days and lengths of time. Months are counted as `domain/period.py` counts them."""

import re
from datetime import date, timedelta

from connector.domain import period
from connector.mapping.values import UnreadableError, as_date, as_text, as_whole, row

#: Furthest a day is moved; beyond that it is a typing error.
FURTHEST = 36_500
_LENGTH = re.compile(r"(\d{1,4})(?:\.0+)?\W*(months?|mos?|m|years?|yrs?|y|quarters?)?", re.IGNORECASE)
_ISO = re.compile(r"P(?:(\d{1,3})Y)?(?:(\d{1,4})M)?", re.IGNORECASE)


def add_days(value: object, days: object) -> date:
    """Day that is N days later (earlier when N is negative)."""
    return _moved(as_date(value), timedelta(_within(days)))


def add_months(value: object, months: object) -> date:
    """Day that is N months later; the last day of a shorter month where there is no such day."""
    try:
        return period.add_months(as_date(value), _within(months))
    except (ValueError, OverflowError) as error:
        raise _outside() from error


def month_start(value: object) -> date:
    """First day of the month."""
    return as_date(value).replace(day=1)


def month_end(value: object) -> date:
    """Last day of the month."""
    return _moved(add_months(month_start(value), 1), timedelta(-1))


def as_duration(value: object) -> int:
    """Length of time in months, from a number of months, or words such as "2 years", or ISO 8601 such as P1Y6M."""
    text = as_text(value).strip()
    if match := _LENGTH.fullmatch(text):
        word = (match[2] or "m")[0].lower()
        return int(match[1]) * {"y": 12, "q": 3}.get(word, 1)
    if (match := _ISO.fullmatch(text)) and (match[1] or match[2]):
        return int(match[1] or 0) * 12 + int(match[2] or 0)
    msg = 'is not a length of time we can read (expected like 24, "2 years" or P2Y)'
    raise UnreadableError(msg)


def _within(number: object) -> int:
    found = as_whole(number)
    if abs(found) > FURTHEST:
        raise _outside()
    return found


def _moved(day: date, by: timedelta) -> date:
    try:
        return day + by
    except OverflowError as error:
        raise _outside() from error


def _outside() -> UnreadableError:
    return UnreadableError("leads to a day outside of the calendar")


TIME_ROWS = (
    row("add_days", add_days, ("2025-01-31", date(2025, 2, 14)), argument=int, given=14),
    row("add_months", add_months, ("2025-01-31", date(2025, 2, 28)), argument=int, given=1),
    row("month_start", month_start, ("2025-02-14", date(2025, 2, 1))),
    row("month_end", month_end, ("2024-02-10", date(2024, 2, 29)), ("2025-12-01", date(2025, 12, 31))),
    row("duration", as_duration, ("24", 24), (12, 12), ("2 years", 24), ("P1Y6M", 18), ("1 quarter", 3)),
)
