"""What housekeeping forgets: expired approvals, old slots, and old runs and plans once they are archived."""

import gzip
import json
import logging
import stat
import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from connector.app import App, now_utc
from connector.config import JobsConfig
from jobs.housekeeping import housekeeping
from tests.journal.test_retention import DAY
from tests.wired import sync

CRM = "salesforce"


@pytest.fixture
def old(app: App, stop: threading.Event) -> App:
    """A journal with two runs over everything, looked at a year later."""
    sync(app, stop)
    later = now_utc() + 365 * DAY
    for state in app.journal.contract_states(CRM, limit=3):
        run = app.journal.start_run("sync", CRM, later, mapping_hash="", config_hash="")
        found = app.journal.last_contract(CRM, state.contract_key)
        assert found is not None
        app.journal.record_contract(replace(found, run_id=run.id, recorded_at=later))
    desks = {name: replace(desk, clock=lambda: later) for name, desk in app.desks.items()}
    return replace(app, desks=desks)


def keeping(app: App, **settings: Any) -> App:
    return replace(app, config=app.config.model_copy(update={"jobs": JobsConfig(**settings)}))


def results(app: App) -> int:
    first = app.journal.latest_runs(CRM, job="work")[-1]
    return len(app.journal.run_contracts(first.id, limit=1000))


def test_nothing_is_removed_by_default(old: App, stop: threading.Event):
    before = results(old)
    housekeeping(old, stop)
    assert results(old) == before == 20


def test_nothing_is_removed_without_an_archive(old: App, stop: threading.Event, caplog: pytest.LogCaptureFixture):
    housekeeping(keeping(old, keep_days=30), stop)
    assert results(old) == 20
    assert any("nothing is removed" in message for message in caplog.messages)


def test_what_is_old_is_archived_and_then_removed(
    old: App, stop: threading.Event, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.INFO)
    folder = tmp_path / "deep" / "archive"
    housekeeping(keeping(old, keep_days=30, archive=folder), stop)
    assert results(old) == 17, "three contracts have a later result"
    (file,) = folder.glob("results-*.jsonl.gz")
    rows = [json.loads(line) for line in gzip.decompress(file.read_bytes()).splitlines()]
    assert len(rows) == 3
    assert all(row["outcome"] in {"applied", "refused", "skipped"} for row in rows)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600, "it names customers"
    assert list(folder.glob("*.part")) == []
    assert any("3 results of before" in message for message in caplog.messages)
    housekeeping(keeping(old, keep_days=30, archive=folder), stop)
    (runs,) = folder.glob("runs-*.jsonl.gz")
    (run,) = [json.loads(line) for line in gzip.decompress(runs.read_bytes()).splitlines()]
    assert (run["job"], run["counts"]) == ("sync", {"submitted": 20}), "it has no results of its own"
    assert len(list(folder.iterdir())) == 2, "nothing left to archive"


def test_what_cannot_be_archived_stays(old: App, stop: threading.Event, tmp_path: Path):
    in_the_way = tmp_path / "archive"
    in_the_way.write_text("a file", encoding="utf-8")
    with pytest.raises(OSError, match=r"exists|directory"):
        housekeeping(keeping(old, keep_days=30, archive=in_the_way), stop)
    assert results(old) == 20


def test_without_archive_when_told_so(old: App, stop: threading.Event):
    housekeeping(keeping(old, keep_days=30, remove_without_archive=True), stop)
    assert results(old) == 17


def test_nothing_younger_than_the_limit_is_removed(old: App, stop: threading.Event):
    housekeeping(keeping(old, keep_days=400, remove_without_archive=True), stop)
    assert results(old) == 20


def test_a_broken_chain_stops_all_forgetting(old: App, stop: threading.Event, caplog: pytest.LogCaptureFixture):
    with old.journal._engine.begin() as database:
        names = database.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'trigger'").scalars().all()
        for name in names:
            database.exec_driver_sql(f"DROP TRIGGER {name}")
        database.exec_driver_sql("UPDATE audit SET actor = 'somebody' WHERE seq = 3")
    housekeeping(keeping(old, keep_days=30, remove_without_archive=True), stop)
    assert results(old) == 20
    assert any("nothing is removed from a journal" in message for message in caplog.messages)


def test_slots_are_forgotten_after_twice_the_longest_interval(app: App, stop: threading.Event):
    now = now_utc()
    for hours in (1, 47, 49, 100):
        slot = now - timedelta(hours=hours)
        app.journal.claim_slot("sync", CRM, slot, owner="p", now=slot, until=slot)
    housekeeping(app, stop)
    assert app.journal.clear_slots(now - timedelta(hours=46)) == 1
    week = now - timedelta(hours=100)
    app.journal.claim_slot("sweep", CRM, week, owner="p", now=week, until=week)
    housekeeping(keeping(app, sweep_every_hours=168), stop)
    assert app.journal.clear_slots(now) == 2
