"""Peak memory of planning many orders: one process per size, since a high-water mark only rises."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from benchmarks.company import order_id
from benchmarks.emulators import Emulators, emulators
from benchmarks.table import Row
from connector.crm.protocol import ContractRef
from connector.journal import open_journal
from connector.sync import plan_contracts

#: One order shows what the programs themselves take.
SIZES = (1, 200, 2000)


def memory() -> Iterator[Row]:
    """Yield the peak by number of orders, and how little the tenfold adds."""
    with emulators(max(SIZES), customers=True) as both:
        peaks = [_peak(both, size) for size in SIZES]
    for size, peak in zip(SIZES, peaks, strict=True):
        yield Row(f"peak memory, planning {size:,} order{'s' if size > 1 else ''}", peak, "MB")
    yield Row("the same, 2,000 orders against 200", peaks[2] / peaks[1], "times")


def _peak(both: Emulators, size: int) -> float:
    command = [sys.executable, "-m", "benchmarks.memory", json.dumps(asdict(both)), str(size)]
    done = subprocess.run(command, cwd=Path(__file__).parents[1], stdout=subprocess.PIPE, check=True)
    return float(done.stdout)


def main() -> None:
    """Plan that many orders and print the peak in megabytes."""
    both, size = Emulators(**json.loads(sys.argv[1])), int(sys.argv[2])
    with open_journal("sqlite://", upgrade=True) as journal:
        desk = both.desk(journal)
        refs = (ContractRef(desk.name, order_id(number)) for number in range(size))
        assert sum(1 for one in plan_contracts(desk, refs) if one.plan and one.plan.operations) == size
    sys.stdout.write(f"{_high_water():.1f}")


def _high_water() -> float:
    """Return this program's peak in MB. Linux: getrusage would count what the process was before it ran us."""
    lines = Path("/proc/self/status").read_text("ascii", errors="replace").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:"))


if __name__ == "__main__":
    main()
