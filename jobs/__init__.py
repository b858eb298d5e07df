"""What runs when: the JOBS table. `python -m jobs` schedules it; each job is one short file."""

import threading
from collections.abc import Callable
from dataclasses import dataclass

from connector.app import App
from connector.config import JobsConfig
from jobs.alerts import alerts
from jobs.extend import extend
from jobs.housekeeping import housekeeping
from jobs.reconcile import reconcile
from jobs.sweep import sweep
from jobs.sync import sync


@dataclass(frozen=True, slots=True)
class Job:
    """A job: what it does until it is done or told to stop, and the seconds between two runs (configuration)."""

    name: str
    run: Callable[[App, threading.Event], None]
    seconds: Callable[[JobsConfig], int]


JOBS = (
    Job("sync", sync, lambda jobs: jobs.sync_every_seconds),
    Job("sweep", sweep, lambda jobs: jobs.sweep_every_hours * 3600),
    Job("reconcile", reconcile, lambda jobs: jobs.reconcile_every_hours * 3600),
    Job("extend", extend, lambda jobs: jobs.extend_every_hours * 3600),
    Job("alerts", alerts, lambda jobs: jobs.alerts_every_seconds),
    Job("housekeeping", housekeeping, lambda jobs: jobs.housekeeping_every_hours * 3600),
)
