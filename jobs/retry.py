"""Every half minute: failed contracts whose next try is due, or whose mapping file was corrected."""

import logging

from connector.app import App
from connector.failures import NOT_TOLD
from connector.poll import sync_failed
from jobs.progress import counted, say
from jobs.stopping import Stop

_log = logging.getLogger(__name__)


def retry(app: App, stop: Stop) -> None:
    """Try again what is due on every connection; what fails again waits longer."""
    for desk in app.desks.values():
        if stop.is_set():
            return
        results = sync_failed(desk, job="retry", config_hash=app.config.hash, stop=stop, but={NOT_TOLD})
        say(counted(results, desk, _log), desk, _log)
