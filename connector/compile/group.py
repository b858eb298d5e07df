"""The lines of one billing frequency: their slices, the grid they are billed on, and how each falls on it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date

from connector.compile.grid import Grid, LineBilling, bill_line, grid_for
from connector.domain.contract import Charge, Contract
from connector.domain.period import Period
from connector.domain.timeline import Slice, Timeline, line_end


@dataclass(frozen=True, slots=True)
class Group:
    """The slices of lines that share a billing frequency: one schedule."""

    contract: Contract
    slices: tuple[Slice, ...]
    grid: Grid
    billing: Mapping[str, LineBilling]

    @property
    def period(self) -> Period:
        """Return the whole time of the schedule."""
        return Period(self.slices[0].period.start, self.slices[-1].period.end)


def group_of(contract: Contract, timeline: Timeline, interval: int) -> Group:
    """Return the lines of a billing frequency, put on their grid."""
    slices = []
    for piece in timeline:
        mine = tuple(entry for entry in piece.in_force if entry.line.interval == interval)
        if mine:
            slices.append(replace(piece, in_force=mine))
    end = _sold_until(contract, interval) or slices[-1].period.end
    grid = grid_for(slices[0].period.start, end, interval, contract.policies)
    billing = {
        line.ref: bill_line(
            line, Period(line.start, line_end(line, contract)), grid, contract.currency, contract.policies
        )
        for line in contract.lines
        if line.charge is not Charge.ONE_TIME and line.interval == interval
    }
    return Group(contract, tuple(slices), grid, billing)


def _sold_until(contract: Contract, interval: int) -> date | None:
    """Return the end that was sold first: ending a contract earlier does not move its billing dates."""
    for revision in contract.revisions:
        mine = [line for line in revision.lines if line.charge is not Charge.ONE_TIME and line.interval == interval]
        if mine:
            return max(line_end(line, contract) for line in mine)
    return None
