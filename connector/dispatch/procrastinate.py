"""The distributed engine: procrastinate on PostgreSQL decides which machine looks at which account, and when.

It is told of accounts only; records, attempts and dead letters stand in the work table, as with the embedded engine.
Needs the extra `connector[distributed]`, and procrastinate's tables (`connector db upgrade`).
"""

import asyncio
import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from types import TracebackType
from typing import Self

import psycopg
from procrastinate import App, PsycopgConnector
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Status
from sqlalchemy.exc import SQLAlchemyError

from connector.dispatch.blocks import LEASE, Blocks
from connector.dispatch.dead_letters import dead_letters
from connector.dispatch.gatherer import Gatherer
from connector.dispatch.procrastinate_jobs import TASK, JobQueue, queue_of
from connector.dispatch.procrastinate_schema import has_schema
from connector.dispatch.protocol import Connections, Failure, Item, Reconcile, Submission
from connector.dispatch.settling import Backoff
from connector.domain.errors import ConfigError
from connector.journal import Journal, WorkState
from connector.journal.work_rows import Key

_log = logging.getLogger(__name__)
_AWAY = (ConnectorException, SQLAlchemyError, psycopg.Error, OSError)
#: From so many accounts on, a submission is followed by ANALYZE.
_BULK = 1_000
_PAGE = 1_000
#: The lane of all connections, where none was named; it takes jobs of every queue of the database.
_ALL = ""


@dataclass
class _Crew:
    """What one run has to work with: the function, and so many threads for all, or for each of its connections."""

    reconcile: Reconcile
    threads: int
    block: int
    stop: threading.Event
    connections: Connections | None
    _pools: dict[str, ThreadPoolExecutor] = field(default_factory=dict)
    _open: ExitStack = field(default_factory=ExitStack)

    @property
    def lanes(self) -> tuple[str, ...]:
        """What is worked on beside each other: each connection that was named, else everything."""
        return (_ALL,) if self.connections is None else tuple(self.connections)

    def pool(self, lane: str) -> ThreadPoolExecutor:
        """Return the threads of a lane."""
        if lane not in self._pools:
            self._pools[lane] = self._open.enter_context(ThreadPoolExecutor(self.threads, f"dispatch-{lane}"))
        return self._pools[lane]

    def may(self, connection: str) -> bool:
        """Tell whether a connection may be worked on just now, and here."""
        if self.connections is None:
            return True
        asked = self.connections.get(connection)
        return asked is not None and asked()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()


class ProcrastinateDispatcher:
    """Dispatcher over procrastinate. `poll`: seconds between looks at the queue, beside its notifications.

    A worker without a sign of life for `lease` has its jobs taken away by the sweeper of any other, which looks around
    every third of that.
    """

    def __init__(
        self,
        journal: Journal,
        clock: Callable[[], datetime],
        url: str,
        *,
        lease: timedelta = LEASE,
        poll: float = 0.5,
        backoff: Backoff | None = None,
    ) -> None:
        if not has_schema(url):
            raise ConfigError("procrastinate has no tables in the journal's database; run: connector db upgrade")
        self._journal = journal
        self._clock = clock
        self._url = url
        self._poll = poll
        self._blocks = Blocks(journal, clock, lease=lease, backoff=backoff)
        self._queue = JobQueue(url)

    def submit(self, submissions: Iterable[Submission]) -> int:
        """Ask for accounts to be looked at."""
        dues: dict[Key, datetime] = {}
        listed = tuple(submissions)
        for each in listed:
            key = (each.connection, each.account)
            dues[key] = min(each.due_at, dues.get(key, each.due_at))
        count = self._journal.submit_work(listed, self._clock())
        self._queue.wake(dues)
        if count >= _BULK:
            self._queue.analyze()
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
        logging.getLogger("procrastinate").setLevel(logging.WARNING)  # it tells of every job
        with self._blocks.kept(), _Crew(reconcile, threads, block, stop, connections) as crew:
            while not stop.is_set():
                try:
                    asyncio.run(self._run(crew))
                except _AWAY:
                    _log.exception("the queue cannot be used; it is tried again")
                stop.wait(self._poll)

    async def _run(self, crew: "_Crew") -> None:
        """Run a worker for each lane and one sweeper until told to stop, or until a worker gives up."""
        gatherers = {lane: Gatherer(partial(self._work, crew), crew.pool(lane), crew.block) for lane in crew.lanes}
        connector = PsycopgConnector(conninfo=self._url, min_size=1, max_size=6 + 2 * len(gatherers))
        app = App(connector=connector)

        @app.task(name=TASK)
        async def _reconcile_account(connection: str, account: str) -> None:
            await gatherers[connection if connection in gatherers else _ALL].put((connection, account))

        async with app.open_async():
            sweeping = asyncio.create_task(self._sweep(app, crew))
            working = [asyncio.create_task(self._serve(app, crew, lane)) for lane in gatherers]
            while not crew.stop.is_set() and not any(one.done() for one in working):
                await asyncio.wait(working, timeout=0.1, return_when=asyncio.FIRST_COMPLETED)
            for one in (*working, sweeping):  # they fetch nothing more, and wait for what runs
                one.cancel()
            for one in (sweeping, *working):
                with suppress(asyncio.CancelledError):
                    await one

    async def _serve(self, app: App, crew: "_Crew", lane: str) -> None:
        """Fetch the jobs of a lane, as many as its threads can take in a block each."""
        await app.run_worker_async(
            queues=None if lane == _ALL else [queue_of(lane)],  # type: ignore[arg-type]  # its default, untyped
            concurrency=crew.threads * crew.block,
            fetch_job_polling_interval=self._poll,
            update_heartbeat_interval=self._blocks.lease.total_seconds() / 4,
            stalled_worker_timeout=self._blocks.lease.total_seconds(),
            delete_jobs="always",
            install_signal_handlers=False,
        )

    def _work(self, crew: "_Crew", keys: Sequence[Key]) -> None:
        """Do what is due of the accounts that were woken, and see to it that the rest is woken again.

        What may not be worked on just now is not: the sweeper wakes it when it may.
        """
        if not crew.may(keys[0][0]):
            return
        try:
            while not crew.stop.is_set() and (items := self._blocks.take(len(keys), keys)):
                self._blocks.carry_out(items, crew.reconcile, crew.stop)  # again, if it was asked for meanwhile
        finally:
            self._wake(keys)

    def _wake(self, keys: Sequence[Key]) -> None:
        dues: dict[Key, datetime] = {}
        for key, row in self._journal.work_of(keys).items():
            due = row.lease_until if row.state is WorkState.RUNNING else row.due_at
            if due is not None:
                dues[key] = due
        self._queue.wake(dues)

    async def _sweep(self, app: App, crew: "_Crew") -> None:
        """Take jobs away from workers that fell silent, and wake what is due and has no job, as long as it takes."""
        lease = self._blocks.lease.total_seconds()
        while True:
            try:
                for job in await app.job_manager.get_stalled_jobs(task_name=TASK, seconds_since_heartbeat=lease):
                    with suppress(ConnectorException):  # another sweeper was faster
                        await app.job_manager.finish_job(job, Status.FAILED, delete_job=True)
                await asyncio.to_thread(self._wake_forgotten, crew)
            except _AWAY:
                _log.exception("the sweeper could not look around; it is tried again")
            await asyncio.sleep(lease / 3)

    def _wake_forgotten(self, crew: "_Crew") -> None:
        now = self._clock()
        for connection in crew.connections or (None,):
            keys = self._journal.claimable_work(now, _PAGE, connection=connection)
            if keys and (connection is None or crew.may(connection)):
                working = self._queue.working_on(keys)
                self._queue.wake({key: now for key in keys if key not in working})

    def heartbeat(self) -> None:
        """Extend the leases of what is in hand; procrastinate's own heartbeat is its worker's."""
        self._blocks.heartbeat()

    def dead_letters(self, connection: str | None = None) -> Iterator[Item]:
        """Go through what was given up."""
        return dead_letters(self._journal, connection)

    def retry(
        self, *, connection: str | None = None, account: str | None = None, failure: Failure | None = None
    ) -> int:
        """Make what was given up or is parked due again."""
        now = self._clock()
        keys = self._journal.retry_work(now, connection=connection, account=account, failure=failure)
        self._queue.wake(dict.fromkeys(keys, now))
        return len(keys)

    def close(self) -> None:
        """Close the connections to the queue."""
        self._queue.close()
