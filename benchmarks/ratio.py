"""Deals a second beside those of a script and of a script in threads, in the same run: peers first and last.

Ratios of one run hold on any machine. Ours is the rate between the first schedule and the last of a long run; a script
has no run-up, so its rate is that of a few deals.
"""

from collections.abc import Iterator
from statistics import median

from benchmarks.emulators import Emulators, emulators
from benchmarks.limited import Gate
from benchmarks.peers import sequential, threaded
from benchmarks.rate import Profile, run
from benchmarks.table import Row
from connector.billing.limiter import Rates

SCRIPT, THREADED = 4, 64
OURS = 300


def ratio(milliseconds: tuple[int, ...] = (200,)) -> Iterator[Row]:
    """Yield how many times as fast we are, for each latency of both vendors."""
    for each in milliseconds:
        yield from _ratios(each)


def _ratios(milliseconds: int) -> Iterator[Row]:
    total = OURS + 2 * (SCRIPT + THREADED)
    profile = Profile("", Gate(100, 25, milliseconds), Rates(100, 25), 25.0)
    with emulators(total, customers=True) as both:
        both.slow_down_salesforce(milliseconds / 1000)
        before = _peers(both, profile, 0)
        threads = 64 if milliseconds > 300 else 32
        ours = run(both, profile, range(SCRIPT + THREADED, SCRIPT + THREADED + OURS), threads=threads).rate
        after = _peers(both, profile, total - SCRIPT - THREADED)
    script, many = (median(pair) for pair in zip(before, after, strict=True))
    where = f"live limits, every call {milliseconds} ms"
    yield Row(f"{where}: connector", ours, "deals/s")
    yield Row(f"{where}: script", script, "deals/s")
    yield Row(f"{where}: script in 32 threads, with tenacity", many, "deals/s")
    yield Row(f"{where}: connector against script", ours / script, "times")
    yield Row(f"{where}: connector against script in threads", ours / many, "times")


def _peers(both: Emulators, profile: Profile, first: int) -> tuple[float, float]:
    both.gate(profile.gate)
    script = sequential(both, range(first, first + SCRIPT))
    both.gate(profile.gate)
    return script, threaded(both, range(first + SCRIPT, first + SCRIPT + THREADED))
