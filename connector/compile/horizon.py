"""How far a contract without an end is told.

Stripe has no phase without an end. What runs on is told until a horizon, as a last phase after which the subscription
is released: it bills on even if nobody ever looks again. The horizon lies two years after the last change of the
contract, and moves on with each anniversary of its start: it is always more than a year ahead, and an unchanged
contract stays unchanged from one anniversary to the next.
"""

from dataclasses import dataclass, replace
from datetime import date

from connector.compile.collection import paid_alike
from connector.compile.grid import Grid
from connector.domain.contract import Charge, Contract, Line
from connector.domain.issues import Issue, IssueCode, warn
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
    goes_on = going_on(contract)
    if not any(is_open(line, goes_on) for line in goes_on.lines):
        return None
    changed = max(day for line in contract.lines for day in _days(line, contract))
    years = max(months_since(contract.start, today) // STEP, 0) if today else 0
    reached = max(add_months(contract.start, years * STEP), changed)
    moves = (max(months_since(contract.start, reached), 0) // STEP + 1) * STEP
    return Horizon(add_months(reached, AHEAD), add_months(contract.start, moves))


def going_on(contract: Contract) -> Contract:
    """Return the contract with what renews itself told without an end (the policy `auto_renew`)."""
    if not _renews_itself(contract) or any(not _whole(line, contract) for line in _last(contract)):
        return contract
    last = {line.ref for line in _last(contract)}

    def told(line: Line) -> Line:
        return replace(line, end=None) if line.ref in last else _ended(line, contract)

    revisions = tuple(replace(one, lines=tuple(map(told, one.lines))) for one in contract.revisions)
    return replace(contract, end=None, revisions=revisions)


def check_auto_renewal(contract: Contract) -> tuple[Issue, ...]:
    """Return why a contract that should renew itself does not: its last period is a short one."""
    short = sorted({line.product.name for line in _last(contract) if not _whole(line, contract)})
    if not _renews_itself(contract) or not short:
        return ()
    return (
        warn(
            IssueCode.RENEWAL,
            contract.source(contract.ref, "auto_renew"),
            f"the contract does not renew itself on {contract.end}: {', '.join(short)} ends within a billing period",
            "Nothing, if a renewal order will come; else sell whole billing periods.",
        ),
    )


def _renews_itself(contract: Contract) -> bool:
    wanted = contract.policies.auto_renew == "same_price"
    return wanted and contract.end is not None and contract.renewed_by is None


def _last(contract: Contract) -> tuple[Line, ...]:
    """Return the lines that run to the end of the contract, and what was taken away from them."""
    recurring = (line for line in contract.lines if line.charge is not Charge.ONE_TIME)
    return tuple(line for line in recurring if line_end(line, contract) == contract.end)


def _ended(line: Line, contract: Contract) -> Line:
    return line if line.charge is Charge.ONE_TIME else replace(line, end=line_end(line, contract))


def _whole(line: Line, contract: Contract) -> bool:
    """Tell whether a line ends with a whole billing period."""
    recurring = (one for one in contract.lines if one.charge is not Charge.ONE_TIME)
    same = paid_alike(line, [one for one in recurring if one.interval == line.interval], contract)
    start, end = min(one.start for one in same), line_end(line, contract)
    return Grid(start, line.interval, start).on(end)


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
