"""The threads of this process that do what was submitted, whoever submitted it, by the engine that is configured.

Each connection has a lane of its own: what hangs there delays no other, and the contracts of a customer stay in order.
"""

import logging
import threading
from collections.abc import Collection
from functools import partial

from connector.app import App
from connector.journal import worker_name
from jobs.stopping import Halt, Stopping
from jobs.vendors import is_paused, may_work
from jobs.work import Work

_log = logging.getLogger(__name__)

#: Accounts that a lane takes at a time: three reads of the CRM, some 24 seconds of work at Stripe's usual limit. A last
#: one that is slow leaves the others of its block waiting, so smaller ones cost time; larger ones leave less to others.
BLOCK = 600
_AGAIN_SECONDS = 5.0
_GLANCE = 0.05


class Workers:
    """All lanes of this process. They end soon after `stop` is set, with what they had in hand finished."""

    def __init__(self, app: App, stop: threading.Event) -> None:
        self._app, self._stop = app, stop
        self._work = Work(app.desks, app.config.hash, lambda name: Halt(stop, partial(is_paused, app, name)))
        self._lanes = {name: partial(may_work, app, name) for name in app.desks}
        self._thread = threading.Thread(target=self._run, name="work", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def join(self, seconds: float | None = None) -> bool:
        """Wait until all lanes have ended; tell whether they have."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                dispatcher = self._app.engine.dispatcher()
                dispatcher.run(self._work, threads=1, block=BLOCK, stop=self._stop, connections=self._lanes)
            except Exception:  # noqa: BLE001 -- of any kind: without workers nothing would be billed any more
                _log.exception("the workers ended; they begin again")
                self._stop.wait(_AGAIN_SECONDS)


def work_off(app: App, names: Collection[str], stop: Stopping) -> bool:
    """Work until nothing of the named connections is due; tell whether that was reached.

    Not when told to stop, and not while a connection is paused or a vendor is away. What others have in hand is theirs.
    """
    over = threading.Event()
    workers = Workers(app, over)
    workers.start()
    try:
        while not stop.is_set() and any(_goes_on(app, name) for name in names):
            stop.wait(_GLANCE)
    finally:
        over.set()
        workers.join()
    return not any(_is_due(app, name) for name in names)


def _goes_on(app: App, name: str) -> bool:
    """Tell whether there is anything to wait for; what is taken between the two questions is found by the second.

    A vendor whose time has come is asked by the workers, not here.
    """
    may = not is_paused(app, name) and all(breaker.state != "open" for breaker in app.breakers_of(name))
    return (may and _is_due(app, name)) or app.journal.has_in_hand(worker_name(), name)


def _is_due(app: App, name: str) -> bool:
    return bool(app.journal.claimable_work(app.desks[name].clock(), 1, connection=name))
