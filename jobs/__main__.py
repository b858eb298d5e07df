"""The scheduler: APScheduler only says when; the jobs are ordinary functions that are safe to repeat."""

import logging
import os
import signal
import threading
from pathlib import Path

from apscheduler.schedulers.background import BackgroundScheduler

from connector.app import App, build_app
from connector.config import load_config
from jobs import JOBS

_log = logging.getLogger(__name__)


def schedule(app: App) -> BackgroundScheduler:
    """Return a scheduler with the JOBS table: one run of a job at a time, missed slots folded into one, some jitter."""
    scheduler = BackgroundScheduler(timezone="UTC")
    for job in JOBS:
        seconds = job.seconds(app.config.jobs)
        scheduler.add_job(
            job.run,
            "interval",
            args=[app],
            id=job.name,
            seconds=seconds,
            jitter=max(1, seconds // 20),
            coalesce=True,
            max_instances=1,
            misfire_grace_time=None,
        )
    return scheduler


def run(app: App, stop: threading.Event) -> None:
    """Run every job once now, then on schedule until `stop`; the contract in hand is always finished."""
    for job in JOBS:
        job.run(app)
    scheduler = schedule(app)
    scheduler.start()
    try:
        stop.wait()
    finally:
        scheduler.shutdown(wait=True)
        _log.info("stopped; the journal is consistent")


def main(path: Path | None = None) -> None:
    """Run until SIGTERM or Ctrl-C."""
    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stop.set())
    config = load_config(path, os.environ)
    logging.basicConfig(level=config.log.level.upper(), format="%(asctime)s %(levelname)s %(name)s %(message)s")
    with build_app(config) as app:
        run(app, stop)


if __name__ == "__main__":
    main()
