"""Stay under the account's rate limit: one bucket for everything, one per endpoint, narrowed when Stripe says 429.

Stripe allows 100 requests a second in live mode, 25 in a sandbox, and 25 per endpoint by default (docs.stripe.com/
rate-limits). Spacing is GCRA: a request may go when its theoretical arrival time is less than a burst ahead.
"""

import math
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Rates:
    """Requests per second: in all, and per endpoint; `burst` requests may go at once."""

    total: float = 25.0
    endpoint: float = 25.0
    burst: int = 10


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


class _Bucket:
    """One GCRA clock. Not locked: the limiter's lock covers it."""

    __slots__ = ("_arrival", "_burst", "_full", "_narrowed", "rate")

    def __init__(self, rate: float, burst: int) -> None:
        self.rate = rate
        self._full = rate
        self._burst = burst
        self._arrival = 0.0
        self._narrowed = -math.inf

    def delay(self, now: float) -> float:
        return max(0.0, self._arrival - now - (self._burst - 1) / self.rate)

    def take(self, now: float) -> None:
        self._arrival = max(self._arrival, now) + 1 / self.rate

    def narrow(self, now: float) -> None:
        """Slow down, at most once a second: requests that were under way together are refused together."""
        if now - self._narrowed >= 1:
            self._narrowed = now
            self.rate = max(self.rate * 0.7, self._full * 0.05)

    def widen(self) -> None:
        self.rate = min(self.rate + self._full * 0.01, self._full)


class Limiter:
    """Waits before a request is sent. Threads share one limiter per Stripe account."""

    def __init__(
        self,
        rates: Rates | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        rates = rates or Rates()
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._total = _Bucket(rates.total, rates.burst)
        self._endpoints: dict[str, _Bucket] = defaultdict(lambda: _Bucket(rates.endpoint, rates.burst))

    def wait(self, endpoint: str) -> float:
        """Wait until a request to `endpoint` may go; return the seconds waited."""
        waited = 0.0
        while True:
            with self._lock:
                now = self._clock()
                delay = max(self._total.delay(now), self._endpoints[endpoint].delay(now))
                if delay <= 0:
                    self._total.take(now)
                    self._endpoints[endpoint].take(now)
                    return waited
            self._sleep(delay)
            waited += delay

    def rejected(self, endpoint: str, reason: str = "") -> None:
        """Stripe said 429: go slower, multiplicatively, where `reason` (Stripe-Rate-Limited-Reason) says.

        Without a reason, or with one about a resource, one object is locked: slowing everything down would not help.
        """
        with self._lock:
            if reason.startswith("endpoint"):
                self._endpoints[endpoint].narrow(self._clock())
            elif reason.startswith("global"):
                self._total.narrow(self._clock())

    def accepted(self, endpoint: str) -> None:
        """Stripe answered: go a little faster again, up to the configured rate."""
        with self._lock:
            self._endpoints[endpoint].widen()
            self._total.widen()
