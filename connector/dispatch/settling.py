"""From an outcome to how the row is left: when to try again, when to give up. Pure, with the chance as an argument."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from connector.dispatch.protocol import Failure, Item, Outcome
from connector.journal import Settlement, WorkState


@dataclass(frozen=True, slots=True)
class Backoff:
    """Seconds before the second attempt and at most between two, how many attempts, and seconds while busy.

    The defaults try for about six hours before they give up.
    """

    first: float = 5.0
    ceiling: float = 900.0
    attempts: int = 30
    busy: float = 5.0

    def delay(self, attempts: int, chance: float) -> float:
        """Return seconds to wait after so many attempts; `chance` in 0..1 spreads them over the upper half."""
        longest = min(self.ceiling, self.first * 2.0 ** min(attempts - 1, 60))
        return longest * (0.5 + chance / 2)


def settlement(
    item: Item, failure: Failure, outcome: Outcome, now: datetime, *, backoff: Backoff, chance: float
) -> Settlement:
    """Return how to leave a row after an outcome with this failure."""
    match failure:
        case Failure.BUG:
            return _left(WorkState.DEAD, item, outcome)
        case Failure.FIX_DATA | Failure.FIX_MAPPING | Failure.APPROVE:
            return _left(WorkState.PARKED, item, outcome)
        case Failure.BUSY:
            soon = backoff.busy * (0.5 + chance)
            return _again(now, soon, item.attempts, outcome)
        case Failure.STOPPED:
            return _again(now, 0.0, item.attempts, outcome)
        case Failure.WAIT:
            attempts = item.attempts + 1
            if attempts >= backoff.attempts:
                return _left(WorkState.DEAD, item, outcome)
            return _again(now, backoff.delay(attempts, chance), attempts, outcome)


def _left(state: WorkState, item: Item, outcome: Outcome) -> Settlement:
    return Settlement(state, None, item.attempts + 1, outcome.failure, outcome.message)


def _again(now: datetime, seconds: float, attempts: int, outcome: Outcome) -> Settlement:
    due = now + timedelta(seconds=max(seconds, outcome.after or 0.0))
    return Settlement(WorkState.DUE, due, attempts, outcome.failure, outcome.message)
