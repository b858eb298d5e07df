"""The embedded engine: workers take rows of the work table by compare-and-set, on SQLite or PostgreSQL.

Nothing runs but the program itself. Several machines on one PostgreSQL may each run one.
"""

import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

from connector.dispatch.blocks import LEASE, Blocks
from connector.dispatch.dead_letters import dead_letters
from connector.dispatch.protocol import Failure, Item, Reconcile, Submission
from connector.dispatch.settling import Backoff
from connector.journal import Journal

_log = logging.getLogger(__name__)


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

    def submit(self, submissions: Iterable[Submission]) -> int:
        """Ask for accounts to be looked at: one row each, whoever asked and how often."""
        return self._journal.submit_work(submissions, self._clock())

    def run(self, reconcile: Reconcile, *, threads: int, block: int, stop: threading.Event) -> None:
        """Work until `stop`, and finish what is in hand then."""
        with self._blocks.kept(), ThreadPoolExecutor(threads, "dispatch") as pool:
            working = [pool.submit(self._work, reconcile, block, stop) for _ in range(threads)]
        for one in working:
            one.result()

    def _work(self, reconcile: Reconcile, block: int, stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                items = self._blocks.take(block)
                self._blocks.carry_out(items, reconcile, stop)
            except Exception:  # noqa: BLE001 -- the database is away, mostly; nobody would miss a thread that ended
                _log.exception("no work could be taken or settled; it is tried again")
                items = ()
            if not items:
                stop.wait(self._poll)

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
