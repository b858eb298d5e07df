"""The customers a run holds: taken when the first contract's turn comes, given back when the CRM was told of the last.

No two workers hold one customer; the row in the journal says who does. A lease is short, so that whoever takes over
from a process that died need not wait for long, and a thread renews it while the work goes on. A worker that lost it
all the same (a laptop that slept) is stopped at its next intent.
"""

import logging
import secrets
import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from datetime import datetime, timedelta
from types import TracebackType
from typing import Self

from sqlalchemy.exc import SQLAlchemyError

from connector.journal import Journal, Lease, worker_name

LEASE = timedelta(seconds=15)
#: Seconds between two renewals: three may fail before the lease is lost.
BEAT = 4.0

_log = logging.getLogger(__name__)


class Holds:
    """The leases of one run. Its block ends with all of them given back."""

    def __init__(self, journal: Journal, clock: Callable[[], datetime]) -> None:
        self._journal = journal
        self._clock = clock
        self._owner = f"{worker_name()}:{secrets.token_hex(4)}"
        self._lock = threading.Lock()
        self._leases: dict[str, Lease] = {}
        self._wanted: Counter[str] = Counter()
        self._over = threading.Event()
        self._beating = threading.Thread(target=self._beat, name="leases", daemon=True)

    def want(self, accounts: Iterable[str]) -> None:
        """Say that accounts will be worked on: whoever takes one now does not give it back before `leave`."""
        with self._lock:
            self._wanted.update(accounts)

    def take(self, account: str) -> Lease | None:
        """Return the lease of an account; None when somebody else holds it. One thread an account at a time."""
        with self._lock:
            held = self._leases.get(account)
        if held is None:
            held = self._journal.acquire_lease(account, self._owner, self._clock(), LEASE)
            if held is not None:
                with self._lock:
                    self._leases[account] = held
        return held

    def held(self, accounts: Collection[str]) -> frozenset[str]:
        """Return which of the accounts are ours for another while; what was lost is forgotten."""
        with self._lock:
            known = {account: self._leases[account] for account in accounts if account in self._leases}
        still = self._journal.renew_leases(self._owner, known, self._clock(), LEASE) if known else frozenset()
        with self._lock:
            for account in known.keys() - still:
                if self._leases.get(account) is known[account]:
                    del self._leases[account]
        return still

    def leave(self, accounts: Iterable[str]) -> None:
        """Say that the work is done; accounts that nothing else is wanted of are given back."""
        with self._lock:
            self._wanted.subtract(accounts)
            done = [account for account, count in self._wanted.items() if count <= 0]
            for account in done:
                del self._wanted[account]
            given = [lease for account in done if (lease := self._leases.pop(account, None))]
        if given:
            self._journal.release_leases(given)

    def _beat(self) -> None:
        while not self._over.wait(BEAT):
            self._renew()

    def _renew(self) -> None:
        with self._lock:
            accounts = list(self._leases)
        try:
            self.held(accounts)
        except SQLAlchemyError:  # tried again at the next beat; leases that run out are noticed by their workers
            _log.warning("the leases of this run could not be renewed", exc_info=True)

    def __enter__(self) -> Self:
        self._beating.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._beating.join()
        self.leave(list(self._wanted.elements()))
