"""`connector backfill`: what people type, what they are told, and the codes a script may rely on."""

import csv
import json
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from connector.cli.backfill_show import Meter
from connector.cli.exits import Exit
from connector.journal import BackfillItem, open_journal
from connector.sandbox.http import FaultRule
from tests.architecture.shape import ROOT
from tests.cli.conftest import Shop

PAGE = ROOT / "docs/backfill.md"


def posts(shop: Shop) -> int:
    return sum(record.method == "POST" for record in shop.stripe.log)


def test_start_shows_and_changes_nothing(shop: Shop):
    ran = shop.run("backfill", "start", "--all")
    assert ran.code == Exit.PARTIAL, ran.err
    assert "contracts  20" in ran.out
    assert "15  to apply  (15 new)" in ran.out
    assert "sold 100,644.00 EUR, Stripe bills 100,644.00 EUR" in ran.out
    assert "! QUANTITY_FRACTION  1 contract: " in ran.out
    assert "fix: Sell whole units" in ran.out
    assert re.search(r"takes +54 Stripe calls \(54 writes\), up to 26 CRM calls of [\d,]+ left today", ran.out)
    assert "Nothing was changed. Apply it: connector backfill resume 1" in ran.err
    assert posts(shop) == 0


def test_the_document_is_one_and_the_codes_hold(shop: Shop):
    ran = shop.run("backfill", "start", "--all", "--apply", "--yes", "--json")
    document = ran.document
    assert ran.code == Exit.PARTIAL
    assert (document["phase"], document["id"], document["selected"]) == ("done", 1, 20)
    assert document["outcomes"] | {"applied": 15, "refused": 4, "skipped": 1} == document["outcomes"]
    report = shop.run("backfill", "report", "--json")
    assert report.code == Exit.PARTIAL
    assert len(report.document["contracts"]) == 20
    assert {k: v for k, v in report.document.items() if k != "contracts"} == {
        **document,
        "estimate": report.document["estimate"],  # the process that ran it knew what was left of the day
    }
    good = shop.run("backfill", "start", shop.orders["ramp"], "--apply", "--yes", "--json")
    assert (good.code, good.document["outcomes"]["nothing"]) == (Exit.OK, 1)
    assert shop.run("backfill", "list", "--json").document["backfills"][1]["id"] == 1


def test_nobody_confirms_and_nothing_is_changed(shop: Shop):
    shop.run("backfill", "start", shop.orders["ramp"])
    ran = shop.run("backfill", "resume", stdin="n\n")
    assert (ran.code, posts(shop)) == (Exit.APPROVAL, 0)
    assert shop.run("backfill", "resume", stdin="y\n").code == Exit.OK
    assert posts(shop) > 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "choose contracts: name ids, or --from-file, or conditions"),
        (["--all", "--owner", "x"], "cannot be combined; choose one way"),
        (["--owner", "Integratoin"], "no owner 'Integratoin'. Did you mean 'Integration'"),
        (["--stage", "Actived"], "no stage 'Actived'. Did you mean 'Activated'"),
        (["--closed-from", "yesterday"], "--closed-from: 'yesterday' is no day"),
        (["00001"], "is not the id of a Salesforce record"),
        (["--from-file", "nowhere.csv"], "cannot read nowhere.csv: No such file"),
        (["--all", "--submit", "batch"], "--submit batch is not there"),
        (["--all", "--billed-through", "2026-13-01"], "--billed-through: '2026-13-01' is no day"),
    ],
)
def test_what_is_wrong_is_said_and_leaves_nothing(shop: Shop, arguments: list[str], words: str):
    ran = shop.run("backfill", "start", *arguments)
    assert ran.code == Exit.INVALID
    assert words in ran.err
    assert shop.run("backfill", "list", "--json").document["backfills"] == []


def test_without_a_back_fill_commands_say_how_to_make_one(shop: Shop):
    for command in ("status", "resume", "pause", "report"):
        ran = shop.run("backfill", command)
        assert (ran.code, "there is no back-fill yet; `connector backfill start --all`" in ran.err) == (3, True), (
            command
        )
    assert "there is no back-fill 9" in shop.run("backfill", "status", "9").err


def test_over_the_limits_yes_is_not_enough(shop: Shop):
    shop.configure(("[crm.salesforce]", "[safety]\nmax_changed_share = 0.01\n\n[crm.salesforce]"))
    assert shop.run("backfill", "start", "--all", "--apply", "--yes", "--json").document["phase"] == "done"
    for line, row in shop.salesforce.records("OrderItem").items():
        if row["OrderId"] in {shop.orders["ramp"], shop.orders["flat"]}:
            shop.salesforce.update("OrderItem", line, {"UnitPrice": 900.0, "TotalPrice": 900.0 * row["Quantity"]})
    before = posts(shop)
    ran = shop.run("backfill", "start", "--all", "--apply", "--yes")
    assert (ran.code, posts(shop)) == (Exit.APPROVAL, before)
    assert "asks       the run changes" in ran.out
    assert "connector backfill approve 2 --reason" in ran.err
    assert shop.run("backfill", "resume", "--yes").code == Exit.APPROVAL
    assert shop.run("backfill", "approve", "--reason", " ").code == Exit.USAGE
    digest = shop.run("backfill", "status", "--json").document["digest"]
    assert shop.run("approve", digest[:12], "--by", "Erin", "--reason", "checked").code == Exit.OK
    assert shop.run("backfill", "resume", "--yes").code == Exit.PARTIAL
    assert posts(shop) > before
    assert shop.run("backfill", "status", "--json").document["approved"]["by"] == "Erin"


def test_a_changed_mapping_is_refused(shop: Shop, tmp_path: Path):
    shop.run("backfill", "start", shop.orders["ramp"])
    text = shop.config.read_text(encoding="utf-8")
    bundled = Path(re.search(r'mapping = "(.+)"', text)[1])  # type: ignore[index]
    mine = tmp_path / "mine.yaml"
    mine.write_text(bundled.read_text(encoding="utf-8").replace("truncate: 350", "truncate: 300"), encoding="utf-8")
    shop.configure((str(bundled), str(mine)))
    ran = shop.run("backfill", "resume", "--yes")
    assert (ran.code, posts(shop)) == (Exit.INVALID, 0)
    assert "has changed since back-fill 1 was started" in ran.err


def test_reports_are_files_that_are_whole_or_not_there(shop: Shop, tmp_path: Path):
    shop.run("backfill", "start", "--all", "--apply", "--yes")
    html, table = tmp_path / "r.html", tmp_path / "r.csv"
    assert shop.run("backfill", "report", "--html", str(html), "--csv", str(table)).code == Exit.PARTIAL
    rows = list(csv.DictReader(table.read_text(encoding="utf-8").splitlines()))
    assert len(rows) == 20
    assert {row["outcome"] for row in rows} == {"applied", "refused", "skipped"}
    assert html.read_text(encoding="utf-8").endswith("</html>\n")
    ran = shop.run("backfill", "report", "--html", str(tmp_path / "no" / "r.html"))
    assert (ran.code, "cannot write" in ran.err) == (Exit.INVALID, True)
    assert not list(tmp_path.glob(".r.*"))


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_ctrl_c_is_a_pause(shop: Shop, name: str):
    shop.configure(("[crm.salesforce]", "[jobs]\nthreads = 1\n\n[crm.salesforce]"))  # one in hand, the others open
    slow = FaultRule("POST", "/v1/subscription_schedules", action="delay", delay=0.7, times=None)
    shop.stripe.inject(slow)
    arguments = ["backfill", "start", "--all", "--apply", "--yes", "--config", str(shop.config)]
    command = [sys.executable, "-m", "connector.cli", *arguments]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdout=pipe, stderr=pipe, text=True) as running:
        deadline = time.monotonic() + 60
        while not slow.seen:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        running.send_signal(signal.Signals[name])
        _, err = running.communicate(timeout=60)
    assert running.returncode == Exit.INTERRUPTED, err
    assert "Stopping after the contract in hand" in err
    shop.stripe.clear_faults()
    document = shop.run("backfill", "status", "--json").document
    assert document["paused"]["reason"] == "stopped by hand"
    assert document["outcomes"]["open"] > 0
    with open_journal(f"sqlite:///{shop.config.parent}/sandbox.db") as journal:
        assert journal.pending_intents("salesforce") == ()
    assert shop.run("backfill", "resume", "--yes", "--json").document["outcomes"]["applied"] == 15


def test_where_nobody_looks_a_line_comes_now_and_then(capsys: pytest.CaptureFixture[str], monkeypatch):
    monkeypatch.setattr("connector.cli.backfill_show.QUIET", 0.0)
    with Meter("applied", 4, lambda: 3, lambda: "Stripe 25/s", bar=False) as meter:
        meter.settled(BackfillItem("a", "done", outcome="applied"))
    assert re.search(r"applied: 1 of 4, 0 min left, [\d,.]+/s  1 applied  Stripe 25/s", capsys.readouterr().err)


def test_on_a_terminal_there_is_a_bar(capsys: pytest.CaptureFixture[str]):
    with Meter("applied", 4, lambda: 2, lambda: "Stripe 25/s", bar=True) as meter:
        meter.settled(BackfillItem("a", "done", outcome="refused"))
    shown = capsys.readouterr().err
    assert "2/4" in shown
    assert "1 refused" in shown


# --- the page that tells how -----------------------------------------------------------------------------


def typed() -> list[str]:
    """Return what the page tells people to type, in its order."""
    blocks = re.findall(r"^```(\w*)\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    lines = (line for language, block in blocks if not language for line in block.splitlines())
    return [line for line in lines if line.startswith("connector ")]


def test_every_command_of_the_page_works_in_its_order(shop: Shop, tmp_path: Path):
    assert len(typed()) >= 15
    (table,) = re.findall(r"^```csv\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    (tmp_path / "takeover.csv").write_text(table, encoding="utf-8")
    user = {"FirstName": "Dana", "LastName": "Reyes", "Email": "dana@example.com", "Username": "dana@example.com"}
    dana = shop.salesforce.insert("User", user)
    shop.salesforce.update("Order", shop.orders["ramp"], {"OwnerId": dana})
    for line in typed():
        words = shlex.split(line)[1:]
        words = words[: words.index(">")] if ">" in words else words
        ran = shop.run(*words, stdin="y\n")
        assert ran.code in {Exit.OK, Exit.PARTIAL, Exit.APPROVAL}, f"{line}: {ran.code}\n{ran.err}"
    backfills = {each["id"]: each for each in shop.run("backfill", "list", "--json").document["backfills"]}
    assert {each["phase"] for number, each in backfills.items() if number in {2, 5, 7}} == {"done"}
    assert (tmp_path / "report.html").exists()
    assert (tmp_path / "report.csv").exists()
    assert len(backfills) == 7


def test_the_page_of_the_dry_run_is_as_it_is_shown(shop: Shop):
    (shown,) = re.findall(r"^```text\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    ran = shop.run("backfill", "start", "--stage", "Activated", "--closed-from", "2020-01-01")
    printed = [_stable(line) for line in ran.out.splitlines()]
    told = [_stable(line) for line in shown.splitlines() if line.strip() not in {"", "..."}]
    assert [line for line in told if line not in printed] == []


def _stable(line: str) -> str:
    line = re.sub(r"[0-9a-f]{64}", "DIGEST", re.sub(r"Back-fill \d+", "Back-fill N", line))
    line = re.sub(
        r"(up to )\d+( CRM calls) of [\d,]+ left", r"\1N\2 of N left", re.sub(r"least .+ at", "least N at", line)
    )
    return re.sub(r"selection .*", "selection", line)


def test_the_document_of_a_report_is_streamed_and_still_json(shop: Shop):
    shop.run("backfill", "start", "--all")
    ran = shop.run("backfill", "report", "--json")
    assert json.loads(ran.out)["contracts"][0]["record"].startswith("801")
