"""What jobs submit is done by whoever works: nothing lost, each failure said once, limits as for one run."""

import threading
from collections.abc import Generator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connector.alerts.conditions import conditions_of
from connector.app import App, build_app, now_utc
from connector.cli.playground import Playground
from connector.config import AlertsConfig
from connector.dispatch import Failure, Item, submissions
from connector.dispatch.lease_table import LeaseTableDispatcher
from connector.journal import WorkState
from connector.poll import changed_refs, sync_changed, sync_refs
from connector.reports.facts import read_facts
from connector.reports.reports import lag, look_at
from connector.sandbox.http import FaultRule
from connector.stamps import read_cursor
from connector.sync import Desk, Result
from jobs.retry import retry
from jobs.stopping import Stopping
from jobs.sync import sync as submit
from jobs.work import Work, _suspects
from jobs.workers import Workers, work_off
from tests.wired import do, sync

CRM = "salesforce"
FIELD = [{"errorCode": "INVALID_FIELD", "message": "No such column 'Nowhere__c' on entity 'Order'."}]
BUSY = [{"message": "We are temporarily unable to service your request", "errorCode": "SERVER_UNAVAILABLE"}]


class Clock:
    """The program's clock, moved by hand."""

    def __init__(self) -> None:
        self.now = now_utc()

    def __call__(self) -> datetime:
        return self.now

    def on(self, playground: Playground, **by: float) -> None:
        self.now += timedelta(**by)
        playground.salesforce.clock.set(self.now)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def add(config_file: Path, settings: str) -> None:
    config_file.write_text(config_file.read_text("utf-8") + settings, encoding="utf-8")


def built(playground: Playground, config_file: Path, clock: Clock) -> App:
    return build_app(playground.config(config_file), clock=clock, upgrade=True, sleep=lambda _: None)


def has_schedule(app: App, contract: str) -> bool:
    return any(link.kind == "subscription_schedule" for link in app.journal.contract_links(CRM, contract))


def items(app: App) -> dict[WorkState, int]:
    return app.journal.work_counts(CRM)


# --- pauses and breakers --------------------------------------------------------------------------------


def test_what_is_submitted_waits_while_its_connection_is_paused(app: App, playground: Playground):
    submit(app, Stopping())
    app.journal.pause(CRM, reason="moving", by="dana", now=now_utc())
    assert not work_off(app, [CRM], Stopping())
    assert (items(app), playground.stripe.log) == ({WorkState.DUE: 20}, [])
    app.journal.resume(CRM, by="dana", now=now_utc())
    assert work_off(app, [CRM], Stopping())
    assert items(app) == {WorkState.IDLE: 20}
    assert app.journal.contract_counts(CRM)["applied"] == 15


def test_a_pause_reaches_the_block_in_hand(app: App, playground: Playground, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("jobs.stopping._LOOK_EVERY", 0.0)
    slow = FaultRule("POST", "=/v1/customers", action="delay", delay=1.0, times=None)
    playground.stripe.inject(slow)
    one = replace(app, desks={CRM: replace(app.desk(), threads=1)})
    submit(one, Stopping())
    stop = threading.Event()
    workers = Workers(one, stop)
    workers.start()
    until(lambda: slow.seen)
    app.journal.pause(CRM, reason="moving", by="dana", now=now_utc())
    until(lambda: WorkState.RUNNING not in items(app))
    counts = items(app)
    assert counts[WorkState.DUE] > 10, "what was not begun waits"
    assert app.journal.failure_counts(CRM).get("wait", 0) == 0, "to be paused is no failure"
    playground.stripe.clear_faults()
    app.journal.resume(CRM, by="dana", now=now_utc())
    until(lambda: items(app) == {WorkState.IDLE: 20})
    stop.set()
    assert workers.join(60)
    assert app.journal.contract_counts(CRM) == {"applied": 15, "refused": 4, "skipped": 1}


def test_while_a_vendor_is_away_no_attempt_is_made(playground: Playground, config_file: Path, clock: Clock):
    add(config_file, "\n[jobs]\nbreaker_outages = 2\nbreaker_seconds = 60\n")
    with built(playground, config_file, clock) as app:
        submit(app, Stopping())
        playground.stripe.inject(FaultRule(route="/v1/", status=503, times=None))
        with pytest.raises(Exception, match="Stripe is"):
            app.api.get("/v1/account")
        asked = len(playground.stripe.log)
        assert not work_off(app, [CRM], Stopping())
        assert (items(app), len(playground.stripe.log)) == ({WorkState.DUE: 20}, asked)
        assert {row.attempts for row in app.journal.work_items(WorkState.DUE)} == {0}
        playground.stripe.clear_faults()
        clock.on(playground, seconds=61)
        assert work_off(app, [CRM], Stopping())
        assert app.journal.contract_counts(CRM)["applied"] == 15


# --- one truth for failures -----------------------------------------------------------------------------


def test_what_the_crm_could_not_tell_is_a_failure_that_is_tried_again(
    playground: Playground, config_file: Path, clock: Clock
):
    with built(playground, config_file, clock) as app:
        submit(app, Stopping())
        assert read_cursor(app.desk()) is not None
        playground.salesforce.inject(FaultRule("POST", "/composite", status=503, body=BUSY, times=None))
        work_off(app, [CRM], Stopping())
        assert items(app) == {WorkState.IDLE: 20}
        assert app.journal.failure_counts(CRM) == {"wait": 20}
        failures = app.journal.failures(CRM)
        assert {failure.code for failure in failures} == {"AWAY"}
        assert all(failure.due_at and failure.due_at > clock.now for failure in failures)
        playground.salesforce.clear_faults()
        clock.on(playground, minutes=10)
        do(app, "retry")
        assert app.journal.contract_counts(CRM) == {"applied": 15, "refused": 4, "skipped": 1}
        assert app.journal.failure_counts(CRM) == {"fix_data": 4}, "one for each contract"


def test_a_question_that_the_crm_refuses_waits_for_another_mapping(
    playground: Playground, config_file: Path, clock: Clock
):
    with built(playground, config_file, clock) as app:
        submit(app, Stopping())
        playground.salesforce.inject(FaultRule("POST", "/composite", status=400, body=FIELD, times=None))
        work_off(app, [CRM], Stopping())
        assert app.journal.failure_counts(CRM) == {"fix_mapping": 20}
        playground.salesforce.clear_faults()
        clock.on(playground, hours=3)
        do(app, "retry")
        assert app.journal.failure_counts(CRM) == {"fix_mapping": 20}, "time alone mends nothing"
        other = replace(app.desk(), mapping=replace(app.desk().mapping, hash="corrected"))
        do(replace(app, desks={CRM: other}), "retry")
        assert app.journal.failure_counts(CRM) == {"fix_data": 4}


def test_an_error_that_nobody_foresaw_is_the_failure_of_its_record_alone(
    app: App, playground: Playground, monkeypatch: pytest.MonkeyPatch
):
    poisoned = playground.orders["ramp"]

    def fragile(desk: Desk, refs: Any, **more: Any) -> Generator[Result]:
        if any(ref.id == poisoned for ref in refs):
            raise ZeroDivisionError("oops")
        yield from sync_refs(desk, refs, **more)

    monkeypatch.setattr("jobs.work.sync_refs", fragile)
    sync(app)
    assert items(app) == {WorkState.IDLE: 20}
    assert app.journal.contract_counts(CRM)["applied"] == 14
    (bug,) = app.journal.failures(CRM, kinds={"bug"})
    assert (bug.record, bug.error, bug.due_at) == (poisoned, "unexpected ZeroDivisionError", None)
    assert app.signals.dead is not None
    assert app.signals.dead(CRM) == {"bug": 1}
    monkeypatch.undo()
    app.journal.retry_failures(CRM, now_utc(), kind="bug")
    do(app, "retry")
    assert app.journal.failure_counts(CRM) == {"fix_data": 4}
    assert app.journal.contract_counts(CRM)["applied"] == 15


def test_what_kills_whoever_works_on_it_is_told_as_a_bug(app: App, playground: Playground):
    desk, record = app.desk(), playground.orders["flat"]
    app.engine.dispatcher().submit(submissions(desk, [record], reason="test"))
    for _ in range(16):
        engine = LeaseTableDispatcher(app.journal, desk.clock)
        (item,) = engine._blocks.take(10)
        assert item.lease_owner is not None
        assert app.journal.free_work(item.lease_owner.partition(":")[0], desk.clock(), died=True) == 1
    assert work_off(app, [CRM], Stopping())
    (bug,) = app.journal.failures(CRM)
    assert (bug.kind, bug.record, "16 workers died" in bug.error) == ("bug", record, True)
    assert (items(app), playground.stripe.log) == ({WorkState.IDLE: 1}, [])
    app.journal.retry_failures(CRM, now_utc())
    do(app, "retry")
    assert app.journal.failures(CRM) == ()
    assert app.journal.contract_counts(CRM) == {"applied": 1}


def test_what_died_often_is_looked_at_alone(app: App, playground: Playground):
    """Two were in the hands of workers that died; the third was not. They take turns, the one that is left first."""
    held = held_by_a_worker(app, [playground.orders[name] for name in ("flat", "ramp", "months")])
    died = [replace(item, attempts=6 if number else 0) for number, item in enumerate(held)]
    answers = list(Work(app.desks, "", lambda _: threading.Event())(died))
    assert [(item.account, outcome.failure) for item, outcome in answers] == [
        (died[2].account, Failure.STOPPED),
        (died[0].account, None),
        (died[1].account, None),
    ]
    runs = app.journal.latest_runs(CRM, job="work")
    assert [run.counts for run in runs] == [{"applied": 1}, {"applied": 1}], "each a run of its own"


def held_by_a_worker(app: App, records: list[str]) -> tuple[Item, ...]:
    app.engine.dispatcher().submit(submissions(app.desk(), records, reason="test"))
    return app.journal.claim_work("test:1", app.desk().clock(), timedelta(minutes=1), 100).items


@pytest.mark.parametrize(
    ("deaths", "group"),
    [
        ([3] * 18, [3] * 18),
        ([4] * 18, [4] * 16),
        ([5] * 18, [5] * 4),
        ([6] * 18, [6]),
        ([15] * 18, [15]),
        ([6, 6, 5, 5, 5, 5, 5], [5, 5, 5, 5]),
        ([5, 4, 4, 4, 4], [4, 4, 4, 4]),
        ([9, 3], [3]),
        ([5, 3, 3], [3, 3, 5]),
    ],
)
def test_suspects_are_looked_at_in_ever_smaller_groups(
    app: App, playground: Playground, monkeypatch: pytest.MonkeyPatch, deaths: list[int], group: list[int]
):
    """Else what stood in one block when a process was killed now and then would be done one by one."""
    seen: list[list[str]] = []

    def noted(_: Desk, refs: Any, **__: Any) -> Generator[Result]:
        seen.append([ref.id for ref in refs])
        yield from ()

    monkeypatch.setattr("jobs.work.sync_refs", noted)
    held = held_by_a_worker(app, list(playground.orders.values())[: len(deaths)])
    died = [replace(item, attempts=attempts) for item, attempts in zip(held, deaths, strict=True)]
    answers = list(Work(app.desks, "", lambda _: threading.Event())(died))
    begun = [item for item, outcome in answers if outcome.failure is not Failure.STOPPED]
    assert sorted(item.attempts for item in begun) == group
    assert sorted(seen[0]) == sorted(record for item in begun for record in item.records)
    assert len(answers) == len(died)


@pytest.mark.parametrize("place", [0, 1, 19, 63, 64, 99])
def test_only_what_kills_is_given_up(app: App, playground: Playground, place: int):
    """A hundred stood in one block when the third worker died, and one of them killed it."""
    (item,) = held_by_a_worker(app, [playground.orders["flat"]])
    left = {number: replace(item, account=str(number), attempts=3) for number in range(100)}
    while group := _suspects([one for one in left.values() if one.attempts < 16]):
        numbers = [int(one.account) for one in group]
        for number in numbers:
            if place in numbers:
                left[number] = replace(left[number], attempts=left[number].attempts + 1)
            else:
                del left[number]
    assert list(left) == [place]


def test_a_failure_of_what_the_crm_has_no_more_is_forgotten(app: App, playground: Playground):
    sync(app)
    record = playground.orders["no_start"]
    playground.salesforce.delete("Order", record)
    assert app.journal.failure(CRM, record) is not None
    app.journal.retry_failures(CRM, now_utc(), contract=record)
    do(app, "retry")
    assert app.journal.failure(CRM, record) is None
    assert app.journal.failure_counts(CRM) == {"fix_data": 3}


def test_what_failed_is_not_looked_at_before_it_is_due(playground: Playground, config_file: Path, clock: Clock):
    add(config_file, "\n[jobs]\nretry_first_seconds = 60\n")
    with built(playground, config_file, clock) as app:
        playground.stripe.inject(FaultRule("POST", "=/v1/subscription_schedules", status=503, times=None))
        sync(app)
        assert app.journal.failure_counts(CRM)["wait"] >= 10
        playground.stripe.clear_faults()
        retry(app, Stopping())
        assert items(app) == {WorkState.IDLE: 20}
        clock.on(playground, minutes=2)
        do(app, "retry")
        assert app.journal.failure_counts(CRM) == {"fix_data": 4}


# --- what is seen of it ---------------------------------------------------------------------------------


def test_work_that_waits_for_long_is_told(playground: Playground, config_file: Path, clock: Clock):
    with built(playground, config_file, clock) as app:
        submit(app, Stopping())
        began = clock.now
        assert read_facts(app.desk(), app.signals).waits == began
        assert list(lag(look_at(app.desk(), app.signals, app.config.jobs))) == []
        clock.on(playground, hours=2)
        submit(app, Stopping())  # the CRM is read, and nobody works
        look = look_at(app.desk(), app.signals, app.config.jobs)
        assert [(row.record, row.since) for row in lag(look)] == [("work", began)]
        (late,) = [one for one in conditions_of(look, app.signals, AlertsConfig()) if one.kind == "lag"]
        assert (late.since, "still waits" in late.what) == (began, True)
        assert work_off(app, [CRM], Stopping())
        assert read_facts(app.desk(), app.signals).waits is None


def test_a_sync_by_hand_looks_at_what_was_submitted_and_not_looked_at(app: App, playground: Playground):
    submit(app, Stopping())
    assert len(changed_refs(app.desk())) == len(playground.orders)
    list(sync_changed(app.desk(), job="sync", config_hash=""))
    assert app.journal.contract_counts(CRM) == {"applied": 15, "refused": 4, "skipped": 1}
    writes = len(playground.stripe.log)
    assert work_off(app, [CRM], Stopping())
    assert len(playground.stripe.log) == writes, "it was right already"
    assert items(app) == {WorkState.IDLE: 20}
    assert changed_refs(app.desk()) == ()


# --- the limits on a run --------------------------------------------------------------------------------


def test_blocks_of_one_poll_are_judged_as_one(
    playground: Playground, config_file: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
):
    """Ten of twenty contracts change, in blocks of three: with each by itself all would pass."""
    monkeypatch.setattr("jobs.workers.BLOCK", 3)
    with built(playground, config_file, clock) as app:
        sync(app)
        done = app.journal.contract_states(CRM, outcome="applied")
        changed = [state.record for state in done if has_schedule(app, state.contract_key)][:10]
        clock.on(playground, hours=1)
        sync(app)  # our own write-backs
        for number, record in enumerate(changed):
            playground.salesforce.update("Order", record, {"PoNumber": f"PO-{number}"})
        clock.on(playground, hours=1)
        sync(app)
        runs = [run for run in app.journal.latest_runs(CRM, job="work") if run.counts and "pending" in run.counts]
        assert runs, "over the limit"
        pending = app.journal.contract_states(CRM, outcome="pending")
        assert len(pending) == 4, "six are 30 % of twenty"
        assert "over the limit of 30%" in str(pending[0].status)
        clock.on(playground, hours=1)
        sync(app)
        late = next(record for record in changed if record not in {state.record for state in pending})
        playground.salesforce.update("Order", late, {"PoNumber": "PO-LATE"})
        clock.on(playground, hours=1)
        sync(app)
        state = app.journal.contract(CRM, late)
        assert state is not None
        assert state.outcome == "applied", "another poll is judged by itself"


# --- amendments -----------------------------------------------------------------------------------------


def test_an_amendment_belongs_to_its_contract_from_its_first_look_on(
    playground: Playground, config_file: Path, clock: Clock
):
    with built(playground, config_file, clock) as app:
        sync(app)
        ramp = playground.orders["ramp"]
        line = next(key for key, row in playground.salesforce.records("OrderItem").items() if row["OrderId"] == ramp)
        amendment = playground.salesforce.amend(ramp, clock.now.date() + timedelta(days=40), {line: 3})
        playground.salesforce.update("Order", amendment, {"Status": "Activated"})
        clock.on(playground, hours=1)
        sync(app)
        assert app.journal.stamps(CRM, [amendment])[amendment].root == ramp
        clock.on(playground, hours=1)
        (asked,) = submissions(app.desk(), [amendment], reason="test")
        assert asked.account == f"account:{playground.salesforce.records('Order')[ramp]['AccountId']}"


def until(true: Any, seconds: float = 60.0) -> None:
    """Wait for something to come true."""
    ended = threading.Event()
    for _ in range(int(seconds / 0.02)):
        if true():
            return
        ended.wait(0.02)
    pytest.fail("it never came to be")
