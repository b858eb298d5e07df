"""A back-fill at work on the command line: the meter, Ctrl-C as pause, exit codes, report files."""

import json as jsonlib
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from connector.backfill import Worker, apply_backfill, dry_run
from connector.backfill.document import item_json, overview_json
from connector.backfill.overview import Overview, all_items
from connector.backfill.report_csv import write_csv
from connector.backfill.report_html import write_html
from connector.backfill.submit import Submitter
from connector.cli.backfill_show import Meter
from connector.cli.exits import Exit
from connector.cli.output import say
from connector.crm.selection import SelectingCrm
from connector.domain.errors import ConfigError
from connector.journal import Backfill, Journal
from connector.signals import obeying
from connector.sync import Desk


def plan_with_meter(desk: Desk, backfill: Backfill, block: int | None) -> Backfill:
    """Run the dry run with a meter; Ctrl-C stops it after the batch in hand."""
    journal = desk.account.journal

    def left() -> int:
        return journal.count_items(backfill.id, "selected")

    with _stopped() as stop, Worker(journal, backfill, desk.clock, stop, block=block) as worker:
        meter: list[Meter] = []

        def told(what: str, count: int) -> None:
            if what == "listed":
                return
            if not meter:
                meter.append(Meter("planned", left() + count, left, lambda: _budget(desk, None)).__enter__())
            meter[0].moved("planned", count)

        try:
            return dry_run(desk, backfill, worker, told)
        finally:
            for each in meter:
                each.__exit__(None, None, None)


def apply_with_meter(
    desk: Desk, backfill: Backfill, submitter: Submitter, by: str, *, rate: float, block: int | None
) -> Backfill:
    """Apply with a meter; Ctrl-C pauses the back-fill after the contract in hand."""
    journal = desk.account.journal

    def left() -> int:
        return journal.count_items(backfill.id, "planned")

    budget = f"Stripe {rate:g}/s"
    with (
        _stopped() as stop,
        Worker(journal, backfill, desk.clock, stop, block=block) as worker,
        Meter("applied", left(), left, lambda: _budget(desk, budget)) as meter,
    ):
        done = apply_backfill(desk, backfill, worker, submitter=submitter, done=meter.settled)
    if stop.is_set() and done.phase != "done" and done.paused is None:
        journal.pause_backfill(backfill.id, by, "stopped by hand", desk.clock())
        done = journal.backfill(backfill.id)
    return done


def _budget(desk: Desk, stripe: str | None) -> str:
    left = desk.crm.quota().left if isinstance(desk.crm, SelectingCrm) else None
    return "  ".join(each for each in (stripe, f"CRM {left:,} calls left today" if left is not None else None) if each)


@contextmanager
def _stopped() -> Iterator[threading.Event]:
    """Give an event that Ctrl-C and SIGTERM set; a second one is not held up."""
    stop = threading.Event()

    def told() -> None:
        say("Stopping after the contract in hand; once more stops at once.", "yellow")
        stop.set()

    with obeying(told):
        yield stop


def planned_exit(page: Overview) -> int:
    """Return the code of a dry run."""
    refused = page.verdicts.get("refuse", 0)
    asks = page.backfill.verdict == "needs_approval" and not page.backfill.is_approved
    if asks:
        return Exit.APPROVAL
    if refused:
        return Exit.PARTIAL if page.selected > refused else Exit.INVALID
    return Exit.APPROVAL if page.verdicts.get("needs_approval") and not page.backfill.is_approved else Exit.OK


def applied_exit(page: Overview) -> int:
    """Return the code of a back-fill that was applied: the worst that happened, or PARTIAL when others went through."""
    outcomes = {name for name, count in page.outcomes.items() if count}
    bad = outcomes & {"refused", "failed", "waiting", "left"}
    if bad and outcomes - bad:
        return Exit.PARTIAL
    worst = (("waiting", Exit.REMOTE), ("failed", Exit.REMOTE), ("refused", Exit.INVALID), ("left", Exit.BUSY))
    return next((code for name, code in worst if name in bad), Exit.APPROVAL if "pending" in outcomes else Exit.OK)


def write_reports(journal: Journal, page: Overview, *, html: Path | None, csv: Path | None, json: bool) -> None:
    """Write the reports that were asked for; the JSON document goes to stdout, contract by contract."""
    backfill = page.backfill
    if html:
        _write(html, lambda file: write_html(file, page, all_items(journal, backfill)))
    if csv:
        _write(csv, lambda file: write_csv(file, all_items(journal, backfill)))
    if json:
        _write_json(journal, page)


def _write(path: Path, write: Callable[[Any], None]) -> None:
    draft = path.with_name(f".{path.name}.new")
    try:
        with draft.open("w", encoding="utf-8", newline="") as file:
            write(file)
        draft.replace(path)
    except OSError as error:
        raise ConfigError(f"cannot write {path}: {error.strerror}") from error
    finally:
        draft.unlink(missing_ok=True)
    say(f"{path}", "green")


def _write_json(journal: Journal, page: Overview) -> None:
    head = jsonlib.dumps(overview_json(page), indent=2, ensure_ascii=False)
    sys.stdout.write(head.removesuffix("\n}") + ',\n  "contracts": [')
    for number, item in enumerate(all_items(journal, page.backfill)):
        sys.stdout.write((",\n    " if number else "\n    ") + jsonlib.dumps(item_json(item), ensure_ascii=False))
    sys.stdout.write("\n  ]\n}\n")
