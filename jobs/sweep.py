"""Once a day: look at every known contract, for what no poll can see: deleted and merged records, associations."""

import logging

from connector import poll
from connector.app import App
from jobs.progress import counted
from jobs.stopping import Stop

_log = logging.getLogger(__name__)


def sweep(app: App, stop: Stop) -> None:
    """Sweep every connection; the contract in hand is finished, and what is left comes with the next sweep."""
    for desk in app.desks.values():
        if stop.is_set():
            return
        counted(poll.sweep(desk, job="sweep", config_hash=app.config.hash, stop=stop), desk, _log)
