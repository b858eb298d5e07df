"""An engine for each test: the embedded one on both databases, and procrastinate."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from connector.journal import open_journal
from tests.dispatch.engines import Engine, empty_postgres, prepare_postgres
from tests.postgres import new_database

ENGINES = [
    "sqlite",
    pytest.param("postgres", marks=pytest.mark.postgres),
    pytest.param("procrastinate", marks=pytest.mark.postgres),
]


@pytest.fixture(scope="session")
def dispatch_postgres(postgres_server: str) -> Iterator[str]:
    """URL of a database with the tables of both engines; tests use it in turn."""
    with new_database(postgres_server) as url:
        prepare_postgres(url)
        yield url


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """An engine over a database without work."""
    kind = str(request.param)
    if kind == "sqlite":
        url = f"sqlite:///{tmp_path}/journal.db"
        open_journal(url, upgrade=True).close()
    else:
        url = request.getfixturevalue("dispatch_postgres")
        empty_postgres(url)
    made = Engine(kind, url)
    yield made
    made.close()
