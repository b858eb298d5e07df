"""What is counted, how often, and that labels stay few whatever comes."""

import threading

import pytest
from prometheus_client import generate_latest

from connector import metrics
from connector.app import App
from connector.cli.playground import Playground
from connector.metrics import COUNTED, OTHER, REGISTRY, Bounded, route
from connector.reports.facts import Breaker, Signals
from connector.reports.gauges import GAUGES, JournalGauges
from connector.sandbox.http import FaultRule
from tests.wired import sync


def value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


def total(name: str, **labels: str) -> float:
    """Return the sum over all series of a name whose labels include these."""
    samples = (sample for family in REGISTRY.collect() for sample in family.samples if sample.name == name)
    return sum(sample.value for sample in samples if labels.items() <= sample.labels.items())


@pytest.mark.parametrize(
    ("method", "path", "endpoint"),
    [
        ("get", "/v1/subscription_schedules/sub_sched_1A2", "GET /v1/subscription_schedules/{id}"),
        ("post", "/v1/coupons/allsmall", "POST /v1/coupons/{id}"),
        ("post", "/v1/invoices/in_1/finalize", "POST /v1/invoices/{id}/finalize"),
        ("get", "/services/data/v62.0/query?q=SELECT+Id", "GET /services/data/v62.0/query"),
        (
            "patch",
            "/services/data/v62.0/sobjects/Order/8018Z0000000001QAA",
            "PATCH /services/data/v62.0/sobjects/{id}/{id}",
        ),
        ("post", "/crm/objects/2026-09/deals/batch/read", "POST /crm/objects/2026-09/deals/batch/read"),
        ("get", "/crm/objects/2026-09/deals/12345", "GET /crm/objects/2026-09/deals/{id}"),
    ],
)
def test_endpoints_have_no_ids(method: str, path: str, endpoint: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(metrics, "_endpoints", Bounded())  # other tests may have used up the process's
    assert route(method, path) == endpoint


def test_labels_are_bounded_whatever_comes():
    bounded = Bounded(most=3)
    assert [bounded(str(n)) for n in range(5)] == ["0", "1", "2", OTHER, OTHER]
    assert bounded("1") == "1"
    for number in range(2_000):
        metrics.called("stripe", "get", f"/v1/customers/cus_{number}", 200, 0.1)
        metrics.called("stripe", "get", f"/v1/{'customers/' * (number % 300)}x", 200, 0.1)
    families = [family for family in REGISTRY.collect() if family.name == "connector_calls"]
    endpoints = {sample.labels["endpoint"] for family in families for sample in family.samples}
    assert len(endpoints) <= metrics._MOST + 1
    assert not any("cus_" in endpoint for endpoint in endpoints)


def test_a_sync_is_counted(app: App, playground: Playground):
    applied = value("connector_contracts_done_total", connection="salesforce", outcome="applied")
    runs = value("connector_runs_total", connection="salesforce", job="sync")
    posts = total("connector_calls_total", vendor="stripe", status="200")
    crm = total("connector_calls_total", vendor="salesforce")
    waits = value("connector_limiter_wait_seconds_count", vendor="stripe")
    writes = value("connector_journal_seconds_count", kind="write")
    sync(app, threading.Event())
    assert value("connector_contracts_done_total", connection="salesforce", outcome="applied") - applied == 15
    assert value("connector_runs_total", connection="salesforce", job="sync") - runs == 1
    calls = len(playground.stripe.log)
    assert total("connector_calls_total", vendor="stripe", status="200") - posts == calls
    assert value("connector_limiter_wait_seconds_count", vendor="stripe") - waits == calls
    assert total("connector_calls_total", vendor="salesforce") - crm == len(playground.salesforce.log)
    assert value("connector_journal_seconds_count", kind="write") - writes > 15 * 3


def test_limits_and_lost_answers_are_counted(app: App, playground: Playground):
    limited = total("connector_rate_limited_total", vendor="stripe")
    lost = total("connector_calls_total", vendor="salesforce", status="0")
    error = {"error": {"type": "invalid_request_error", "code": "rate_limit", "message": "Slower."}}
    playground.stripe.inject(FaultRule("POST", "=/v1/customers", status=429, body=error, times=1))
    playground.salesforce.inject(FaultRule(route="/query", action="drop_before", times=1))
    sync(app, threading.Event())
    assert total("connector_rate_limited_total", vendor="stripe") - limited == 1
    assert total("connector_calls_total", vendor="salesforce", status="0") - lost == 1


def gauges(app: App, signals: Signals | None = None) -> dict[tuple[str, ...], float]:
    collector = JournalGauges(app.journal, app.desks, "test", signals or app.signals)
    found = {}
    for family in collector.registry.collect():
        for sample in family.samples:
            found[sample.name, *sample.labels.values()] = sample.value
    return found


def test_the_journal_is_read_at_the_scrape(app: App, clock):
    assert gauges(app)["connector_journal_up",] == 1
    sync(app, threading.Event())
    clock.turn(hours=2)
    found = gauges(app)
    assert found["connector_contracts", "salesforce", "applied"] == 15
    assert found["connector_contracts", "salesforce", "refused"] == 4
    assert found["connector_oldest_unsettled_seconds", "salesforce"] == 7_200
    assert found["connector_cursor_lag_seconds", "salesforce", "contracts"] == 7_200
    assert found["connector_last_run_seconds", "salesforce", "sync"] == 7_200
    assert found["connector_open_intents", "salesforce"] == 0
    assert ("connector_found_by_sweep", "salesforce") not in found, "nobody counted"


def test_what_others_keep_is_told(app: App, clock):
    run = app.journal.start_run("sweep", "salesforce", clock(), mapping_hash="", config_hash="")
    app.journal.finish_run(run.id, {"nothing": 3, "found_by_sweep": 2}, clock())
    signals = Signals(
        breakers=lambda: (Breaker("stripe", "*", clock(), "503"),),
        dead=lambda _: {"fix_data": 4, "bug": 1},
        paused=lambda _: "maintenance",
    )
    found = gauges(app, signals)
    assert found["connector_found_by_sweep", "salesforce"] == 2
    assert found["connector_breaker_open", "*", "stripe"] == 1
    assert found["connector_dead_letters", "salesforce", "fix_data"] == 4
    assert found["connector_paused", "salesforce"] == 1


def test_a_journal_that_is_away_is_told_and_nothing_breaks(app: App, monkeypatch: pytest.MonkeyPatch):
    def away() -> None:
        raise OSError("no disk")

    monkeypatch.setattr(app.journal, "check", away)
    found = gauges(app)
    assert {name[0]: value for name, value in found.items()} == {"connector_build_info": 1, "connector_journal_up": 0}


def test_the_number_of_contracts_makes_no_more_series(app: App):
    sync(app, threading.Event())
    collector = JournalGauges(app.journal, app.desks, "test", app.signals)
    told = (generate_latest(REGISTRY) + generate_latest(collector.registry)).decode()
    for state in app.journal.contract_states("salesforce"):
        assert state.record not in told
        assert str(state.status.get("name")) not in told or state.status.get("name") is None


def test_every_metric_is_described_once():
    names = [one.name for one in (*COUNTED, *GAUGES)]
    assert len(set(names)) == len(names)
    assert {family.name for family in REGISTRY.collect()} == {one.name for one in COUNTED}
