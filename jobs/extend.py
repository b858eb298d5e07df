"""Every few hours: contracts with more phases than Stripe holds are submitted in time, or an alarm is raised."""

import logging

from connector.app import App
from connector.sync import Desk
from connector.windows import due_windows, short_windows
from jobs.stopping import Stop
from jobs.submitting import submitting

_log = logging.getLogger(__name__)


def extend(app: App, stop: Stop) -> None:
    """Raise the alarm for what is about to run out, and submit what is due on every connection.

    The alarm's day comes weeks after a contract was due, so the workers have failed at it by then; or nobody worked,
    and the alarm is true until they have.
    """
    for desk in app.desks.values():
        if stop.is_set():
            return
        for issue in short_windows(desk):
            _log.error("connection %s: %s: %s", desk.name, issue.record, issue.message)
        _extend_one(app, desk, stop)


def _extend_one(app: App, desk: Desk, stop: Stop) -> None:
    due = due_windows(desk)
    if due:
        with submitting(app, desk, "extend") as asked:
            asked.submit((ref.id for ref in due), stop)
