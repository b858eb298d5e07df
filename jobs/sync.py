"""Every minute: what changed in the CRM since the last look becomes right in Stripe."""

import logging
import threading
from collections import Counter

from connector.app import App
from connector.domain.errors import ConnectorError
from connector.journal import JournalError
from connector.poll import sync_changed
from connector.sync import Desk
from jobs.progress import counted

_log = logging.getLogger(__name__)


def sync(app: App, stop: threading.Event) -> None:
    """Sync every connection; one that fails is logged and does not stop the others."""
    for desk in app.desks.values():
        if stop.is_set():
            return
        try:
            counts = _sync_one(desk, app.config.hash, stop)
        except (ConnectorError, JournalError):
            _log.exception("connection %s: the sync could not run; it is tried again at the next slot", desk.name)
            continue
        if counts:
            _log.info("connection %s: %s", desk.name, ", ".join(f"{n} {word}" for word, n in sorted(counts.items())))


def _sync_one(desk: Desk, config_hash: str, stop: threading.Event) -> Counter[str]:
    """Sync until done or told to stop; the contract in hand is finished, and the cursor stays where it was."""
    return counted(sync_changed(desk, job="sync", config_hash=config_hash, stop=stop), desk, _log)
