"""What the process counts, for Prometheus: one registry of our own, and one function for each thing worth counting.

Labels hold connections, jobs, outcomes, endpoints and statuses, never an id or a name: their number is bounded, and
what is beyond the bound is counted as `other`. What the journal knows is not counted here but read when somebody asks
(`connector.reports.gauges`). docs/operations.md has a table of all; a test compares.
"""

import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter
from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Histogram

REGISTRY = CollectorRegistry()
OTHER = "other"
#: So many values a label may take; there are some 60 endpoints of all vendors together.
_MOST = 100

Kind = Literal["counter", "histogram", "gauge"]


@dataclass(frozen=True, slots=True)
class Described:
    """A metric as it is published: its name without the suffixes of its kind, what it says, and its labels."""

    name: str
    kind: Kind
    says: str
    labels: tuple[str, ...] = ()


RUNS = Described("connector_runs", "counter", "Runs that ended, by job", ("connection", "job"))
RUN_SECONDS = Described("connector_run_seconds", "histogram", "How long runs took", ("connection", "job"))
CONTRACTS_DONE = Described(
    "connector_contracts_done", "counter", "Contracts looked at, by how they ended", ("connection", "outcome")
)
CONTRACT_SECONDS = Described(
    "connector_contract_seconds", "histogram", "How long one contract took, from plan to write-back", ("connection",)
)
CALLS = Described(
    "connector_calls", "counter", "Calls to a vendor, by endpoint and HTTP status (0: no answer)",
    ("vendor", "endpoint", "status"),
)  # fmt: skip
CALL_SECONDS = Described("connector_call_seconds", "histogram", "How long a vendor took to answer", ("vendor",))
RATE_LIMITED = Described(
    "connector_rate_limited", "counter", "Calls that a vendor refused with 429", ("vendor", "endpoint")
)
LIMITER_WAIT = Described(
    "connector_limiter_wait_seconds", "histogram", "How long a call waited for its turn before it was sent", ("vendor",)
)
JOURNAL_SECONDS = Described(
    "connector_journal_seconds", "histogram", "How long a transaction on the journal took, by kind", ("kind",)
)
LOGGED = Described("connector_log_lines", "counter", "Lines logged, by level", ("level",))
NOTICES = Described(
    "connector_notices", "counter", "Alerts handed to a channel, by what came of it", ("channel", "result")
)

COUNTED = (
    RUNS, RUN_SECONDS, CONTRACTS_DONE, CONTRACT_SECONDS, CALLS, CALL_SECONDS, RATE_LIMITED, LIMITER_WAIT,
    JOURNAL_SECONDS, LOGGED, NOTICES,
)  # fmt: skip

_FINE = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_COARSE = (0.1, 0.5, 1, 5, 10, 30, 60, 300, 900, 3_600, 14_400)


def _counter(what: Described) -> Counter:
    return Counter(what.name, what.says, what.labels, registry=REGISTRY)


def _histogram(what: Described, buckets: Sequence[float] = _FINE) -> Histogram:
    return Histogram(what.name, what.says, what.labels, registry=REGISTRY, buckets=buckets)


_runs, _run_seconds = _counter(RUNS), _histogram(RUN_SECONDS, _COARSE)
_contracts, _contract_seconds = _counter(CONTRACTS_DONE), _histogram(CONTRACT_SECONDS)
_calls, _call_seconds, _rate_limited = _counter(CALLS), _histogram(CALL_SECONDS), _counter(RATE_LIMITED)
_limiter_wait, _journal_seconds = _histogram(LIMITER_WAIT), _histogram(JOURNAL_SECONDS)
_logged, _notices = _counter(LOGGED), _counter(NOTICES)


class Bounded:
    """The values that a label has taken; from the bound on, new ones are `other`."""

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._seen: set[str] = set()
        self._lock = threading.Lock()

    def __call__(self, value: str) -> str:
        """Return the value, or `other` when there are too many already."""
        if value in self._seen:
            return value
        with self._lock:
            if len(self._seen) >= self._most:
                return OTHER
            self._seen.add(value)
        return value


_endpoints = Bounded()
_VERSION = re.compile(r"v\d{1,3}(\.0)?|20\d{2}-\d{2}", re.ASCII)
#: The words of the vendors' paths that we use. Whatever else stands in a path is a name or an id.
_WORDS = frozenset({
    "account", "account-info", "add_lines", "api-usage", "archive", "associations", "batch", "billing", "cancel",
    "charges", "companies", "composite", "contacts", "coupons", "create", "create_preview", "credit_notes", "crm",
    "customers", "daily", "data", "deactivate", "deals", "deleted", "deployRequest", "describe", "details", "events",
    "finalize", "groups", "integrations", "invoiceitems", "invoices", "jobs", "labels", "limits", "line_items",
    "lines", "metadata", "meter_event_adjustments", "meter_events", "meters", "notes", "oauth", "oauth2", "objects",
    "owners", "pay", "payment_methods", "pipelines", "preview", "prices", "private-apps", "products",
    "promotion_codes", "properties", "query", "queryAll", "quotes", "reactivate", "read", "recent", "refunds",
    "release", "remove_lines", "schemas", "search", "send", "services", "sobjects", "stages", "subscription_items",
    "subscription_schedules", "subscriptions", "tax_ids", "tax_rates", "test_clocks", "test_helpers", "token",
    "tooling", "tree", "update", "update_lines", "updated", "upsert", "usage", "userinfo", "v3", "v4", "void",
})  # fmt: skip


def route(method: str, path: str) -> str:
    """Return the endpoint of a path: what is no word of the vendor's own becomes `{id}`, versions are kept."""
    parts = path.partition("?")[0].strip("/").split("/")
    shown = [part if part in _WORDS or _VERSION.fullmatch(part) else "{id}" for part in parts]
    return _endpoints(f"{method.upper()} /{'/'.join(shown)}")


def called(vendor: str, method: str, path: str, status: int, seconds: float) -> None:
    """Count a call to a vendor; status 0 when no answer came."""
    endpoint = route(method, path)
    _calls.labels(vendor, endpoint, str(status)).inc()
    _call_seconds.labels(vendor).observe(seconds)
    if status == 429:
        _rate_limited.labels(vendor, endpoint).inc()


def waited(vendor: str, seconds: float) -> None:
    """Count how long a call waited for its turn."""
    _limiter_wait.labels(vendor).observe(seconds)


def run_ended(connection: str, job: str, seconds: float) -> None:
    """Count a run that ended."""
    _runs.labels(connection, job).inc()
    _run_seconds.labels(connection, job).observe(seconds)


def contract_ended(connection: str, outcome: str, seconds: float) -> None:
    """Count a contract that was looked at."""
    _contracts.labels(connection, outcome).inc()
    _contract_seconds.labels(connection).observe(seconds)


@contextmanager
def journal_time(kind: Literal["read", "write"]) -> Iterator[None]:
    """Measure a transaction on the journal, its commit included."""
    began = perf_counter()
    try:
        yield
    finally:
        _journal_seconds.labels(kind).observe(perf_counter() - began)


def logged(level: str) -> None:
    """Count a line of the log."""
    _logged.labels(level).inc()


def notified(channel: str, result: Literal["sent", "failed"]) -> None:
    """Count an alert that was handed to a channel."""
    _notices.labels(channel, result).inc()
