"""Opening and upgrading: from nothing, by many at once, and never on tables of another version."""

import sqlite3
import stat
import threading
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from connector.journal import JournalError, JournalSchemaError, migrations, open_journal
from connector.journal.engine import journal_url
from connector.journal.schema import VERSION_TABLE, current, head, schema_problem, upgrade, versions
from connector.journal.tables import metadata
from tests.journal.builders import CRM, at_once, save
from tests.postgres import run_alone


def test_from_empty_to_head(empty_url: str):
    assert current(empty_url) is None
    assert upgrade(empty_url) == head()
    assert current(empty_url) == head()
    assert upgrade(empty_url) == head()


def test_the_files_are_named_as_the_versions_follow_each_other():
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    walked = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]
    assert versions() == tuple(reversed(walked))


def test_the_tables_are_those_of_the_migrations(url: str):
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        options = {"version_table": VERSION_TABLE, "compare_type": True, "compare_server_default": True}
        assert compare_metadata(MigrationContext.configure(connection, opts=options), metadata) == []


def test_upgrading_keeps_what_is_there(url: str):
    with open_journal(url) as journal:
        saved = save(journal)
    with open_journal(url, upgrade=True) as journal:
        assert journal.link(CRM, "price", "p-1") == saved


def test_many_upgrade_at_once(empty_url: str):
    assert at_once(6, lambda _: upgrade(empty_url)) == [head()] * 6
    with open_journal(empty_url) as journal:
        save(journal)


def test_a_missing_journal_is_refused(empty_url: str):
    with pytest.raises(JournalSchemaError, match=r"there is no journal at .*; run: connector db upgrade") as refusal:
        open_journal(empty_url)
    assert refusal.value.remedy == "run: connector db upgrade"


def test_a_journal_of_a_newer_program_is_refused_and_left_alone(url: str):
    run_alone(url, "UPDATE journal_version SET version_num = '9999'")
    for upgrading in (False, True):
        with pytest.raises(JournalSchemaError, match="9999, which this program does not know; install the version"):
            open_journal(url, upgrade=upgrading)
    assert current(url) == "9999"


def test_a_journal_of_an_older_program_is_refused():
    problem = schema_problem("0001", ("0001", "0002"), "here")
    assert str(problem) == "the journal at here has schema 0001, this program needs 0002; run: connector db upgrade"


def test_a_failed_upgrade_leaves_nothing(empty_url: str):
    run_alone(empty_url, "CREATE TABLE audit (x INTEGER)")  # somebody else's, in the way of the last step
    with pytest.raises(Exception, match="already exists"):
        upgrade(empty_url)
    assert current(empty_url) is None
    run_alone(empty_url, "DROP TABLE audit")
    assert upgrade(empty_url) == head()


def test_refusing_makes_no_file(tmp_path: Path):
    with pytest.raises(JournalSchemaError):
        open_journal(f"sqlite:///{tmp_path}/deep/journal.db")
    assert current(f"sqlite:///{tmp_path}/deep/journal.db") is None
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_somebody_is_writing_to_is_waited_for(tmp_path: Path):
    file = tmp_path / "journal.db"  # not yet in write-ahead mode, as a restored copy would be
    writer = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    writer.execute("CREATE TABLE unrelated (x)")
    writer.execute("BEGIN IMMEDIATE")
    release = threading.Timer(0.2, writer.rollback)
    release.start()
    assert upgrade(f"sqlite:///{file}") == head()
    release.join()
    writer.close()


def test_a_new_file_is_ours_alone(tmp_path: Path):
    file = tmp_path / "100% deep" / "journal.db"
    with open_journal(f"sqlite:///{file}", upgrade=True) as journal:
        save(journal)
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert stat.S_IMODE(file.with_name("journal.db-wal").stat().st_mode) == 0o600


def test_a_journal_in_memory_is_shared_by_threads():
    with open_journal("sqlite://", upgrade=True) as journal:
        at_once(8, lambda number: save(journal, f"p-{number}"))
        assert len(journal.contract_links(CRM, "order-1")) == 8


@pytest.mark.parametrize(
    ("given", "driver"),
    [
        ("postgres://u@h/d", "postgresql+psycopg"),
        ("postgresql://u@h/d", "postgresql+psycopg"),
        ("sqlite:///a.db", "sqlite"),
    ],
)
def test_urls_get_our_driver(given: str, driver: str):
    assert journal_url(given).drivername == driver


@pytest.mark.parametrize("given", ["mysql://ada:secret@host/db", "ada:secret@host"])
def test_other_urls_are_refused_without_their_password(given: str):
    with pytest.raises(JournalError) as refusal:
        open_journal(given)
    assert "secret" not in str(refusal.value)
