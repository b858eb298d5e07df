"""`connector run`: keep Stripe right by itself, until told to stop."""

import os
from typing import Annotated

import typer

from connector.cli.context import ConfigOption
from connector.cli.exits import Exit
from connector.config import load_config
from connector.logs import start_logging


def run(
    once: Annotated[
        str | None, typer.Option(metavar="JOB", help="Run this job once, now, and end: for those who have a cron.")
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Run the jobs on schedule until SIGTERM or Ctrl-C; the contract in hand is finished. Logs to stderr."""
    from jobs import running  # noqa: PLC0415 -- the scheduler is loaded by those who schedule

    settings = load_config(config, os.environ)
    start_logging(settings.log)
    if once is None:
        running.run(settings)
    elif not running.run_once(settings, once):
        raise typer.Exit(Exit.REMOTE)
