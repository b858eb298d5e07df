"""Pauses: connections that people have stopped for a while, who did it, and why."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from connector.journal.audit import append_audit
from connector.journal.chapter import Chapter, columns_of, upsert
from connector.journal.running_tables import pauses

#: Stands for every connection.
ALL = "*"


@dataclass(frozen=True, slots=True)
class Pause:
    """A connection (or all: `*`) that is paused. `paused_at` is UTC."""

    connection: str
    reason: str
    paused_by: str
    paused_at: datetime


class Pauses(Chapter):
    """The chapter of pauses."""

    def pause(self, connection: str, *, reason: str, by: str, now: datetime) -> Pause:
        """Pause a connection; written to the audit chain. Pausing again replaces the reason."""
        made = Pause(connection, reason, by, now)
        values = {"connection": connection, "reason": reason, "paused_by": by, "paused_at": now}
        with self._writing() as database:
            upsert(database, pauses, values)
            append_audit(
                database, actor=by, action="paused", detail={"connection": connection, "reason": reason}, now=now
            )
        return made

    def resume(self, connection: str, *, by: str, now: datetime) -> bool:
        """Let a connection go on; written to the audit chain. False if it was not paused."""
        with self._writing() as database:
            ended = database.execute(pauses.delete().where(pauses.c.connection == connection)).rowcount == 1
            if ended:
                append_audit(database, actor=by, action="resumed", detail={"connection": connection}, now=now)
        return ended

    def pauses(self) -> tuple[Pause, ...]:
        """List what is paused."""
        with self._reading() as database:
            rows = database.execute(select(*_COLUMNS).order_by(pauses.c.connection)).mappings()
            return tuple(Pause(**row) for row in rows)

    def paused(self, connection: str) -> Pause | None:
        """Return why a connection is paused, by itself or with all others; None when it is not."""
        found = {one.connection: one for one in self.pauses()}
        return found.get(connection) or found.get(ALL)


_COLUMNS = columns_of(pauses, Pause)
