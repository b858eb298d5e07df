"""Every minute: whatever is wrong becomes an incident, and people are told once."""

import logging

from sqlalchemy.exc import SQLAlchemyError

from connector.alerts import alert_round
from connector.app import App
from connector.domain.errors import ConnectorError
from connector.journal import JournalError
from jobs.stopping import Stop

_log = logging.getLogger(__name__)


def alerts(app: App, stop: Stop) -> None:
    """Do one round; what goes wrong in it is logged, and the next round tries again."""
    if stop.is_set():
        return
    try:
        alert_round(app)
    except (ConnectorError, JournalError, SQLAlchemyError):
        _log.exception("the alerts could not be looked at; the next round tries again")
