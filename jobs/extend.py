"""Every few hours: contracts with more phases than Stripe holds get their next ones in time, or an alarm is raised."""

import logging
import threading
from collections import Counter

from connector.app import App
from connector.domain.errors import ConnectorError
from connector.journal import JournalError
from connector.poll import sync_refs
from connector.sync import Desk
from connector.windows import due_windows, short_windows
from jobs.progress import counted

_log = logging.getLogger(__name__)


def extend(app: App, stop: threading.Event) -> None:
    """Append what is due on every connection, then raise the alarm for what is about to run out all the same."""
    for desk in app.desks.values():
        if stop.is_set():
            return
        try:
            counts = _extend_one(desk, app.config.hash, stop)
        except (ConnectorError, JournalError):
            _log.exception("connection %s: long contracts could not be extended; it is tried again", desk.name)
            counts = Counter()
        if counts:
            _log.info("connection %s: %s", desk.name, ", ".join(f"{n} {word}" for word, n in sorted(counts.items())))
        for issue in short_windows(desk):
            _log.error("connection %s: %s: %s", desk.name, issue.record, issue.message)


def _extend_one(desk: Desk, config_hash: str, stop: threading.Event) -> Counter[str]:
    """Sync the contracts that are due until done or told to stop; what is left is due again at the next slot."""
    due = due_windows(desk)
    return (
        counted(sync_refs(desk, due, job="extend", config_hash=config_hash, stop=stop), desk, _log)
        if due
        else Counter()
    )
