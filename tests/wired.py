"""The whole connector wired from a configuration file, pointed at emulators that a session shares."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connector.app import App, now_utc
from connector.cli.playground import Playground
from jobs import JOBS
from jobs.stopping import Stopping
from jobs.workers import work_off


@pytest.fixture(scope="session")
def shared_playground() -> Iterator[Playground]:
    with Playground(now_utc().date()) as made:
        yield made


@pytest.fixture
def playground(shared_playground: Playground) -> Playground:
    shared_playground.salesforce.reset()
    shared_playground.stripe.reset()
    return shared_playground


@pytest.fixture
def config_file(playground: Playground, tmp_path: Path) -> Path:
    return playground.write_config(tmp_path / "config.toml")


def do(app: App, name: str, stop: Any = None) -> None:
    """Run a job, and do what it submitted."""
    job = next(job for job in JOBS if job.name == name)
    job.run(app, stop or Stopping())
    if job.submits:
        work_off(app, app.desks, stop or Stopping())


def sync(app: App, stop: Any = None) -> None:
    """Do what the sync of every minute leads to."""
    do(app, "sync", stop)
