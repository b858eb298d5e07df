"""Stamps: when each record of the CRM was modified, as we last handled it. A sweep compares the CRM with them.

A record that was seen but never handled has no stamp; so it differs from whatever the CRM says of it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, bindparam, select, update

from connector.journal.chapter import Chapter, columns_of, in_chunks, insert_into, is_one_of
from connector.journal.tables import contracts, stamps

#: Rows of one statement: five values each, and SQLite binds at most 32,766.
_ROWS = 1_000


@dataclass(frozen=True, slots=True)
class Stamp:
    """A record (order, deal) as it was handled last: its modification stamp (UTC), and by which mapping it was read.

    `root` is the contract's own record, which is the record itself unless that is an amendment.
    """

    record: str
    root: str
    stamp: datetime | None
    mapping: str


class Stamps(Chapter):
    """The chapter of stamps."""

    def stamps(self, connection: str, records: Iterable[str]) -> dict[str, Stamp]:
        """Look up many records at once; unknown ones are absent."""
        found: dict[str, Stamp] = {}
        with self._reading() as database:
            for chunk in in_chunks(records):
                named = is_one_of(database, stamps.c.record, chunk)
                rows = database.execute(select(*_COLUMNS).where(stamps.c.connection == connection, named))
                found |= {row[0]: Stamp(*row) for row in rows}
        return found

    def save_stamps(self, connection: str, handled: Iterable[Stamp], now: datetime) -> None:
        """Remember records as handled, and that the CRM had them at `now`; all of them or none."""
        values = [
            {
                "connection": connection,
                "record": one.record,
                "root": one.root,
                "stamp": one.stamp,
                "mapping": one.mapping,
                "swept_at": now,
            }
            for one in handled
        ]
        with self._writing() as database:
            statement = insert_into(database, stamps)
            changed = {name: statement.excluded[name] for name in ("root", "stamp", "mapping", "swept_at")}
            upsert = statement.on_conflict_do_update(index_elements=["connection", "record"], set_=changed)
            for start in range(0, len(values), _ROWS):
                database.execute(upsert, values[start : start + _ROWS])

    def save_roots(self, connection: str, roots: Mapping[str, str]) -> None:
        """Say which contract records belong to, by the contract's own record; those that are unknown stay unknown."""
        changing = (
            update(stamps)
            .where(
                stamps.c.connection == connection,
                stamps.c.record == bindparam("of_record"),
                stamps.c.root != bindparam("to_root"),
            )
            .values(root=bindparam("to_root"))
        )
        rows = [{"of_record": record, "to_root": root} for record, root in sorted(roots.items())]
        if rows:
            with self._writing() as database:
                database.execute(changing, rows)

    def mark_swept(self, connection: str, records: Iterable[str], now: datetime) -> None:
        """Take note that the CRM had these records at `now`; unknown ones become known, and handled they are not."""
        with self._writing() as database:
            for chunk in in_chunks(records):
                named = is_one_of(database, stamps.c.record, chunk)
                these = and_(stamps.c.connection == connection, named)
                done = database.execute(update(stamps).where(these).values(swept_at=now))
                if done.rowcount == len(chunk):
                    continue
                new = insert_into(database, stamps).on_conflict_do_nothing()
                rows = [
                    {"connection": connection, "record": r, "root": r, "mapping": "", "swept_at": now} for r in chunk
                ]
                database.execute(new, rows)

    def lost_records(
        self, connection: str, since: datetime, *, after: str = "", limit: int = 1_000
    ) -> tuple[tuple[str, str], ...]:
        """List (record, root) of records that no sweep has met since a moment, by record, behind the record `after`.

        These are records with a stamp, and contracts' own records without one, unless they are not meant to be billed.
        """
        unmet = select(stamps.c.record, stamps.c.root).where(
            stamps.c.connection == connection, stamps.c.swept_at < since, stamps.c.record > after
        )
        same = and_(stamps.c.connection == contracts.c.connection, stamps.c.record == contracts.c.record)
        unknown = (
            select(contracts.c.record, contracts.c.record.label("root"))
            .outerjoin(stamps, same)
            .where(
                contracts.c.connection == connection,
                contracts.c.outcome != "skipped",
                contracts.c.record > after,
                stamps.c.record.is_(None),
            )
        )
        both = unmet.union(unknown).subquery()
        query = select(both.c.record, both.c.root).order_by(both.c.record).limit(limit)
        with self._reading() as database:
            return tuple((row.record, row.root) for row in database.execute(query))

    def forget_stamps(self, connection: str, records: Iterable[str]) -> None:
        """Drop records that the CRM no longer has; should it have one again, it is a new one."""
        with self._writing() as database:
            for chunk in in_chunks(records):
                named = is_one_of(database, stamps.c.record, chunk)
                database.execute(stamps.delete().where(stamps.c.connection == connection, named))


_COLUMNS = columns_of(stamps, Stamp)
