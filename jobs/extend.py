"""Every few hours: contracts with more phases than Stripe holds get their next ones in time, or an alarm is raised."""

import logging

from connector.app import App
from connector.poll import sync_refs
from connector.sync import Desk
from connector.windows import due_windows, short_windows
from jobs.progress import counted, say
from jobs.stopping import Stop

_log = logging.getLogger(__name__)


def extend(app: App, stop: Stop) -> None:
    """Append what is due on every connection, then raise the alarm for what is about to run out all the same."""
    for desk in app.desks.values():
        if stop.is_set():
            return
        try:
            _extend_one(desk, app.config.hash, stop)
        finally:
            for issue in short_windows(desk):
                _log.error("connection %s: %s: %s", desk.name, issue.record, issue.message)


def _extend_one(desk: Desk, config_hash: str, stop: Stop) -> None:
    """Sync the contracts that are due until done or told to stop; what is left is due again at the next slot."""
    due = due_windows(desk)
    if due:
        results = sync_refs(desk, due, job="extend", config_hash=config_hash, stop=stop)
        say(counted(results, desk, _log), desk, _log)
