"""Incidents: what is wrong just now, told once; and the notices of it, kept until a channel has taken them.

One kind of trouble on one connection is one incident, however many contracts it has and however many processes see
it. Its notices are written in the same transaction as its change, so that a crash between the two loses none.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import Connection, func, select, text

from connector.journal.chapter import Chapter, columns_of, insert_into
from connector.journal.running_tables import incidents, notices

Word = Literal["opened", "reminder", "closed"]


@dataclass(frozen=True, slots=True)
class Incident:
    """Trouble of a kind on a connection ("" for all). Times are UTC; without `closed_at` it lasts.

    `since` is when it began as far as is known, `seen_at` when it was last found to be so; `what` is for people.
    """

    id: int
    kind: str
    connection: str
    since: datetime
    opened_at: datetime
    seen_at: datetime
    closed_at: datetime | None
    count: int
    what: str


@dataclass(frozen=True, slots=True)
class Notice:
    """Word of an incident for one channel. It is tried again from `due_at` until `sent_at` is set."""

    id: int
    incident_id: int
    channel: str
    word: Word
    made_at: datetime
    due_at: datetime
    attempts: int
    sent_at: datetime | None
    error: str | None


class Incidents(Chapter):
    """The chapter of incidents and notices."""

    def see_incident(
        self,
        kind: str,
        connection: str,
        *,
        since: datetime,
        count: int,
        what: str,
        now: datetime,
        channels: Iterable[str],
    ) -> Incident:
        """Say that something is wrong: opens an incident, with a notice for each channel, or refreshes the open one."""
        values = {"since": since, "seen_at": now, "count": count, "what": what}
        this = (incidents.c.kind == kind, incidents.c.connection == connection, incidents.c.closed_at.is_(None))
        with self._writing() as database:
            opening = insert_into(database, incidents).values(kind=kind, connection=connection, opened_at=now, **values)
            unless_open = opening.on_conflict_do_nothing(
                index_elements=[incidents.c.kind, incidents.c.connection], index_where=text("closed_at IS NULL")
            )
            row = database.execute(unless_open.returning(*_INCIDENT)).mappings().one_or_none()
            if row is not None:
                _announce(database, row["id"], "opened", now, channels)
                return Incident(**row)
            seeing = incidents.update().where(*this).values(**values)
            return Incident(**database.execute(seeing.returning(*_INCIDENT)).mappings().one())

    def remind(self, incident: Incident, *, every: timedelta, now: datetime, channels: Iterable[str]) -> bool:
        """Write the notices of a reminder unless there was any notice of the incident within `every`."""
        latest = select(func.max(notices.c.made_at)).where(notices.c.incident_id == incident.id)
        locked = select(incidents.c.id).where(incidents.c.id == incident.id, incidents.c.closed_at.is_(None))
        with self._writing() as database:
            if database.execute(locked.with_for_update()).one_or_none() is None:
                return False
            last = database.execute(latest).scalar_one()
            if (last or incident.opened_at) + every > now:
                return False
            _announce(database, incident.id, "reminder", now, channels)
            return True

    def close_incident(self, incident: Incident, now: datetime, channels: Iterable[str]) -> bool:
        """Close an incident, with a notice to those channels. False if another process has closed it."""
        closing = incidents.update().where(incidents.c.id == incident.id, incidents.c.closed_at.is_(None))
        with self._writing() as database:
            if database.execute(closing.values(closed_at=now)).rowcount != 1:
                return False
            _announce(database, incident.id, "closed", now, channels)
            return True

    def open_incidents(self) -> tuple[Incident, ...]:
        """List what is wrong just now, the oldest first."""
        query = select(*_INCIDENT).where(incidents.c.closed_at.is_(None)).order_by(incidents.c.id)
        with self._reading() as database:
            return tuple(Incident(**row) for row in database.execute(query).mappings())

    def incident(self, incident_id: int) -> Incident | None:
        """Return one incident, closed or not."""
        with self._reading() as database:
            row = database.execute(select(*_INCIDENT).where(incidents.c.id == incident_id)).mappings().one_or_none()
        return None if row is None else Incident(**row)

    def claim_notices(self, channel: str, now: datetime, hold: timedelta, *, limit: int = 50) -> tuple[Notice, ...]:
        """Take up the notices that a channel is due to get; nobody else gets them for as long as `hold`.

        The attempt is counted now: one whose process dies in the middle is tried again, and may be told twice.
        """
        due = (
            select(notices.c.id)
            .where(notices.c.channel == channel, notices.c.sent_at.is_(None), notices.c.due_at <= now)
            .order_by(notices.c.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        with self._writing() as database:
            ids = list(database.execute(due).scalars())
            taking = notices.update().where(notices.c.id.in_(ids))
            taken = taking.values(due_at=now + hold, attempts=notices.c.attempts + 1).returning(*_NOTICE)
            rows = database.execute(taken).mappings().all() if ids else []
        return tuple(Notice(**row) for row in sorted(rows, key=lambda row: row["id"]))

    def settle_notices(self, ids: Sequence[int], now: datetime, *, error: str | None, again: timedelta) -> None:
        """Say that notices were sent or, with `error`, that they were not and are due `again` later."""
        values = {"sent_at": now, "error": None} if error is None else {"due_at": now + again, "error": error}
        with self._writing() as database:
            database.execute(notices.update().where(notices.c.id.in_(ids)).values(**values))

    def unsent_notices(self) -> tuple[Notice, ...]:
        """List what no channel has taken yet, the oldest first."""
        query = select(*_NOTICE).where(notices.c.sent_at.is_(None)).order_by(notices.c.id).limit(1_000)
        with self._reading() as database:
            return tuple(Notice(**row) for row in database.execute(query).mappings())

    def drop_notices(self, channels: Iterable[str]) -> int:
        """Drop unsent notices for channels other than these: they are configured no more."""
        gone = notices.delete().where(notices.c.sent_at.is_(None), notices.c.channel.not_in(list(channels)))
        with self._writing() as database:
            return database.execute(gone).rowcount

    def forget_incidents(self, before: datetime) -> int:
        """Drop incidents that were closed before a day, with their notices; returns how many."""
        gone = incidents.delete().where(incidents.c.closed_at < before)
        with self._writing() as database:
            return database.execute(gone).rowcount


_INCIDENT = columns_of(incidents, Incident)
_NOTICE = columns_of(notices, Notice)


def _announce(database: Connection, incident_id: int, word: Word, now: datetime, channels: Iterable[str]) -> None:
    rows = [
        {"incident_id": incident_id, "channel": c, "word": word, "made_at": now, "due_at": now, "attempts": 0}
        for c in channels
    ]
    if rows:
        database.execute(notices.insert(), rows)
