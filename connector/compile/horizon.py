"""How far a contract without an end is told.

Stripe has no phase without an end. What runs on is told until a horizon, as a last phase after which the subscription
is released: it bills on even if nobody ever looks again. The horizon lies two years after the last change of the
contract, and moves on with each anniversary of its start: it is always more than a year ahead, and an unchanged
contract stays unchanged from one anniversary to the next.
"""

from dataclasses import dataclass, replace
from datetime import date

from connector.compile.grid import Grid
from connector.domain.contract import Charge, Contract, Line
from connector.domain.period import FOREVER, Period, add_months, billing_dates, months_since
from connector.domain.timeline import line_end

AHEAD = 24  # months
STEP = 12  # months between two horizons


@dataclass(frozen=True, slots=True)
class Horizon:
    """The day after which the next billing date of each frequency ends the telling; `moves` says when it is another."""

    after: date
    moves: date

    def on(self, grid: Grid) -> date:
        """Return the billing date of a grid that ends the telling."""
        years = Period(self.after, add_months(self.after, 2 * grid.interval + 1))
        return next(billing_dates(grid.anchor, grid.interval, years))


def horizon(contract: Contract, today: date | None = None) -> Horizon | None:
    """Return how far a contract is told on a day; None when all of it ends by itself."""
    if not any(is_open(line, contract) for line in contract.lines):
        return None
    changed = max(day for line in contract.lines for day in _days(line, contract))
    years = max(months_since(contract.start, today) // STEP, 0) if today else 0
    reached = max(add_months(contract.start, years * STEP), changed)
    moves = (max(months_since(contract.start, reached), 0) // STEP + 1) * STEP
    return Horizon(add_months(reached, AHEAD), add_months(contract.start, moves))


def is_open(line: Line, contract: Contract) -> bool:
    """Tell whether a line runs until it is taken away."""
    return line.charge is not Charge.ONE_TIME and line_end(line, contract) == FOREVER


def until(contract: Contract, interval: int, day: date) -> Contract:
    """Return the contract with the open lines of a billing frequency told until a day."""
    revisions = tuple(
        replace(
            revision,
            lines=tuple(
                replace(line, end=day) if line.interval == interval and is_open(line, contract) else line
                for line in revision.lines
            ),
        )
        for revision in contract.revisions
    )
    return replace(contract, revisions=revisions)


def _days(line: Line, contract: Contract) -> tuple[date, ...]:
    end = line_end(line, contract)
    return (line.start,) if line.charge is Charge.ONE_TIME or end == FOREVER else (line.start, end)
