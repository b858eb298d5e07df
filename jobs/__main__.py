"""The scheduler: APScheduler only says when; the jobs are ordinary functions that are safe to repeat."""

import argparse
import logging
import os
import signal
import sys
import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from apscheduler.schedulers.background import BackgroundScheduler

from connector.app import App, build_app
from connector.config import load_config
from connector.domain.errors import ConnectorError
from connector.health import start_monitor
from connector.journal import JournalError
from connector.logs import start_logging
from jobs import JOBS

_log = logging.getLogger(__name__)


def schedule(app: App, stop: threading.Event) -> BackgroundScheduler:
    """Return a scheduler with the JOBS table, each job due at once.

    One run of a job at a time, missed slots folded into one, some jitter.
    """
    scheduler = BackgroundScheduler(timezone="UTC")
    for job in JOBS:
        seconds = job.seconds(app.config.jobs)
        scheduler.add_job(
            job.run,
            "interval",
            args=[app, stop],
            id=job.name,
            seconds=seconds,
            jitter=max(1, seconds // 20),
            next_run_time=datetime.now(UTC),
            coalesce=True,
            max_instances=1,
            misfire_grace_time=None,
        )
    return scheduler


def run(app: App, stop: threading.Event) -> None:
    """Run every job now and then on schedule until `stop`; the contract in hand is always finished."""
    scheduler = schedule(app, stop)
    scheduler.start()
    _log.info("started: %s", ", ".join(job.name for job in JOBS))
    try:
        stop.wait()
    finally:
        scheduler.shutdown(wait=True)
        _log.info("stopped; the journal is consistent")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until SIGTERM or Ctrl-C; return 0, or 3 when the configuration is wrong."""
    parser = argparse.ArgumentParser(prog="connector-jobs", description="Keep Stripe right: sync every minute.")
    parser.add_argument("--config", type=Path, help="configuration file (default: config.toml here)")
    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stop.set())
    try:
        config = load_config(parser.parse_args(arguments).config, os.environ)
        start_logging(config.log)
        with build_app(config) as app:
            app.check_orgs()
            with start_monitor(app):
                run(app, stop)
    except (ConnectorError, JournalError) as error:
        sys.stderr.write(f"{error}\n")
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
