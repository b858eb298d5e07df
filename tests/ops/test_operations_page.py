"""docs/operations.md, from top to bottom: every command runs, every metric and every kind of incident has its place."""

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from connector.alerts import KINDS
from connector.app import build_app
from connector.cli.playground import Playground
from connector.config import MonitorConfig
from connector.health import start_monitor
from connector.journal import open_journal
from connector.metrics import COUNTED
from connector.reports.gauges import GAUGES
from connector.reports.reports import REPORTS
from tests.architecture.test_repository import anchors
from tests.by_hand import set_quantities
from tests.cli.conftest import Shop, new_shop, shop
from tests.ops.conftest import Receiver
from tests.ops.machine import ROOT, Machine

__all__ = ["new_shop", "shop"]

FILE = ROOT / "docs" / "operations.md"
PAGE = FILE.read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)
#: Commands that end with another code than 0 when they have something to tell.
TELLS = {
    "report": {4},
    "dead": {4},
    "alerts": {4},
    "status": {4},
    "drift": {5},
    "adopt": {4, 6},
    "plan": {3},
    "doctor": {3},
}


def test_no_block_is_left_out():
    """Every block is either typed, run by a shell, or shows output."""
    assert {kind for kind, _ in BLOCKS} == {"", "sh", "text"}
    for kind, text in BLOCKS:
        for line in text.splitlines() if kind == "" else ():
            assert line.startswith(("connector ", "python -m jobs")), line


class Reader:
    """Somebody who types the page, on a machine and in a company."""

    def __init__(self, shop: Shop, machine: Machine) -> None:
        self.shop = shop
        self.machine = machine
        self.prepare: dict[str, Callable[[], None]] = {
            "--restore": self.edit_in_stripe,
            "--ignore": self.edit_in_stripe,
            "FINGERPRINT": self.let_a_plan_wait,
        }
        self.fingerprint = ""
        self.restored = False

    def type(self, line: str) -> None:
        """Type a command of ours, and see that it ends as it may."""
        for word, prepare in self.prepare.items():
            if word in line:
                prepare()
        if line == "connector run" or line.startswith("python -m jobs"):
            self.run_jobs()
            return
        words = shlex.split(line.replace("FINGERPRINT", self.fingerprint), comments=True)[1:]
        target = Path(words.pop()) if ">" in words else None
        ran = self.shop.run(*(word for word in words if word != ">"), stdin="y\n")
        assert ran.code in {0, *TELLS.get(words[0], ())}, (line, ran.code, ran.out, ran.err)
        if self.restored and line == "connector plan":
            assert ran.out.splitlines()[-1].startswith("0 to apply, 0 need approval, "), (
                "after a fresh backup there is nothing to do"
            )
        if target is not None:
            target.write_text(ran.out, encoding="utf-8")

    def run_jobs(self) -> None:
        """Start the scheduler, let it sync, and end it as systemd would."""
        running = subprocess.Popen(
            [sys.executable, "-m", "jobs", "--config", str(self.shop.config)],
            cwd=self.machine.here,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stderr=subprocess.PIPE,
            text=True,
        )
        deadline = time.monotonic() + 60
        with open_journal(self.shop.playground.config(self.shop.config).database_url()) as journal:
            while "work" not in journal.last_ends("salesforce"):
                assert time.monotonic() < deadline, "what was submitted was not looked at"
                time.sleep(0.2)
        running.send_signal(signal.SIGTERM)
        _, log = running.communicate(timeout=30)
        assert running.returncode == 0, log

    def edit_in_stripe(self) -> None:
        held = self.shop.stripe.state["sk_test_sandbox"].objects["subscription_schedule"].values()
        (ours,) = [one for one in held if one["metadata"]["salesforce_order_id"] == self.shop.orders["ramp"]]
        quantity = max(item["quantity"] for item in ours["phases"][1]["items"])
        set_quantities(self.shop.stripe.client(), ours["id"], {1: quantity + 1})

    def let_a_plan_wait(self) -> None:
        text = self.shop.config.read_text()
        self.shop.config.write_text(f"{text}\n[safety]\nmax_contract_amount = {{ usd = 1 }}\n")
        self.shop.salesforce.update("Order", self.shop.orders["flat"], {"PoNumber": "4711"})
        self.shop.run("sync", "--yes", self.shop.orders["flat"])
        self.shop.config.write_text(text)
        contracts = self.shop.run("status", "--json", "--only", "pending").document["contracts"]
        self.fingerprint = contracts[0]["status"]["fingerprint"]


@pytest.fixture
def reader(shop: Shop, tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> Iterator[Reader]:
    machine = Machine(tmp_path)
    monkeypatch.chdir(machine.here)
    for name in ("stripe_key", "client_secret"):
        (machine.here / name).write_text("to be kept\n")
    yield Reader(shop, machine)
    assert receiver.texts, "the alerts were tested"


def settle_in(reader: Reader, playground: Playground, receiver: Receiver) -> None:
    """Do what the page says is to be edited: the configuration, with a webhook for the alerts."""
    machine = reader.machine
    playground.write_config(machine.config, database=machine.root / "var/lib/connector/connector.db")
    (machine.config.parent / "hook").write_text(receiver.url)
    (machine.config.parent / "hook").chmod(0o600)
    with machine.config.open("a") as config:
        config.write('\n[alerts]\nwebhook = "file:hook"\n')
    reader.shop.config = machine.config


def test_every_command_runs_in_the_order_of_the_page(reader: Reader, playground: Playground, receiver: Receiver):
    machine = reader.machine
    for kind, text in BLOCKS:
        if kind == "sh" and "_URL" not in text:  # those for PostgreSQL are run by test_backup
            for name in ("stripe_key", "client_secret"):
                (machine.here / name).write_text("to be kept\n")
            if "enable --now" in text:
                settle_in(reader, playground, receiver)
            reader.restored = "backup-2026-11-24.db /var/lib" in text
            if "curl" not in text:
                machine.run(text)
                continue
            monitor = MonitorConfig(enabled=True, port=0)
            with build_app(playground.config(reader.shop.config)) as app, start_monitor(app, monitor) as address:
                machine.run(text, MONITOR=(address or "").removeprefix("http://"))
        for line in text.splitlines() if kind == "" else ():
            reader.type(line)
    assert machine.done.count("root systemctl enable --now connector") == 1
    assert machine.done.count("root systemctl start connector") == 2
    secret = machine.root / "etc/connector/secrets/stripe_key"
    assert (secret.read_text(), secret.stat().st_mode & 0o777) == ("to be kept\n", 0o640)
    assert (machine.root / "var/lib/connector/before-upgrade.db").stat().st_mode & 0o777 == 0o600


@pytest.fixture(scope="session")
def playground(shared_playground: Playground) -> Playground:
    return shared_playground


# --- what the page lists is what there is -----------------------------------------------------------


def test_the_table_of_metrics_is_complete():
    part = PAGE.partition("## Metrics")[2].partition("\n## ")[0]
    told = [line for line in part.splitlines() if line.startswith("| `connector_")]
    rows = []
    for one in (*COUNTED, *GAUGES):
        name = f"{one.name}_total" if one.kind == "counter" else one.name
        labels = ", ".join(f"`{label}`" for label in one.labels)
        first = one.says[0] if one.says.startswith("Stripe") else one.says[0].lower()
        rows.append(f"| `{name}` | {one.kind} | {labels} | {first}{one.says[1:]} |")
    assert told == rows


def test_expressions_name_metrics_that_exist():
    part = PAGE.partition("| Question | Expression |")[2].partition("\n## ")[0]
    named = set(re.findall(r"connector_\w+", part))
    known = {one.name for one in GAUGES} | {"connector_process_start_time_seconds"}
    for one in COUNTED:
        suffixes = ("_total",) if one.kind == "counter" else ("_sum", "_count", "_bucket")
        known |= {f"{one.name}{suffix}" for suffix in suffixes}
    assert len(named) >= 6
    assert named - known == set()


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_every_kind_of_incident_has_its_section_with_something_to_do(kind):
    assert kind.anchor in anchors(FILE)
    section = PAGE.partition(f"### Alert: {kind.name.replace('_', ' ')}\n")[2].partition("\n##")[0]
    assert "```" in section, "commands"
    assert len(section.split()) > 20


def test_every_section_of_an_incident_is_of_a_kind():
    told = re.findall(r"^### Alert: (.*)$", PAGE, re.MULTILINE)
    assert sorted(told) == sorted(kind.name.replace("_", " ") for kind in KINDS.values())


def test_every_report_is_explained():
    for report in REPORTS:
        assert f"| `{report.name}` |" in PAGE
        assert f"connector report {report.name}\n" in PAGE
