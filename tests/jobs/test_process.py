"""A real process: it syncs at once, stops within seconds when told to, and leaves a journal one can go on from."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from connector.app import build_app, now_utc
from connector.cli.playground import Playground
from connector.desk import THREADS
from connector.journal import WorkState, open_journal
from connector.sandbox.http import FaultRule
from tests.wired import sync

COMMAND = [sys.executable, "-W", "error", "-m", "jobs"]
ROOT = Path(__file__).parents[2]


@contextmanager
def start(config_file: Path) -> Iterator[subprocess.Popen[str]]:
    """Run the jobs; a test that fails leaves no process behind."""
    command = [*COMMAND, "--config", str(config_file)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stderr=pipe, stdout=pipe, text=True) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def wait_for(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline, "it never came to be"
        time.sleep(0.05)


def upgraded(playground: Playground, config_file: Path) -> None:
    build_app(playground.config(config_file), upgrade=True).close()


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_it_stops_between_two_contracts(playground: Playground, config_file: Path, name: str):
    upgraded(playground, config_file)
    one_by_one = config_file.read_text(encoding="utf-8") + "\n[jobs]\nthreads = 1\n"
    config_file.write_text(one_by_one, encoding="utf-8")
    slow = FaultRule("POST", "/v1/subscription_schedules", action="delay", delay=0.5, times=None)
    playground.stripe.inject(slow)
    with start(config_file) as running:
        wait_for(lambda: slow.seen)
        told = time.monotonic()
        running.send_signal(signal.Signals[name])
        out, err = running.communicate(timeout=60)
        assert time.monotonic() - told < 5
    assert (running.returncode, out) == (0, "")
    assert err.splitlines()[-1].endswith("stopped; the journal is consistent")
    assert "Traceback" not in err
    playground.stripe.clear_faults()
    with build_app(playground.config(config_file)) as app:
        assert app.journal.pending_intents("salesforce") == ()
        (run,) = app.journal.latest_runs("salesforce", job="work")
        assert run.finished_at is not None
        assert 0 < sum((run.counts or {}).values()) < len(playground.orders)


def test_it_logs_json_lines_when_told_to(playground: Playground, config_file: Path):
    upgraded(playground, config_file)
    config_file.write_text(config_file.read_text("utf-8") + '\n[log]\nformat = "json"\n', encoding="utf-8")
    with start(config_file) as running:
        assert running.stderr is not None
        entries: list[dict[str, str]] = []
        while not any("15 applied" in entry["message"] for entry in entries):
            entries.append(json.loads(running.stderr.readline()))
        running.send_signal(signal.SIGTERM)
        entries += [json.loads(line) for line in running.stderr]
    assert running.returncode == 0
    assert all(set(entry) >= {"time", "level", "logger", "message"} for entry in entries)
    assert entries[-1]["message"] == "stopped; the journal is consistent"


@pytest.mark.parametrize(("made", "words"), [(True, "; run: connector db upgrade"), (False, "no configuration file")])
def test_what_is_missing_is_said_and_is_code_3(config_file: Path, made: bool, words: str):
    path = config_file if made else config_file.with_name("nowhere.toml")
    done = subprocess.run(
        [*COMMAND, "--config", str(path)],
        cwd=ROOT,
        env=dict(os.environ),
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert (done.returncode, done.stdout) == (3, "")
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_a_killed_process_leaves_a_journal_that_goes_on(playground: Playground, config_file: Path):
    upgraded(playground, config_file)
    playground.stripe.inject(FaultRule("POST", "/v1/", action="delay", delay=0.05, times=None))
    with start(config_file) as running:
        wait_for(lambda: schedules_asked(playground))
        running.kill()
        running.communicate(timeout=60)
    playground.stripe.clear_faults()
    with open_journal(playground.config(config_file).database_url()) as journal:
        assert journal.verify_audit().intact
        assert len(journal.pending_intents("salesforce")) <= THREADS


def held_schedules(playground: Playground, config_file: Path, settings: str) -> FaultRule:
    """Let Stripe make no schedule until the rule is disarmed, and set how long a process that is told to stop has."""
    upgraded(playground, config_file)
    config_file.write_text(config_file.read_text("utf-8") + f"\n[jobs]\n{settings}\n", encoding="utf-8")
    rule = FaultRule("POST", "=/v1/subscription_schedules", action="delay", delay=300, times=None)
    playground.stripe.inject(rule)
    return rule


def schedules_asked(playground: Playground) -> int:
    return sum((r.method, r.path) == ("POST", "/v1/subscription_schedules") for r in playground.stripe.log)


def wait_for_a_write(playground: Playground, config_file: Path) -> None:
    """Wait until a schedule is being made: its intent is written, and its answer is not there."""
    url = playground.config(config_file).database_url()

    def is_open() -> bool:
        with open_journal(url) as journal:
            return any(intent.kind == "subscription_schedule" for intent in journal.pending_intents("salesforce"))

    wait_for(is_open)


def test_what_cannot_be_finished_in_time_is_handed_back(playground: Playground, config_file: Path):
    held = held_schedules(playground, config_file, "stop_seconds = 0.5")
    with start(config_file) as running:
        wait_for_a_write(playground, config_file)
        told = time.monotonic()
        running.send_signal(signal.SIGTERM)
        _, err = running.communicate(timeout=60)
        assert time.monotonic() - told < 5, "it did not wait for the answer"
    assert running.returncode == 0
    assert "not finished in time: the contracts of" in err
    assert err.splitlines()[-1].endswith("stopped; the journal is consistent")
    playground.stripe.clear_faults()
    with build_app(playground.config(config_file)) as app:
        now = now_utc()
        assert app.journal.held_leases(now) == ()
        assert app.journal.slot_owners(now) == ()
        assert len(app.journal.pending_intents("salesforce")) >= 1
        wait_for(lambda: schedules_asked(playground) == held.seen)  # Stripe did what it was asked by then
        assert (app.journal.work_owners(), app.journal.work_counts()) == (frozenset(), {WorkState.DUE: 20})
        sync(app)
        assert app.journal.pending_intents("salesforce") == ()
        counts = app.journal.contract_counts("salesforce")
        assert counts["applied"] + counts.get("nothing", 0) == 15, "one has no schedule, and may have been done before"
    schedules = [r for r in playground.stripe.log if (r.method, r.path) == ("POST", "/v1/subscription_schedules")]
    keys = {made.idempotency_key for made in schedules}
    assert len(keys) == 14, "a schedule that was under way was asked for again by the same key"


def test_a_second_signal_ends_it_at_once(playground: Playground, config_file: Path):
    held_schedules(playground, config_file, "stop_seconds = 300")
    with start(config_file) as running:
        wait_for_a_write(playground, config_file)
        running.send_signal(signal.SIGINT)
        assert running.stderr is not None
        while "told to stop" not in (line := running.stderr.readline()):
            assert line, "it ended at the first one"
        time.sleep(0.5)
        assert running.poll() is None, "the first one waits for the contract in hand"
        running.send_signal(signal.SIGINT)
        running.communicate(timeout=60)
    assert running.returncode == 130
    with open_journal(playground.config(config_file).database_url()) as journal:
        assert journal.verify_audit().intact


def test_a_process_takes_over_from_one_that_was_killed(playground: Playground, config_file: Path):
    held_schedules(playground, config_file, "sync_every_seconds = 3600")
    with start(config_file) as running:
        wait_for_a_write(playground, config_file)
        running.kill()
        running.communicate(timeout=60)
    with open_journal(playground.config(config_file).database_url()) as journal:
        assert journal.held_leases(now_utc()) != ()
    playground.stripe.clear_faults()
    with start(config_file) as running:
        lines: list[str] = []
        assert running.stderr is not None
        while not any(" applied" in line for line in lines):
            lines.append(running.stderr.readline())
        running.send_signal(signal.SIGTERM)
        running.communicate(timeout=90)
    assert any("a process before this one was killed; what it held is free again" in line for line in lines)
    assert "busy" not in "".join(lines)
    with build_app(playground.config(config_file)) as app:
        assert app.journal.pending_intents("salesforce") == ()


def test_the_command_is_the_same(config_file: Path):
    command = [sys.executable, "-W", "error", "-m", "connector.cli", "run", "--config", str(config_file)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=90, check=False)
    assert (done.returncode, done.stdout) == (3, "")
    assert "; run: connector db upgrade" in done.stderr
