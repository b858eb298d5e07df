"""Real processes, killed with kill -9 again and again, and two at once: nothing twice, nothing lost, all adds up."""

import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from connector.app import build_app, now_utc
from connector.billing.client import StripeApi
from connector.billing.limiter import Limiter, Rates
from connector.cli.main import run
from connector.cli.playground import Playground
from connector.journal import open_journal
from connector.journal.engine import journal_url
from connector.journal.tables import backfill_items, leases
from connector.sandbox.http import FaultRule
from connector.sandbox.hubspot import HubSpotSandbox
from connector.sandbox.salesforce import SalesforceSandbox
from connector.sandbox.stripe import StripeSandbox
from tests.backfill.company import ramps, sell_deals
from tests.sync.stripe_state import stripe_state

_PORT = re.compile(r"127\.0\.0\.1:\d+")
ROOT = Path(__file__).parents[2]
COUNT = 24
OUTCOMES = ("applied", "nothing", "skipped", "refused", "pending", "failed", "waiting", "left", "open")
#: Stripe stands still, so that two histories can be compared.
NOW = now_utc().replace(microsecond=0)
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


class Place:
    """Emulators in this process, and the command line in processes of its own."""

    def __init__(self, playground: Playground, folder: Path, crm: str, database: str) -> None:
        self.playground, self.crm, self.database = playground, crm, database
        self.config = playground.write_config(folder / f"{crm}.toml", crms=(crm,))
        text = self.config.read_text(encoding="utf-8")
        line = next(line for line in text.splitlines() if line.startswith("database"))
        (folder / "database").touch(mode=0o600)
        (folder / "database").write_text(database, encoding="utf-8")
        self.config.write_text(text.replace(line, f'database = "file:{folder}/database"'), encoding="utf-8")
        build_app(playground.config(self.config), upgrade=True).close()

    def begin(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a command."""
        command = [sys.executable, "-m", "connector.cli", "backfill", *arguments, "--config", str(self.config)]
        pipe = subprocess.PIPE
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=pipe, stderr=pipe, text=True)

    def run(self, *arguments: str) -> tuple[int, str]:
        """Run a command to its end, in this process; return its code and what it printed on stdout."""
        printed = io.StringIO()
        with redirect_stdout(printed):
            code = run(["backfill", *arguments, "--config", str(self.config)])
        return code, printed.getvalue()

    def minutes_later(self) -> None:
        """Let claims and leases of whoever was killed run out, as they would by themselves within minutes."""
        engine = create_engine(journal_url(self.database), poolclass=NullPool)
        with engine.begin() as connection:
            connection.execute(leases.update().values(expires_at=LONG_AGO))
            connection.execute(backfill_items.update().values(claimed_until=LONG_AGO))

    def end_leases_taken_before(self, moment: datetime) -> None:
        """Let the customers be free that were taken before a moment: they are held for five minutes at most."""
        engine = create_engine(journal_url(self.database), poolclass=NullPool)
        old = leases.c.expires_at <= moment + timedelta(minutes=5)
        with engine.begin() as connection:
            connection.execute(leases.update().where(old).values(expires_at=LONG_AGO))

    def schedules_asked(self) -> int:
        """Count the requests that make a schedule."""
        made = ("POST", "/v1/subscription_schedules")
        return sum(1 for record in self.playground.stripe.log if (record.method, record.path) == made)

    def runs(self) -> int:
        """Count the runs that were begun for the back-fill."""
        with open_journal(self.database) as journal:
            return len(journal.latest_runs(self.crm, job="backfill-1"))

    def state(self) -> Any:
        """Return all that Stripe holds two years on: every invoice was made by then."""
        key = "sk_test_sandbox"
        self.playground.stripe.move_clock(now=NOW + timedelta(days=800))
        limiter = Limiter(Rates(10_000, 10_000, 100))
        held = stripe_state(StripeApi(key, base_url=self.playground.stripe.url, limiter=limiter))
        return {path: sorted(_PORT.sub("HERE", entry) for entry in entries) for path, entries in held.items()}


@pytest.fixture(params=["salesforce", "hubspot"])
def crm(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def playground(crm: str) -> Iterator[Playground]:
    yield from _playground(crm)


def _playground(crm: str) -> Iterator[Playground]:
    today = NOW.date()
    made = Playground(today, crms=(crm,))
    made.stripe = StripeSandbox(now=NOW)
    if crm == "salesforce":
        made.salesforce = SalesforceSandbox(records=ramps(today, COUNT))
    else:
        made.hubspot = HubSpotSandbox()
        sell_deals(made.hubspot, today, COUNT)
    with made:
        yield made


def wait_for(true: Callable[[], object], running: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 120
    while not true():
        assert running.poll() is None, running.communicate()
        assert time.monotonic() < deadline, "it never came to be"
        time.sleep(0.005)


def hold(place: Place, after: int) -> FaultRule:
    """Let Stripe make so many schedules more, and hold all calls after them; let go, they are lost."""
    path = "=/v1/subscription_schedules"
    numbers = range(after + 1, after + 10 * COUNT)
    rules = [FaultRule("POST", path, nth=nth, action="drop_before", delay=300) for nth in numbers]
    place.playground.stripe.inject(*rules)
    return rules[0]


def check_report(place: Place) -> None:
    code, out = place.run("report", "--json")
    document = json.loads(out)
    assert code == 0
    assert sum(document["outcomes"][outcome] for outcome in OUTCOMES) == document["selected"] == COUNT
    assert document["outcomes"]["applied"] == COUNT, [(c["outcome"], c["why"]) for c in document["contracts"]]
    assert len({each["contract"] for each in document["contracts"]}) == COUNT
    (money,) = document["money"]["applied"]
    assert money == document["planned_money"]["apply"][0]
    assert document["phase"] == "done"


def undisturbed(crm: str, folder: Path) -> Any:
    for playground in _playground(crm):
        place = Place(playground, folder, crm, f"sqlite:///{folder}/undisturbed.db")
        assert place.run("start", "--all", "--apply", "--yes", "--json")[0] == 0
        check_report(place)
        return place.state()
    return None


def test_killed_three_times_it_goes_on_and_the_report_adds_up(playground: Playground, crm: str, tmp_path: Path):
    wanted = undisturbed(crm, tmp_path)
    place = Place(playground, tmp_path, crm, f"sqlite:///{tmp_path}/killed.db")
    for command in (("start", "--all", "--apply", "--yes"), ("resume", "--yes"), ("resume", "--yes")):
        held = hold(place, after=5)
        with place.begin(*command) as running:
            wait_for(lambda held=held: held.seen > 5, running)  # type: ignore[misc]
            running.kill()
        assert running.returncode == -signal.SIGKILL
        place.playground.stripe.clear_faults()
        place.minutes_later()
    assert place.run("resume", "--yes", "--json")[0] == 0
    check_report(place)
    assert_same(place.state(), wanted)


def test_killed_while_it_lists_and_plans(playground: Playground, crm: str, tmp_path: Path):
    place = Place(playground, tmp_path, crm, f"sqlite:///{tmp_path}/planning.db")
    emulator = playground.salesforce if crm == "salesforce" else playground.hubspot
    for command in (("start", "--all"), ("resume",)):
        held = FaultRule("POST", "", nth=4, action="drop_before", delay=300)
        emulator.inject(held)
        with place.begin(*command) as running:
            wait_for(lambda held=held: held.seen >= 4, running)  # type: ignore[misc]
            running.kill()
        assert running.returncode == -signal.SIGKILL
        emulator.clear_faults()
        place.minutes_later()
    code, out = place.run("resume", "--json")
    assert code == 0
    document = json.loads(out)
    assert (document["phase"], document["selected"], document["verdicts"]) == ("planned", COUNT, {"apply": COUNT})
    assert place.schedules_asked() == 0


@pytest.mark.parametrize("crm", ["salesforce"], indirect=True)
@pytest.mark.parametrize("database", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def test_two_processes_share_one(
    playground: Playground, crm: str, database: str, tmp_path: Path, request: pytest.FixtureRequest
):
    url = f"sqlite:///{tmp_path}/shared.db" if database == "sqlite" else request.getfixturevalue("postgres_url")
    place = Place(playground, tmp_path, crm, url)
    assert place.run("start", "--all", "--json")[0] == 0
    held = hold(place, after=9)
    share = ("resume", "--yes", "--block", "4")
    with place.begin(*share) as first, place.begin(*share) as second:
        wait_for(lambda: held.seen > 9 and place.runs() == 2, first)
        first.kill()
        place.playground.stripe.clear_faults()
        died, killed_at = time.monotonic(), now_utc()
        time.sleep(2)
        place.end_leases_taken_before(killed_at)
        place_of = second.communicate(timeout=240)
        assert time.monotonic() - died < 120
    assert first.returncode == -signal.SIGKILL
    assert second.returncode == 0, place_of
    check_report(place)
    _nothing_twice(place)


def _nothing_twice(place: Place) -> None:
    state = place.state()
    assert len(state["/v1/customers"]) == len(state["/v1/subscription_schedules"]) == COUNT
    with open_journal(place.database) as journal:
        runs = journal.latest_runs(place.crm, job="backfill-1")
        done = Counter(word for run in runs for word in (run.counts or {}))
    assert len(runs) == 2
    assert done["applied"] >= 1


def assert_same(found: dict[str, list[str]], wanted: dict[str, list[str]]) -> None:
    """Compare list by list, so that a difference can be read."""
    for path, entries in wanted.items():
        assert len(found[path]) == len(entries), path
        for mine, other in zip(found[path], entries, strict=True):
            assert mine == other, path
