"""Who has work in hand, and what waits: for whoever starts, stops, or asks how it stands."""

from datetime import datetime

from sqlalchemy import ColumnElement, and_, case, func, null, or_, select

from connector.journal.chapter import Chapter
from connector.journal.tables import work, work_records
from connector.journal.work import lock_rows
from connector.journal.work_rows import WorkState


class WorkHolders(Chapter):
    """The chapter of those who work."""

    def work_owners(self) -> frozenset[str]:
        """List the workers (`worker_name`) that have accounts in hand, or had when they were killed."""
        query = select(work.c.lease_owner).where(work.c.state == WorkState.RUNNING).distinct()
        with self._reading() as database:
            return frozenset(owner.partition(":")[0] for owner in database.execute(query).scalars() if owner)

    def free_work(self, worker: str, now: datetime, *, died: bool) -> int:
        """Make due what a worker had in hand; returns how many accounts. One that `died` over it counts an attempt."""
        freed = {
            "state": WorkState.DUE,
            "due_at": case((work.c.due_at.is_(None), now), else_=work.c.due_at),
            "attempts": work.c.attempts + (1 if died else 0),
            "lease_owner": null(),
            "lease_until": null(),
            "updated_at": now,
        }
        with self._writing() as database:
            lock_rows(database, _in_hand(worker))
            return database.execute(work.update().where(_in_hand(worker)).values(freed)).rowcount

    def has_in_hand(self, worker: str, connection: str) -> bool:
        """Tell whether a worker has accounts of a connection in hand."""
        query = select(work.c.account).where(work.c.connection == connection, _in_hand(worker))
        with self._reading() as database:
            return database.execute(query.limit(1)).first() is not None

    def is_at_work(self, connection: str, now: datetime) -> bool:
        """Tell whether anything of a connection is due at this moment, or in anybody's hands."""
        due = and_(work.c.state == WorkState.DUE, work.c.due_at <= now)
        query = select(work.c.account).where(
            work.c.connection == connection, or_(due, work.c.state == WorkState.RUNNING)
        )
        with self._reading() as database:
            return database.execute(query.limit(1)).first() is not None

    def hinted_records(self, connection: str) -> tuple[str, ...]:
        """List the records that were submitted and not looked at yet, or are being looked at."""
        query = select(work_records.c.record).where(work_records.c.connection == connection).distinct()
        with self._reading() as database:
            return tuple(database.execute(query.order_by(work_records.c.record)).scalars())

    def oldest_due_work(self, connection: str) -> datetime | None:
        """Return from when on the account that waits longest is due; None when nothing waits."""
        query = select(func.min(work.c.due_at)).where(work.c.connection == connection, work.c.state == WorkState.DUE)
        with self._reading() as database:
            due: datetime | None = database.execute(query).scalar_one()
        return due


def _in_hand(worker: str) -> ColumnElement[bool]:
    ours = work.c.lease_owner.startswith(f"{worker}:", autoescape=True)
    return and_(work.c.state == WorkState.RUNNING, ours)
