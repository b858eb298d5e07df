"""A firing: once a slot however many fire, not when paused, not while a vendor is away; nothing it raises escapes."""

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from connector.app import App, build_app, now_utc
from connector.cli.playground import Playground
from connector.domain.errors import RetryableError
from connector.journal import ALL
from connector.sandbox.http import FaultRule
from jobs import JOBS, Job
from jobs.firing import Firing
from jobs.stopping import Halt, Stop, Stopping
from jobs.workers import work_off

CRM = "salesforce"


def firing(app: App, run: Callable[[App, Stop], None], *, seconds: float = 3600, whole: bool = False) -> Firing:
    return Firing(app, Job("probe", run, lambda _: seconds, whole=whole), ALL if whole else CRM)


class Count:
    """A job that counts how often it ran."""

    def __init__(self, error: Exception | None = None) -> None:
        self.runs = 0
        self._error = error

    def __call__(self, app: App, stop: Stop) -> None:
        del app, stop
        self.runs += 1
        if self._error:
            raise self._error


def test_one_firing_for_each_slot_however_many_processes_fire(app: App, config_file: Path, playground: Playground):
    job = Count()
    with build_app(playground.config(config_file)) as other:
        made = [firing(one, job) for one in (app, other) for _ in range(4)]
        gate = threading.Barrier(len(made))
        fired: list[bool] = []

        def fire(one: Firing) -> None:
            gate.wait(timeout=10)
            fired.append(one.fire(Stopping()))

        threads = [threading.Thread(target=fire, args=[one]) for one in made]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert (job.runs, sorted(fired)) == (1, [False] * 7 + [True])


def test_the_next_slot_is_another_firing(config_file: Path, playground: Playground):
    now, job = now_utc(), Count()
    with build_app(playground.config(config_file), clock=lambda: now, upgrade=True) as later:
        one = firing(later, job, seconds=60)
        assert [one.fire(Stopping()), one.fire(Stopping())] == [True, False]
        now += timedelta(seconds=60)
        assert one.fire(Stopping())
    assert job.runs == 2


def test_a_job_gets_its_own_connection_only(app: App):
    seen: list[tuple[str, ...]] = []
    two = replace(app, desks={CRM: app.desk(), "other": app.desk()})
    assert firing(two, lambda narrowed, _: seen.append(tuple(narrowed.desks))).fire(Stopping())
    assert firing(two, lambda whole, _: seen.append(tuple(whole.desks)), whole=True).fire(Stopping())
    assert seen == [(CRM,), (CRM, "other")]


@pytest.mark.parametrize("name", [CRM, ALL])
def test_a_paused_connection_is_left_alone_and_goes_on_afterwards(app: App, name: str):
    job = Count()
    one = firing(app, job)
    app.journal.pause(name, reason="migration", by="dana", now=now_utc())
    assert not one.fire(Stopping())
    assert not one.run_now(Stopping())
    app.journal.resume(name, by="dana", now=now_utc())
    assert one.fire(Stopping())
    assert job.runs == 1


def test_a_whole_job_knows_no_pause(app: App):
    app.journal.pause(ALL, reason="migration", by="dana", now=now_utc())
    assert firing(app, Count(), whole=True).fire(Stopping())


def test_a_pause_reaches_a_job_that_runs(app: App, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("jobs.stopping._LOOK_EVERY", 0.0)
    told: list[bool] = []

    def run(narrowed: App, stop: Stop) -> None:
        told.append(stop.is_set())
        narrowed.journal.pause(CRM, reason="stop", by="dana", now=now_utc())
        told.append(stop.is_set())

    one = firing(app, run)
    assert not one.fire(Stopping()), "it was not done: its slot is handed back"
    assert told == [False, True]
    app.journal.resume(CRM, by="dana", now=now_utc())
    again = Count()
    assert firing(app, again).fire(Stopping())
    assert again.runs == 1


def test_the_journal_is_not_asked_for_each_contract():
    asked: list[int] = []

    def paused() -> bool:
        asked.append(1)
        return False

    halt = Halt(threading.Event(), paused)
    assert not any(halt.is_set() for _ in range(1000))
    assert len(asked) <= 1


def test_what_a_job_raises_is_logged_and_tried_again_within_the_slot(
    caplog: pytest.LogCaptureFixture, config_file: Path, playground: Playground
):
    now = now_utc()
    with build_app(playground.config(config_file), clock=lambda: now, upgrade=True) as later:
        one = firing(later, Count(RetryableError("the CRM is away")), seconds=86_400)
        assert not one.fire(Stopping())
        assert caplog.messages == [
            "connection salesforce: the probe could not run; it is tried again at the next slot: the CRM is away"
        ]
        assert "Traceback" not in caplog.text
        well = Count()
        assert not firing(later, well, seconds=86_400).fire(Stopping()), "not at once"
        now += timedelta(minutes=5)
        assert firing(later, well, seconds=86_400).fire(Stopping())
    assert well.runs == 1


def test_a_bug_in_a_job_is_logged_with_its_traceback_and_goes_no_further(app: App, caplog: pytest.LogCaptureFixture):
    assert not firing(app, Count(ZeroDivisionError("oops"))).fire(Stopping())
    assert "for a reason that nobody foresaw" in caplog.text
    assert "ZeroDivisionError: oops" in caplog.text


def test_told_to_stop_nothing_is_begun_and_what_runs_is_handed_back(app: App):
    stop = Stopping()

    def run(_: App, halt: Stop) -> None:
        stop.set()
        assert halt.is_set()

    assert not firing(app, run).fire(stop)
    assert not firing(app, Count()).fire(stop)
    job = Count()
    assert firing(app, job).fire(Stopping()), "the next process takes the slot up at once"
    assert job.runs == 1


def test_a_wait_for_another_try_ends_when_told_to_stop():
    stop = Stopping()
    threading.Timer(0.05, stop.set).start()
    with pytest.raises(RetryableError, match="told to stop"):
        stop.sleep(30)


# --- vendors that are away ------------------------------------------------------------------------------


def test_while_a_vendor_is_away_no_job_runs_and_one_call_asks_whether_it_is_back(
    config_file: Path, playground: Playground, caplog: pytest.LogCaptureFixture
):
    now = now_utc()
    config_file.write_text(
        config_file.read_text("utf-8") + "\n[jobs]\nbreaker_outages = 3\nbreaker_seconds = 60\n", encoding="utf-8"
    )
    playground.stripe.inject(FaultRule(route="/v1/", status=503, times=None))
    with build_app(playground.config(config_file), clock=lambda: now, upgrade=True, sleep=lambda _: None) as app:
        with pytest.raises(RetryableError):
            app.api.get("/v1/account")
        assert len(playground.stripe.log) == 3
        assert "Stripe is away, nothing is sent until" in caplog.text
        (kept,) = app.journal.open_breakers()
        assert (kept.connection, kept.vendor, kept.openings) == (ALL, "Stripe", 1)
        sync = Firing(app, JOBS[0], CRM)
        assert not any(sync.fire(Stopping()) for _ in range(20))
        assert len(playground.stripe.log) == 3, "nothing was sent"
        assert playground.salesforce.log == [], "nor to the CRM, since nothing could be billed"
        now += timedelta(seconds=60)
        assert not sync.fire(Stopping())
        assert len(playground.stripe.log) == 4, "one call"
    playground.stripe.clear_faults()
    now += timedelta(seconds=120)
    with build_app(playground.config(config_file), clock=lambda: now, sleep=lambda _: None) as app:
        assert Firing(app, JOBS[0], CRM).fire(Stopping())
        assert "Stripe answers again; the circuit breaker is closed" in caplog.text
        assert work_off(app, [CRM], Stopping())
        assert app.journal.open_breakers() == ()
        assert app.journal.contract_counts(CRM)["applied"] == 15


def test_an_outage_in_the_middle_leaves_contracts_waiting_without_calls(config_file: Path, playground: Playground):
    jobs = (
        "\n[jobs]\nbreaker_outages = 3\nretry_first_seconds = 60\nthreads = 1\n"  # calls beside each other all go out
    )
    config_file.write_text(config_file.read_text("utf-8") + jobs, encoding="utf-8")
    now = now_utc()
    playground.stripe.inject(FaultRule("POST", "=/v1/subscription_schedules", status=503, times=None))
    with build_app(playground.config(config_file), clock=lambda: now, upgrade=True, sleep=lambda _: None) as app:
        assert Firing(app, JOBS[0], CRM).fire(Stopping())
        assert work_off(app, [CRM], Stopping())
        counts = app.journal.contract_counts(CRM)
        assert counts["waiting"] >= 10
        assert sum(1 for record in playground.stripe.log if record.status == 503) == 3
        waiting = app.journal.failures(CRM, kinds={"wait"})
        assert len(waiting) == counts["waiting"]
        assert all(failure.due_at and failure.due_at > now for failure in waiting)
        assert app.journal.due_failures(CRM, now, app.desk().mapping.hash) == ()
        playground.stripe.clear_faults()
        now += timedelta(minutes=10)
        retry = next(job for job in JOBS if job.name == "retry")
        assert Firing(app, retry, CRM).fire(Stopping())
        assert work_off(app, [CRM], Stopping())
        assert app.journal.contract_counts(CRM) == {"applied": 15, "refused": 4, "skipped": 1}
        assert app.journal.failure_counts(CRM) == {"fix_data": 4}
