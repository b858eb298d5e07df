"""What must hold on any machine: calls exactly, ratios of one run with a margin. Never seconds.

Memory is that of CPython on Linux with glibc; its growth is the same elsewhere.
"""

from collections.abc import Iterable, Iterator

from benchmarks.table import Row

#: Name of a figure → the least and the most it may be.
GATES: dict[str, tuple[float, float]] = {
    "new ramp, known customer: Stripe calls": (1, 1),
    "new ramp, new customer: Stripe calls": (2, 2),
    "200 new ramps and customers: Stripe calls": (2, 2.02),
    "200 new ramps and customers: Salesforce calls": (0, 0.06),
    "200 unchanged: Stripe calls": (0, 0),
    "200 unchanged: Salesforce calls": (0, 0.03),
    "live limits, 200 ms: calls refused (429)": (0, 0.1),
    "sandbox limits, 200 ms: calls refused (429)": (0, 0.1),
    "peak memory, back-fill of 4,000 orders": (0, 120),
    "peak memory, back-fill of 64,000 orders": (0, 120),
    "peak memory, 4,000 orders against 1,000": (0, 5),
    "peak memory, 64,000 orders against 16,000": (0, 5),
    "time grows with the number, 1,000 to 64,000": (0, 1.2),
    "live limits, every call 200 ms: connector against script": (50, 1e9),
    "live limits, every call 200 ms: connector against script in threads": (2, 1e9),
}


def broken(rows: Iterable[Row]) -> Iterator[str]:
    """Yield what does not hold among the figures that were measured."""
    for row in rows:
        least, most = GATES.get(row.name, (float("-inf"), float("inf")))
        if not least <= row.value <= most:
            yield f"{row.name}: {row.value:g} is not between {least:g} and {most:g}"
