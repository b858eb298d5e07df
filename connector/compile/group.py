"""The lines of one linked schedule: their slices, the grid they are billed on, and how each falls on it.

Lines of one billing frequency are one schedule, or several where there are more than one can hold (`deal.py`).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction
from functools import cached_property
from itertools import pairwise

from connector.compile.deal import Lot, deal, shaped_by
from connector.compile.grid import Grid, LineBilling, bill_line, grid_for
from connector.compile.horizon import Horizon, going_on, is_open, until
from connector.compile.spec import Interval, Told
from connector.domain.contract import Charge, Contract, Line
from connector.domain.money import to_minor
from connector.domain.period import FOREVER, Period
from connector.domain.timeline import Slice, Timeline, line_end

#: Billing frequency, number and first day: what tells groups apart.
Place = tuple[int, int, date]


@dataclass(frozen=True)
class Group:
    """The slices of lines that share a schedule, or a term of it: the `number`th of their billing frequency.

    `refs` are its lines; `billing` knows all lines of the frequency, since a change in one schedule may take from lines
    in another. They have the same billing dates. `since` is the day on which the frequency is first billed.
    In `contract` what has no end is told until a horizon; `sold_until` is when each line ends as it was sold.
    """

    contract: Contract
    slices: tuple[Slice, ...]
    grid: Grid
    billing: Mapping[str, LineBilling]
    sold_until: Mapping[str, date]
    refs: Lot
    number: int
    since: date
    told: Told | None = None

    @property
    def period(self) -> Period:
        """Return the whole time of the schedule."""
        return Period(self.slices[0].period.start, self.slices[-1].period.end)

    @property
    def key(self) -> Place:
        """Return what tells the groups of a contract apart."""
        return self.grid.interval, self.number, self.period.start

    @cached_property
    def lines(self) -> tuple[Line, ...]:
        """Return the lines of the schedule, in order of the revisions."""
        return tuple(line for line in self.contract.lines if line.ref in self.refs)

    @cached_property
    def uneven(self) -> tuple[Period, ...]:
        """Return the periods that must be counted in days."""
        return self.grid.uneven(self.period.end)

    def interval_on(self, day: date) -> Interval:
        """Return the interval of the whole billing period that a day is in."""
        found = next((period for period in self.uneven if period.start <= day < period.end), None)
        return Interval("day", found.days) if found else Interval("month", self.grid.interval)

    def shaping(self, also: Iterable[Line]) -> Contract:
        """Return the contract by the revisions that concern the schedule; a single one all of them concern."""
        if len(self.refs) == len(self.billing):
            return self.contract
        return shaped_by(self.contract, (*self.refs, *(line.ref for line in also)))


@dataclass(frozen=True, slots=True)
class _Frequency:
    """All lines of one billing frequency: as sold, and with what has no end told until `last`."""

    sold: Contract
    contract: Contract
    interval: int
    last: date | None
    sold_until: Mapping[str, date]
    term: Period

    @property
    def lines(self) -> dict[str, Line]:
        mine = _recurring(self.contract.lines, self.interval)
        return {line.ref: line for line in mine if self.term.start <= line.start < self.term.end}

    def bill(self, line: Line, grid: Grid) -> LineBilling:
        period = Period(line.start, self.sold_until[line.ref])
        return bill_line(line, period, grid, self.contract.currency, self.contract.policies)

    def told(self, opened: Iterable[Line], lot: Lot, billing: Mapping[str, LineBilling]) -> Told | None:
        mine = [line for line in opened if line.ref in lot]
        if self.last is None or not mine:
            return None
        amounts = tuple(_told(line, billing[line.ref], self.contract) for line in mine if _priced(line))
        return Told(self.last, amounts, self.sold.end)


def groups_of(sold: Contract, timeline: Timeline, interval: int, horizon: Horizon | None = None) -> tuple[Group, ...]:
    """Return the lines of a billing frequency, put on their grid, as one group for each schedule and term of it.

    What has no end is told until the horizon; what renews itself is priced by the time for which it was sold.
    """
    contract, slices = going_on(sold), _slices(timeline, interval)
    since = slices[0].period.start
    opened = [line for line in contract.lines if line.interval == interval and is_open(line, contract)]
    cuts = _new_terms(contract, slices, interval) if not opened else ()
    last = None
    if horizon and opened:
        end = _sold_until(contract, interval) or slices[-1].period.end
        last = horizon.on(grid_for(since, end, interval, contract.policies))
    if last:
        contract = until(contract, interval, last)
        slices = tuple(replace(one, period=Period(one.period.start, min(one.period.end, last))) for one in slices)
    ends = {line.ref: min(line_end(line, sold), last or FOREVER) for line in sold.lines}
    terms = [Period(one, other) for one, other in pairwise((date.min, *cuts, FOREVER))]
    every = (_Frequency(sold, contract, interval, last, ends, term) for term in terms)
    return tuple(_numbered(_term(each, slices, since, opened) for each in every))


def _term(every: _Frequency, slices: Iterable[Slice], since: date, opened: Iterable[Line]) -> tuple[Group, ...]:
    """Return the groups of a term; `since` is the day on which the frequency is first billed."""
    contract = every.contract
    mine = tuple(one for one in slices if every.term.start <= one.period.start < every.term.end)
    start, sold_until = mine[0].period.start, _sold_until(contract, every.interval, every.term.start)
    grid = grid_for(start, sold_until or mine[-1].period.end, every.interval, contract.policies)
    lots = _lots(every, mine, grid)
    grids = {number: replace(grid, start=held[0].period.start) for number, _, held in lots}
    lines = every.lines
    billing = {ref: every.bill(lines[ref], grids[n]) for n, lot, _ in lots for ref in lines if ref in lot}
    return tuple(
        Group(contract, held, grids[n], billing, every.sold_until, lot, n, since, every.told(opened, lot, billing))
        for n, lot, held in lots
    )


def _new_terms(contract: Contract, slices: Sequence[Slice], interval: int) -> list[date]:
    """Return the days on which the billing dates are counted anew: where a term that was sold ended with a stub.

    What was sold on from there (an extension, a renewal) begins with a period of its own. Where something runs on
    across the day, or the term ended on a billing date, the billing dates go on as they were.
    """
    lines = _recurring(contract.lines, interval)
    found: list[date] = []
    end = _sold_until(contract, interval)
    grid = grid_for(slices[0].period.start, end, interval, contract.policies) if end else None
    while grid and end and _is_sold_on(lines, contract, slices, end):
        following = _sold_until(contract, interval, end)
        if not grid.on(end) and following:
            found.append(end)
            grid = grid_for(end, following, interval, contract.policies)
        end = following if following and following > end else None
    return found


def _is_sold_on(lines: Iterable[Line], contract: Contract, slices: Iterable[Slice], day: date) -> bool:
    """Tell whether all that runs up to a day ends on it, and something else runs on from it."""
    edges = [(one.period.start, one.period.end) for one in slices]
    meets = any(end == day for _, end in edges) and any(start == day for start, _ in edges)
    return meets and not any(line.start < day < line_end(line, contract) for line in lines)


def _numbered(terms: Iterable[tuple[Group, ...]]) -> Iterator[Group]:
    """Yield the groups of all terms: one goes on in a schedule that runs up to its first day, others have their own."""
    every: list[Group] = []
    for groups in terms:
        free = [one.number for one in every if groups and one.period.end == groups[0].period.start]
        taken = max((one.number for one in every), default=0)
        for index, group in enumerate(groups):
            goes_on = not index and free and group.period.start == groups[0].period.start
            taken += not goes_on
            every.append(replace(group, number=free[0] if goes_on else taken))
    yield from every


def _recurring(lines: Iterable[Line], interval: int) -> list[Line]:
    return [line for line in lines if line.charge is not Charge.ONE_TIME and line.interval == interval]


def _lots(every: _Frequency, slices: tuple[Slice, ...], grid: Grid) -> list[tuple[int, Lot, tuple[Slice, ...]]]:
    """Return the lots with their numbers and slices; what was taken away before it began goes with the first."""
    dealt = deal(every.contract, every.interval, {ref: every.bill(line, grid) for ref, line in every.lines.items()})
    lots = [(number, lot, _slices(slices, every.interval, lot)) for number, lot in enumerate(dealt, start=1)]
    forgotten = frozenset(ref for _, lot, mine in lots if not mine for ref in lot)
    (number, lot, mine), *others = [each for each in lots if each[2]]
    return [(number, lot | forgotten, mine), *others]


def _slices(timeline: Iterable[Slice], interval: int, refs: Lot | None = None) -> tuple[Slice, ...]:
    found = []
    for piece in timeline:
        mine = tuple(
            entry
            for entry in piece.in_force
            if entry.line.interval == interval and (refs is None or entry.line.ref in refs)
        )
        if mine:
            found.append(replace(piece, in_force=mine))
    return tuple(found)


def _priced(line: Line) -> bool:
    return line.price_term is not None and line.period_price is None and not line.rated


def _told(line: Line, billing: LineBilling, contract: Contract) -> tuple[str, Fraction]:
    """Return what a line comes to until the horizon: its total for each term of its price, and the part before."""
    each = to_minor(line.total, contract.currency) * line.interval / Fraction(line.price_term or line.interval)
    return line.ref, each * billing.periods + sum((part.amount for part in billing.parts), Fraction(0))


def _sold_until(contract: Contract, interval: int, since: date = date.min) -> date | None:
    """Return the end that was sold first, of what begins from a day on: ending it earlier moves no billing dates."""
    for revision in contract.revisions:
        mine = [line for line in _recurring(revision.lines, interval) if line.start >= since]
        if mine:
            return max(line_end(line, contract) for line in mine)
    return None
