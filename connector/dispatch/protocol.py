"""The seam: what a dispatcher does, and what the function that it runs answers. It knows nothing of CRMs and Stripe."""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from connector.journal import Submission, WorkItem, WorkState

__all__ = ["Connections", "Dispatcher", "Failure", "Item", "Outcome", "Reconcile", "Submission", "WorkState"]

#: An account with the records that were hinted at, and what is known of earlier attempts.
Item = WorkItem


class Failure(StrEnum):
    """Why an account could not be settled, named by who can help."""

    WAIT = "wait"
    """Time: a vendor is away, a limit, a lock. Tried again, later each time; in the end it is a dead letter."""
    BUSY = "busy"
    """Time, and little of it: another worker holds the customer. Tried again soon; no attempt is counted."""
    STOPPED = "stopped"
    """Nobody: its turn did not come before the work was told to stop. Due at once; no attempt is counted."""
    FIX_DATA = "fix_data"
    """Whoever owns the record. Parked until something is submitted again."""
    FIX_MAPPING = "fix_mapping"
    """Whoever owns the mapping file or the CRM's fields. Parked until something is submitted again."""
    APPROVE = "approve"
    """Whoever approves plans. Parked until something is submitted again."""
    BUG = "bug"
    """Us. A dead letter at once."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an account: settled when `failure` is None. `after`: seconds that a vendor asked to wait."""

    failure: Failure | None = None
    message: str | None = None
    after: float | None = None


SETTLED = Outcome()

#: The connections that are worked on here, each with whether it may be just now. While it may not, its work waits.
Connections = Mapping[str, Callable[[], bool]]

#: Make accounts right, and say of each what became of it as soon as that is known. Items of one call are read together.
#: It may stop being asked after any answer; what it has not answered for is then done by somebody else. What it raises
#: is blamed on the items without an answer, each tried alone first.
Reconcile = Callable[[Sequence[Item]], Iterable[tuple[Item, Outcome]]]


class Dispatcher(Protocol):
    """Has every submitted account reconciled at least once after its last submission, by one worker at a time."""

    def submit(self, submissions: Iterable[Submission]) -> int:
        """Ask for accounts to be looked at; returns how many. What was asked for already is asked for once.

        When it returns, all of it is on disk; when it raises, it may be called again.
        """
        ...

    def run(
        self,
        reconcile: Reconcile,
        *,
        threads: int,
        block: int,
        stop: threading.Event,
        connections: Connections | None = None,
    ) -> None:
        """Work until `stop`. So many `threads` call `reconcile`, each with up to `block` items at a time.

        On `stop` the accounts in hand are finished, and what was not begun is handed back. With `connections` no other
        ones are worked on, and each has so many threads of its own: one that hangs delays no other.
        """
        ...

    def heartbeat(self) -> None:
        """Hold on to what is in hand. `run` does it by itself; whoever blocks it for long must."""
        ...

    def dead_letters(self, connection: str | None = None) -> Iterator[Item]:
        """Go through what was given up, by connection and account."""
        ...

    def retry(
        self, *, connection: str | None = None, account: str | None = None, failure: Failure | None = None
    ) -> int:
        """Make what was given up or is parked due again, all of it or what is named; returns how many accounts."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...
