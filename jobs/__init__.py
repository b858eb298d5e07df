"""What runs when: the JOBS table. `connector run` (or `python -m jobs`) schedules it; each job is one short file."""

from collections.abc import Callable
from dataclasses import dataclass

from connector.app import App
from connector.config import JobsConfig
from jobs.housekeeping import housekeeping
from jobs.sync import sync


@dataclass(frozen=True, slots=True)
class Job:
    """A job: what it does, and how many seconds lie between two runs (from the configuration)."""

    name: str
    run: Callable[[App], None]
    seconds: Callable[[JobsConfig], int]


JOBS = (
    Job("sync", sync, lambda jobs: jobs.sync_every_seconds),
    Job("housekeeping", housekeeping, lambda jobs: jobs.housekeeping_every_hours * 3600),
)
