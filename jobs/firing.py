"""One firing of a job: may it run now, for this connection, and by this process? Then run it, and say how it went.

Not while the connection is paused, not while a vendor is away, not twice in a slot, not beside a run of the same job
that another process has in hand. Nothing that a job raises leaves here: the scheduler goes on.
"""

import logging
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from threading import Lock

from connector.app import App
from connector.desk import Desk
from connector.domain.errors import ConnectorError
from connector.journal import JournalError, worker_name
from jobs import Job
from jobs.slots import slot_of
from jobs.stopping import Halt, Stop
from jobs.vendors import is_paused, vendors_answer

_log = logging.getLogger(__name__)

#: How long a claim holds without a sign of life of its process.
CLAIM = timedelta(seconds=60)
#: Held while a slot is claimed: who hands everything back takes it first, and nothing is claimed behind them.
CLAIMING = Lock()
#: A job that could not run is tried again within its slot, after its interval or this, whichever is shorter.
_AGAIN = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Firing:
    """A job for one connection (`*` for a whole job), ready to be fired again and again."""

    app: App
    job: Job
    connection: str

    @property
    def seconds(self) -> float:
        """Return the seconds between two slots."""
        return self.job.seconds(self.app.config.jobs)

    def fire(self, stop: Stop) -> bool:
        """Run the job if its slot is to be done; tell whether it was."""
        now, journal = self._now(), self.app.journal
        slot = slot_of(now, self.seconds, self.app.config.zone, self.app.config.jobs.night_hour)
        if stop.is_set() or self._is_paused():
            return False
        if not journal.slot_is_free(self.job.name, self.connection, slot, now) or not self._vendors_answer():
            return False
        owner = worker_name()
        with CLAIMING:
            until = self._now() + CLAIM
            if stop.is_set() or not journal.claim_slot(
                self.job.name, self.connection, slot, owner=owner, now=now, until=until
            ):
                return False
        again = self._now() if stop.is_set() else self._run(stop)  # told to stop while it claimed
        if again is None:
            journal.finish_slot(self.job.name, self.connection, slot, owner=owner, now=self._now())
        else:
            journal.hand_back_slot(self.job.name, self.connection, slot, owner=owner, again=again)
        return again is None

    def run_now(self, stop: Stop) -> bool:
        """Run the job whatever its slot is; tell whether it could be done."""
        return not self._is_paused() and self._vendors_answer() and self._run(stop) is None

    def _run(self, stop: Stop) -> datetime | None:
        """Run the job; return None when it was done, else when it is to be tried again."""
        halt = stop if self.job.whole else Halt(stop, self._is_paused)
        try:
            self.job.run(self._narrowed(), halt)
        except (ConnectorError, JournalError) as error:
            if stop.is_set():
                return self._now()
            _log.error("%s: %s", self._could_not(), error)
        except Exception:  # noqa: BLE001 -- of any kind: one job must not end the others
            _log.exception("%s, for a reason that nobody foresaw", self._could_not())
        else:
            return self._now() if halt.is_set() else None
        return self._now() + min(timedelta(seconds=self.seconds), _AGAIN)

    def _could_not(self) -> str:
        whose = "" if self.job.whole else f"connection {self.connection}: "
        return f"{whose}the {self.job.name} could not run; it is tried again at the next slot"

    def _narrowed(self) -> App:
        """Return the app with this connection only."""
        return self.app if self.job.whole else replace(self.app, desks={self.connection: self._desk()})

    def _is_paused(self) -> bool:
        return not self.job.whole and is_paused(self.app, self.connection)

    def _vendors_answer(self) -> bool:
        return self.job.whole or vendors_answer(self.app, self.connection)

    def _desk(self) -> Desk:
        return self.app.desks[self.connection]

    def _now(self) -> datetime:
        return next(iter(self.app.desks.values())).clock()
