"""`connector run` as real processes, with each engine: killed in the middle, shared by two, and nothing twice."""

import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from connector.app import App, build_app, now_utc
from connector.cli.playground import Playground
from connector.dispatch import upgrade_dispatcher
from connector.journal import WorkState
from connector.sandbox.http import FaultRule

ROOT = Path(__file__).parents[2]
POSTGRES = pytest.param("postgres", marks=pytest.mark.postgres)
PROCRASTINATE = pytest.param("procrastinate", marks=pytest.mark.postgres)
JOBS = """
[jobs]
dispatcher = "{dispatcher}"
sync_every_seconds = 0.5
retry_every_seconds = 0.5
threads = 2
"""


@dataclass
class Site:
    """Both vendors, a configuration for processes, and the program as somebody else who only looks."""

    playground: Playground
    config: Path
    app: App

    @contextmanager
    def process(self) -> Iterator[subprocess.Popen[str]]:
        command = [sys.executable, "-W", "error", "-m", "connector.cli", "run", "--config", str(self.config)]
        with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as running:
            try:
                yield running
            finally:
                running.kill()

    def writes(self, path: str) -> int:
        return sum(r.method == "POST" and r.path == path for r in self.playground.stripe.log)

    def writes_of_all(self) -> int:
        return sum(r.method == "POST" for r in self.playground.stripe.log)

    def is_done(self) -> bool:
        """Whether all that was submitted was looked at, and nothing waits."""
        counts = self.app.journal.work_counts()
        open_ones = self.app.journal.failure_counts("salesforce").get("wait", 0)
        return counts.keys() == {WorkState.IDLE} and not open_ones


@pytest.fixture
def site(request: pytest.FixtureRequest, playground: Playground, config_file: Path) -> Iterator[Site]:
    """An installation with an empty journal, on the database that its engine needs."""
    engine = str(request.param)
    text = config_file.read_text("utf-8")
    if engine != "sqlite":
        url = str(request.getfixturevalue("postgres_url")).replace("+psycopg", "")
        secret = config_file.parent / "database"
        secret.write_text(url, encoding="utf-8")
        secret.chmod(0o600)
        text = re.sub('^database = ".*"$', 'database = "file:database"', text, flags=re.MULTILINE)
    dispatcher = "procrastinate" if engine == "procrastinate" else "embedded"
    config_file.write_text(text + JOBS.format(dispatcher=dispatcher), encoding="utf-8")
    config = playground.config(config_file)
    with build_app(config, upgrade=True) as app:
        upgrade_dispatcher(config)
        yield Site(playground, config_file, app)


@pytest.mark.parametrize("site", ["sqlite", PROCRASTINATE], indirect=True)
def test_killed_in_the_middle_and_begun_again_it_bills_each_contract_once(site: Site):
    path = "/v1/subscription_schedules"
    held = [FaultRule("POST", f"={path}", nth=nth, action="delay", delay=300) for nth in (4, 5)]  # a thread each
    site.playground.stripe.inject(*held)
    with site.process() as first:
        until(lambda: site.writes(path) >= 3 and held[0].seen >= 4)
        first.kill()
        first.communicate(timeout=60)
    assert site.app.journal.work_counts().get(WorkState.RUNNING), "it had accounts in hand"
    site.playground.stripe.clear_faults()
    with site.process() as second:
        until(site.is_done)
        assert site.app.journal.contract_counts("salesforce")["refused"] == 4
        site.playground.salesforce.update("Order", site.playground.orders["ramp"], {"PoNumber": "PO-NEW"})
        before = site.writes_of_all()
        site.playground.salesforce.clock.advance(timedelta(minutes=5))  # what is seen late is waited for
        until(lambda: site.writes_of_all() > before)
        until(site.is_done)
        second.send_signal(signal.SIGTERM)
        _, log = second.communicate(timeout=60)
    assert (second.returncode, "Traceback" in log) == (0, False), log
    check(site)


@pytest.mark.parametrize("site", [POSTGRES], indirect=True)
def test_two_processes_share_the_work(site: Site):
    slow = FaultRule("POST", "=/v1/subscription_schedules", action="delay", delay=0.05, times=None)
    site.playground.stripe.inject(slow)
    with site.process() as one, site.process() as other:
        until(lambda: site.writes("/v1/subscription_schedules") >= 14 and site.is_done())
        for running in (one, other):
            running.send_signal(signal.SIGTERM)
            _, log = running.communicate(timeout=60)
            assert (running.returncode, "Traceback" in log) == (0, False), log
    check(site)


def check(site: Site) -> None:
    """Compare what Stripe was asked for, and what the journal says, with the company: nothing twice, none missing."""
    made = [r for r in site.playground.stripe.log if r.method == "POST" and r.status == 200 and not r.replayed]
    assert Counter(r.path for r in made)["/v1/subscription_schedules"] == 14
    assert Counter(r.idempotency_key for r in made).most_common(1)[0][1] == 1
    journal = site.app.journal
    counts = journal.contract_counts("salesforce")
    assert counts.get("applied", 0) + counts.get("nothing", 0) == 15
    assert journal.failure_counts("salesforce") == {"fix_data": 4}
    assert (journal.pending_intents("salesforce"), journal.held_leases(now_utc())) == ((), ())
    assert journal.work_counts().keys() == {WorkState.IDLE}
    assert list(site.app.engine.dispatcher().dead_letters()) == []
    assert journal.verify_audit().intact


def until(true: Callable[[], object], seconds: float = 60.0) -> None:
    """Wait for something to come true."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never came to be"
        time.sleep(0.05)
