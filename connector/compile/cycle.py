"""Stripe's billing dates: counted from the schedule's start, or from a phase that starts the cycle anew."""

from collections.abc import Iterator
from datetime import date, timedelta

from connector.compile.spec import Interval, ScheduleSpec
from connector.domain.period import Period, billing_dates, day_after


def cycle_dates(interval: Interval, anchor: date, within: Period) -> Iterator[date]:
    """Yield the billing dates of an interval, counted from the anchor."""
    if interval.unit == "month":
        yield from billing_dates(anchor, interval.count, within)
        return
    day = anchor
    while day < within.end:
        if day >= within.start:
            yield day
        day += timedelta(days=interval.count)


def running_phase(schedule: ScheduleSpec, day: date) -> int:
    """Return the index of the phase that a day of the schedule is in."""
    return next(index for index, phase in enumerate(schedule.phases) if day < phase.period.end)


def anchor_on(schedule: ScheduleSpec, day: date) -> date:
    """Return the day from which the billing dates around a day are counted."""
    past = schedule.phases[: running_phase(schedule, day) + 1]
    return next((phase.period.start for phase in reversed(past) if phase.restarts_cycle), schedule.start)


def dates_until(schedule: ScheduleSpec, start: date, day: date) -> list[date]:
    """Return the billing dates of the phase that runs on a day, counted from a start, up to and with the day."""
    interval = schedule.phases[running_phase(schedule, day)].items[0].terms.interval
    return list(cycle_dates(interval, start, Period(start, day_after(day))))


def latest_start(schedule: ScheduleSpec, day: date) -> date:
    """Return the last billing date up to a day from which the later ones can be counted as well.

    With billing dates 31 Jan, 28 Feb, 31 Mar it is never 28 Feb: from there the next would be 28 Mar.
    """
    index = running_phase(schedule, day)
    interval, anchor = schedule.phases[index].items[0].terms.interval, anchor_on(schedule, day)
    later = (phase.period.start for phase in schedule.phases[index + 1 :] if phase.restarts_cycle)
    end = next(later, schedule.end)
    whole = list(cycle_dates(interval, anchor, Period(anchor, end)))
    past = dates_until(schedule, anchor, day)
    fits = (
        start
        for start in reversed(past)
        if list(cycle_dates(interval, start, Period(start, end))) == whole[whole.index(start) :]
    )
    return next(fits)
