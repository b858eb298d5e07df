"""Being told to stop: by a signal for good, or by a pause of the connection for a while."""

import threading
import time
from collections.abc import Callable

from connector.desk import Stop
from connector.domain.errors import RetryableError

__all__ = ["Halt", "Stop", "Stopping"]

_LOOK_EVERY = 1.0  # seconds between two looks at the journal for a pause


class Stopping(threading.Event):
    """Set by a signal. Calls that wait to be sent again give up then: their contract is handed back as `waiting`."""

    def sleep(self, seconds: float) -> None:
        """Wait; raises RetryableError when told to stop meanwhile."""
        if self.wait(seconds):
            raise RetryableError("the connector was told to stop; it goes on from here when it runs again")


class Halt:
    """One job's reasons to stop: the process stops, or the job's connection was paused."""

    def __init__(self, stop: Stop, paused: Callable[[], bool]) -> None:
        self._stop = stop
        self._paused = paused
        self._looked = time.monotonic()
        self._halted = False

    def is_set(self) -> bool:
        """Tell whether to stop; the journal is asked once a second at most."""
        now = time.monotonic()
        if not self._halted and now - self._looked >= _LOOK_EVERY:
            self._looked = now
            self._halted = self._paused()
        return self._halted or self._stop.is_set()
