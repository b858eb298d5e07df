"""Schedules that ended although more of the contract was sold since: the rest is a schedule of its own.

Stripe takes no more phases for a schedule that has completed. An extension or a renewal that is heard of too late for
that begins a schedule on the day on which the other one ended. Its key names that day, so that it is found again.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date

from connector.compile.bills import recurring_days
from connector.compile.cycle import latest_start, running_phase
from connector.compile.spec import ScheduleSpec
from connector.compile.takeover import begun_on
from connector.domain.period import Period

_MARK = ":from:"

#: The days on which schedules ended and others go on, by the key of the first.
Continued = Mapping[str, tuple[date, ...]]


def continued_by(keys: Iterable[str]) -> Continued:
    """Return what keys of schedules tell: `R1:from:2028-01-01` goes on where R1 ended."""
    found: dict[str, tuple[date, ...]] = {}
    for key in keys:
        first, mark, day = key.partition(_MARK)
        if mark:
            found[first] = tuple(sorted({*found.get(first, ()), date.fromisoformat(day)}))
    return found


def continuation_key(key: str, day: date) -> str:
    """Return the key of the schedule that goes on from a day where another one ended."""
    return f"{key.partition(_MARK)[0]}{_MARK}{day}"


def continued(specs: Iterable[ScheduleSpec], days: Continued) -> tuple[ScheduleSpec, ...]:
    """Return the schedules, cut where one ended and another goes on.

    Only a billing date from which the later ones can be counted is such a day; elsewhere the schedule stays whole.
    """
    return tuple(piece for spec in specs for piece in _pieces(spec, days.get(spec.key, ())))


def _pieces(spec: ScheduleSpec, days: Sequence[date]) -> Iterator[ScheduleSpec]:
    rest = spec
    for day in days:
        if not rest.start < day < rest.end or not _can_begin(rest, day):
            break
        ended, rest = _cut(rest, day)
        yield ended
        rest = replace(rest, key=continuation_key(spec.key, day))
    yield rest


def _can_begin(spec: ScheduleSpec, day: date) -> bool:
    return day in recurring_days(spec) and latest_start(spec, day) == day


def _cut(spec: ScheduleSpec, day: date) -> tuple[ScheduleSpec, ScheduleSpec]:
    index = running_phase(spec, day)
    phase = spec.phases[index]
    before = spec.phases[:index]
    if phase.period.start < day:
        before = (*before, replace(phase, period=Period(phase.period.start, day)))
    ended = replace(spec, phases=before, told=None)
    return ended, replace(spec, phases=(begun_on(spec, phase, day, ()), *spec.phases[index + 1 :]), whole=None)
