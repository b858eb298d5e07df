"""Once a day: ids and stamps of the CRM against what was looked at; now and then every contract, whatever its stamp."""

import logging
from datetime import timedelta

from connector.app import App
from connector.stamps import read_cursor
from connector.sweep import Walk, last_sweep
from connector.sync import Desk
from jobs.stopping import Stop
from jobs.submitting import submitting

_log = logging.getLogger(__name__)


def sweep(app: App, stop: Stop) -> None:
    """Submit what a sweep over every connection finds; told to stop, what is left comes with the next one."""
    for desk in app.desks.values():
        if stop.is_set():
            return
        if read_cursor(desk) is None:
            _log.info("connection %s: no sweep before the first sync has read everything", desk.name)
            continue
        _sweep_one(app, desk, stop)


def _sweep_one(app: App, desk: Desk, stop: Stop) -> None:
    before = last_sweep(desk)
    deep = _is_deep_due(app, desk)
    walk = Walk(desk, deep=deep)
    with submitting(app, desk, "sweep") as asked:
        asked.counts = walk.told
        if asked.submit((ref.id for ref in walk.refs()), stop):
            walk.finish()
    after = last_sweep(desk)
    if after is None or after == before:  # told to stop
        return
    _log.info(
        "connection %s: %s of %d records: %d changed, %d by another mapping, %d gone",
        desk.name,
        "deep sweep" if deep else "sweep",
        after.read,
        after.changed,
        after.mapping,
        after.gone,
    )
    if after.found:
        _log.error("connection %s: found by sweep: %d records that no poll has told", desk.name, after.found)


def _is_deep_due(app: App, desk: Desk) -> bool:
    last = last_sweep(desk)
    every = timedelta(days=app.config.jobs.deep_sweep_every_days)
    return last is None or last.deep_at is None or desk.clock() - last.deep_at >= every - timedelta(hours=1)
