"""`python -m benchmarks [part …]`: measure and print one table."""

import argparse
import platform
import sys
from collections.abc import Callable, Iterator, Mapping

from benchmarks.calls import calls
from benchmarks.cpu import cpu
from benchmarks.hubspot import hubspot
from benchmarks.memory import memory
from benchmarks.rate import rate
from benchmarks.table import Row, render
from benchmarks.unchanged import unchanged

PARTS: Mapping[str, Callable[[], Iterator[Row]]] = {
    "calls": calls,
    "hubspot": hubspot,
    "cpu": cpu,
    "memory": memory,
    "rate": rate,
    "unchanged": unchanged,
}


def main() -> None:
    """Run the parts that were named, or all."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure what a deal costs.")
    parser.add_argument("parts", nargs="*", metavar="part", help=f"{', '.join(PARTS)}; all when left out")
    chosen = parser.parse_args().parts or list(PARTS)
    unknown = [name for name in chosen if name not in PARTS]
    if unknown:
        parser.error(f"there is no part {unknown[0]!r}; there are {', '.join(PARTS)}")
    rows: list[Row] = []
    for name in chosen:
        sys.stderr.write(f"{name} ...\n")
        rows += PARTS[name]()
    sys.stdout.write(f"{render(rows)}\n\nPython {platform.python_version()}, {platform.machine()}\n")


if __name__ == "__main__":
    main()
