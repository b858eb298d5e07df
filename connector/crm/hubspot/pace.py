"""Stay under HubSpot's limits: requests in a rolling ten seconds, and searches in a second.

The window is the account's, shared with every other app that uses the same token, so what HubSpot says is left
(`X-HubSpot-RateLimit-Remaining`) counts for more than what we have sent ourselves. Searches have a limit of their own,
for all apps of the account together, are not counted in the window, and their answers say nothing of what is left
(developers.hubspot.com/docs/developer-tooling/platform/usage-guidelines).
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping

WINDOW = 10.0  # seconds
#: Left to other apps of the account: below this share of the window we wait for it to roll on.
_HEADROOM = 0.05


class Pace:
    """Waits before a request is sent; one for an account, for all threads."""

    def __init__(
        self,
        burst: int,
        searches: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Allow `burst` requests in ten seconds and `searches` a second."""
        self._burst, self._searches = burst, searches
        self._clock, self._sleep = clock, sleep
        self._lock = threading.Lock()
        self._sent: deque[float] = deque()
        self._next_search = 0.0
        self._closed_until = 0.0
        self.daily_left: int | None = None
        """Requests left today, as the last answer told; None before the first."""

    def wait(self, *, search: bool) -> None:
        """Wait until a request may go."""
        while (delay := self._take(search=search)) > 0:
            self._sleep(delay)

    def learn(self, headers: Mapping[str, str], *, search: bool) -> None:
        """Take note of what an answer says about the window."""
        daily = _number(headers.get("X-HubSpot-RateLimit-Daily-Remaining"))
        left, most = (_number(headers.get(f"X-HubSpot-RateLimit-{name}")) for name in ("Remaining", "Max"))
        with self._lock:
            if daily is not None:
                self.daily_left = daily
            if not search and left is not None and most and left < most * _HEADROOM:
                self._closed_until = max(self._closed_until, self._clock() + 1.0)

    def _take(self, *, search: bool) -> float:
        with self._lock:
            now = self._clock()
            if search:
                delay = self._next_search - now
                if delay <= 0:
                    self._next_search = max(now, self._next_search) + 1 / self._searches
                return delay
            while self._sent and self._sent[0] <= now - WINDOW:
                self._sent.popleft()
            full = self._sent[0] + WINDOW - now if len(self._sent) >= self._burst else 0.0
            delay = max(full, self._closed_until - now)
            if delay <= 0:
                self._sent.append(now)
            return delay


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isdigit() else None
