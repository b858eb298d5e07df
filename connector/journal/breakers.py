"""Circuit breakers: which vendor was away, since when, and when it is tried again. Closed ones have no row."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from connector.journal.chapter import Chapter, columns_of, upsert
from connector.journal.running_tables import breakers


@dataclass(frozen=True, slots=True)
class OpenBreaker:
    """A breaker that is open, or probes. Times are UTC; `connection` is `*` for what all share."""

    connection: str
    vendor: str
    opened_at: datetime
    retry_at: datetime
    openings: int
    """How often in a row: each time it stays open longer."""
    reason: str


class Breakers(Chapter):
    """The chapter of breakers."""

    def save_breaker(self, state: OpenBreaker) -> None:
        """Keep that a breaker is open."""
        with self._writing() as database:
            upsert(database, breakers, {name: getattr(state, name) for name in OpenBreaker.__dataclass_fields__})

    def close_breaker(self, connection: str, vendor: str) -> bool:
        """Forget it: the vendor answers again."""
        this = (breakers.c.connection == connection, breakers.c.vendor == vendor)
        with self._writing() as database:
            return database.execute(breakers.delete().where(*this)).rowcount == 1

    def open_breakers(self) -> tuple[OpenBreaker, ...]:
        """List breakers that are not closed."""
        query = select(*_COLUMNS).order_by(breakers.c.connection, breakers.c.vendor)
        with self._reading() as database:
            return tuple(OpenBreaker(**row) for row in database.execute(query).mappings())


_COLUMNS = columns_of(breakers, OpenBreaker)
