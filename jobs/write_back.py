"""Every half minute: contracts that are right in Stripe, and of which the CRM could not be told yet."""

import logging

from connector.app import App
from connector.failures import NOT_TOLD
from connector.poll import sync_failed
from jobs.progress import counted, say
from jobs.stopping import Stop

_log = logging.getLogger(__name__)


def write_back(app: App, stop: Stop) -> None:
    """Tell every connection what it could not be told; Stripe is not called, since nothing is left to do there."""
    for desk in app.desks.values():
        if stop.is_set():
            return
        results = sync_failed(desk, job="write_back", config_hash=app.config.hash, stop=stop, codes={NOT_TOLD})
        say(counted(results, desk, _log), desk, _log)
