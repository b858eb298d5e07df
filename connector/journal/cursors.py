"""Cursors: how far each stream of hints has been read. Losing one costs a longer read, never a wrong bill."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from connector.journal.chapter import Chapter, columns_of, upsert
from connector.journal.tables import cursors


@dataclass(frozen=True, slots=True)
class Cursor:
    """A position in a stream, in the shape its reader chose, saved at `updated_at` (UTC)."""

    connection: str
    stream: str
    value: Any
    updated_at: datetime


class Cursors(Chapter):
    """The chapter of cursors."""

    def cursor(self, connection: str, stream: str) -> Cursor | None:
        """Return where to read on; None to read from the beginning."""
        this = (cursors.c.connection == connection, cursors.c.stream == stream)
        with self._reading() as database:
            row = database.execute(select(*columns_of(cursors, Cursor)).where(*this)).mappings().one_or_none()
        return None if row is None else Cursor(**row)

    def save_cursor(self, connection: str, stream: str, value: Any, now: datetime) -> None:
        """Remember a position; only once everything before it is safely handled."""
        values = {"connection": connection, "stream": stream, "value": value, "updated_at": now}
        with self._writing() as database:
            upsert(database, cursors, values)

    def forget_cursor(self, connection: str, stream: str) -> bool:
        """Read the stream from its beginning next time. False if there was no cursor."""
        this = (cursors.c.connection == connection, cursors.c.stream == stream)
        with self._writing() as database:
            return database.execute(cursors.delete().where(*this)).rowcount == 1
