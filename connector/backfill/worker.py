"""One process at work on a back-fill: its name, what it holds, and whether it has been told to stop."""

import logging
import os
import secrets
import socket
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from types import TracebackType
from typing import Self

from sqlalchemy.exc import SQLAlchemyError

from connector.journal import Backfill, BackfillItem, Journal

#: How long a claim holds without being renewed: what a killed process held is taken over after that.
CLAIM = timedelta(seconds=15)
_TICK = 1.0
_RENEW_EVERY = 4
_log = logging.getLogger(__name__)


class Worker:
    """Claims items and holds on to them by a thread of its own.

    The thread also notices that somebody paused the back-fill or its connection. Use it as a context manager: what is
    still claimed at the end is given back.
    """

    def __init__(
        self,
        journal: Journal,
        backfill: Backfill,
        clock: Callable[[], datetime],
        stop: threading.Event | None = None,
        *,
        block: int | None = None,
    ) -> None:
        """`block` is how many items are taken at a time: by default as many as the CRM reads together."""
        self.owner = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self.stop = stop or threading.Event()
        self.block = block
        self._journal, self._id, self._clock = journal, backfill.id, clock
        self._connection = backfill.connection
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="backfill-watch", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        self.release()

    def claim(self, state: str, batch: int) -> tuple[BackfillItem, ...]:
        """Take the next items that nobody holds, a batch of the CRM or less."""
        now, limit = self._clock(), min(self.block or batch, batch)
        return self._journal.claim_items(self._id, self.owner, state=state, now=now, until=now + CLAIM, limit=limit)

    def release(self, *records: str, after: timedelta | None = None) -> None:
        """Give items back, all without names; `after` so long they may be tried again."""
        due = self._clock() + after if after else None
        self._journal.release_items(self._id, self.owner, records or None, due_at=due)

    def rest(self) -> None:
        """Wait a moment for what others hold, or until told to stop."""
        self.stop.wait(_TICK)

    def _watch(self) -> None:
        ticks = 0
        while not self._over.wait(_TICK):
            ticks += 1
            try:
                connection = self._journal.paused(self._connection)
                if connection is not None or self._journal.backfill(self._id).paused is not None:
                    self.stop.set()
                if ticks % _RENEW_EVERY == 0:
                    self._journal.renew_claims(self._id, self.owner, self._clock() + CLAIM)
            except SQLAlchemyError:
                _log.warning("back-fill %d: the journal could not be reached", self._id, exc_info=True)
