"""Two processes on one PostgreSQL bill contracts against the emulators; one of them is killed in the middle."""

import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from datetime import time as clock_time
from pathlib import Path
from typing import Any

import pytest

from benchmarks.company import company, order_id
from benchmarks.day import TODAY
from connector.app import App, build_app, now_utc
from connector.cli.playground import Playground
from connector.config import load_config
from connector.dispatch import open_dispatcher, submissions
from connector.journal import WorkState
from connector.journal.work_rows import Key
from connector.sandbox.salesforce import SalesforceSandbox
from connector.sandbox.stripe import StripeSandbox
from tests.dispatch.engines import empty_postgres, until
from tests.dispatch.test_killed import process
from tests.postgres import run_alone

pytestmark = pytest.mark.postgres

NOW = datetime.combine(TODAY, clock_time(9), UTC)
EMPTIED = "run_contracts, runs, contracts, links, operations, plans"


@dataclass
class Site:
    """Both vendors, and the program wired as on a third machine, which only submits."""

    contracts: int
    playground: Playground
    app: App
    config: Path

    def schedules_made(self) -> int:
        """How many calls made schedules."""
        return sum(r.method == "POST" and r.path == "/v1/subscription_schedules" for r in self.playground.stripe.log)

    def held_by(self, pid: int) -> list[Key]:
        """The accounts that a process has in hand."""
        running = self.app.journal.work_items(WorkState.RUNNING, limit=1_000)
        return [item.key for item in running if f"/{pid}/" in str(item.lease_owner)]

    def are_left(self, keys: Collection[Key], pid: int) -> bool:
        """Whether none of the accounts is in the hands of the process any more."""
        return all(f"/{pid}/" not in str(item.lease_owner) for item in self.app.journal.work_of(keys).values())


@pytest.fixture(params=[("embedded", 120), ("procrastinate", 60)], ids=lambda param: param[0])
def site(
    request: pytest.FixtureRequest, dispatch_postgres: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Site]:
    """Three-year ramps of as many customers, an empty Stripe account, and PostgreSQL for all machines."""
    dispatcher, contracts = request.param
    empty_postgres(dispatch_postgres)
    run_alone(dispatch_postgres, f"TRUNCATE {EMPTIED} CASCADE")
    monkeypatch.setenv("CONNECTOR_DATABASE", dispatch_postgres.replace("+psycopg", ""))
    monkeypatch.setenv("CONNECTOR_JOBS__DISPATCHER", dispatcher)
    playground = Playground(TODAY)
    playground.salesforce = SalesforceSandbox(records=company(contracts, customers=True), now=NOW)
    playground.stripe = StripeSandbox(now=NOW)
    with playground:
        path = playground.write_config(tmp_path / "config.toml")
        with build_app(load_config(path, os.environ), clock=lambda: NOW) as app:
            yield Site(contracts, playground, app, path)


def test_nothing_is_billed_twice_and_the_rest_is_taken_over(site: Site):
    orders = [order_id(number) for number in range(site.contracts)]
    dispatcher = open_dispatcher(site.app.config, site.app.journal, lambda: NOW)
    assert dispatcher.submit(submissions(site.app.desk(), orders, reason="test")) == site.contracts
    dispatcher.close()
    worker = ("sync", str(site.config), str((NOW - now_utc()).total_seconds()))
    with process(*worker) as victim, process(*worker) as survivor:
        until(lambda: site.schedules_made() >= site.contracts // 3, seconds=120)
        until(lambda: site.held_by(survivor.pid) and is_frozen_at_work(site, victim))
        victim.kill()
        held, killed = site.held_by(victim.pid), time.monotonic()
        assert held, "it was killed while it had accounts in hand"
        until(lambda: site.are_left(held, victim.pid), seconds=20)
        assert time.monotonic() - killed < 20
        until(lambda: site.app.journal.work_counts() == {WorkState.IDLE: site.contracts}, seconds=120)
        survivor.send_signal(signal.SIGTERM)
        assert survivor.wait(timeout=60) == 0
    check_stripe(site)
    outcomes = site.app.journal.contract_counts("salesforce")
    assert outcomes.keys() <= {"applied", "nothing"}, "nothing: it was applied, and looked at again by the survivor"
    assert sum(outcomes.values()) == site.contracts
    assert outcomes.get("nothing", 0) <= len(held)
    assert site.app.journal.pending_intents("salesforce") == ()
    assert site.app.journal.verify_audit().intact


def is_frozen_at_work(site: Site, process: subprocess.Popen[str]) -> bool:
    """Stop a process where it stands; let it go on if it has nothing in hand just then."""
    process.send_signal(signal.SIGSTOP)
    if site.held_by(process.pid):
        return True
    process.send_signal(signal.SIGCONT)
    return False


def check_stripe(site: Site) -> None:
    """Compare what Stripe was asked, and what it holds, with the contracts: one schedule and one customer each."""
    writes = [r for r in site.playground.stripe.log if r.method == "POST" and r.status == 200 and not r.replayed]
    made = Counter(r.path for r in writes)
    assert made["/v1/subscription_schedules"] == made["/v1/customers"] == site.contracts
    assert Counter(r.idempotency_key for r in writes).most_common(1)[0][1] == 1
    client = site.playground.stripe.client("sk_test_sandbox")
    schedules: Any = client.v1.subscription_schedules.list({"limit": 100}).auto_paging_iter()
    billed = Counter(schedule.metadata["salesforce_order_id"] for schedule in schedules)
    assert set(billed.values()) == {1}
    assert len(billed) == site.contracts
    assert sum(1 for _ in client.v1.customers.list({"limit": 100}).auto_paging_iter()) == site.contracts
