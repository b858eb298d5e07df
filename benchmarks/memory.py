"""Peak memory of a back-fill by its size: one process per size, since a high-water mark only rises.

The orders are made up as they are asked for, the schedules are made in the emulator, which is a process of its own,
and the journal is a file: what grows here is the connector.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from math import log
from pathlib import Path

from benchmarks.emulators import Emulators, emulators
from benchmarks.made_up import MadeUpCrm
from benchmarks.table import Row
from connector.app import share_heaps
from connector.crm.protocol import ContractRef
from connector.journal import open_journal
from connector.journal.schema import upgrade
from connector.plan.safety import Limits
from connector.poll import sync_refs

SIZES = (1_000, 4_000)
LONG_SIZES = (1_000, 4_000, 16_000, 64_000)


def memory(sizes: tuple[int, ...] = SIZES) -> Iterator[Row]:
    """Yield the peak and the time by number of orders, what the largest adds, and the slope of the time."""
    with emulators(1, customers=False) as both:
        found = [_measured(both, size) for size in (1, *sizes)]
    for size, (peak, _) in zip((1, *sizes), found, strict=True):
        yield Row(f"peak memory, back-fill of {size:,} order{'s' if size > 1 else ''}", peak, "MB")
    name = f"the same, {sizes[-1]:,} against {sizes[-2]:,}"
    yield Row(name, found[-1][0] - found[-2][0], "MB more")
    (low, high), (begin, end) = (sizes[0], sizes[-1]), (found[1][1], found[-1][1])
    yield Row(f"time grows with the number, {low:,} to {high:,}", log(end / begin) / log(high / low), "power")


def _measured(both: Emulators, size: int) -> tuple[float, float]:
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'journal.db'}"
        upgrade(url)  # as `connector db upgrade` does, in a process of its own
        command = [sys.executable, "-m", "benchmarks.memory", json.dumps(asdict(both)), url, str(size)]
        done = subprocess.run(command, cwd=Path(__file__).parents[1], stdout=subprocess.PIPE, check=True)
    peak, seconds = json.loads(done.stdout)
    return peak, seconds


def main() -> None:
    """Sync that many orders and print the peak in megabytes, and the seconds it took."""
    both, url, size = Emulators(**json.loads(sys.argv[1])), sys.argv[2], int(sys.argv[3])
    share_heaps()
    with open_journal(url) as journal:
        desk = replace(
            both.desk(journal, key=f"sk_test_{size}"), crm=MadeUpCrm(), limits=Limits(max_backdating_days=10_000)
        )
        refs = (ContractRef(desk.name, str(number)) for number in range(size))
        started = time.monotonic()
        done = sum(1 for one in sync_refs(desk, refs, job="benchmark", config_hash="") if one.outcome == "applied")
        assert done == size
        seconds = time.monotonic() - started
    sys.stdout.write(json.dumps([_high_water(), seconds]))


def _high_water() -> float:
    """Return this program's peak in MB. Linux: getrusage would count what the process was before it ran us."""
    lines = Path("/proc/self/status").read_text("ascii", errors="replace").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:"))


if __name__ == "__main__":
    main()
