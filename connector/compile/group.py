"""The lines of one billing frequency: their slices, the grid they are billed on, and how each falls on it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction

from connector.compile.grid import Grid, LineBilling, bill_line, grid_for
from connector.compile.horizon import Horizon, going_on, is_open, until
from connector.compile.spec import Told
from connector.domain.contract import Charge, Contract, Line
from connector.domain.money import to_minor
from connector.domain.period import FOREVER, Period
from connector.domain.timeline import Slice, Timeline, line_end


@dataclass(frozen=True, slots=True)
class Group:
    """The slices of lines that share a billing frequency: one schedule.

    In `contract` what has no end is told until a horizon; `sold_until` is when each line ends as it was sold.
    """

    contract: Contract
    slices: tuple[Slice, ...]
    grid: Grid
    billing: Mapping[str, LineBilling]
    sold_until: Mapping[str, date]
    told: Told | None = None

    @property
    def period(self) -> Period:
        """Return the whole time of the schedule."""
        return Period(self.slices[0].period.start, self.slices[-1].period.end)


def group_of(sold: Contract, timeline: Timeline, interval: int, horizon: Horizon | None = None) -> Group:
    """Return the lines of a billing frequency, put on their grid, what has no end until the horizon.

    What renews itself is priced by the time for which it was sold.
    """
    contract, slices = going_on(sold), []
    for piece in timeline:
        mine = tuple(entry for entry in piece.in_force if entry.line.interval == interval)
        if mine:
            slices.append(replace(piece, in_force=mine))
    end = _sold_until(contract, interval) or slices[-1].period.end
    grid = grid_for(slices[0].period.start, end, interval, contract.policies)
    opened = [line for line in contract.lines if line.interval == interval and is_open(line, contract)]
    last = horizon.on(grid) if horizon and opened else None
    if last:
        contract = until(contract, interval, last)
        slices = [replace(one, period=Period(one.period.start, min(one.period.end, last))) for one in slices]
    ends = {line.ref: min(line_end(line, sold), last or FOREVER) for line in sold.lines}
    billing = {
        line.ref: bill_line(
            line,
            Period(line.start, ends[line.ref]),
            grid,
            contract.currency,
            contract.policies,
        )
        for line in contract.lines
        if line.charge is not Charge.ONE_TIME and line.interval == interval
    }
    told = None
    if last:
        amounts = tuple(_told(line, billing[line.ref], contract) for line in opened if _priced(line))
        told = Told(last, amounts, sold.end)
    return Group(contract, tuple(slices), grid, billing, ends, told)


def _priced(line: Line) -> bool:
    return line.price_term is not None and line.period_price is None and not line.rated


def _told(line: Line, billing: LineBilling, contract: Contract) -> tuple[str, Fraction]:
    """Return what a line comes to until the horizon: its total for each term of its price, and the part before."""
    each = to_minor(line.total, contract.currency) * line.interval / Fraction(line.price_term or line.interval)
    return line.ref, each * billing.periods + sum((part.amount for part in billing.parts), Fraction(0))


def _sold_until(contract: Contract, interval: int) -> date | None:
    """Return the end that was sold first: ending a contract earlier does not move its billing dates."""
    for revision in contract.revisions:
        mine = [line for line in revision.lines if line.charge is not Charge.ONE_TIME and line.interval == interval]
        if mine:
            return max(line_end(line, contract) for line in mine)
    return None
