"""Every minute: what changed in the CRM since the last look becomes right in Stripe."""

import logging
from collections import Counter

from connector.app import App
from connector.domain.errors import ConnectorError
from connector.poll import sync_changed

_log = logging.getLogger(__name__)


def sync(app: App) -> None:
    """Sync every connection; one that fails is logged and does not stop the others."""
    for desk in app.desks.values():
        try:
            counts = Counter(r.outcome for r in sync_changed(desk, job="sync", config_hash=app.config.hash))
        except ConnectorError:
            _log.exception("connection %s: the sync could not run; it is tried again at the next slot", desk.name)
            continue
        if counts:
            _log.info("connection %s: %s", desk.name, ", ".join(f"{n} {word}" for word, n in sorted(counts.items())))
