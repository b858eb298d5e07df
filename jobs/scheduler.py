"""The scheduler: APScheduler wakes firings up, each in a thread of its own; it decides nothing and keeps nothing.

Every process may run one: a slot is done once, whoever is first (jobs/firing.py).
"""

import logging
import threading
from collections.abc import Iterator
from datetime import UTC, datetime

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from connector.app import App
from connector.config.types import OFF
from connector.journal import ALL, worker_name
from jobs import JOBS
from jobs.firing import CLAIM, Firing
from jobs.slots import SlotTrigger
from jobs.stopping import Stopping

_log = logging.getLogger(__name__)


def firings(app: App) -> tuple[Firing, ...]:
    """Return the JOBS table as it is configured: each job for each connection, those that are off left out."""
    found = (Firing(app, job, name) for job in JOBS for name in ((ALL,) if job.whole else tuple(app.desks)))
    return tuple(firing for firing in found if firing.seconds != OFF)


class Scheduler:
    """The JOBS table at work."""

    def __init__(self, app: App, stop: Stopping) -> None:
        self._app, self._stop = app, stop
        self._busy: list[tuple[str, str]] = []
        self._change = threading.Condition()
        self.jobs = firings(app)
        self._scheduler = _scheduler(self)

    @property
    def names(self) -> Iterator[str]:
        """The jobs that are not off."""
        return iter(dict.fromkeys(firing.job.name for firing in self.jobs))

    def start(self) -> None:
        """Begin; every job is looked at at once."""
        self._scheduler.start()

    def stop(self, seconds: float) -> bool:
        """Begin no more, and wait for what is in hand; tell whether it came to its end in time."""
        self._stop.set()
        self._scheduler.pause()
        with self._change:
            ended = self._change.wait_for(lambda: not self._busy, timeout=seconds)
        self._scheduler.shutdown(wait=ended)
        return ended

    def fire(self, firing: Firing) -> None:
        """Fire, and be counted while at it; what even the firing did not foresee (the journal is away) is logged."""
        this = (firing.job.name, firing.connection)
        with self._change:
            self._busy.append(this)
        try:
            firing.fire(self._stop)
        except Exception:  # noqa: BLE001 -- the scheduler goes on
            _log.exception("the %s was not begun; it is tried again", firing.job.name)
        finally:
            with self._change:
                self._busy.remove(this)
                self._change.notify_all()

    def beat(self) -> None:
        """Show that this process lives: what it has in hand, and only that, stays its own."""
        with self._change:
            in_hand = tuple(self._busy)
        clock = next(iter(self._app.desks.values())).clock
        self._app.journal.renew_slots(worker_name(), clock() + CLAIM, in_hand)


def _scheduler(of: Scheduler) -> BackgroundScheduler:
    """Return the timer: one run of a firing at a time, missed wake-ups folded into one and never too late."""
    options = {"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
    pool = ThreadPoolExecutor(len(of.jobs) + 1)
    made = BackgroundScheduler(timezone="UTC", executors={"default": pool}, job_defaults=options)
    for firing in of.jobs:
        trigger, name = SlotTrigger(firing.seconds), f"{firing.job.name} {firing.connection}"
        made.add_job(of.fire, trigger, args=[firing], id=name, next_run_time=datetime.now(UTC))
    made.add_job(of.beat, "interval", seconds=CLAIM.total_seconds() / 3, id="heartbeat")
    return made
