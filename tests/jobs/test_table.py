"""What runs when: the table, the scheduler made of it, and what the jobs do."""

import logging
import threading
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from connector.app import App
from connector.cli.playground import Playground
from connector.config import JobsConfig
from connector.domain.errors import ConnectorError
from connector.journal import Intent, WorkState
from connector.poll import read_cursor
from connector.sandbox.http import FaultRule
from jobs import JOBS
from jobs.housekeeping import housekeeping
from jobs.scheduler import firings
from jobs.sync import sync as submit
from tests.wired import sync


def test_the_table_says_what_and_how_often():
    config = JobsConfig(sync_every_seconds=30, housekeeping_every_hours=2, extend_every_hours=3)
    assert [(job.name, job.seconds(config)) for job in JOBS] == [
        ("sync", 30),
        ("write_back", 30),
        ("retry", 30),
        ("sweep", 86_400),
        ("reconcile", 86_400),
        ("extend", 10_800),
        ("alerts", 60),
        ("housekeeping", 7200),
    ]


def test_jobs_are_fired_for_each_connection_and_those_that_are_off_never(app: App):
    every = firings(app)
    assert [(one.job.name, one.connection) for one in every] == [
        *((name, "salesforce") for name in ("sync", "write_back", "retry", "sweep")),
        ("reconcile", "*"),
        ("extend", "salesforce"),
        ("alerts", "*"),
        ("housekeeping", "*"),
    ]
    jobs = JobsConfig.model_validate({"sweep_every_hours": "off", "retry_every_seconds": 0.2})
    some = firings(replace(app, config=app.config.model_copy(update={"jobs": jobs})))
    names = ["sync", "write_back", "retry", "reconcile", "extend", "alerts", "housekeeping"]
    assert [one.job.name for one in some] == names
    assert some[2].seconds == 0.2


# --- sync ------------------------------------------------------------------------------------------


def test_sync_submits_then_moves_the_cursor_and_the_work_is_a_run_of_its_own(
    app: App, stop: threading.Event, playground: Playground, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.INFO)
    submit(app, stop)
    assert read_cursor(app.desk()) is not None, "what was submitted is on disk"
    assert (app.journal.contract_counts("salesforce"), playground.stripe.log) == ({}, [])
    assert app.journal.work_counts("salesforce") == {WorkState.DUE: len(playground.orders)}
    sync(app, stop)
    assert app.journal.contract_counts("salesforce") == {"applied": 15, "refused": 4, "skipped": 1}
    assert "connection salesforce: 15 applied, 4 refused, 1 skipped" in caplog.messages
    assert app.journal.work_counts("salesforce") == {WorkState.IDLE: len(playground.orders)}
    (work,) = app.journal.latest_runs("salesforce", job="work")
    assert work.counts == {"applied": 15, "refused": 4, "skipped": 1}
    asked = app.journal.latest_runs("salesforce", job="sync")
    assert asked[-1].counts == {"submitted": len(playground.orders)}


def test_told_to_stop_it_submits_no_more_and_leaves_the_cursor(app: App, playground: Playground, stop: threading.Event):
    stop.set()
    submit(app, stop)
    assert app.journal.latest_runs("salesforce") == ()

    class Soon(threading.Event):
        """An event that is set once something was submitted."""

        def is_set(self) -> bool:
            return bool(app.journal.work_counts("salesforce"))

    submit(app, Soon())
    assert app.journal.work_counts("salesforce") == {WorkState.DUE: len(playground.orders)}
    assert read_cursor(app.desk()) is None
    sync(app, threading.Event())
    counts = app.journal.contract_counts("salesforce")
    assert counts == {"applied": 15, "refused": 4, "skipped": 1}
    assert read_cursor(app.desk()) is not None


def test_a_crm_that_refuses_us_moves_nothing(app: App, playground: Playground, stop: threading.Event):
    error = [{"message": "Inactive user", "errorCode": "INSUFFICIENT_ACCESS"}]
    playground.salesforce.inject(FaultRule(route="/query", status=403, body=error, times=None))
    with pytest.raises(ConnectorError, match="Inactive user"):
        sync(app, stop)
    assert read_cursor(app.desk()) is None
    playground.salesforce.clear_faults()
    sync(app, stop)
    assert read_cursor(app.desk()) is not None


def test_a_contract_that_fails_is_named_in_the_log(
    app: App, playground: Playground, stop: threading.Event, caplog: pytest.LogCaptureFixture
):
    body = {"error": {"type": "invalid_request_error", "message": "Not with this account."}}
    playground.stripe.inject(FaultRule("POST", "=/v1/subscription_schedules", status=400, body=body))
    sync(app, stop)
    (line,) = (message for message in caplog.messages if "Not with this account." in message)
    assert line.startswith("connection salesforce: 801")


# --- housekeeping ----------------------------------------------------------------------------------


def test_housekeeping_is_silent_when_all_is_well(app: App, stop: threading.Event, caplog: pytest.LogCaptureFixture):
    sync(app, stop)
    caplog.clear()
    housekeeping(app, stop)
    assert caplog.messages == []


def test_housekeeping_names_writes_without_an_answer(app: App, stop: threading.Event, caplog: pytest.LogCaptureFixture):
    moment = datetime(2026, 11, 24, 9, tzinfo=UTC)
    intent = Intent(
        run_id=None,
        connection="salesforce",
        contract_key="C",
        account_key="A",
        kind="customer",
        key="A",
        verb="create",
        idempotency_key="cn_1",
        body_hash="b",
        applied_hash="a",
        applied={},
    )
    app.journal.record_intent(intent, moment)
    housekeeping(app, stop)
    assert caplog.messages == [
        "connection salesforce: 1 Stripe writes without an answer, the oldest from 2026-11-24T09:00:00+00:00"
    ]


def test_housekeeping_finds_a_broken_audit_chain(app: App, stop: threading.Event, caplog: pytest.LogCaptureFixture):
    sync(app, stop)
    with app.journal._engine.begin() as database:
        triggers = database.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'trigger'").scalars().all()
        for name in triggers:
            database.exec_driver_sql(f"DROP TRIGGER {name}")
        database.exec_driver_sql("UPDATE audit SET actor = 'somebody' WHERE seq = 3")
    housekeeping(app, stop)
    assert any(message.startswith("the audit chain is broken: ") for message in caplog.messages)
