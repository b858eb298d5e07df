"""Slots: each job fires once in each of its slots, however many processes run.

Claiming is one compare-and-set statement. A claim is renewed while its process lives; one that was handed back, or
whose process died, can be taken again within the same slot, so that a nightly job that was killed does not wait a day.
"""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import ColumnElement, and_, or_, select

from connector.journal.chapter import Chapter, insert_into
from connector.journal.running_tables import slots

_NOBODY = ""


class Slots(Chapter):
    """The chapter of slots."""

    def claim_slot(
        self, job: str, connection: str, slot: datetime, *, owner: str, now: datetime, until: datetime
    ) -> bool:
        """Take a slot, named by its beginning, until a moment; False if it was done or somebody is at it."""
        values = {"job": job, "connection": connection, "slot": slot, "owner": owner}
        statement = insert_into(self._engine, slots).values(**values, claimed_at=now, expires_at=until)
        taking = statement.on_conflict_do_update(
            index_elements=[slots.c.job, slots.c.connection, slots.c.slot],
            set_={"owner": owner, "claimed_at": now, "expires_at": until},
            where=and_(slots.c.finished_at.is_(None), slots.c.expires_at <= now),
        ).returning(slots.c.owner)
        with self._writing() as database:
            return database.execute(taking).one_or_none() is not None

    def slot_is_free(self, job: str, connection: str, slot: datetime, now: datetime) -> bool:
        """Tell whether a slot is worth claiming: not done, and no run of the job in hand anywhere. Writes nothing."""
        in_hand = and_(_held(), slots.c.expires_at > now)
        done = and_(slots.c.slot == slot, or_(slots.c.finished_at.is_not(None), slots.c.expires_at > now))
        this = and_(slots.c.job == job, slots.c.connection == connection)
        with self._reading() as database:
            return database.execute(select(slots.c.slot).where(this, or_(in_hand, done)).limit(1)).first() is None

    def slot_owners(self, now: datetime) -> tuple[str, ...]:
        """List the processes that have a run in hand at this moment, or had when they were killed."""
        in_hand = (_held(), slots.c.expires_at > now)
        with self._reading() as database:
            return tuple(database.execute(select(slots.c.owner).where(*in_hand).distinct()).scalars())

    def renew_slots(self, owner: str, until: datetime, jobs: Collection[tuple[str, str]]) -> int:
        """Hold on until a moment to the jobs (name, connection) that a process has in hand."""
        held = and_(slots.c.owner == owner, slots.c.finished_at.is_(None))
        these = [and_(slots.c.job == job, slots.c.connection == connection) for job, connection in jobs]
        if not these:
            return 0
        with self._writing() as database:
            renewing = slots.update().where(held, or_(*these)).values(expires_at=until)
            return database.execute(renewing).rowcount

    def free_slots(self, owner: str, now: datetime) -> int:
        """Give back all that a process has in hand: it ends, or is gone."""
        held = and_(slots.c.owner == owner, slots.c.finished_at.is_(None))
        with self._writing() as database:
            return database.execute(slots.update().where(held).values(owner=_NOBODY, expires_at=now)).rowcount

    def finish_slot(self, job: str, connection: str, slot: datetime, *, owner: str, now: datetime) -> None:
        """Say that a slot's work is done."""
        done = and_(_this(job, connection, slot), slots.c.owner == owner)
        with self._writing() as database:
            database.execute(slots.update().where(done).values(finished_at=now))

    def hand_back_slot(self, job: str, connection: str, slot: datetime, *, owner: str, again: datetime) -> None:
        """Give a slot back that was not finished; it can be claimed again from a moment on, and delays no other slot.

        It has no owner then: a sign of life of the process that had it must not hold it.
        """
        held = and_(_this(job, connection, slot), slots.c.owner == owner, slots.c.finished_at.is_(None))
        with self._writing() as database:
            database.execute(slots.update().where(held).values(owner=_NOBODY, expires_at=again))

    def clear_slots(self, before: datetime) -> int:
        """Forget slots that began before a moment."""
        with self._writing() as database:
            return database.execute(slots.delete().where(slots.c.slot < before)).rowcount


def _held() -> ColumnElement[bool]:
    return and_(slots.c.finished_at.is_(None), slots.c.owner != _NOBODY)


def _this(job: str, connection: str, slot: datetime) -> ColumnElement[bool]:
    return and_(slots.c.job == job, slots.c.connection == connection, slots.c.slot == slot)
