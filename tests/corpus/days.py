"""Amounts by day: what was invoiced, promised or recorded, in minor units."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from itertools import accumulate
from typing import Any

Days = Mapping[date, int]


def by_day(invoices: Iterable[Mapping[str, Any]]) -> Days:
    """Return what invoices come to, by the day on which they were made."""
    return sums((datetime.fromtimestamp(one["created"], UTC).date(), one["total"]) for one in invoices)


def together(several: Iterable[Days]) -> Days:
    """Return what several contracts invoiced, by day."""
    return sums(entry for days in several for entry in days.items())


def sums(amounts: Iterable[tuple[date, int]]) -> Days:
    """Add up amounts of the same day."""
    days: dict[date, int] = defaultdict(int)
    for day, amount in amounts:
        days[day] += amount
    return days


def after(today: date, days: Days) -> Days:
    """Return what comes after a day; days that come to nothing are left out."""
    return {day: amount for day, amount in sorted(days.items()) if day > today and amount}


def shown(days: Days) -> str:
    """Write amounts by day for a fault."""
    return ", ".join(f"{day} {amount}" for day, amount in sorted(days.items())) or "nothing"


def as_of(today: date, days: Days) -> Days:
    """Return what was invoiced until a day as one sum, and what came later day by day."""
    coming = after(today, days)
    return {today: sum(days.values()) - sum(coming.values()), **coming}


def never_later(mine: Days, theirs: Days) -> bool:
    """Tell whether charges and credits come to the same in all, and ours are at no time behind the recorded ones."""
    days = sorted({*mine, *theirs})
    charged = accumulate(max(mine.get(day, 0), 0) - max(theirs.get(day, 0), 0) for day in days)
    credited = accumulate(max(-mine.get(day, 0), 0) - max(-theirs.get(day, 0), 0) for day in days)
    ahead = [*charged], [*credited]
    return all(min(each) >= 0 and each[-1] == 0 for each in ahead)
