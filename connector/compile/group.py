"""The lines of one linked schedule: their slices, the grid they are billed on, and how each falls on it.

Lines of one billing frequency are one schedule, or several where there are more than one can hold (`deal.py`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property

from connector.compile.deal import Lot, deal, shaped_by
from connector.compile.grid import Grid, LineBilling, bill_line, grid_for
from connector.compile.spec import Interval
from connector.domain.contract import Charge, Contract, Line
from connector.domain.period import Period
from connector.domain.timeline import Slice, Timeline, line_end


@dataclass(frozen=True)
class Group:
    """The slices of lines that share a schedule: the `number`th of their billing frequency.

    `refs` are its lines; `billing` knows all lines of the frequency, since a change in one schedule may take from lines
    in another. They have the same billing dates. `since` is the day on which the frequency is first billed.
    """

    contract: Contract
    slices: tuple[Slice, ...]
    grid: Grid
    billing: Mapping[str, LineBilling]
    refs: Lot
    number: int
    since: date

    @property
    def period(self) -> Period:
        """Return the whole time of the schedule."""
        return Period(self.slices[0].period.start, self.slices[-1].period.end)

    @property
    def key(self) -> tuple[int, int]:
        """Return what tells the groups of a contract apart."""
        return self.grid.interval, self.number

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


def groups_of(contract: Contract, timeline: Timeline, interval: int) -> tuple[Group, ...]:
    """Return the lines of a billing frequency, put on their grid, as one group for each schedule."""
    slices = _slices(timeline, interval)
    since = slices[0].period.start
    end = _sold_until(contract, interval) or slices[-1].period.end
    whole = grid_for(since, end, interval, contract.policies)
    lines = {
        line.ref: line for line in contract.lines if line.charge is not Charge.ONE_TIME and line.interval == interval
    }
    dealt = deal(contract, interval, {ref: _bill(line, whole, contract) for ref, line in lines.items()})
    lots = [(number, lot, _slices(slices, interval, lot)) for number, lot in enumerate(dealt, start=1)]
    forgotten = frozenset(ref for _, lot, mine in lots if not mine for ref in lot)  # taken away before they began
    lots = [(number, lot, mine) for number, lot, mine in lots if mine]
    lots[0] = (lots[0][0], lots[0][1] | forgotten, lots[0][2])
    grids = {number: replace(whole, start=mine[0].period.start) for number, _, mine in lots}
    billing = {ref: _bill(line, grids[n], contract) for n, lot, _ in lots for ref, line in lines.items() if ref in lot}
    return tuple(Group(contract, mine, grids[n], billing, lot, n, since) for n, lot, mine in lots)


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


def _bill(line: Line, grid: Grid, contract: Contract) -> LineBilling:
    return bill_line(line, Period(line.start, line_end(line, contract)), grid, contract.currency, contract.policies)


def _sold_until(contract: Contract, interval: int) -> date | None:
    """Return the end that was sold first: ending a contract earlier does not move its billing dates."""
    for revision in contract.revisions:
        mine = [line for line in revision.lines if line.charge is not Charge.ONE_TIME and line.interval == interval]
        if mine:
            return max(line_end(line, contract) for line in mine)
    return None
