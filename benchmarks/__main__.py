"""`python -m benchmarks [part …]`: measure and print one table."""

import argparse
import platform
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

from benchmarks.calls import calls
from benchmarks.cpu import cpu
from benchmarks.gates import broken
from benchmarks.hubspot import hubspot
from benchmarks.memory import LONG_SIZES, memory
from benchmarks.picture import draw
from benchmarks.rate import rate
from benchmarks.ratio import ratio
from benchmarks.startup import startup
from benchmarks.table import Row, render

PARTS: Mapping[str, Callable[[], Iterator[Row]]] = {
    "calls": calls,
    "hubspot": hubspot,
    "cpu": cpu,
    "memory": memory,
    "rate": rate,
    "ratio": ratio,
    "startup": startup,
}
#: The same parts as they are measured when there is time.
LONG: Mapping[str, Callable[[], Iterator[Row]]] = {
    "memory": partial(memory, LONG_SIZES),
    "rate": partial(rate, 2_000),
    "ratio": partial(ratio, (50, 200, 600)),
}


def main() -> None:
    """Run the parts that were named, or all."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure what a deal costs.")
    parser.add_argument("parts", nargs="*", metavar="part", help=f"{', '.join(PARTS)}; all when left out")
    parser.add_argument("--long", action="store_true", help="more deals, more latencies, more orders: about an hour")
    parser.add_argument("--picture", type=Path, help="draw the comparison with scripts here (SVG)")
    options = parser.parse_args()
    parts = {**PARTS, **(LONG if options.long else {})}
    chosen = options.parts or list(PARTS)
    unknown = [name for name in chosen if name not in PARTS]
    if unknown:
        parser.error(f"there is no part {unknown[0]!r}; there are {', '.join(PARTS)}")
    rows: list[Row] = []
    for name in chosen:
        sys.stderr.write(f"{name} ...\n")
        rows += parts[name]()
    if options.picture and not draw(rows, options.picture):
        parser.error("--picture draws what `ratio` measures, which was not asked for")
    sys.stdout.write(f"{render(rows)}\n\nPython {platform.python_version()}, {platform.machine()}\n")
    failures = list(broken(rows))
    sys.stderr.writelines(f"does not hold: {failure}\n" for failure in failures)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
