"""Every night: all of Stripe's schedules against what was applied last. Findings are alarms; nothing is repaired."""

import logging

from connector.app import App
from connector.domain.errors import ConnectorError
from connector.journal import JournalError
from connector.reconcile import reconcile as reconcile_all
from jobs.stopping import Stop

_log = logging.getLogger(__name__)


def reconcile(app: App, stop: Stop) -> None:
    """Compare all connections with the Stripe account they bill into; what is away is compared at the next slot."""
    if stop.is_set():
        return
    try:
        done = reconcile_all(tuple(app.desks.values()), stopped=stop.is_set)
    except (ConnectorError, JournalError):
        if stop.is_set():
            _log.info("told to stop; Stripe is reconciled at the next slot")
            return
        _log.exception("Stripe could not be reconciled; it is tried again at the next slot")
        return
    standing = sum(len(found) for found in done.findings.values())
    _log.info("reconciled: %d schedules in Stripe, %d links, %d findings", done.schedules, done.links, standing)
    for name, found in done.fresh.items():
        for one in found:
            whose = f" of contract {one.contract_key}" if one.contract_key else ""
            _log.error("connection %s: %s%s: %s: %s", name, one.subject, whose, one.kind, one.detail)
