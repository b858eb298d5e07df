"""What keeps the jobs from running as usual, for `status`: pauses, vendors that are away, contracts that wait."""

from collections.abc import Iterator, Mapping
from typing import Any

from connector.app import App
from connector.cli.pause import paused_words
from connector.desk import Desk
from connector.failures import FailureClass
from connector.journal import ALL


def running_json(app: App, desk: Desk) -> Mapping[str, Any]:
    """Return pause, open breakers and failures by class of a connection."""
    paused = app.journal.paused(desk.name)
    return {
        "paused": {"since": paused.paused_at.isoformat(), "by": paused.paused_by, "reason": paused.reason}
        if paused
        else None,
        "away": [
            {
                "vendor": one.vendor,
                "since": one.opened_at.isoformat(),
                "retry_at": one.retry_at.isoformat(),
                "state": "half-open" if one.retry_at <= desk.clock() else "open",
                "reason": one.reason,
            }
            for one in app.journal.open_breakers()
            if one.connection in {ALL, desk.name}
        ],
        "failures": app.journal.failure_counts(desk.name),
    }


def running_words(app: App, desk: Desk) -> tuple[str, ...]:
    """Return the same in a line each, nothing when all is as usual."""
    return tuple(_lines(app, desk))


def _lines(app: App, desk: Desk) -> Iterator[str]:
    paused = app.journal.paused(desk.name)
    if paused:
        yield f"Paused: {paused_words(paused)}. Go on with `connector resume`."
    for one in app.journal.open_breakers():
        if one.connection in {ALL, desk.name}:
            since, until = f"{one.opened_at:%Y-%m-%d %H:%M}", f"{one.retry_at:%H:%M:%S}"
            yield f"{one.vendor} is away since {since} UTC, next try {until} UTC: {one.reason}"
    counts = app.journal.failure_counts(desk.name)
    for_people = sum(number for kind, number in counts.items() if kind != FailureClass.WAIT)
    if for_people:
        yield f"{for_people} contracts wait for people: connector dead"
