"""The last phase of what has no end: nothing that is billed once, or taken off for a while.

Its end moves on year after year, and Stripe takes a phase whole: with what it held once it would be billed once more,
and a coupon's months would be counted anew. So such things are over before the last phase begins.
"""

from collections.abc import Iterable, Iterator
from datetime import date

from connector.compile.group import Group
from connector.compile.spec import PhaseSpec
from connector.domain.contract import Discount
from connector.domain.period import Period, add_months, billing_dates, day_after


def goes_on(group: Group) -> bool:
    """Tell whether something of the group has no end, and was not ended."""
    return group.told is not None and group.told.until == group.period.end


def coupon_cuts(group: Group) -> frozenset[date]:
    """Return the billing dates by which coupons are over that do not hold for ever."""
    if not goes_on(group):
        return frozenset()
    return frozenset(found for day in _coupons(group) if (found := _billing_date(group, day)) is not None)


def once_apart(group: Group, last: PhaseSpec) -> date | None:
    """Return the day on which the last phase must be cut, so that what it bills once is over."""
    return _billing_date(group, day_after(last.period.start)) if goes_on(group) and last.one_offs else None


def _billing_date(group: Group, day: date) -> date | None:
    end = group.period.end
    return next(billing_dates(group.grid.anchor, group.grid.interval, Period(day, end)), None) if day < end else None


def _coupons(group: Group) -> Iterator[date]:
    start = group.period.start
    for revision in group.contract.revisions:
        yield from _ends(revision.discounts, max(revision.effective, start))
        for line in revision.lines:
            yield from _ends(line.discounts, line.start)


def _ends(discounts: Iterable[Discount], began: date) -> Iterator[date]:
    for discount in discounts:
        if discount.duration != "forever":
            yield add_months(began, discount.months) if discount.months else day_after(began)
