"""The circuit breaker of a vendor: after several outages in a row nothing is sent for a while, then one call probes.

Closed: calls go through. Open: they fail at once, without being sent. Half open, when the time is over: one call goes
through; if it is answered the breaker closes, if not it opens again for twice as long. Any answer counts, a refusal
too: only a vendor that cannot be reached, fails, or has no more requests for us today is away.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from connector.domain.errors import RetryableError

#: A vendor that asks to wait this long is away, whatever it calls it.
_LONG = 60.0
_TEXT = 300  # characters of a reason that are kept


class BreakerOpenError(RetryableError):
    """Not sent: the vendor is away. Not tried again by the retry policy, but by whoever tries contracts again."""


@dataclass(frozen=True, slots=True)
class Opening:
    """Since when a breaker is open, until when nothing is sent (UTC), how often in a row it opened, and why."""

    opened_at: datetime
    retry_at: datetime
    openings: int
    reason: str


@dataclass(frozen=True, slots=True)
class Patience:
    """After how many outages in a row a breaker opens, for how long at first, and for how long at most."""

    outages: int = 8
    first: timedelta = timedelta(seconds=30)
    most: timedelta = timedelta(minutes=10)


class Breaker:
    """One vendor's breaker, for many threads. `told` hears of every opening, and None when it closes."""

    def __init__(
        self,
        vendor: str,
        clock: Callable[[], datetime],
        *,
        patience: Patience | None = None,
        opening: Opening | None = None,
        told: Callable[[Opening | None], None] = lambda _: None,
    ) -> None:
        """Begin closed, or as a process before this one left it: with its `opening`."""
        self.vendor = vendor
        self._clock = clock
        self._patience = patience or Patience()
        self._opening = opening
        self._told = told
        self._lock = threading.Lock()
        self._outages = 0
        self._prober: int | None = None

    @property
    def opening(self) -> Opening | None:
        """How it is open or half open; None while it is closed."""
        return self._opening

    @property
    def state(self) -> Literal["closed", "open", "half-open"]:
        """Return closed, open or half-open."""
        opening = self._opening
        if opening is None:
            return "closed"
        return "open" if self._clock() < opening.retry_at else "half-open"

    def enter(self) -> None:
        """Go through before a call; raises BreakerOpenError instead, unless closed or the one that probes."""
        with self._lock:
            opening, now = self._opening, self._clock()
            if opening is None:
                return
            if now >= opening.retry_at and self._prober in {None, threading.get_ident()}:
                self._prober = threading.get_ident()
                return
            after = max(0.0, (opening.retry_at - now).total_seconds())
        when = f"{opening.retry_at:%Y-%m-%d %H:%M:%S} UTC"
        raise BreakerOpenError(f"{self.vendor} is away, next try {when}: {opening.reason}", after=after)

    def answered(self) -> None:
        """Say that a call was answered, whatever the answer."""
        with self._lock:
            self._outages, self._prober = 0, None
            was_open, self._opening = self._opening is not None, None
        if was_open:
            self._told(None)

    def failed(self, error: RetryableError) -> None:
        """Say that a call was not answered, or only in order to say "not now"; what is no outage changes nothing."""
        asked = error.after or 0.0
        with self._lock:
            probing = self._prober == threading.get_ident()
            self._prober = None if probing else self._prober
            if not (error.away or asked >= _LONG):
                return
            self._outages += 1
            enough = self._outages >= self._patience.outages or asked >= _LONG
            if not probing and (self._opening is not None or not enough):
                return
            opening = self._opening = self._opened(asked, str(error))
        self._told(opening)

    def left(self) -> None:
        """Say that a call ended in another way, so that another one may probe."""
        with self._lock:
            if self._prober == threading.get_ident():
                self._prober = None

    def _opened(self, asked: float, reason: str) -> Opening:
        now, before = self._clock(), self._opening
        number = before.openings + 1 if before else 1
        wait = min(self._patience.first * 2 ** min(number - 1, 20), self._patience.most)
        until = now + max(wait, timedelta(seconds=asked))
        words = " ".join(reason.split())
        return Opening(before.opened_at if before else now, until, number, words[:_TEXT])
