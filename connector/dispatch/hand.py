"""The accounts that one thread has in hand: what is left of them, and how each is left behind."""

import logging
import random
import time
from collections.abc import Callable, Sequence
from datetime import datetime

from connector.dispatch.protocol import Item, Outcome
from connector.dispatch.settling import Backoff, settlement
from connector.journal import Journal

_log = logging.getLogger(__name__)
#: Seconds for which accounts that are done are kept to be written together. Killed in between, they are done again.
_TOGETHER = 0.2


class Hand:
    """A block of claimed accounts. All that is left at the end is handed back."""

    def __init__(
        self, items: Sequence[Item], journal: Journal, clock: Callable[[], datetime], backoff: Backoff
    ) -> None:
        self.left = {item.key: item for item in items}
        self._journal = journal
        self._clock = clock
        self._backoff = backoff
        self._done: list[Item] = []
        self._written = time.monotonic()

    def settle(self, item: Item, outcome: Outcome) -> None:
        """Leave an account behind. Raises KeyError if it is not in hand, or was left already."""
        del self.left[item.key]
        failure = outcome.failure
        if failure is None:
            self._done.append(item)
            if time.monotonic() - self._written > _TOGETHER:
                self.write()
            return
        now = self._clock()
        chance = random.random()  # noqa: S311 -- it spreads retries
        left = settlement(item, failure, outcome, now, backoff=self._backoff, chance=chance)
        state = self._journal.settle_work(item, left, now)
        if state is None:
            _tell_lost(item)
        else:
            _log.info("%s: %s: %s: %s; it is %s now", *item.key, failure, outcome.message, state)

    def write(self) -> None:
        """Write what is done."""
        done, self._done, self._written = self._done, [], time.monotonic()
        states = self._journal.finish_work(done, self._clock()) if done else {}
        for item in done:
            if item.key not in states:
                _tell_lost(item)

    def give_back(self) -> None:
        """Write what is done, and hand back what was not begun."""
        self.write()
        self._journal.hand_back_work(tuple(self.left.values()), self._clock())


def _tell_lost(item: Item) -> None:
    _log.warning("%s: %s was taken over by another worker meanwhile", *item.key)
