"""Whether a connection may be worked on just now: nobody paused it, and no vendor that it needs is away."""

import logging

from connector.app import App
from connector.breaker import Breaker
from connector.crm.protocol import ConnectedCrm
from connector.domain.errors import ConnectorError, RetryableError
from connector.journal import ALL

_log = logging.getLogger(__name__)


def may_work(app: App, connection: str) -> bool:
    """Tell whether a connection may be worked on."""
    return not is_paused(app, connection) and vendors_answer(app, connection)


def is_paused(app: App, connection: str) -> bool:
    """Tell whether people paused a connection, or all of them."""
    return app.journal.paused(connection) is not None


def vendors_answer(app: App, connection: str) -> bool:
    """Tell whether no vendor of a connection is away; one whose time has come is asked with one call."""
    breakers = app.breakers_of(connection)
    if any(breaker.state == "open" for breaker in breakers):
        return False
    return all(_probed(app, connection, breaker) for breaker in breakers if breaker.state == "half-open")


def _probed(app: App, connection: str, breaker: Breaker) -> bool:
    """Ask a vendor that was away whether it is back."""
    crm = app.desks[connection].crm
    try:
        if breaker is app.breakers.get((ALL, "Stripe")):
            app.api.get("/v1/account")
        elif isinstance(crm, ConnectedCrm):
            crm.is_sandbox()
    except RetryableError:
        return False
    except ConnectorError as error:  # it answers, and what it says is told by the job itself
        _log.debug("probe of %s: %s", breaker.vendor, error)
    return breaker.state != "open"  # still half open where nothing had to be asked: the job's own first call probes
