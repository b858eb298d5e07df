"""A block of accounts in hand: taken together, reconciled together, each settled as soon as its outcome is known.

Both engines carry their work out here; they differ only in who decides which rows to take, and when.
"""

import itertools
import logging
import threading
from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime, timedelta

from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError, TimeoutError  # noqa: A004 -- the pool's

from connector.dispatch.hand import Hand
from connector.dispatch.protocol import Failure, Item, Outcome, Reconcile
from connector.dispatch.settling import Backoff
from connector.journal import Journal, worker_name
from connector.journal.work_rows import Key

_log = logging.getLogger(__name__)
#: The journal's database is away: nobody's fault, and nothing can be settled.
_AWAY = (OperationalError, InterfaceError, TimeoutError)
_GAVE_UP = Outcome(Failure.BUG, "every worker that took this account fell silent")
_NO_ANSWER = Outcome(Failure.BUG, "the reconciler gave no outcome")
#: A worker that is not heard of for so long has lost what it had in hand.
LEASE = timedelta(seconds=10)


class Blocks:
    """The blocks of one worker; threads share it. `clock` (UTC) must agree with other machines' within seconds."""

    def __init__(
        self,
        journal: Journal,
        clock: Callable[[], datetime],
        *,
        lease: timedelta = LEASE,
        backoff: Backoff | None = None,
    ) -> None:
        self.journal = journal
        self.clock = clock
        self.lease = lease
        self.backoff = backoff or Backoff()
        self._numbers = itertools.count(1)
        self._name = f"{worker_name()}:{id(self):x}"
        self._held: set[str] = set()
        self._lock = threading.Lock()

    def is_due(self, connection: str | None = None) -> bool:
        """Tell whether there is anything to take; no write lock is needed to find out."""
        return bool(self.journal.claimable_work(self.clock(), 1, connection=connection))

    def take(
        self, limit: int, keys: Collection[Key] | None = None, *, connection: str | None = None
    ) -> tuple[Item, ...]:
        """Claim up to `limit` accounts; empty when nothing is due. What a silent worker held is given free."""
        now = self.clock()
        owner = f"{self._name}/{next(self._numbers)}"
        claim = self.journal.claim_work(owner, now, self.lease, limit, keys=keys, connection=connection)
        if claim.items:
            with self._lock:
                self._held.add(owner)
        for worker in {silent.partition(":")[0] for silent in claim.silent} - {worker_name()}:
            freed = self.journal.release_leases_of(worker)
            _log.warning("worker %s fell silent: its accounts are taken over, %d customers freed", worker, freed)
        return claim.items

    def carry_out(self, items: Sequence[Item], reconcile: Reconcile, stop: threading.Event) -> None:
        """Reconcile and settle what was taken; on `stop` the rest is handed back after the next outcome.

        An error is blamed on an account only when it was tried alone. Raises when the journal's database is away.
        """
        hand = Hand(items, self.journal, self.clock, self.backoff)
        try:
            for item in items:
                if item.attempts >= self.backoff.attempts:  # it may be what kills them
                    hand.settle(item, _GAVE_UP)
            if not self._reconcile(tuple(hand.left.values()), hand, reconcile, stop):
                for item in tuple(hand.left.values()):
                    self._reconcile((item,), hand, reconcile, stop)
        finally:
            self._let_go(*{str(item.lease_owner) for item in items})
            hand.give_back()

    def _reconcile(self, together: Sequence[Item], hand: Hand, reconcile: Reconcile, stop: threading.Event) -> bool:
        """Settle outcomes as they come; False if it broke and each is to be tried alone."""
        if not together or stop.is_set():
            return True
        unanswered = _NO_ANSWER
        try:
            with closing(_each(reconcile, together)) as outcomes:
                for item, outcome in outcomes:
                    hand.settle(item, outcome)
                    if stop.is_set():
                        return True
        except _AWAY:
            raise
        except Exception as error:  # noqa: BLE001 -- one account's bug must not stop the others
            _log.exception("%s: an error in %d accounts", together[0].connection, len(together))
            if len(together) > 1:
                return False
            unanswered = Outcome(Failure.BUG, f"{type(error).__name__}: {error}")
        if stop.is_set():  # it may have stopped before it had an answer for all
            return True
        for item in together:
            if item.key in hand.left:
                hand.settle(item, unanswered)
        return True

    def heartbeat(self) -> None:
        """Extend the leases of all blocks in hand."""
        with self._lock:
            held = tuple(self._held)
        if held:
            self.journal.extend_work(held, self.clock(), self.lease)

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Extend the leases by a thread of its own, four times before they end, as long as the block lasts."""
        ended = threading.Event()
        beating = threading.Thread(target=self._beat, args=[ended], name="dispatch-heartbeat", daemon=True)
        beating.start()
        try:
            yield
        finally:
            ended.set()
            beating.join()

    def _beat(self, ended: threading.Event) -> None:
        while not ended.wait(self.lease.total_seconds() / 4):
            try:
                self.heartbeat()
            except SQLAlchemyError:
                _log.exception("leases could not be extended; it is tried again")

    def _let_go(self, *owners: str) -> None:
        with self._lock:
            self._held.difference_update(owners)


def _each(reconcile: Reconcile, items: Sequence[Item]) -> Generator[tuple[Item, Outcome]]:
    """Make any iterable one that can be broken off, so that what is behind it ends in order."""
    yield from reconcile(items)
