"""What the journal's chapters share: one transaction per method, rows as frozen values, one upsert for both databases.

Each chapter (links, operations, runs, …) is a class over the same engine; `Journal` is all of them bound together, so
callers see one flat book and each file stays small.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from functools import cache
from itertools import islice
from typing import Any, ClassVar, Protocol

from sqlalchemy import ARRAY, Column, ColumnElement, Connection, Engine, Table, Text, any_, bindparam
from sqlalchemy.dialects import postgresql, sqlite

from connector.journal.engine import READ_ONLY
from connector.journal.turns import Turns
from connector.metrics import journal_time


class Row(Protocol):
    """A frozen dataclass whose fields are columns."""

    __dataclass_fields__: ClassVar[dict[str, Any]]


class Chapter:
    """A part of the journal over a shared engine. Methods take `now` (UTC); none reads a clock."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._readers = engine.execution_options(**READ_ONLY)  # the same pool
        self._turns = None if engine.dialect.name == "postgresql" else Turns(engine)

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        """Read committed rows; on SQLite it does not wait for a writer."""
        with journal_time("read"), self._readers.connect() as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        """One transaction: all of it is on disk when the block ends, or none of it if the block raises."""
        with journal_time("write"), self._turns.writing() if self._turns else self._engine.begin() as connection:
            yield connection


def columns_of(table: Table, row: type[Row]) -> tuple[Column[Any], ...]:
    """Name the columns that fill a dataclass, named like its fields."""
    return tuple(table.c[field.name] for field in fields(row))


def row_of(value: Row) -> dict[str, Any]:
    """Return a dataclass as the values of its columns."""
    return {name: getattr(value, name) for name in value.__dataclass_fields__}


def insert_into(connection: Connection | Engine, table: Table) -> Any:
    """Begin the database's own INSERT, which knows ON CONFLICT; both spell it alike."""
    return insert_by(connection.dialect.name, table)


def insert_by(dialect: str, table: Table) -> Any:
    """`insert_into` where only the name of the database's dialect is known."""
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)


def upsert(connection: Connection, table: Table, values: Mapping[str, Any], *, keep: Collection[str] = ()) -> None:
    """Insert a row, or replace all but its key and the columns to `keep` where the key is already there."""
    connection.execute(_upsert(connection.dialect.name, table, tuple(values), tuple(keep)), dict(values))


def upserted(
    connection: Connection, table: Table, values: Mapping[str, Any], *, keep: Collection[str] = ()
) -> Mapping[str, Any]:
    """`upsert`, and return the values as they are stored now."""
    statement = _upsert(connection.dialect.name, table, tuple(values), tuple(keep), told=True)
    return dict(connection.execute(statement, dict(values)).mappings().one())


@cache
def _upsert(dialect: str, table: Table, names: tuple[str, ...], keep: tuple[str, ...], *, told: bool = False) -> Any:
    """Return the statement for these columns: building one costs more than running it."""
    key = [column.name for column in table.primary_key]
    statement = insert_by(dialect, table)
    statement = statement.values({name: bindparam(name, type_=table.c[name].type) for name in names})
    changed = {name: statement.excluded[name] for name in names if name not in key and name not in keep}
    statement = statement.on_conflict_do_update(index_elements=key, set_=changed)
    return statement.returning(*(table.c[name] for name in names)) if told else statement


def is_one_of(connection: Connection, column: Column[str], wanted: Collection[str]) -> ColumnElement[bool]:
    """`column IN (wanted)` without a new statement per length: PostgreSQL plans one array far better than 500 binds."""
    if connection.dialect.name == "postgresql":
        return column == any_(bindparam(None, list(wanted), type_=ARRAY(Text)))
    return column.in_(list(wanted))


@cache
def one_of(dialect: str, column: Column[str], name: str = "wanted") -> ColumnElement[bool]:
    """`is_one_of` for a statement that is built once; the values come as `wanted`, or by that name, a list."""
    if dialect == "postgresql":
        return column == any_(bindparam(name, type_=ARRAY(Text)))
    return column.in_(bindparam(name, expanding=True))


def in_chunks(values: Iterable[str], size: int = 1_000) -> Iterator[list[str]]:
    """Cut the distinct values into lists that a statement can carry (SQLite binds at most 32,766)."""
    rest = iter(dict.fromkeys(values))
    while chunk := list(islice(rest, size)):
        yield chunk
