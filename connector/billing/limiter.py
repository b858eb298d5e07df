"""Stay under the account's rate limit: one bucket for everything, one per endpoint, narrowed when Stripe says 429.

Stripe allows 100 requests a second in live mode, 25 in a sandbox, and 25 per endpoint by default (docs.stripe.com/
rate-limits). Spacing is GCRA: a request may go when its theoretical arrival time is less than a burst ahead. When the
real limit is lower, the rate is found by additive increase and multiplicative decrease.
"""

import math
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Protocol

#: After a 429: so much of the rate is kept, at most once a second, and the thread that heard it rests so many seconds.
NARROWED, PAUSE = 0.9, 0.2
#: After an answer, once a second has been quiet: so much of the full rate is won back. It never falls below LEAST.
GAIN, LEAST = 0.0005, 0.05
#: We aim a little below the limit: clocks differ, and so does the time that requests take to arrive.
AIM = 0.99
#: The bucket of all calls.
TOTAL = "*"


@dataclass(frozen=True, slots=True)
class Rates:
    """What the account may do: requests per second in all and per endpoint, of which `share` is ours.

    `burst` requests may go at once. `learned` are rates by bucket that earlier runs found to be the real ones.
    """

    total: float = 25.0
    endpoint: float = 25.0
    burst: int = 10
    share: float = 1.0
    learned: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))

    def full(self, bucket: str) -> float:
        """Return the requests a second that are aimed at: for one endpoint, or in all."""
        return (self.total if bucket == TOTAL else self.endpoint) * self.share * AIM


class Paced(Protocol):
    """What paces calls: in the memory of this process, or shared by several."""

    def wait(self, endpoint: str) -> float:
        """Wait until a request to `endpoint` may go; return the seconds waited."""
        ...

    def rejected(self, endpoint: str, reason: str = "") -> None:
        """Stripe said 429, because of what `reason` (Stripe-Rate-Limited-Reason) says."""
        ...

    def accepted(self, endpoint: str) -> None:
        """Stripe answered."""
        ...


def limited(endpoint: str, reason: str) -> str | None:
    """Return the bucket that Stripe-Rate-Limited-Reason speaks of; none where one object is locked."""
    if reason.startswith("endpoint"):
        return endpoint
    return TOTAL if reason.startswith("global") else None


class _Bucket:
    """One GCRA clock. Not locked: the limiter's lock covers it."""

    __slots__ = ("_arrival", "_burst", "_refused", "full", "rate")

    def __init__(self, full: float, burst: int, learned: float | None) -> None:
        self.full = full
        self.rate = min(full, learned) if learned else full
        self._burst = burst
        self._arrival = 0.0
        self._refused = -math.inf

    def take(self, now: float) -> float:
        """Take the next slot; return when it begins."""
        slot = max(self._arrival, now)
        self._arrival = slot + 1 / self.rate
        return slot - (self._burst - 1) / self.rate

    def narrow(self, now: float) -> bool:
        """Slow down, at most once a second: requests that were under way together are refused together."""
        if now - self._refused < 1:
            return False
        self._refused = now
        self.rate = max(self.rate * NARROWED, self.full * LEAST)
        return True

    def widen(self, now: float) -> None:
        if self.rate < self.full and now - self._refused >= 1:
            self.rate = min(self.rate + self.full * GAIN, self.full)


class Limiter:
    """Paces the threads of one process; they share one limiter per Stripe account."""

    def __init__(
        self,
        rates: Rates | None = None,
        *,
        learn: Callable[[str, float], None] = lambda bucket, rate: None,  # noqa: ARG005 -- names say what is told
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`learn` is told the new rate of a bucket each time it was narrowed."""
        self._rates = rates or Rates()
        self._learn = learn
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._buckets: dict[str, _Bucket] = {}

    def wait(self, endpoint: str) -> float:
        """Wait until a request to `endpoint` may go; return the seconds waited."""
        with self._lock:
            now = self._clock()
            delay = max(self._bucket(name).take(now) for name in (endpoint, TOTAL)) - now
        if delay > 0:
            self._sleep(delay)
        return max(delay, 0.0)

    def rejected(self, endpoint: str, reason: str = "") -> None:
        """Stripe said 429: go slower, multiplicatively, where `reason` (Stripe-Rate-Limited-Reason) says.

        Without a reason, or with one about a resource, one object is locked: slowing everything down would not help.
        """
        name = limited(endpoint, reason)
        if name is None:
            return
        with self._lock:
            bucket = self._bucket(name)
            narrowed = bucket.narrow(self._clock())
        if narrowed:
            self._learn(name, bucket.rate)
        self._sleep(PAUSE)

    def accepted(self, endpoint: str) -> None:
        """Stripe answered: go a little faster again, up to the configured rate."""
        with self._lock:
            now = self._clock()
            for name in (endpoint, TOTAL):
                self._bucket(name).widen(now)

    def found(self) -> dict[str, float]:
        """Return the rates by bucket as they are now."""
        with self._lock:
            return {name: bucket.rate for name, bucket in self._buckets.items()}

    def _bucket(self, name: str) -> _Bucket:
        if name not in self._buckets:
            self._buckets[name] = _Bucket(self._rates.full(name), self._rates.burst, self._rates.learned.get(name))
        return self._buckets[name]
