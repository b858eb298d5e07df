"""The embedded engine: workers take rows of the work table by compare-and-set, on SQLite or PostgreSQL.

Nothing runs but the program itself. Several machines on one PostgreSQL may each run one.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta

from connector.dispatch.blocks import LEASE, Blocks
from connector.dispatch.dead_letters import dead_letters
from connector.dispatch.protocol import Connections, Failure, Item, Reconcile, Submission
from connector.dispatch.settling import Backoff
from connector.journal import Journal

_log = logging.getLogger(__name__)


#: Seconds between two glances at whether to stop.
_GLANCE = 0.1


@dataclass(frozen=True, slots=True)
class _Lane:
    """What a thread works on: one connection while it may, or all."""

    connection: str | None = None
    may: Callable[[], bool] = lambda: True


class LeaseTableDispatcher:
    """Dispatcher over the journal's own table. `poll`: seconds between two looks when nothing was due.

    What a killed worker had in hand is due again when its `lease` ends. Clocks of machines that share a database must
    agree within a few seconds.
    """

    def __init__(
        self,
        journal: Journal,
        clock: Callable[[], datetime],
        *,
        lease: timedelta = LEASE,
        poll: float = 0.5,
        backoff: Backoff | None = None,
    ) -> None:
        self._blocks = Blocks(journal, clock, lease=lease, backoff=backoff)
        self._journal = journal
        self._clock = clock
        self._poll = poll
        self._asked = threading.Event()

    def submit(self, submissions: Iterable[Submission]) -> int:
        """Ask for accounts to be looked at: one row each, whoever asked and how often."""
        count = self._journal.submit_work(submissions, self._clock())
        self._asked.set()  # workers of this process need not wait until they look again
        return count

    def run(
        self,
        reconcile: Reconcile,
        *,
        threads: int,
        block: int,
        stop: threading.Event,
        connections: Connections | None = None,
    ) -> None:
        """Work until `stop`, and finish what is in hand then."""
        lanes = [_Lane()] if connections is None else [_Lane(name, may) for name, may in connections.items()]
        lanes = [lane for lane in lanes for _ in range(threads)]
        with self._blocks.kept(), ThreadPoolExecutor(len(lanes), "dispatch") as pool:
            working = [pool.submit(self._work, lane, reconcile, block, stop) for lane in lanes]
        for one in working:
            one.result()

    def _work(self, lane: "_Lane", reconcile: Reconcile, block: int, stop: threading.Event) -> None:
        while not stop.is_set():
            self._asked.clear()
            items: tuple[Item, ...] = ()
            try:
                if self._blocks.is_due(lane.connection) and lane.may():
                    items = self._blocks.take(block, connection=lane.connection)
                    self._blocks.carry_out(items, reconcile, stop)
            except Exception:  # noqa: BLE001 -- the database is away, mostly; nobody would miss a thread that ended
                _log.exception("no work could be taken or settled; it is tried again")
                items = ()
            if not items:
                self._rest(stop)

    def _rest(self, stop: threading.Event) -> None:
        """Wait until it is time to look again, or something is submitted here."""
        until = time.monotonic() + self._poll
        while not stop.is_set() and (left := until - time.monotonic()) > 0:
            if self._asked.wait(min(left, _GLANCE)):
                return

    def heartbeat(self) -> None:
        """Extend the leases of what is in hand."""
        self._blocks.heartbeat()

    def dead_letters(self, connection: str | None = None) -> Iterator[Item]:
        """Go through what was given up."""
        return dead_letters(self._journal, connection)

    def retry(
        self, *, connection: str | None = None, account: str | None = None, failure: Failure | None = None
    ) -> int:
        """Make what was given up or is parked due again."""
        return len(self._journal.retry_work(self._clock(), connection=connection, account=account, failure=failure))

    def close(self) -> None:
        """Do nothing: the journal belongs to whoever opened it."""
