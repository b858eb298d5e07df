"""The whole play: a calm run of the script, the same script in the storm, and the comparison of what both left."""

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

from connector.app import App, build_app, now_utc
from connector.config import load_config
from connector.journal import WorkState
from connector.poll import sync_changed, sync_failed
from connector.sandbox.seed import ORDERS
from connector.sweep import last_sweep, sweep
from connector.sync import Desk
from tests.jobs.chaos import books, deals, script, storms
from tests.jobs.chaos.emulators import ROOT, Control, Emulators
from tests.jobs.chaos.processes import Runner, hurry
from tests.jobs.chaos.script import Step
from tests.jobs.chaos.storms import Storm, Watch, blow

_MAKING = threading.Lock()
YEAR = 366 * 86_400
#: Seconds of a CRM's time after which everything that was committed late can be seen.
LATEST = 500


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two CRMs: what its people do, where, what goes wrong with it, and which records may be contracts."""

    name: str
    script: Callable[[int, int, date], Iterator[Step]]
    crm: Callable[[Emulators], Control]
    storms: tuple[Storm, ...]
    records: Callable[[Emulators], Iterable[str]]


SIDES = (
    Side("salesforce", script.script, lambda at: at.org, storms.ROUND, lambda _: ORDERS.values()),
    Side("hubspot", deals.script, lambda at: at.portal, storms.PORTAL_ROUND, lambda at: at.portal.rows("deals")),
)


@dataclass(frozen=True, slots=True)
class Plot:
    """How long and how hard: seconds of storm, rounds of storms in it, steps of the script, the CRMs' pace."""

    seconds: float
    rounds: int
    steps: int
    seed: int

    @property
    def pace(self) -> float:
        """Seconds of the CRMs' time in one of ours: an outage of Stripe lasts an hour of it."""
        return 3600 / (self.seconds / self.rounds * 0.14)


@dataclass(slots=True)
class Outcome:
    """What one run left behind."""

    books: dict[str, Any]
    plans: dict[str, str]
    failures: dict[str, str]
    problems: list[str] = field(default_factory=list)


def calm(folder: Path, plot: Plot, today: date) -> Outcome:
    """Play the script in peace: after each step everything is synced."""
    with Emulators(folder) as emulators:
        with _app(emulators) as app, ThreadPoolExecutor(len(SIDES)) as people:
            for acting in [
                people.submit(_act_in_peace, side, emulators, app.desks[side.name], plot, today) for side in SIDES
            ]:
                acting.result()
        return _outcome(emulators)


def _act_in_peace(side: Side, emulators: Emulators, desk: Desk, plot: Plot, today: date) -> None:
    """Do the steps of a side; what each changed is found by a poll, or by a sweep."""
    crm = side.crm(emulators)
    _settle(desk)
    for step in side.script(plot.seed, plot.steps, today):
        step.do(crm)
        crm.advance(900)
        _settle(desk)
    crm.advance(900)
    _settle(desk)


def storm(folder: Path, plot: Plot, today: date, told: Callable[[str], None]) -> tuple[Outcome, Runner]:
    """Play the script while everything goes wrong; then it is quiet, and the last process has a minute to settle."""
    with Emulators(folder) as emulators:
        _app(emulators).close()
        emulators.hasten(plot.pace)
        with Runner(emulators.config, folder / "run.log", plot.seed) as runner:
            watch = Watch(told, runner.words)
            with ThreadPoolExecutor(2 * len(SIDES)) as threads:
                people = [threads.submit(_act, side, emulators, plot, today, told) for side in SIDES]
                weather = [threads.submit(_rage, side, emulators, plot, watch) for side in SIDES]
                for each in (*weather, *people):
                    each.result(timeout=plot.seconds + 300)
            last = runner.calm_down()
            told("quiet")
            problems = list(_settled(emulators, plot, last, told))
            last.send_signal(signal.SIGTERM)
            runner.codes.append(last.wait(timeout=30))
        outcome = _outcome(emulators)
        outcome.problems += problems
        return outcome, runner


def both(folder: Path, plot: Plot, told: Callable[[str], None]) -> tuple[Outcome, Outcome, Runner]:
    """Play the calm run beside the storm, on emulators of its own."""
    day = now_utc().date()
    for part in ("calm", "storm"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(1) as beside:
        peace = beside.submit(calm, folder / "calm", plot, day)
        war, runner = storm(folder / "storm", plot, day, told)
        return peace.result(), war, runner


def verdict(peace: Outcome, war: Outcome) -> list[str]:
    """Return every way in which the storm left something else than the calm run."""
    found = list(war.problems)
    for name in peace.books:
        found += books.differences(peace.books[name], war.books[name], name)
    found += books.differences(peace.plans, war.plans, "plan")
    found += books.differences(peace.failures, war.failures, "failure")
    return found


def _app(emulators: Emulators) -> App:
    """Return the app on a journal of its own; one at a time, since alembic knows one migration in a process."""
    hurry(emulators.config)
    with _MAKING:
        return build_app(load_config(emulators.config, {}), upgrade=True)


def _rage(side: Side, emulators: Emulators, plot: Plot, watch: Watch) -> None:
    for number in range(plot.rounds):
        blow(side.storms, emulators, plot.seconds / plot.rounds, plot.seed + number, watch)


def _act(side: Side, emulators: Emulators, plot: Plot, today: date, told: Callable[[str], None]) -> None:
    """Do the steps of a side, spread over the time of the storm."""
    steps: list[Step] = list(side.script(plot.seed, plot.steps, today))
    begun = time.monotonic()
    for number, step in enumerate(steps):
        due = begun + plot.seconds * (number + 1) / (len(steps) + 1)
        time.sleep(max(0.0, due - time.monotonic()))
        told(f"{side.name}: {step.words}")
        step.do(side.crm(emulators))


def _settle(desk: Desk) -> None:
    for results in (
        sync_changed(desk, job="calm", config_hash=""),
        sync_failed(desk, job="calm", config_hash=""),
        sweep(desk, job="calm", config_hash="", deep=True),
    ):
        list(results)


def _settled(
    emulators: Emulators, plot: Plot, last: subprocess.Popen[bytes], told: Callable[[str], None]
) -> Iterator[str]:
    """Wait until everything can be seen, and nothing is left to do; yield what still is after more than a minute."""
    deadline = time.monotonic() + 90
    time.sleep(LATEST / plot.pace)
    quiet, left = now_utc(), ["nobody looked"]
    while left and time.monotonic() < deadline:
        if last.poll() is not None:
            yield f"the last process ended by itself with {last.returncode}"
            return
        before, left = left, list(_left(emulators, quiet)) or list(_unplanned(emulators))
        if left != before:
            told(f"left to do: {', '.join(left) or 'nothing'}")
        if left:
            time.sleep(0.5)
    yield from left


def _left(emulators: Emulators, quiet: datetime) -> Iterator[str]:
    with build_app(load_config(emulators.config, {})) as app:
        for name, desk in app.desks.items():
            swept = last_sweep(desk)
            if swept is None or swept.at < quiet:  # what was archived is seen by nothing else
                yield f"a sweep of {name}"
            if app.journal.work_counts(name).keys() - {WorkState.IDLE}:
                yield f"work of {name}"
            waiting = app.journal.failures(name, kinds={"wait"})
            yield from (f"{failure.record} waits: {failure.error}" for failure in waiting)
            yield from (f"open intent of {intent.contract_key}" for intent in app.journal.pending_intents(name))
        if app.journal.open_breakers():
            yield "a breaker is open"


def _unplanned(emulators: Emulators) -> Iterator[str]:
    for record, word in _plans(emulators).items():
        if word not in {"nothing", "refuse"}:
            yield f"{record} is to be changed"


def _outcome(emulators: Emulators) -> Outcome:
    """Read the books, then let a year pass in Stripe and read the invoices again."""
    plans = _plans(emulators)
    with build_app(load_config(emulators.config, {})) as app:
        check = app.journal.verify_audit()
        found = {one.record: f"{one.kind} {one.code}" for name in app.desks for one in app.journal.failures(name)}
    left = {
        "schedules": books.schedules(emulators.stripe),
        "counts": books.counts(emulators.stripe),
        "told": books.told(emulators.org),
        "told in HubSpot": books.told_in(emulators.portal),
        "invoices": books.invoices(emulators.stripe),
    }
    emulators.stripe.call("POST", "clock", {"advance": YEAR})
    left |= {"invoices of a year": books.invoices(emulators.stripe)}
    problems = [] if check.intact else [f"the audit chain is broken: {check.problem}"]
    return Outcome(left, plans, found, problems)


def _plans(emulators: Emulators) -> dict[str, str]:
    """Plan everything anew, every schedule read; return each contract's verdict."""
    with ThreadPoolExecutor(len(SIDES)) as threads:
        plans = list(threads.map(lambda side: _plans_of(side, emulators), SIDES))
    return {key: word for planned in plans for key, word in planned.items()}


def _plans_of(side: Side, emulators: Emulators) -> dict[str, str]:
    words = ["plan", *side.records(emulators), "--refresh", "--json", "--config", str(emulators.config)]
    command = [sys.executable, "-m", "connector.cli", *words, "--connection", side.name]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert done.stdout, done.stderr
    return {plan["contract"]["key"]: plan["verdict"] for plan in json.loads(done.stdout)["plans"]}
