"""How long the command line takes to say what it can do; the best of a few, since the first fills the disk's cache."""

import subprocess
import sys
import time
from collections.abc import Iterator

from benchmarks.table import Row


def startup() -> Iterator[Row]:
    """Yield the milliseconds of `connector --help`."""
    yield Row("connector --help", 1000 * min(_seconds() for _ in range(4)), "ms")


def _seconds() -> float:
    started = time.monotonic()
    subprocess.run([sys.executable, "-m", "connector.cli", "--help"], stdout=subprocess.DEVNULL, check=True)
    return time.monotonic() - started
