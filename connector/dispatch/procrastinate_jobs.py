"""procrastinate's queue as an alarm clock: a job says only that an account is worth a look, and from when on.

What is to be done stands in the work table. A job too many finds nothing due; one too few is missed by the sweeper.
"""

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime

from procrastinate import App, SyncPsycopgConnector
from procrastinate.exceptions import AlreadyEnqueued, UniqueViolation
from procrastinate.jobs import Job

from connector.journal.work_rows import Key

TASK = "connector.reconcile_account"
QUEUE = "connector"
_EPOCH = datetime(2020, 1, 1, tzinfo=UTC)
_PAGE = 1_000
_WAITING = """
    SELECT queueing_lock, scheduled_at FROM procrastinate_jobs
    WHERE status = 'todo' AND queueing_lock = ANY(%(locks)s::text[])"""
_RUNNING = """
    SELECT lock FROM procrastinate_jobs WHERE status = 'doing' AND lock = ANY(%(locks)s::text[])"""
_EARLIER = """
    UPDATE procrastinate_jobs SET scheduled_at = sooner.due, priority = sooner.priority
    FROM unnest(%(locks)s::text[], %(dues)s::timestamptz[], %(priorities)s::int[]) AS sooner (lock, due, priority)
    WHERE status = 'todo' AND queueing_lock = sooner.lock AND scheduled_at > sooner.due"""


class JobQueue:
    """Makes sure that jobs wait. Threads share it; close it."""

    def __init__(self, url: str) -> None:
        self._connector = SyncPsycopgConnector(conninfo=url, min_size=1, max_size=4)
        self._app = App(connector=self._connector)
        self._app.open()

    def close(self) -> None:
        """Close the connections."""
        self._app.close()

    def wake(self, dues: Mapping[Key, datetime]) -> None:
        """See to it that a job waits for each account, due then or earlier."""
        keys = sorted(dues, key=lambda key: (dues[key], key))
        for start in range(0, len(keys), _PAGE):
            page = {_lock(key): (key, dues[key]) for key in keys[start : start + _PAGE]}
            rows = self._connector.execute_query_all(_WAITING, locks=list(page))
            waiting = {str(row["queueing_lock"]): row["scheduled_at"] for row in rows}
            self._defer([_job(key, due) for lock, (key, due) in page.items() if lock not in waiting])
            late = {lock: page[lock][1] for lock, at in waiting.items() if at is not None and at > page[lock][1]}
            self._pull_forward(late)

    def working_on(self, keys: Collection[Key]) -> frozenset[Key]:
        """Return accounts of which a job runs."""
        named = {_lock(key): key for key in keys}
        rows = self._connector.execute_query_all(_RUNNING, locks=list(named))
        return frozenset(named[str(row["lock"])] for row in rows)

    def analyze(self) -> None:
        """Tell PostgreSQL that many rows were added: on old statistics it fetches jobs six times slower."""
        self._connector.execute_query("ANALYZE procrastinate_jobs, work")

    def _defer(self, jobs: Sequence[Job]) -> None:
        if not jobs:
            return
        try:
            self._app.job_manager.batch_defer_jobs(jobs=list(jobs))
        except (AlreadyEnqueued, UniqueViolation):  # somebody else did just now; one of many spoils all
            for job in jobs if len(jobs) > 1 else ():
                with suppress(AlreadyEnqueued):
                    self._app.job_manager.defer_job(job=job)

    def _pull_forward(self, dues: Mapping[str, datetime]) -> None:
        if dues:
            priorities = [_priority(due) for due in dues.values()]
            self._connector.execute_query(_EARLIER, locks=list(dues), dues=list(dues.values()), priorities=priorities)


def _job(key: Key, due: datetime) -> Job:
    return Job(
        queue=queue_of(key[0]),
        task_name=TASK,
        lock=_lock(key),  # one at a time runs
        queueing_lock=_lock(key),  # one at a time waits
        priority=_priority(due),
        scheduled_at=due,
        task_kwargs={"connection": key[0], "account": key[1]},
    )


def queue_of(connection: str) -> str:
    """Return the queue of a connection's jobs: one that is full or hangs holds up no other."""
    return f"{QUEUE}:{connection}"


def _lock(key: Key) -> str:
    return f"{QUEUE}:{key[0]}:{key[1]}"


def _priority(due: datetime) -> int:
    """Return a priority by which the earliest due comes first; procrastinate takes the highest, then the oldest."""
    return -int((due - _EPOCH).total_seconds())
