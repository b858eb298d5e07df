"""When a billing frequency of a contract bills: its first day, its billing dates, and the day after its last."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import pairwise

from connector.domain.contract import Charge, Contract, Line
from tests.oracle.days import months_on


@dataclass(frozen=True)
class Stretch:
    """A piece of a line within one billing period. `whole`: it is all of the period."""

    start: date
    end: date
    whole: bool


@dataclass(frozen=True)
class Dates:
    """The billing dates of one frequency. `every` also holds those before and after the time in which it runs."""

    interval: int
    first: date
    end: date
    anchor: date
    every: tuple[date, ...]

    def invoice_on(self, day: date) -> date:
        """Return the first billing date from a day on; the day itself if there is none left: it is billed apart."""
        from_day = max(day, self.first)
        return next((each for each in (self.first, *self.every) if from_day <= each < self.end), from_day)

    def invoice_of(self, line: Line) -> date:
        """Return the invoice for what begins with a line between two billing dates.

        What everything leaves unused when it ends is known before: it is taken off the last invoice, with all that is
        sold and taken away on that day.
        """
        ends = line.start == self.end and line.start not in self.every
        return max(day for day in (self.first, *self.every) if day < self.end) if ends else self.invoice_on(line.start)

    def stretches(self, start: date, end: date) -> tuple[Stretch, ...]:
        """Return [start, end) cut at the billing dates, and at the first day."""
        cuts = sorted({start, end, *(day for day in (self.first, *self.every) if start < day < end)})
        following = dict(pairwise(self.every))
        return tuple(Stretch(one, other, whole=following.get(one) == other) for one, other in pairwise(cuts))


def calendars(contract: Contract) -> Mapping[int, Dates]:
    """Return the billing dates of every frequency in which something is ever in force."""
    found = {}
    for interval in sorted({line.interval for line in recurring(contract)}):
        lines = [line for line in recurring(contract) if line.interval == interval]
        days = sorted({day for line in lines for day in (line.start, end_of(line, contract))})
        running = [(a, b) for a, b in pairwise(days) if _in_force(lines, contract, a)]
        if running:
            found[interval] = _dates(contract, interval, running[0][0], running[-1][1])
    return found


def recurring(contract: Contract) -> list[Line]:
    """Return the lines that are billed again and again."""
    return [line for line in contract.lines if line.charge is Charge.RECURRING]


def end_of(line: Line, contract: Contract) -> date:
    """Return the day after a line's last."""
    end = line.end or contract.end
    assert end is not None
    return end


def root_of(line: Line, contract: Contract) -> Line:
    """Return the line of the first order that a line changes in the end; itself if it changes none."""
    known = {each.ref: each for each in contract.lines}
    while line.revises in known:
        line = known[line.revises]
    return line


def _in_force(lines: Iterable[Line], contract: Contract, day: date) -> bool:
    held: dict[str, Decimal] = defaultdict(Decimal)
    free = False
    for line in lines:
        if line.start <= day < end_of(line, contract):
            held[root_of(line, contract).ref] += line.quantity
            free = free or line.quantity == 0
    return free or any(units > 0 for units in held.values())


def _dates(contract: Contract, interval: int, first: date, end: date) -> Dates:
    ends = [end_of(line, contract) for line in recurring(contract) if line.interval == interval]
    anchor = first
    if contract.policies.stub == "first":
        mine = [line for line in recurring(contract) if line.interval == interval]
        sold = next(revision for revision in contract.revisions if mine[0] in revision.lines)
        ending = max(end_of(line, contract) for line in mine if line in sold.lines)
        stub = ending not in _billing_dates(first, interval, first, ending)
        anchor = ending if stub and _can_count(first, ending, interval) else first
    until = months_on(max(ends), interval)
    before = months_on(min(line.start for line in recurring(contract)), -interval)
    return Dates(interval, first, end, anchor, _billing_dates(anchor, interval, before, until))


def _billing_dates(anchor: date, interval: int, before: date, until: date) -> tuple[date, ...]:
    """Walk from the anchor, back and on: never from one date to the next, since 28 Feb does not lead to 31 Mar."""
    days, back, on = {anchor}, -interval, interval
    while (day := months_on(anchor, back)) >= before:
        days.add(day)
        back -= interval
    while (day := months_on(anchor, on)) <= until:
        days.add(day)
        on += interval
    return tuple(sorted(days))


def _can_count(first: date, ending: date, interval: int) -> bool:
    """Tell whether the dates counted back from the end are those counted on from where the first stub ends."""
    back, step = [ending], 1
    while months_on(ending, -step * interval) >= first:
        back.append(months_on(ending, -step * interval))
        step += 1
    back.reverse()
    return all(months_on(back[0], number * interval) == day for number, day in enumerate(back))
