"""How much of what Stripe allows a back-fill uses, with its limits enforced and answers that take their time.

The bound is 25 deals a second live (one schedule each, and 25 requests to one operation) and 12.5 in a sandbox (two
calls for a deal with a new customer, 25 requests in all). A deal's time counts from the first schedule to the last:
reading the first batch and telling of the last are no matter of the rate.
"""

import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.company import order_id
from benchmarks.emulators import Emulators, emulators
from benchmarks.limited import Gate
from benchmarks.table import Row
from connector.billing.limiter import Rates
from connector.crm.protocol import ContractRef
from connector.journal import open_journal
from connector.poll import sync_refs


@dataclass(frozen=True, slots=True)
class Profile:
    """What Stripe allows, what we are told that it allows, and the deals a second that this makes at most."""

    name: str
    gate: Gate
    told: Rates
    bound: float


LIVE = Profile("live limits, 200 ms", Gate(100, 25, 200), Rates(100, 25), 25.0)
SANDBOX = Profile("sandbox limits, 200 ms", Gate(25, 25, 200), Rates(25, 25), 12.5)
RECORDED = Profile("live limits, recorded latencies", Gate(100, 25, None), Rates(100, 25), 25.0)
HIDDEN = Profile("a hidden limit of 30 of 100/s, 100 ms", Gate(30, 1e9, 100), Rates(100, 100), 15.0)


@dataclass(frozen=True, slots=True)
class Measured:
    """A run: deals a second between the first and the last schedule, deals a second of wall time, and refusals."""

    rate: float
    overall: float
    refused: float
    cpu: float


def rate(count: int = 500) -> Iterator[Row]:
    """Yield the fraction of the bound and the share of refused calls, for each profile."""
    for profile in (LIVE, SANDBOX, HIDDEN):
        with emulators(count, customers=True) as both:
            both.slow_down_salesforce(0.1)
            found = run(both, profile, range(count))
        yield Row(f"{profile.name}: of what is allowed, {count:,} deals", found.rate / profile.bound, "of 1")
        yield Row(f"{profile.name}: calls refused (429)", 100 * found.refused, "%")
        yield Row(f"{profile.name}: processor time of a deal", found.cpu, "ms CPU per deal")


def run(both: Emulators, profile: Profile, numbers: range, *, threads: int = 32) -> Measured:
    """Sync orders that are new; every one must be applied."""
    both.gate(profile.gate)
    with (
        tempfile.TemporaryDirectory() as folder,
        open_journal(f"sqlite:///{Path(folder) / 'journal.db'}", upgrade=True) as journal,
    ):
        desk = both.desk(journal, profile.told, threads=threads)
        refs = (ContractRef(desk.name, order_id(number)) for number in numbers)
        started, busy = time.monotonic(), time.process_time()
        for result in sync_refs(desk, refs, job="benchmark", config_hash=""):
            assert result.outcome == "applied", result.error
        wall, busy = time.monotonic() - started, time.process_time() - busy
    passed, count = both.passed(), len(numbers)
    assert passed["schedules"] == count
    share = passed["refused"] / (passed["answered"] + passed["refused"])
    return Measured((count - 1) / passed["span"], count / wall, share, 1000 * busy / count)
