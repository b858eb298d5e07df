"""The limiter for several processes, or machines, that use one Stripe account: its buckets are rows of the journal.

Slots are taken some at a time, a twentieth of a second's worth, so that a call mostly costs no statement. Slots that
were not used when their time has gone by lapse: they were somebody's, and two bursts are not one.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from connector.billing.limiter import GAIN, LEAST, NARROWED, PAUSE, TOTAL, Rates, limited
from connector.journal import Journal

#: Seconds' worth of slots that are taken together, and after which unused ones lapse.
BLOCK = 0.05
LAPSE = 0.25


@dataclass(slots=True)
class _Bucket:
    """The slots of one bucket that are ours: when the next begins, how far apart they are, how many are left."""

    name: str
    full: float
    next: float = 0.0
    gap: float = 0.0
    left: int = 0
    earned: float = 0.0


class SharedLimiter:
    """Paces the threads of this process by slots of the database."""

    def __init__(
        self,
        journal: Journal,
        account: str,
        rates: Rates,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`account` names the Stripe account among buckets; every process must be given the same rates."""
        self._journal, self._account, self._rates = journal, account, rates
        self._clock, self._sleep = clock, sleep
        self._lock = threading.Lock()
        self._buckets: dict[str, _Bucket] = {}

    def wait(self, endpoint: str) -> float:
        """Wait for a slot of the endpoint and one of all calls; return the seconds waited."""
        with self._lock:
            slots = [self._slot(self._bucket(name)) for name in (endpoint, TOTAL)]
            delay = max(*slots) - self._clock()
        if delay > 0:
            self._sleep(delay)
        return max(delay, 0.0)

    def rejected(self, endpoint: str, reason: str = "") -> None:
        """Stripe said 429: every process goes slower where `reason` says; a lock slows nobody down."""
        name = limited(endpoint, reason)
        if name is None:
            return
        with self._lock:
            bucket = self._bucket(name)
            bucket.left, bucket.earned = 0, 0.0
        self._journal.narrow_rate(bucket.name, bucket.full, NARROWED, bucket.full * LEAST)
        self._sleep(PAUSE)

    def accepted(self, endpoint: str) -> None:
        """Stripe answered: what that earns is told when the next slots are taken."""
        with self._lock:
            for name in (endpoint, TOTAL):
                bucket = self._bucket(name)
                bucket.earned += bucket.full * GAIN

    def _bucket(self, name: str) -> _Bucket:
        if name not in self._buckets:
            self._buckets[name] = _Bucket(f"{self._account} {name}", self._rates.full(name))
        return self._buckets[name]

    def _slot(self, bucket: _Bucket) -> float:
        """Return when the next slot begins, on our clock."""
        now = self._clock()
        if bucket.left == 0 or bucket.next < now - LAPSE:
            bucket.left = max(1, round(bucket.full * BLOCK))
            taken = self._journal.take_slots(bucket.name, bucket.full, bucket.left, gain=bucket.earned)
            bucket.next, bucket.gap, bucket.earned = now + taken.delay, 1 / taken.rate, 0.0
        slot = bucket.next
        bucket.next += bucket.gap
        bucket.left -= 1
        return slot
