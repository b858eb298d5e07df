"""The page for monitoring over real HTTP: alive, ready with reasons, how it stands, and never a secret or a name."""

import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import requests

from connector.app import App
from connector.cli.playground import Playground
from connector.config import MonitorConfig
from connector.domain.errors import ConfigError
from connector.health import start_monitor
from connector.reports.facts import Breaker, Signals
from tests.ops.conftest import Clock
from tests.postgres import run_alone
from tests.wired import sync

ON = MonitorConfig(enabled=True, port=0)


@pytest.fixture
def synced(app: App) -> App:
    sync(app, threading.Event())
    return app


@pytest.fixture
def page(synced: App) -> Iterator[str]:
    with start_monitor(synced, ON) as address:
        assert address is not None
        yield address


def test_it_is_off_unless_told(app: App):
    with start_monitor(app) as address:
        assert address is None


def test_a_port_that_is_taken_is_a_wrong_setting(app: App):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with (
            pytest.raises(
                ConfigError, match=rf"\[monitor\] cannot listen on 127.0.0.1 port {port}: .+ in use\. End what uses"
            ),
            start_monitor(app, MonitorConfig(enabled=True, port=port)),
        ):
            pass
    with start_monitor(app, MonitorConfig(enabled=True, port=port)) as address:
        assert requests.get(f"{address}/healthz", timeout=5).ok, "free again"


def test_an_address_of_another_machine_is_a_wrong_setting(app: App):
    elsewhere = MonitorConfig(enabled=True, port=0, address="192.0.2.1")
    with (
        pytest.raises(ConfigError, match=r"cannot listen on 192\.0\.2\.1 port 0: .*[Aa]ssign"),
        start_monitor(app, elsewhere),
    ):
        pass


def test_alive(page: str):
    answer = requests.get(f"{page}/healthz", timeout=5)
    assert (answer.status_code, answer.json()["alive"]) == (200, True)
    assert answer.headers["Cache-Control"] == "no-store"
    assert requests.head(f"{page}/healthz", timeout=5).content == b""


def test_it_listens_on_this_machine(page: str):
    assert page.startswith("http://127.0.0.1:")


def test_ready_after_a_sync_and_not_when_it_is_long_ago(page: str, clock: Clock):
    answer = requests.get(f"{page}/readyz", timeout=5)
    assert (answer.status_code, answer.json()) == (200, {"ready": True, "reasons": []})
    clock.turn(seconds=5 * 60 + 1)
    answer = requests.get(f"{page}/readyz", timeout=5)
    (reason,) = answer.json()["reasons"]
    assert answer.status_code == 503
    assert reason.startswith("connection salesforce: no sync for 300 seconds, last at ")


def test_not_ready_before_the_first_sync(app: App):
    with start_monitor(app, ON) as address:
        answer = requests.get(f"{address}/readyz", timeout=5)
    assert answer.json()["reasons"] == ["connection salesforce: no sync for 300 seconds, not once"]


def test_a_vendor_that_is_away_and_a_pause(synced: App, clock: Clock):
    away = Signals(breakers=lambda: (Breaker("stripe", "*", clock(), "503"),))
    paused = Signals(paused=lambda _: "maintenance")
    with start_monitor(replace(synced, signals=away), ON) as address:
        (reason,) = requests.get(f"{address}/readyz", timeout=5).json()["reasons"]
        assert reason.startswith("stripe is away since ")
    clock.turn(hours=5)
    with start_monitor(replace(synced, signals=paused), ON) as address:
        assert requests.get(f"{address}/readyz", timeout=5).json()["ready"], "people wanted it so"
        assert requests.get(f"{address}/status", timeout=5).json()["connections"]["salesforce"]["paused"]


def test_a_journal_of_another_version_is_not_ready(synced: App, page: str):
    run_alone(synced.config.database_url(), "UPDATE journal_version SET version_num = '9999'")
    answer = requests.get(f"{page}/readyz", timeout=5)
    assert answer.status_code == 503
    assert "schema 9999, which this program does not know" in answer.json()["reasons"][0]
    assert requests.get(f"{page}/healthz", timeout=5).status_code == 200, "a restart would not help"
    assert "connector_journal_up 0.0" in requests.get(f"{page}/metrics", timeout=5).text


def test_a_database_that_is_gone_is_told(synced: App, page: str, config_file: Path):
    Path(str(synced.config.database_url()).removeprefix("sqlite:///")).rename(config_file.parent / "elsewhere.db")
    synced.journal.close()
    assert requests.get(f"{page}/readyz", timeout=5).status_code == 503
    assert requests.get(f"{page}/healthz", timeout=5).status_code == 200


def test_metrics_are_prometheus_text(page: str):
    answer = requests.get(f"{page}/metrics", timeout=5)
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    assert 'connector_contracts{connection="salesforce",outcome="applied"} 15.0' in answer.text
    assert "# TYPE connector_calls_total counter" in answer.text
    assert answer.text.count("# HELP connector_build_info ") == 1
    assert "connector_process_start_time_seconds" in answer.text


def test_the_status_has_ids_and_no_names_and_no_secrets(synced: App, page: str, playground: Playground):
    answer = requests.get(f"{page}/status", timeout=5)
    document = answer.json()["connections"]["salesforce"]
    assert document["contracts"] == {"applied": 15, "refused": 4, "skipped": 1}
    assert {one["record"] for one in document["unsettled"]} == {
        state.record for state in synced.journal.contract_states("salesforce") if state.outcome == "refused"
    }
    told = answer.text + requests.get(f"{page}/metrics", timeout=5).text
    names = [str(one["Name"]) for one in playground.salesforce.records("Account").values()]
    secrets = [
        path.read_text()
        for path in (Path(synced.config.database_url()[10:]).parent).iterdir()
        if path.stat().st_mode & 0o077 == 0 and path.suffix == ""
    ]
    assert len(names) > 10
    assert secrets
    for hidden in (*names, *secrets):
        assert hidden not in told


def test_other_paths_and_methods_are_refused(page: str):
    answer = requests.get(f"{page}/admin", timeout=5)
    assert (answer.status_code, answer.json()["error"]) == (404, "there are /healthz, /metrics, /readyz, /status")
    assert requests.post(f"{page}/status", timeout=5).status_code == 501


def test_a_bug_in_the_page_is_answered_and_logged(
    synced: App, page: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(synced.journal, "contract_counts", broken)
    answer = requests.get(f"{page}/status", timeout=5)
    assert (answer.status_code, list(json.loads(answer.text))) == (500, ["error"])
    assert any("could not answer /status" in message for message in caplog.messages)


def test_many_ask_at_once(page: str):
    codes: list[int] = []
    threads = [
        threading.Thread(target=lambda: codes.append(requests.get(f"{page}/metrics", timeout=10).status_code))
        for _ in range(12)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert codes == [200] * 12
