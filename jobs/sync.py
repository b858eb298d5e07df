"""Every minute: what changed in the CRM since the last look becomes right in Stripe."""

import logging

from connector.app import App
from connector.poll import sync_changed
from jobs.progress import counted, say
from jobs.stopping import Stop

_log = logging.getLogger(__name__)


def sync(app: App, stop: Stop) -> None:
    """Sync every connection until done or told to stop; then the cursor stays where it was."""
    for desk in app.desks.values():
        if stop.is_set():
            return
        results = sync_changed(desk, job="sync", config_hash=app.config.hash, failed=False, stop=stop)
        say(counted(results, desk, _log), desk, _log)
