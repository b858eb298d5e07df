"""Peak memory of a back-fill by its size: the high-water mark of one process each time so many orders are done.

A mark only rises, so what it was after 1,000 of 64,000 orders is the peak of the first 1,000; a single order has a
process of its own. The orders are made up as they are asked for, the schedules are made in the emulator, which is a
process of its own, and the journal is a file: what grows here is the connector.
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
        found = [*_measured(both, 1), *_measured(both, *sizes)]
    for size, (peak, _) in zip((1, *sizes), found, strict=True):
        yield Row(f"peak memory, back-fill of {size:,} order{'s' if size > 1 else ''}", peak, "MB")
    name = f"peak memory, {sizes[-1]:,} orders against {sizes[-2]:,}"
    yield Row(name, found[-1][0] - found[-2][0], "MB more")
    (low, high), (begin, end) = (sizes[0], sizes[-1]), (found[1][1], found[-1][1])
    yield Row(f"time grows with the number, {low:,} to {high:,}", log(end / begin) / log(high / low), "power")


def _measured(both: Emulators, *sizes: int) -> list[tuple[float, float]]:
    """Return the peak in MB and the seconds since the start when so many orders are done, in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'journal.db'}"
        upgrade(url)  # as `connector db upgrade` does, in a process of its own
        command = [sys.executable, "-m", "benchmarks.memory", json.dumps(asdict(both)), url, *map(str, sizes)]
        done = subprocess.run(command, cwd=Path(__file__).parents[1], stdout=subprocess.PIPE, check=True)
    return [(peak, seconds) for peak, seconds in json.loads(done.stdout)]


def main() -> None:
    """Sync as many orders as the largest size, and print peak and time at each; sizes come in rising order."""
    both, url, sizes = Emulators(**json.loads(sys.argv[1])), sys.argv[2], [int(size) for size in sys.argv[3:]]
    found: list[tuple[float, float]] = []
    share_heaps()
    with open_journal(url) as journal:
        desk = replace(
            both.desk(journal, key=f"sk_test_{sizes[-1]}"), crm=MadeUpCrm(), limits=Limits(max_backdating_days=10_000)
        )
        refs = (ContractRef(desk.name, str(number)) for number in range(sizes[-1]))
        started = time.monotonic()
        for done, one in enumerate(sync_refs(desk, refs, job="benchmark", config_hash=""), start=1):
            assert one.outcome == "applied", one.error
            if done in sizes:
                found.append((_high_water(), time.monotonic() - started))
                sys.stderr.write(f"{done:,} orders: {found[-1][0]:.1f} MB after {found[-1][1]:.0f} s\n")
    sys.stdout.write(json.dumps(found))


def _high_water() -> float:
    """Return this program's peak in MB. Linux: getrusage would count what the process was before it ran us."""
    lines = Path("/proc/self/status").read_text("ascii", errors="replace").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:"))


if __name__ == "__main__":
    main()
