"""Once a day: look at every known contract, for what no poll can see: deleted and merged records, associations."""

import logging
import threading

from connector import poll
from connector.app import App
from connector.domain.errors import ConnectorError
from connector.journal import JournalError
from jobs.progress import counted

_log = logging.getLogger(__name__)


def sweep(app: App, stop: threading.Event) -> None:
    """Sweep every connection; the contract in hand is finished, and what is left comes with the next sweep."""
    for desk in app.desks.values():
        if stop.is_set():
            return
        try:
            counted(poll.sweep(desk, job="sweep", config_hash=app.config.hash, stop=stop), desk, _log)
        except (ConnectorError, JournalError):
            _log.exception("connection %s: the sweep could not run; it is tried again at the next slot", desk.name)
