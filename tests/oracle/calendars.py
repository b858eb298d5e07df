"""When a billing frequency of a contract bills: its first day, its billing dates, and the day after its last."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise

from connector.domain.contract import Charge, Contract, Line
from tests.oracle.days import months_on

#: Months for which nothing here is followed.
_NEVER = 60


@dataclass(frozen=True)
class Stretch:
    """A piece of a line within one billing period. `whole`: it is all of the period."""

    start: date
    end: date
    whole: bool


@dataclass(frozen=True)
class Dates:
    """The billing dates of one frequency, in one term. `every` also holds those before and after its time.

    What is `paid` in different ways has different ones. Its lines begin on `begun` or later; `following` is the first
    day of the next term.
    """

    interval: int
    first: date
    end: date
    anchor: date
    every: tuple[date, ...]
    begun: date = date.min
    following: date | None = None
    paid: str = ""

    def invoice_on(self, day: date) -> date:
        """Return the first billing date from a day on; the day itself if there is none left: it is billed apart."""
        from_day = max(day, self.first)
        none_left = self.following or from_day
        return next((each for each in (self.first, *self.every) if from_day <= each < self.end), none_left)

    def invoice_of(self, line: Line) -> date:
        """Return the invoice for what begins with a line between two billing dates.

        What everything leaves unused when it ends is known before: it is taken off the last invoice, with all that is
        sold and taken away on that day.
        """
        ends = line.start == self.end and line.start not in self.every
        return max(day for day in (self.first, *self.every) if day < self.end) if ends else self.invoice_on(line.start)

    def before_the_end(self, line: Line) -> date | None:
        """Return the last invoice where everything ends on a billing date, and the line begins with taking it away.

        What the CRM's count of months leaves of its figure is known before: it may be on that invoice.
        """
        ends = line.quantity < 0 and line.start == self.end and line.start in self.every
        return max((day for day in (self.first, *self.every) if day < self.end), default=None) if ends else None

    def stretches(self, start: date, end: date) -> tuple[Stretch, ...]:
        """Return [start, end) cut at the billing dates, and at the first day."""
        cuts = sorted({start, end, *(day for day in (self.first, *self.every) if start < day < end)})
        following = dict(pairwise(self.every))
        return tuple(Stretch(one, other, whole=following.get(one) == other) for one, other in pairwise(cuts))


def calendars(contract: Contract) -> tuple[Dates, ...]:
    """Return the billing dates of every frequency in which something is ever in force, term by term."""
    found: list[Dates] = []
    kinds = {(line.interval, paid(line, contract)) for line in recurring(contract)}
    for interval, way in sorted(kinds):
        lines = [line for line in recurring(contract) if (line.interval, paid(line, contract)) == (interval, way)]
        terms: list[Dates] = []
        for begun, mine in _terms(contract, lines):
            days = sorted({day for line in mine for day in (line.start, end_of(line, contract))})
            running = [(a, b) for a, b in pairwise(days) if _in_force(mine, contract, a)]
            if running:
                dates = _dates(contract, mine, running[0][0], running[-1][1])
                terms.append(replace(dates, begun=begun, paid=way))
        followed = (replace(each, following=other.first) for each, other in pairwise(terms))
        found += [*followed, *terms[-1:]]
    return tuple(found)


def dates_of(line: Line, every: Iterable[Dates], contract: Contract) -> Dates | None:
    """Return the billing dates that a line is billed on; None when nothing of its kind is ever in force."""
    kind = line.interval, paid(line, contract)
    mine = [each for each in every if (each.interval, each.paid) == kind and each.begun <= line.start]
    return mine[-1] if mine else None


def paid_alike(line: Line, every: Iterable[Dates], contract: Contract) -> tuple[Dates, ...]:
    """Return the billing dates of what is paid as a line is; all of them where nothing else is."""
    found = tuple(every)
    return tuple(each for each in found if each.paid == paid(line, contract)) or found


def paid(line: Line, contract: Contract) -> str:
    """Return how a line is paid: as the line that it changes."""
    return root_of(line, contract).collection_method or "charge_automatically"


def _terms(contract: Contract, lines: list[Line]) -> Iterator[tuple[date, list[Line]]]:
    """Yield what is sold term by term: the next one counts its dates anew if this one ended between two of them.

    It does where all of this one ends with what was sold first of it, and more was sold from that day on.
    """
    begun, rest, sold = date.min, lines, lines
    while following := _sold_on(contract, lines, sold):
        end = _first_end(contract, sold)
        first = min(line.start for line in rest)
        if end not in _dates(contract, rest, first, end).every:
            yield begun, [line for line in rest if line.start < end]
            begun, rest = end, following
        sold = following
    yield begun, rest


def _sold_on(contract: Contract, lines: list[Line], sold: list[Line]) -> list[Line]:
    """Return what is sold from the end of a term on, if nothing runs across that day and something up to it."""
    end = _first_end(contract, sold)
    across = any(line.start < end < end_of(line, contract) for line in lines)
    runs = _in_force(lines, contract, end - timedelta(days=1)) and _in_force(lines, contract, end)
    return [line for line in sold if line.start >= end] if runs and not across else []


def _first_end(contract: Contract, sold: list[Line]) -> date:
    order = next(revision for revision in contract.revisions if any(line in revision.lines for line in sold))
    return max(end_of(line, contract) for line in sold if line in order.lines)


def recurring(contract: Contract) -> list[Line]:
    """Return the lines that are billed again and again."""
    return [line for line in contract.lines if line.charge is Charge.RECURRING]


def end_of(line: Line, contract: Contract) -> date:
    """Return the day after a line's last; of what has no end one that is never reached."""
    return line.end or contract.end or months_on(contract.start, _NEVER)


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


def _dates(contract: Contract, mine: list[Line], first: date, end: date) -> Dates:
    interval = mine[0].interval
    anchor = first
    if contract.policies.stub == "first":
        ending = _first_end(contract, mine)
        stub = ending not in _billing_dates(first, interval, first, ending)
        anchor = ending if stub and _can_count(first, ending, interval) else first
    until = months_on(max(end_of(line, contract) for line in mine), interval)
    before = months_on(min(line.start for line in mine), -interval)
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
