"""The whole play: a calm run of the script, the same script in the storm, and the comparison of what both left."""

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from connector.app import App, build_app, now_utc
from connector.config import load_config
from connector.poll import sync_changed, sync_failed
from connector.sandbox.seed import ORDERS
from connector.sweep import sweep
from tests.jobs.chaos import books
from tests.jobs.chaos.emulators import ROOT, Emulators
from tests.jobs.chaos.processes import Runner, hurry
from tests.jobs.chaos.script import Step, script
from tests.jobs.chaos.storms import blow

_MAKING = threading.Lock()
YEAR = 366 * 86_400


@dataclass(frozen=True, slots=True)
class Plot:
    """How long and how hard: seconds of storm, rounds of storms in it, steps of the script, the org's pace."""

    seconds: float
    rounds: int
    steps: int
    seed: int

    @property
    def pace(self) -> float:
        """Seconds of the org's time in one of ours: an outage of Stripe lasts an hour of it."""
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
        with _app(emulators) as app:
            _settle(app)
            for step in script(plot.seed, plot.steps, today):
                step.do(emulators.org)
                emulators.org.advance(900)
                _settle(app)
            emulators.org.advance(900)
            _settle(app)
        return _outcome(emulators)


def storm(folder: Path, plot: Plot, today: date, told: Callable[[str], None]) -> tuple[Outcome, Runner]:
    """Play the script while everything goes wrong; then it is quiet, and the last process has a minute to settle."""
    with Emulators(folder) as emulators:
        _app(emulators).close()
        emulators.hasten(plot.pace)
        runner = Runner(emulators.config, folder / "run.log", plot.seed)
        runner.start()
        with ThreadPoolExecutor(1) as people:
            acting = people.submit(_act, emulators, plot, today, told)
            for number in range(plot.rounds):
                blow(emulators, plot.seconds / plot.rounds, plot.seed + number, told, runner.words)
            acting.result(timeout=plot.seconds + 150)
        last = runner.calm_down()
        told("quiet")
        problems = list(_settled(emulators, last, told))
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


def _act(emulators: Emulators, plot: Plot, today: date, told: Callable[[str], None]) -> None:
    """Do the steps, spread over the time of the storm."""
    steps: list[Step] = list(script(plot.seed, plot.steps, today))
    begun = time.monotonic()
    for number, step in enumerate(steps):
        due = begun + plot.seconds * (number + 1) / (len(steps) + 1)
        time.sleep(max(0.0, due - time.monotonic()))
        told(step.words)
        step.do(emulators.org)


def _settle(app: App) -> None:
    for desk in app.desks.values():
        for results in (
            sync_changed(desk, job="calm", config_hash=""),
            sync_failed(desk, job="calm", config_hash=""),
            sweep(desk, job="calm", config_hash="", deep=True),
        ):
            list(results)


def _settled(emulators: Emulators, last: subprocess.Popen[bytes], told: Callable[[str], None]) -> Iterator[str]:
    """Wait until nothing is left to do; yield what still is after a minute."""
    deadline = time.monotonic() + 90
    time.sleep(5)
    left = ["nobody looked"]
    while left and time.monotonic() < deadline:
        if last.poll() is not None:
            yield f"the last process ended by itself with {last.returncode}"
            return
        left = list(_left(emulators))
        told(f"left to do: {', '.join(left) or 'nothing'}")
        if left:
            time.sleep(2)
    yield from left


def _left(emulators: Emulators) -> Iterator[str]:
    with build_app(load_config(emulators.config, {})) as app:
        for name, desk in app.desks.items():
            waiting = app.journal.failures(name, kinds={"wait"})
            yield from (f"{failure.record} waits: {failure.error}" for failure in waiting)
            yield from (f"open intent of {intent.contract_key}" for intent in app.journal.pending_intents(name))
            if app.journal.open_breakers():
                yield "a breaker is open"
            del desk
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
        "invoices": books.invoices(emulators.stripe),
    }
    emulators.stripe.call("POST", "clock", {"advance": YEAR})
    left |= {"invoices of a year": books.invoices(emulators.stripe)}
    problems = [] if check.intact else [f"the audit chain is broken: {check.problem}"]
    return Outcome(left, plans, found, problems)


def _plans(emulators: Emulators) -> dict[str, str]:
    """Plan everything anew, every schedule read; return each contract's verdict."""
    words = ["plan", *ORDERS.values(), "--refresh", "--json", "--config", str(emulators.config)]
    command = [sys.executable, "-m", "connector.cli", *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert done.stdout, done.stderr
    return {plan["contract"]["key"]: plan["verdict"] for plan in json.loads(done.stdout)["plans"]}
