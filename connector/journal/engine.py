"""Connections to the journal's database, set up so that a committed intent is on disk.

SQLite: one writer at a time by BEGIN IMMEDIATE (a transaction that reads and then writes could otherwise fail half
way), readers beside it through the write-ahead log, and a synced commit. PostgreSQL: psycopg, read committed, which
the compare-and-set statements of the leases rely on.
"""

import sqlite3
from pathlib import Path
from time import sleep
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import QueuePool

from connector.journal.errors import JournalError

READ_ONLY = {"journal_read_only": True}

_BUSY_MS = 30_000
_CACHE_KB = 256  # of each connection; with one for each thread SQLite's default of 2 MB adds up
_WAL_PAUSE_MS = 50
#: One writes (`turns.py`), and the interpreter lets no more than a few read at a time. Each connection more costs its
#: own copy of the schema, its statements and its pages; one that is opened for a moment only, as an overflow of the
#: pool is, leaves the heap in pieces. A method of the journal holds one connection at most, so nobody waits for ever.
_SQLITE_CONNECTIONS = 4
_POOL_SECONDS = 300  # to wait for one of them: as long as a few slow reports may take
_POSTGRES_DRIVERS = ("postgres", "postgresql", "postgresql+psycopg")


def journal_url(url: str) -> URL:
    """Fill our driver into a URL. Raises JournalError for a database we do not know, without its password."""
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise JournalError(
            "the journal's database URL cannot be read; expected sqlite:///path or postgresql://…"
        ) from error
    if parsed.drivername in _POSTGRES_DRIVERS:
        return parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername in {"sqlite", "sqlite+pysqlite"}:
        return parsed.set(drivername="sqlite")
    raise JournalError(f"the journal works on sqlite and postgresql, not on {parsed.drivername}")


def database_file(url: URL) -> Path | None:
    """Return the file behind a SQLite URL; None for PostgreSQL and for a database in memory."""
    if url.get_backend_name() != "sqlite" or url.database in {None, "", ":memory:"}:
        return None
    return Path(str(url.database))


def open_engine(url: URL) -> Engine:
    """Make a pooled engine that threads can share. Nothing is connected yet."""
    if url.get_backend_name() == "postgresql":
        return create_engine(
            url,
            isolation_level="READ COMMITTED",
            pool_pre_ping=True,
            pool_size=8,
            max_overflow=32,
            connect_args={"connect_timeout": 10, "application_name": "connector"},
        )
    # In memory there is one connection, or there would be several databases; threads take turns at it.
    in_memory = database_file(url) is None
    engine = create_engine(
        url,
        poolclass=QueuePool,
        pool_size=1 if in_memory else _SQLITE_CONNECTIONS,
        max_overflow=0,
        pool_timeout=_POOL_SECONDS,
        connect_args={"check_same_thread": False, "timeout": _BUSY_MS // 1000},
    )
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def create_private_file(path: Path) -> None:
    """Make an empty database file, and its folder, that only our own user can read: it names customers."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600, exist_ok=True)


def _prepare_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = None  # the driver must not begin on its own: _begin_sqlite does
    connection.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
    if connection.execute("PRAGMA journal_mode").fetchone()[0] not in {"wal", "memory"}:
        _switch_to_wal(connection)
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(f"PRAGMA cache_size = -{_CACHE_KB}")
    connection.execute("PRAGMA foreign_keys = ON")


def _switch_to_wal(connection: sqlite3.Connection) -> None:
    """Switch once in a file's life. SQLite fails at once if somebody else is at the file just then, so we wait."""
    for tries_left in reversed(range(_BUSY_MS // _WAL_PAUSE_MS)):
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            if tries_left == 0:
                raise
            sleep(_WAL_PAUSE_MS / 1_000)
        else:
            return


def _begin_sqlite(connection: Connection) -> None:
    if connection.get_execution_options().get("journal_read_only", False):
        connection.connection.cursor().execute("BEGIN")  # it locks nothing, so it cannot fail as a statement can
    else:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
