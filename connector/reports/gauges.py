"""What the journal knows, as gauges for Prometheus, read when somebody asks: counts and ages, never an id or a name."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError

from connector import __version__
from connector.desk import Desk
from connector.journal import Journal, JournalError
from connector.journal.schema import head
from connector.metrics import Described
from connector.reports.facts import Facts, Signals, read_facts

BUILD = Described("connector_build_info", "gauge", "1, with version, mode and schema", ("version", "mode", "schema"))
UP = Described("connector_journal_up", "gauge", "1 while the journal answers and is of this version")
CONTRACTS = Described("connector_contracts", "gauge", "Contracts by their last outcome", ("connection", "outcome"))
OLDEST = Described(
    "connector_oldest_unsettled_seconds", "gauge", "Age of the oldest contract that is not settled", ("connection",)
)
LAG = Described(
    "connector_cursor_lag_seconds", "gauge", "Time since a stream of the CRM was read last", ("connection", "stream")
)
WAITS = Described(
    "connector_work_waiting_seconds",
    "gauge",
    "Age of the oldest account that is due and not looked at",
    ("connection",),
)
LAST_RUN = Described("connector_last_run_seconds", "gauge", "Time since a job last ended a run", ("connection", "job"))
INTENTS = Described("connector_open_intents", "gauge", "Stripe writes without an answer", ("connection",))
OLDEST_INTENT = Described(
    "connector_oldest_intent_seconds", "gauge", "Age of the oldest Stripe write without an answer", ("connection",)
)
WINDOWS = Described("connector_windows_short", "gauge", "Long contracts about to run out of phases", ("connection",))
FOUND = Described(
    "connector_found_by_sweep", "gauge", "Contracts that only the last sweep found; should be 0", ("connection",)
)
DEAD = Described(
    "connector_dead_letters", "gauge", "Contracts that wait for people, by failure class", ("connection", "class")
)
BREAKERS = Described("connector_breaker_open", "gauge", "1 while a vendor is given a rest", ("connection", "vendor"))
PAUSED = Described("connector_paused", "gauge", "1 while a connection is paused", ("connection",))
INCIDENTS = Described("connector_incidents", "gauge", "Incidents that are open, by kind", ("kind",))
UNSENT = Described("connector_notices_unsent", "gauge", "Alerts that no channel has taken yet", ("channel",))

GAUGES = (
    BUILD, UP, CONTRACTS, OLDEST, LAG, WAITS, LAST_RUN, INTENTS, OLDEST_INTENT, WINDOWS, FOUND, DEAD, BREAKERS, PAUSED,
    INCIDENTS, UNSENT,
)  # fmt: skip


class JournalGauges(Collector):
    """The collector of these gauges, for all connections."""

    def __init__(self, journal: Journal, desks: Mapping[str, Desk], mode: str, signals: Signals) -> None:
        self._journal = journal
        self._desks = desks
        self._mode = mode
        self._signals = signals
        self.registry = CollectorRegistry()
        self.registry.register(self)

    def describe(self) -> Iterable[GaugeMetricFamily]:
        """Promise nothing when registered: the journal may be away just then."""
        return ()

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Read the journal; while it is away only that is told."""
        yield _gauge(BUILD, [((__version__, self._mode, head()), 1)])
        try:
            self._journal.check()
            told = [*self._read()]
        except (JournalError, SQLAlchemyError, OSError):
            yield _gauge(UP, [((), 0)])
            return
        yield _gauge(UP, [((), 1)])
        yield from told

    def _read(self) -> Iterator[GaugeMetricFamily]:
        facts = [read_facts(desk, self._signals) for desk in self._desks.values()]
        yield _gauge(CONTRACTS, [((f.connection, outcome), n) for f in facts for outcome, n in f.counts.items()])
        yield _gauge(OLDEST, [((f.connection,), _age(f.oldest, f.now)) for f in facts])
        yield _gauge(LAG, [((f.connection, c.stream), _age(c.updated_at, f.now)) for f in facts for c in f.cursors])
        yield _gauge(WAITS, [((f.connection,), _age(f.waits, f.now)) for f in facts])
        yield _gauge(LAST_RUN, [((f.connection, job), _age(at, f.now)) for f in facts for job, at in f.ends.items()])
        yield _gauge(INTENTS, [((f.connection,), f.intents.count) for f in facts])
        yield _gauge(OLDEST_INTENT, [((f.connection,), _age(f.intents.oldest, f.now)) for f in facts])
        yield _gauge(WINDOWS, [((f.connection,), len(f.short)) for f in facts])
        yield _gauge(PAUSED, [((f.connection,), 1 if f.paused else 0) for f in facts])
        yield from self._heard(facts)
        kinds: dict[tuple[str, ...], float] = {}
        for incident in self._journal.open_incidents():
            kinds[incident.kind,] = kinds.get((incident.kind,), 0) + 1
        yield _gauge(INCIDENTS, kinds.items())
        unsent: dict[tuple[str, ...], float] = {}
        for notice in self._journal.unsent_notices():
            unsent[notice.channel,] = unsent.get((notice.channel,), 0) + 1
        yield _gauge(UNSENT, unsent.items())

    def _heard(self, facts: Iterable[Facts]) -> Iterator[GaugeMetricFamily]:
        """Yield what is told only where somebody keeps it."""
        found = [((f.connection,), f.found.count) for f in facts if f.found is not None]
        yield _gauge(FOUND, found)
        dead = self._signals.dead
        if dead is not None:
            yield _gauge(DEAD, [((name, kind), n) for name in self._desks for kind, n in dead(name).items()])
        if self._signals.breakers is not None:
            yield _gauge(BREAKERS, [((one.connection, one.vendor), 1) for one in self._signals.breakers()])


def _gauge(what: Described, samples: Iterable[tuple[tuple[str, ...], float]]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(what.name, what.says, labels=what.labels)
    for labels, value in samples:
        family.add_metric(labels, value)
    return family


def _age(since: datetime | None, now: datetime) -> float:
    return max(0.0, (now - since).total_seconds()) if since else 0.0
