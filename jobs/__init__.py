"""What runs when: the JOBS table. `connector run` schedules it; each job is one short file.

A job is a function of an `App` that is safe to repeat. It is fired for each connection by itself, with an app that has
this one only, and stops between two contracts when told to. What it raises is logged, and its slot is tried again.
"""

from collections.abc import Callable
from dataclasses import dataclass

from connector.app import App
from connector.config import JobsConfig
from jobs.alerts import alerts
from jobs.extend import extend
from jobs.housekeeping import housekeeping
from jobs.reconcile import reconcile
from jobs.retry import retry
from jobs.stopping import Stop
from jobs.sweep import sweep
from jobs.sync import sync
from jobs.write_back import write_back


@dataclass(frozen=True, slots=True)
class Job:
    """A job: what it does until it is done or told to stop, and the seconds between two runs (configuration).

    A `whole` job is fired once for all connections, calls no vendor, and knows no pause. One that `submits` is done
    once it has asked for contracts to be looked at.
    """

    name: str
    run: Callable[[App, Stop], None]
    seconds: Callable[[JobsConfig], float]
    whole: bool = False
    submits: bool = False


JOBS = (
    Job("sync", sync, lambda jobs: jobs.sync_every_seconds, submits=True),
    Job("write_back", write_back, lambda jobs: jobs.write_back_every_seconds, submits=True),
    Job("retry", retry, lambda jobs: jobs.retry_every_seconds, submits=True),
    Job("sweep", sweep, lambda jobs: jobs.sweep_every_hours * 3600, submits=True),
    Job("reconcile", reconcile, lambda jobs: jobs.reconcile_every_hours * 3600, whole=True),
    Job("extend", extend, lambda jobs: jobs.extend_every_hours * 3600, submits=True),
    Job("alerts", alerts, lambda jobs: jobs.alerts_every_seconds, whole=True),
    Job("housekeeping", housekeeping, lambda jobs: jobs.housekeeping_every_hours * 3600, whole=True),
)
