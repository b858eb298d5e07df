"""`python -m jobs`: the same as `connector run`, for where the command line is not wanted."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from connector.config import load_config
from connector.domain.errors import ConnectorError
from connector.journal import JournalError
from connector.logs import start_logging
from jobs.running import run, run_once


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until SIGTERM or Ctrl-C; return 0, 3 when the configuration is wrong, 8 when one job could not run."""
    parser = argparse.ArgumentParser(prog="connector-jobs", description="Keep Stripe right: sync every minute.")
    parser.add_argument("--config", type=Path, help="configuration file (default: config.toml here)")
    parser.add_argument("--once", metavar="JOB", help="run this job once, now, and end")
    options = parser.parse_args(arguments)
    try:
        config = load_config(options.config, os.environ)
        start_logging(config.log)
        if options.once:
            return 0 if run_once(config, options.once) else 8
        run(config)
    except (ConnectorError, JournalError) as error:
        sys.stderr.write(f"{error}\n")
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
