"""Once a night: is the journal intact, which Stripe writes have no answer, and what may be forgotten."""

import logging
from datetime import datetime, timedelta

from connector.alerts import check_audit
from connector.app import App
from connector.config import JobsConfig
from connector.config.types import OFF
from jobs.retention import retire
from jobs.stopping import Stop

_log = logging.getLogger(__name__)

_SLOTS_KEPT = timedelta(days=2)


def housekeeping(app: App, stop: Stop) -> None:
    """Check the audit chain and the open intents, which people look at; forget what is over."""
    now = next(iter(app.desks.values())).clock()
    check = check_audit(app.journal, now)
    if not check.intact:
        _log.error("the audit chain is broken: %s", check.problem)
    for name in app.desks:
        _list_open_intents(app, name)
    if stop.is_set():
        return
    app.journal.clear_slots(now - _slots_kept(app.config.jobs))
    if not check.intact:
        _log.error("nothing is removed from a journal whose audit chain is broken")
        return
    _forget_approvals(app, now)
    retire(app.journal, app.config.jobs, now, stop)


def _list_open_intents(app: App, name: str) -> None:
    open_intents = app.journal.pending_intents(name)
    if open_intents:
        oldest = open_intents[0].started_at.isoformat()
        _log.warning(
            "connection %s: %d Stripe writes without an answer, the oldest from %s", name, len(open_intents), oldest
        )


def _forget_approvals(app: App, now: datetime) -> None:
    gone = app.journal.remove_expired_approvals(now)
    if gone:
        _log.info("%d approvals have expired; what they were for and was not applied waits for approval again", gone)


def _slots_kept(config: JobsConfig) -> timedelta:
    """Return how long slots are remembered: longer than any of them lasts, or a job would be done twice in one."""
    hours = (config.sweep_every_hours, config.extend_every_hours, config.housekeeping_every_hours)
    longest = max((every for every in hours if every != OFF), default=0.0)
    return max(_SLOTS_KEPT, timedelta(hours=2 * longest))
