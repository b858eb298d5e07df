"""The three engines under one roof: the conformance tests run unchanged against each."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from connector.dispatch import Connections, Dispatcher, Item, Outcome, Reconcile, Submission
from connector.dispatch.lease_table import LeaseTableDispatcher
from connector.dispatch.procrastinate import ProcrastinateDispatcher
from connector.dispatch.procrastinate_schema import apply_schema
from connector.dispatch.settling import Backoff
from connector.journal import Journal, open_journal
from tests.postgres import run_alone

QUICK = Backoff(first=0.1, ceiling=0.4, attempts=3, busy=0.05)
LONG = timedelta(seconds=60)
POLL = 0.05
TABLES = "work, work_records, leases, procrastinate_jobs, procrastinate_workers, procrastinate_periodic_defers"


def now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Engine:
    """One kind of dispatcher over one database; opened as often as a test wants workers."""

    kind: str
    url: str
    opened: list[tuple[Dispatcher, Journal]] = field(default_factory=list)

    def open(self, *, lease: timedelta = LONG, backoff: Backoff = QUICK) -> Dispatcher:
        """Return a dispatcher with a journal of its own, as another process would have."""
        journal = open_journal(self.url)
        dispatcher: Dispatcher
        if self.kind == "procrastinate":
            address = self.url.replace("+psycopg", "")
            dispatcher = ProcrastinateDispatcher(journal, now, address, lease=lease, poll=4 * POLL, backoff=backoff)
        else:
            dispatcher = LeaseTableDispatcher(journal, now, lease=lease, poll=POLL, backoff=backoff)
        self.opened.append((dispatcher, journal))
        return dispatcher

    @property
    def journal(self) -> Journal:
        """The journal of the dispatcher that was opened last."""
        return self.opened[-1][1]

    def close(self) -> None:
        for dispatcher, journal in self.opened:
            dispatcher.close()
            journal.close()


def prepare_postgres(url: str) -> None:
    """Make the tables of the journal and of procrastinate."""
    open_journal(url, upgrade=True).close()
    apply_schema(url.replace("+psycopg", ""))


def empty_postgres(url: str) -> None:
    run_alone(url, f"TRUNCATE {TABLES} CASCADE")


def wish(account: str, *records: str, after: float = 0.0, connection: str = "crm") -> Submission:
    due = now() + timedelta(seconds=after)
    return Submission(connection=connection, account=account, reason="test", due_at=due, records=records)


@contextmanager
def working(
    dispatcher: Dispatcher,
    reconcile: Reconcile,
    *,
    threads: int = 1,
    block: int = 1,
    connections: Connections | None = None,
) -> Iterator[threading.Event]:
    """Let a worker run as long as the block lasts; what it raises is raised at the end."""
    stop, errors = threading.Event(), []

    def run() -> None:
        try:
            dispatcher.run(reconcile, threads=threads, block=block, stop=stop, connections=connections)
        except BaseException as error:
            errors.append(error)
            raise

    worker = threading.Thread(target=run)
    worker.start()
    try:
        yield stop
    finally:
        stop.set()
        worker.join(timeout=60)
    assert not worker.is_alive()
    assert not errors


def until(fulfilled: Callable[[], object], seconds: float = 60.0) -> None:
    """Wait for something; fail when it does not come true in time."""
    end = time.monotonic() + seconds
    while not fulfilled():
        assert time.monotonic() < end, "it did not come true in time"
        time.sleep(0.03)


class Recorder:
    """A reconcile function that notes what it was given, and answers what it was told to, in order; then "settled"."""

    def __init__(self, *answers: Outcome, each: Callable[[Item], object] | None = None) -> None:
        self.seen: list[Item] = []
        self.times: list[float] = []  # by the clock that says when something is due
        self.blocks: list[tuple[str, ...]] = []
        self._answers = list(answers)
        self._each = each

    def __call__(self, items: Sequence[Item]) -> Iterable[tuple[Item, Outcome]]:
        self.blocks.append(tuple(item.account for item in items))
        for item in items:
            self.seen.append(item)
            self.times.append(now().timestamp())
            if self._each is not None:
                self._each(item)
            yield item, self._answers.pop(0) if self._answers else Outcome()

    @property
    def accounts(self) -> list[str]:
        return [item.account for item in self.seen]
