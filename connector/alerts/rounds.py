"""A round: what is wrong becomes incidents, what is over is closed, and every channel gets what is due to it."""

import logging
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from connector import metrics
from connector.alerts.audit import check_audit, last_audit
from connector.alerts.channels import Channel, DeliveryError, Message, channels_of
from connector.alerts.conditions import Condition, conditions_of, conditions_of_all
from connector.alerts.kinds import KINDS
from connector.app import App
from connector.config import AlertsConfig
from connector.domain.errors import ConfigError
from connector.journal import Incident, Journal, Notice
from connector.masking import masked
from connector.reports.reports import look_at

_log = logging.getLogger(__name__)

#: So long nobody else sends what this process is sending; longer than all timeouts of a channel together.
_HOLD = timedelta(minutes=5)
_LONGEST = timedelta(hours=1)
_AUDIT_EVERY = timedelta(hours=24)
_KEPT = timedelta(days=365)
_WORDS = {"opened": "", "reminder": "still: ", "closed": "over: "}


def alert_round(app: App, channels: Sequence[Channel] | None = None) -> tuple[Incident, ...]:
    """Look at everything, open, remind and close, then deliver; returns the incidents that are open.

    `channels` are those of the configuration when not given. A delivery that fails is logged and tried again later.
    """
    limits, journal = app.config.alerts, app.journal
    outs = channels_of(limits) if channels is None else channels
    names = [channel.name for channel in outs]
    found = tuple(_conditions(app))
    now = _now(app)
    for one in found:
        _see(journal, one, limits, names, now)
    _close(journal, found, limits, names, now)
    journal.drop_notices(names)
    journal.forget_incidents(now - _KEPT)
    for channel in outs:
        _deliver(journal, channel, limits, now)
    return journal.open_incidents()


def send_test(app: App) -> dict[str, str | None]:
    """Send a test message to every channel; returns what went wrong with each, None where nothing did."""
    message = Message("[connector] test", "This is a test of the alerts. Nothing is wrong.")
    done: dict[str, str | None] = {}
    for channel in channels_of(app.config.alerts):
        try:
            channel.send(message)
        except (DeliveryError, ConfigError) as error:
            done[channel.name] = masked(str(error))
        else:
            done[channel.name] = None
    return done


def _conditions(app: App) -> Iterable[Condition]:
    limits, now = app.config.alerts, _now(app)
    several = len(app.desks) > 1
    for desk in app.desks.values():
        look = look_at(desk, app.signals, app.config.jobs, several=several)
        yield from conditions_of(look, app.signals, limits)
    checked = last_audit(app.journal)
    if checked is None or now - checked.at > _AUDIT_EVERY:
        check_audit(app.journal, now)
    breakers = app.signals.breakers() if app.signals.breakers else ()
    yield from conditions_of_all(breakers, last_audit(app.journal), limits, now)


def _see(journal: Journal, one: Condition, limits: AlertsConfig, names: Sequence[str], now: datetime) -> None:
    what = masked(one.what)
    incident = journal.see_incident(
        one.kind, one.connection, since=one.since, count=one.count, what=what, now=now, channels=names
    )
    if incident.opened_at == now:
        _log.error("incident opened: %s on %s: %s", one.kind, one.connection or "all connections", what)
    elif journal.remind(incident, every=timedelta(hours=limits.remind_every_hours), now=now, channels=names):
        _log.warning("incident lasts: %s on %s: %s", one.kind, one.connection or "all connections", what)


def _close(
    journal: Journal, found: Sequence[Condition], limits: AlertsConfig, names: Sequence[str], now: datetime
) -> None:
    """Close what was not found for a while: trouble that comes and goes is one incident."""
    wrong = {(one.kind, one.connection) for one in found}
    quiet = timedelta(minutes=limits.close_after_minutes)
    for incident in journal.open_incidents():
        over = (incident.kind, incident.connection) not in wrong and now - incident.seen_at >= quiet
        if over and journal.close_incident(incident, now, names):
            _log.info("incident closed: %s on %s", incident.kind, incident.connection or "all connections")


def _deliver(journal: Journal, channel: Channel, limits: AlertsConfig, now: datetime) -> None:
    notices = journal.claim_notices(channel.name, now, _HOLD)
    if not notices:
        return
    ids = [notice.id for notice in notices]
    try:
        channel.send(message_of(journal, notices, limits))
    except (DeliveryError, ConfigError) as error:
        metrics.notified(channel.name, "failed")
        again = min(timedelta(minutes=2 ** min(max(n.attempts for n in notices) - 1, 10)), _LONGEST)
        _log.warning("alerts could not be sent by %s, next try in %s: %s", channel.name, again, error)
        journal.settle_notices(ids, now, error=masked(str(error)), again=again)
    else:
        metrics.notified(channel.name, "sent")
        journal.settle_notices(ids, now, error=None, again=timedelta())


def message_of(journal: Journal, notices: Iterable[Notice], limits: AlertsConfig) -> Message:
    """Return one message of all notices that are due; of an incident that opened and closed meanwhile, the last."""
    latest: dict[int, Notice] = {}
    for notice in notices:
        latest[notice.incident_id] = notice
    told = [(incident, n.word) for n in latest.values() if (incident := journal.incident(n.incident_id)) is not None]
    parts = [_paragraph(incident, word, limits) for incident, word in told]
    if len(told) == 1:
        incident, word = told[0]
        subject = f"{_WORDS[word]}{KINDS[incident.kind].title}{_where(incident)}"
    else:
        subject = f"{len(told)} alerts: {', '.join(KINDS[incident.kind].title.lower() for incident, _ in told)}"
    return Message(f"[connector] {subject}", "\n\n".join(parts))


def _paragraph(incident: Incident, word: str, limits: AlertsConfig) -> str:
    kind = KINDS[incident.kind]
    if word == "closed" and incident.closed_at is not None:
        lasted = incident.closed_at - incident.opened_at
        return f"Over: {kind.title}{_where(incident)}, after {_span(lasted)}. It was: {incident.what}"
    lines = [
        f"{kind.title}{_where(incident)}{' (reminder)' if word == 'reminder' else ''}",
        f"What: {incident.what}",
        f"Since: {incident.since:%Y-%m-%d %H:%M} UTC",
        f"What to do: {kind.remedy}",
        f"More: {limits.runbook}#{kind.anchor}",
    ]
    return "\n".join(lines)


def _where(incident: Incident) -> str:
    return f" ({incident.connection})" if incident.connection else ""


def _span(span: timedelta) -> str:
    minutes = round(span.total_seconds() / 60)
    return f"{minutes} minutes" if minutes < 120 else f"{minutes // 60} hours"


def _now(app: App) -> datetime:
    return next(iter(app.desks.values())).clock()
