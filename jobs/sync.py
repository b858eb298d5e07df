"""Every minute: what changed in the CRM since the last look is submitted, to be made right in Stripe."""

import logging

from connector.app import App
from connector.poll import read_changed, worth_a_look
from connector.stamps import Handled, save_cursor
from connector.sync import Desk
from jobs.stopping import Stop
from jobs.submitting import SUBMITTED, submitting

_log = logging.getLogger(__name__)


def sync(app: App, stop: Stop) -> None:
    """Submit what is worth a look on every connection; told to stop before all of it was, the cursor stays."""
    for desk in app.desks.values():
        if stop.is_set():
            return
        _sync_one(app, desk, stop)


def _sync_one(app: App, desk: Desk, stop: Stop) -> None:
    changed = read_changed(desk)
    handled = Handled(desk, changed.stamps)
    refs = worth_a_look(desk, changed, failed=False)
    with submitting(app, desk, "sync") as asked:
        if not asked.submit((ref.id for ref in refs), stop):
            return
        handled.save()
        save_cursor(desk, changed.cursor)
    if refs:
        _log.info("connection %s: %d %s", desk.name, asked.counts[SUBMITTED], SUBMITTED)
