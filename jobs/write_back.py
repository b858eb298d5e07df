"""Every half minute: contracts that are right in Stripe, and of which the CRM could not be told yet, are submitted."""

from connector.app import App
from connector.failures import NOT_TOLD
from connector.sync import Desk
from jobs.stopping import Stop
from jobs.submitting import submitting


def write_back(app: App, stop: Stop) -> None:
    """Submit what no connection could be told of; Stripe is not called then, since nothing is left to do there."""
    for desk in app.desks.values():
        if stop.is_set():
            return
        _write_back_one(app, desk, stop)


def _write_back_one(app: App, desk: Desk, stop: Stop) -> None:
    failures = desk.account.journal.due_failures(desk.name, desk.clock(), desk.mapping.hash)
    due = [failure.record for failure in failures if failure.code == NOT_TOLD]
    if due:
        with submitting(app, desk, "write_back") as asked:
            asked.submit(due, stop)
