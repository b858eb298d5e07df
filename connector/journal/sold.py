"""What contracts sold when they were billed: for deals that are edited in place, and edits that count from a day on."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select

from connector.journal.chapter import Chapter
from connector.journal.tables import sold


@dataclass(frozen=True, slots=True)
class SoldRow:
    """One version: the first day on which it counts (None: the beginning), its fingerprint, its records as JSON."""

    since: date | None
    inputs: str
    records: str


class SoldVersions(Chapter):
    """The chapter of what was sold."""

    def sold(self, connection: str, contract_key: str) -> tuple[SoldRow, ...]:
        """Return the versions of a contract, the oldest first; none for almost all."""
        this = (sold.c.connection == connection, sold.c.contract_key == contract_key)
        query = select(sold.c.since, sold.c.inputs, sold.c.records).where(*this).order_by(sold.c.number)
        with self._reading() as database:
            return tuple(SoldRow(*row) for row in database.execute(query))

    def save_sold(self, connection: str, contract_key: str, rows: Iterable[SoldRow], now: datetime) -> None:
        """Keep exactly these versions of a contract."""
        this = {"connection": connection, "contract_key": contract_key, "kept_at": now}
        values = [
            {**this, "number": number, "since": row.since, "inputs": row.inputs, "records": row.records}
            for number, row in enumerate(rows)
        ]
        with self._writing() as database:
            database.execute(sold.delete().where(sold.c.connection == connection, sold.c.contract_key == contract_key))
            if values:
                database.execute(sold.insert(), values)
