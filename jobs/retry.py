"""Every half minute: failed contracts whose next try is due, or whose mapping file was corrected, are submitted."""

from connector.app import App
from connector.failures import NOT_TOLD
from connector.sync import Desk
from jobs.stopping import Stop
from jobs.submitting import submitting


def retry(app: App, stop: Stop) -> None:
    """Submit what is due on every connection; what fails again waits longer."""
    for desk in app.desks.values():
        if stop.is_set():
            return
        _retry_one(app, desk, stop)


def _retry_one(app: App, desk: Desk, stop: Stop) -> None:
    failures = desk.account.journal.due_failures(desk.name, desk.clock(), desk.mapping.hash)
    due = [failure.record for failure in failures if failure.code != NOT_TOLD]
    if due:
        with submitting(app, desk, "retry") as asked:
            asked.submit(due, stop)
