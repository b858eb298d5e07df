"""Once a day: look whether the journal is intact, and for Stripe writes without an answer."""

import logging
import threading

from connector.alerts import check_audit
from connector.app import App

_log = logging.getLogger(__name__)


def housekeeping(app: App, stop: threading.Event) -> None:
    """Check the audit chain and the open intents; both are for people to look at, nothing is repaired silently."""
    check = check_audit(app.journal, next(iter(app.desks.values())).clock())
    if not check.intact:
        _log.error("the audit chain is broken: %s", check.problem)
    for desk in () if stop.is_set() else app.desks.values():
        open_intents = app.journal.pending_intents(desk.name)
        if open_intents:
            oldest = open_intents[0].started_at.isoformat()
            _log.warning(
                "connection %s: %d Stripe writes without an answer, the oldest from %s",
                desk.name,
                len(open_intents),
                oldest,
            )
