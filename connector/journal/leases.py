"""Leases: at most one worker at a time works on an account.

Taking, renewing and giving back are each one compare-and-set statement, correct on both databases without locks held
between calls. `generation` grows with every taking and never shrinks, so a worker that slept through the end of its
lease is found out at its next intent (`require_lease`), before it calls anyone.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, and_, or_, select

from connector.journal.chapter import Chapter, columns_of, insert_into
from connector.journal.errors import LeaseLostError
from connector.journal.tables import leases


@dataclass(frozen=True, slots=True)
class Lease:
    """An account, who works on it, and until when (UTC)."""

    account_key: str
    owner: str
    expires_at: datetime
    generation: int


class Leases(Chapter):
    """The chapter of leases."""

    def acquire_lease(self, account_key: str, owner: str, now: datetime, duration: timedelta) -> Lease | None:
        """Take the account if nobody holds it; None if somebody does, even the same `owner`.

        An owner is one thread of work, so two threads must use two names.
        """
        statement = insert_into(self._engine, leases).values(
            account_key=account_key, owner=owner, expires_at=now + duration, generation=1
        )
        taking = statement.on_conflict_do_update(
            index_elements=[leases.c.account_key],
            set_={"owner": owner, "expires_at": now + duration, "generation": leases.c.generation + 1},
            where=or_(leases.c.owner.is_(None), leases.c.expires_at <= now),
        ).returning(*_COLUMNS)
        with self._writing() as database:
            row = database.execute(taking).mappings().one_or_none()
        return None if row is None else Lease(**row)

    def renew_lease(self, lease: Lease, now: datetime, duration: timedelta) -> Lease:
        """Hold on for `duration` from now. Raises LeaseLostError if it has run out, even if nobody took it since."""
        renewing = leases.update().where(_held(lease, now)).values(expires_at=now + duration).returning(*_COLUMNS)
        with self._writing() as database:
            row = database.execute(renewing).mappings().one_or_none()
        if row is None:
            raise _lost(lease)
        return Lease(**row)

    def release_lease(self, lease: Lease) -> bool:
        """Give the account back. False if it was no longer ours, which at this point harms nobody."""
        giving = leases.update().where(_same(lease)).values(owner=None)
        with self._writing() as database:
            return database.execute(giving).rowcount == 1

    def release_leases_of(self, worker: str) -> int:
        """Give back all that a worker held (`worker_name`); returns how many accounts that were.

        For whoever takes over from a worker that fell silent. Should it live on, it is found out at its next intent, as
        after the end of a lease.
        """
        held = leases.c.owner.startswith(f"{worker}:", autoescape=True)
        with self._writing() as database:
            return database.execute(leases.update().where(held).values(owner=None)).rowcount

    def held_leases(self, now: datetime) -> tuple[Lease, ...]:
        """List who works on what at this moment, by account."""
        query = select(*_COLUMNS).where(leases.c.owner.is_not(None), leases.c.expires_at > now)
        with self._reading() as database:
            return tuple(Lease(**row) for row in database.execute(query.order_by(leases.c.account_key)).mappings())


_COLUMNS = columns_of(leases, Lease)


def require_lease(database: Connection, lease: Lease, now: datetime) -> None:
    """Raise LeaseLostError, inside a caller's transaction, unless the lease is still held."""
    held = select(leases.c.generation).where(_held(lease, now)).with_for_update(read=True)
    if database.execute(held).one_or_none() is None:
        raise _lost(lease)


def _same(lease: Lease) -> ColumnElement[bool]:
    return and_(
        leases.c.account_key == lease.account_key,
        leases.c.owner == lease.owner,
        leases.c.generation == lease.generation,
    )


def _held(lease: Lease, now: datetime) -> ColumnElement[bool]:
    return and_(_same(lease), leases.c.expires_at > now)


def _lost(lease: Lease) -> LeaseLostError:
    return LeaseLostError(f"{lease.owner} no longer holds account {lease.account_key} (lease {lease.generation})")
