"""Every test of the journal runs on SQLite and on PostgreSQL."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.exc import DBAPIError

from connector.journal import Journal, open_journal
from connector.journal.schema import head, upgrade
from connector.journal.tables import metadata
from tests.postgres import new_database, postgres_server, postgres_url, run_alone

__all__ = ["postgres_server", "postgres_url"]

BOTH = ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]


@pytest.fixture(params=BOTH)
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of a database in which there is nothing yet."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/journal.db"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture(params=BOTH)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """URL of a database with the journal's tables and no rows; a test may do to it what it likes."""
    if request.param == "sqlite":
        sqlite_url = f"sqlite:///{tmp_path}/journal.db"
        upgrade(sqlite_url)
        yield sqlite_url
    else:
        postgres = request.getfixturevalue("shared_postgres")
        yield postgres
        clean(postgres)


@pytest.fixture(scope="session")
def shared_postgres(postgres_server: str) -> Iterator[str]:
    """URL of a database that tests use in turn: making one takes longer than most tests."""
    with new_database(postgres_server) as shared:
        upgrade(shared)
        yield shared


def clean(postgres: str) -> None:
    """Empty the tables; where a test has left no tables to empty, make all of them anew."""
    empty = [str(table.delete()) for table in reversed(metadata.sorted_tables)]
    guard = "ALTER TABLE audit {} TRIGGER USER"
    version = f"UPDATE journal_version SET version_num = '{head()}'"  # noqa: S608 -- our own constant
    try:
        run_alone(postgres, guard.format("DISABLE"), *empty, guard.format("ENABLE"), version)
    except DBAPIError:
        run_alone(postgres, "DROP SCHEMA public CASCADE", "CREATE SCHEMA public")
        upgrade(postgres)


@pytest.fixture
def journal(url: str) -> Iterator[Journal]:
    """An empty journal."""
    with open_journal(url) as opened:
        yield opened


@pytest.fixture
def other(url: str) -> Iterator[Journal]:
    """The same journal opened a second time, as another process would."""
    with open_journal(url) as opened:
        yield opened
