"""Calendar arithmetic of billing periods, in UTC.

Period n starts at anchor + n intervals, always counted from the anchor, so that the 31st survives February
(stripe.com/docs/billing/subscriptions/billing-cycle).
"""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

DAY = 86_400
MONTHS = {"month": 1, "year": 12}
DAYS = {"day": 1, "week": 7}


@dataclass(frozen=True, slots=True)
class Interval:
    """A billing interval, in months or in days."""

    months: int = 0
    days: int = 0

    @classmethod
    def of(cls, spec: dict[str, Any]) -> Self:
        """Read `{interval, interval_count}`; 12 months are a year and 7 days a week."""
        count = spec.get("interval_count") or 1
        if spec["interval"] in MONTHS:
            return cls(months=MONTHS[spec["interval"]] * count)
        return cls(days=DAYS[spec["interval"]] * count)

    def after(self, anchor: int, times: int = 1) -> int:
        """Count `times` intervals from the anchor."""
        if self.days:
            return anchor + self.days * DAY * times
        return add_months(anchor, self.months * times)

    def boundary_after(self, anchor: int, moment: int) -> int:
        """Find the first boundary of the anchor's grid later than a moment."""
        times = self._estimate(anchor, moment)
        while self.after(anchor, times) > moment:
            times -= 1
        while self.after(anchor, times) <= moment:
            times += 1
        return self.after(anchor, times)

    def boundary_until(self, anchor: int, moment: int) -> int:
        """Find the last boundary of the anchor's grid not later than a moment."""
        times = self._estimate(anchor, moment)
        while self.after(anchor, times + 1) <= moment:
            times += 1
        while self.after(anchor, times) > moment:
            times -= 1
        return self.after(anchor, times)

    def meets(self, anchor: int, moment: int) -> bool:
        """Tell whether a moment lies on the anchor's grid."""
        return self.boundary_until(anchor, moment) == moment

    def multiple_of(self, other: Interval) -> bool:
        """Tell whether this interval is a whole multiple of another (week and month never are)."""
        if bool(self.days) != bool(other.days):
            return False
        return (self.days or self.months) % (other.days or other.months) == 0

    def _estimate(self, anchor: int, moment: int) -> int:
        return (moment - anchor) // ((self.days or self.months * 31) * DAY)


def add_months(moment: int, months: int) -> int:
    """Move by months; the day is cut to the length of the month it lands in."""
    start = datetime.fromtimestamp(moment, UTC)
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    day = min(start.day, monthrange(year, month + 1)[1])
    return int(start.replace(year=year, month=month + 1, day=day).timestamp())


def day_text(moment: int) -> str:
    """Write a day as invoice lines do: `02 Apr 2023`."""
    return datetime.fromtimestamp(moment, UTC).strftime("%d %b %Y")
