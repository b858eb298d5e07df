"""The extend job: what is due is submitted, what runs short is told of, in the log and by `connector status`."""

import logging
import threading
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connector.app import App
from connector.cli.playground import Playground
from connector.journal import ContractState, WorkState
from connector.sandbox.http import FaultRule
from connector.windows import due_windows, next_step, short_windows
from jobs.extend import extend
from tests.wired import do, sync


def in_days(app: App, days: int) -> str:
    return (app.desk().today() + timedelta(days=days)).isoformat()


def long_contract(app: App, record: str, *, extend_in: int, short_in: int) -> None:
    """Say in the journal that a contract has a window."""
    window = {"schedule": record, "phases": 36, "held": 10, "until": in_days(app, 60)}
    window |= {"extend": in_days(app, extend_in), "short": in_days(app, short_in)}
    app.journal.save_contract(
        ContractState(
            connection="salesforce",
            contract_key=record,
            record=record,
            account_key="A",
            source_hash="",
            outcome="applied",
            status={"windows": [window]},
            next_change=None,
            updated_at=datetime(2026, 11, 24, tzinfo=UTC),
        )
    )


def windows(app: App, record: str) -> list[Mapping[str, Any]]:
    state = app.journal.contract("salesforce", record)
    assert state is not None
    return list(state.status.get("windows", []))


def test_what_is_due_is_submitted_and_nothing_else(
    app: App, playground: Playground, stop: threading.Event, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.INFO)
    due, later = playground.orders["ramp"], playground.orders["two_ramps"]
    long_contract(app, due, extend_in=0, short_in=20)
    long_contract(app, later, extend_in=1, short_in=20)
    assert [ref.id for ref in due_windows(app.desk())] == [due]
    extend(app, stop)
    assert (app.journal.work_counts("salesforce"), playground.stripe.log) == ({WorkState.DUE: 1}, [])
    do(app, "extend", stop)
    runs = [(run.job, run.counts) for run in app.journal.latest_runs("salesforce")]
    assert runs == [("work", {"applied": 1}), ("extend", {"submitted": 1}), ("extend", {"submitted": 1})]
    assert windows(app, due) == [], "all of its phases fit"
    assert windows(app, later) != []
    assert caplog.messages[-1] == "connection salesforce: 1 applied"
    do(app, "extend", stop)
    assert len(app.journal.latest_runs("salesforce")) == len(runs), "nothing due, no run"


def test_what_cannot_be_extended_keeps_its_window_and_raises_the_alarm(
    app: App, playground: Playground, stop: threading.Event, caplog: pytest.LogCaptureFixture
):
    record = playground.orders["ramp"]
    long_contract(app, record, extend_in=-30, short_in=0)
    before = windows(app, record)
    body = {"error": {"type": "invalid_request_error", "message": "Not with this account."}}
    playground.stripe.inject(FaultRule("POST", "=/v1/subscription_schedules", status=400, body=body))
    do(app, "extend", stop)
    state = app.journal.contract("salesforce", record)
    assert state is not None
    assert (state.outcome, state.next_change, windows(app, record)) == ("failed", None, before)
    (alarm,) = [entry.getMessage() for entry in caplog.records if entry.levelno == logging.ERROR]
    assert alarm.startswith(
        f"connection salesforce: {record}: Stripe holds 10 of the 36 phases of the schedule {record}"
    )
    playground.stripe.clear_faults()
    do(app, "extend", stop)
    caplog.clear()
    do(app, "extend", stop)
    assert [entry for entry in caplog.records if entry.levelno == logging.ERROR] == []
    assert windows(app, record) == []


def test_the_alarm_comes_before_the_window_ends_not_before_it_is_late(app: App, playground: Playground):
    record = playground.orders["ramp"]
    long_contract(app, record, extend_in=0, short_in=1)
    assert short_windows(app.desk()) == ()
    long_contract(app, record, extend_in=-1, short_in=0)
    (issue,) = short_windows(app.desk())
    assert (issue.code, issue.record, issue.blocks) == ("WINDOW_SHORT", record, False)


def test_a_crm_that_is_away_does_not_silence_the_alarm(
    app: App, playground: Playground, stop: threading.Event, caplog: pytest.LogCaptureFixture
):
    long_contract(app, playground.orders["ramp"], extend_in=-30, short_in=-1)
    error = [{"message": "Inactive user", "errorCode": "INSUFFICIENT_ACCESS"}]
    playground.salesforce.inject(FaultRule(route="/composite", status=403, body=error, times=None))
    do(app, "extend", stop)
    (failure,) = app.journal.failures("salesforce")
    assert (failure.record, "Inactive user" in failure.error) == (playground.orders["ramp"], True)
    assert any("were due to be appended" in message for message in caplog.messages)


def test_told_to_stop_it_does_nothing(app: App, playground: Playground, stop: threading.Event):
    long_contract(app, playground.orders["ramp"], extend_in=0, short_in=20)
    stop.set()
    extend(app, stop)
    assert app.journal.latest_runs("salesforce") == ()


def test_contracts_that_fit_have_no_window(app: App, stop: threading.Event):
    sync(app, stop)
    assert due_windows(app.desk()) == ()
    states = app.journal.contract_states("salesforce")
    assert [state.record for state in states if state.status.get("windows")] == []


@pytest.mark.parametrize(
    ("days", "expected"), [((), None), (("2027-05-01",), "2027-05-01"), (("2027-05-01", "2027-03-01"), "2027-03-01")]
)
def test_the_next_step_is_the_first(days, expected):
    found = next_step([{"extend": day} for day in days])
    assert (found.isoformat() if found else None) == expected
