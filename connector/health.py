"""A page for monitoring, beside the jobs: /metrics, /healthz, /readyz and /status, by the standard library's server.

It listens on this machine only unless told otherwise, asks for no login, and tells no secret and no name of a person or
customer. A request reads the journal; it never calls a vendor, and nothing that goes wrong in it reaches the jobs.
"""

import json
import logging
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from prometheus_client import CONTENT_TYPE_LATEST, ProcessCollector, generate_latest
from sqlalchemy.exc import SQLAlchemyError

from connector import __version__, metrics
from connector.app import App
from connector.config import MonitorConfig
from connector.config.types import OFF
from connector.domain.errors import ConfigError
from connector.journal import JournalError
from connector.masking import masked
from connector.reports.facts import read_facts
from connector.reports.gauges import JournalGauges
from connector.reports.reports import REPORTS, look_at
from connector.reports.writing import summary_json

_log = logging.getLogger(__name__)
_AWAY = (JournalError, SQLAlchemyError, OSError)
#: So many contracts are named; the counts are of all.
_MOST = 1_000
_JSON = "application/json; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered: a status, a type, a body."""

    status: HTTPStatus
    kind: str
    body: bytes


@contextmanager
def start_monitor(app: App, config: MonitorConfig | None = None) -> Iterator[str | None]:
    """Serve the page in the background while the block runs; yields its address, None when it is not enabled.

    Raises ConfigError when it cannot listen there: the port is taken, or the address is not this machine's.
    """
    config = config or app.config.monitor
    if not config.enabled:
        yield None
        return
    server = _listening(config, page_of(app, config))
    thread = threading.Thread(target=server.serve_forever, name="monitor", daemon=True)
    thread.start()
    host = f"[{config.address}]" if ":" in config.address else config.address
    address = f"http://{host}:{server.server_address[1]}"
    _log.info("monitoring page: %s", address)
    try:
        yield address
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


Page = Mapping[str, Callable[[], Answer]]


def _listening(config: MonitorConfig, page: Page) -> "_Server":
    try:
        return _Server((config.address, config.port), page)
    except OSError as error:
        raise ConfigError(
            f"[monitor] cannot listen on {config.address} port {config.port}: {error.strerror or error}. End what "
            "uses the port (another connector?), or set another port or address; port 0 takes any that is free."
        ) from error


def page_of(app: App, config: MonitorConfig) -> Page:
    """Return what is answered to each path."""
    gauges = JournalGauges(app.journal, app.desks, app.config.mode, app.signals)
    ProcessCollector(namespace="connector", registry=gauges.registry)
    return {
        "/healthz": lambda: _json({"alive": True, "version": __version__}),
        "/readyz": lambda: _ready(app, config),
        "/status": lambda: _json(status_document(app)),
        "/metrics": lambda: Answer(
            HTTPStatus.OK, CONTENT_TYPE_LATEST, generate_latest(metrics.REGISTRY) + generate_latest(gauges.registry)
        ),
    }


def reasons_not_ready(app: App, config: MonitorConfig) -> list[str]:
    """Return why the process is not doing its work; empty when it is. A paused connection is none."""
    try:
        app.journal.check()
        facts = [read_facts(desk, app.signals) for desk in app.desks.values()]
    except _AWAY as error:
        return [f"the journal: {masked(str(error))}"]
    every = app.config.jobs.sync_every_seconds
    limit = None if every == OFF else timedelta(seconds=every) * config.late_after_slots
    reasons = []
    for one in facts:
        last = one.ends.get("sync")
        if one.paused is None and limit is not None and (last is None or one.now - last > limit):
            when = f"last at {last:%Y-%m-%d %H:%M:%S} UTC" if last else "not once"
            reasons.append(f"connection {one.connection}: no sync for {limit.total_seconds():.0f} seconds, {when}")
    breakers = app.signals.breakers() if app.signals.breakers else ()
    reasons += [f"{one.vendor} is away since {one.since:%Y-%m-%d %H:%M:%S} UTC" for one in breakers]
    return reasons


def status_document(app: App) -> dict[str, Any]:
    """Return how every connection stands, as `connector status --json` does, without names and without texts of others.

    Contracts are named by their ids, and only those that are not settled are.
    """
    return {
        "schema_version": 1,
        "version": __version__,
        "mode": app.config.mode,
        "connections": {name: _connection(app, name) for name in app.desks},
        "incidents": [
            {
                "kind": one.kind,
                "connection": one.connection or None,
                "since": one.since.isoformat(),
                "count": one.count,
                "what": masked(one.what),
            }
            for one in app.journal.open_incidents()
        ],
    }


def _connection(app: App, name: str) -> dict[str, Any]:
    look = look_at(app.desks[name], app.signals, app.config.jobs, several=len(app.desks) > 1)
    facts = look.facts
    found = [(one, list(one.rows(look))) for one in REPORTS]
    contracts = {row.record: row for _, rows in found for row in rows if row.contract}
    return {
        "contracts": dict(facts.counts),
        "oldest_unsettled": facts.oldest.isoformat() if facts.oldest else None,
        "open_intents": facts.intents.count,
        "paused": facts.paused is not None,
        "last_runs": {job: at.isoformat() for job, at in sorted(facts.ends.items())},
        "cursors": {one.stream: one.updated_at.isoformat() for one in facts.cursors},
        "reports": [summary_json(one.name, rows) for one, rows in found],
        "unsettled": [
            {
                "record": row.record,
                "outcome": row.outcome,
                "class": row.kind,
                "since": row.since.isoformat() if row.since else None,
            }
            for row in list(contracts.values())[:_MOST]
        ],
    }


def _ready(app: App, config: MonitorConfig) -> Answer:
    reasons = reasons_not_ready(app, config)
    status = HTTPStatus.SERVICE_UNAVAILABLE if reasons else HTTPStatus.OK
    return _json({"ready": not reasons, "reasons": reasons}, status)


def _json(document: Mapping[str, Any], status: HTTPStatus = HTTPStatus.OK) -> Answer:
    return Answer(status, _JSON, json.dumps(document, ensure_ascii=False).encode() + b"\n")


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, address: tuple[str, int], page: Page) -> None:
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        self.page = page
        super().__init__(address, _Request)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 -- the library's signature
        """Log what a broken connection raised; it concerns nobody else."""
        _log.debug("a request to the monitoring page broke off: %s", client_address, exc_info=True)


class _Request(BaseHTTPRequestHandler):
    server_version = "connector"
    sys_version = ""
    timeout = 10  # seconds that a client may keep a thread waiting
    server: _Server

    def do_GET(self) -> None:
        """Answer a path of the page."""
        self._answer(body=True)

    def do_HEAD(self) -> None:
        """Answer without the body."""
        self._answer(body=False)

    def _answer(self, *, body: bool) -> None:
        answer = self._found()
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.kind)
        self.send_header("Content-Length", str(len(answer.body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        if body:
            self.wfile.write(answer.body)

    def _found(self) -> Answer:
        paths = self.server.page
        make = paths.get(urlsplit(self.path).path)
        if make is None:
            return _json({"error": f"there are {', '.join(sorted(paths))}"}, HTTPStatus.NOT_FOUND)
        try:
            return make()
        except _AWAY as error:
            return _json({"error": masked(str(error))}, HTTPStatus.SERVICE_UNAVAILABLE)
        except Exception:  # noqa: BLE001 -- whatever it is, the jobs go on
            _log.exception("the monitoring page could not answer %s", self.path)
            return _json(
                {"error": "this is a bug in the connector; its log says more"}, HTTPStatus.INTERNAL_SERVER_ERROR
            )

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the standard library's name
        """Log requests at debug only: a scrape every few seconds is no news."""
        _log.debug(format, *args)
