"""What reports, metrics, health page and alerts look at: one reading of the journal for a connection."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from connector.desk import Desk
from connector.domain.issues import Issue
from connector.journal import ContractState, Cursor, Journal, OpenIntents
from connector.stake import UNSETTLED
from connector.stamps import RECONCILE, SWEEP, WAVE
from connector.windows import late_windows, short_windows

_PAGE = 1_000
#: Among the counts of a run of the job `sweep`: contracts that no poll had seen.
FOUND_BY_SWEEP = "found_by_sweep"
FailureKind = Literal["fix_data", "fix_mapping", "wait", "bug", "approval"]


@dataclass(frozen=True, slots=True)
class Breaker:
    """A vendor that is given a rest: which, on which connection ("" or * for all), since when (UTC), and why."""

    vendor: str
    connection: str
    since: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Found:
    """Contracts that only a sweep found, at a moment: the poll should have seen them."""

    count: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Signals:
    """What others keep beyond contracts and runs; None where nobody keeps it, and then nothing is told of it.

    `classes` names the failure class of contracts by key; `dead` counts, by class, those that wait for people.
    """

    breakers: Callable[[], tuple[Breaker, ...]] | None = None
    classes: Callable[[str], Mapping[str, str]] | None = None
    dead: Callable[[str], Mapping[str, int]] | None = None
    paused: Callable[[str], str | None] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """How one connection stands at `now` (UTC).

    `ends` is when each job last ended a run; `short` are the alarms of long contracts; `paused` is the reason. `found`
    is what the last sweep found, None when it did not count. `waits` is since when the account that waits longest is
    due to be looked at, None when none is.
    """

    connection: str
    now: datetime
    counts: Mapping[str, int]
    oldest: datetime | None
    intents: OpenIntents
    cursors: tuple[Cursor, ...]
    ends: Mapping[str, datetime]
    short: tuple[Issue, ...]
    found: Found | None
    paused: str | None
    waits: datetime | None = None


def read_facts(desk: Desk, signals: Signals) -> Facts:
    """Read the counts and ages of a connection; cheap, whatever the number of contracts."""
    journal, now = desk.account.journal, desk.clock()
    due = journal.oldest_due_work(desk.name)
    return Facts(
        connection=desk.name,
        now=now,
        counts=journal.contract_counts(desk.name),
        oldest=journal.oldest_since(desk.name, UNSETTLED),
        intents=journal.open_intents(desk.name),
        cursors=tuple(one for one in journal.cursors(desk.name) if one.stream not in {SWEEP, RECONCILE, WAVE}),
        ends=journal.last_ends(desk.name),
        short=short_windows(desk),
        found=_found(journal, desk.name),
        paused=signals.paused(desk.name) if signals.paused else None,
        waits=due if due is not None and due <= now else None,
    )


def _found(journal: Journal, connection: str) -> Found | None:
    """Return what the last sweep found that the poll had not seen; it says so among its counts."""
    for run in journal.latest_runs(connection, job="sweep", limit=5):
        if run.finished_at is not None and run.counts and FOUND_BY_SWEEP in run.counts:
            return Found(run.counts[FOUND_BY_SWEEP], run.finished_at)
    return None


def states_of(journal: Journal, connection: str, outcome: str) -> Iterator[ContractState]:
    """Yield all contracts with an outcome, page by page."""
    after = ""
    while page := journal.contract_states(connection, outcome=outcome, after=after, limit=_PAGE):
        yield from page
        after = page[-1].contract_key


def unsettled(journal: Journal, connection: str) -> Iterator[ContractState]:
    """Yield all contracts that are not settled, the ones that ended worst first."""
    for outcome in ("failed", "refused", "pending", "waiting", "busy"):
        yield from states_of(journal, connection, outcome)


def failure_kind(state: ContractState) -> FailureKind:
    """Return the failure class of a contract as far as its page in the journal tells."""
    match state.outcome:
        case "pending":
            return "approval"
        case "waiting" | "busy":
            return "wait"
        case "failed" if state.status.get("code") == "NOT_CONVERGED":
            return "bug"
        case _:
            return "fix_data"


def overdue(desk: Desk) -> Iterator[tuple[ContractState, Mapping[str, Any]]]:
    """Yield the windows of long contracts that should have been extended before today."""
    yield from late_windows(desk, desk.today())
