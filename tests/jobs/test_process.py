"""A real process: it syncs at once, stops within seconds when told to, and leaves a journal one can go on from."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from connector.app import build_app
from connector.cli.playground import Playground
from connector.desk import THREADS
from connector.journal import open_journal
from connector.sandbox.http import FaultRule

COMMAND = [sys.executable, "-W", "error", "-m", "jobs"]
ROOT = Path(__file__).parents[2]


def start(config_file: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*COMMAND, "--config", str(config_file)], cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def wait_for(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20
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
    slow = FaultRule("POST", "/v1/subscription_schedules", action="delay", delay=0.1, times=None)
    playground.stripe.inject(slow)
    with start(config_file) as running:
        wait_for(lambda: any(r.path == "/v1/subscription_schedules" for r in playground.stripe.log))
        told = time.monotonic()
        running.send_signal(signal.Signals[name])
        out, err = running.communicate(timeout=10)
        assert time.monotonic() - told < 5
    assert (running.returncode, out) == (0, "")
    assert err.splitlines()[-1].endswith("stopped; the journal is consistent")
    assert "Traceback" not in err
    playground.stripe.clear_faults()
    with build_app(playground.config(config_file)) as app:
        assert app.journal.pending_intents("salesforce") == ()
        (run,) = app.journal.latest_runs("salesforce", job="sync")
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
        timeout=20,
        check=False,
    )
    assert (done.returncode, done.stdout) == (3, "")
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_a_killed_process_leaves_a_journal_that_goes_on(playground: Playground, config_file: Path):
    upgraded(playground, config_file)
    playground.stripe.inject(FaultRule("POST", "/v1/", action="delay", delay=0.05, times=None))
    with start(config_file) as running:
        wait_for(lambda: any(r.path == "/v1/subscription_schedules" for r in playground.stripe.log))
        running.kill()
        running.communicate(timeout=10)
    playground.stripe.clear_faults()
    with open_journal(playground.config(config_file).database_url()) as journal:
        assert journal.verify_audit().intact
        assert len(journal.pending_intents("salesforce")) <= THREADS
