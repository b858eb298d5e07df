"""Leases: at most one worker at a time works on an account.

Taking, renewing and giving back are each one compare-and-set statement, correct on both databases without locks held
between calls. `generation` grows with every taking and never shrinks, so a worker that slept through the end of its
lease is found out at its next intent (`require_lease`), before it calls anyone.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, bindparam, or_, select

from connector.journal.chapter import Chapter, columns_of, in_chunks, insert_by, is_one_of
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
        values = {"account_key": account_key, "owner": owner, "expires_at": now + duration, "now": now}
        with self._writing() as database:
            row = database.execute(_taking(database.dialect.name), values).mappings().one_or_none()
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

    def renew_leases(
        self, owner: str, account_keys: Iterable[str], now: datetime, duration: timedelta
    ) -> frozenset[str]:
        """Hold on to many accounts for `duration` from now; return those that are still the owner's. The rest are lost.

        Only for an owner of one name and one life (a run): it cannot tell one lease of an owner from its next.
        """
        found: set[str] = set()
        with self._writing() as database:
            for chunk in in_chunks(account_keys):
                ours = and_(is_one_of(database, leases.c.account_key, chunk), leases.c.owner == owner)
                renewing = leases.update().where(ours, leases.c.expires_at > now).values(expires_at=now + duration)
                found.update(database.execute(renewing.returning(leases.c.account_key)).scalars())
        return frozenset(found)

    def release_leases(self, held: Iterable[Lease]) -> None:
        """Give many accounts back in one transaction; those that are no longer ours are left as they are."""
        given = [{"of": one.account_key, "by": one.owner, "number": one.generation} for one in held]
        if not given:
            return
        this = {"account_key": "of", "owner": "by", "generation": "number"}
        same = [leases.c[column] == bindparam(name) for column, name in this.items()]
        with self._writing() as database:
            database.execute(leases.update().where(*same).values(owner=None), given)

    def held_leases(self, now: datetime) -> tuple[Lease, ...]:
        """List who works on what at this moment, by account."""
        query = select(*_COLUMNS).where(leases.c.owner.is_not(None), leases.c.expires_at > now)
        with self._reading() as database:
            return tuple(Lease(**row) for row in database.execute(query.order_by(leases.c.account_key)).mappings())


_COLUMNS = columns_of(leases, Lease)
_HELD = (
    select(leases.c.generation)
    .where(
        leases.c.account_key == bindparam("of"),
        leases.c.owner == bindparam("by"),
        leases.c.generation == bindparam("number"),
        leases.c.expires_at > bindparam("now"),
    )
    .with_for_update(read=True)
)


@cache
def _taking(dialect: str) -> Any:
    """Return the statement that takes an account; built once, since every contract needs it."""
    insert = insert_by(dialect, leases)
    names = ("account_key", "owner", "expires_at")
    values = {name: bindparam(name, type_=leases.c[name].type) for name in names}
    over = leases.c.expires_at <= bindparam("now", type_=leases.c.expires_at.type)
    return (
        insert.values(**values, generation=1)
        .on_conflict_do_update(
            index_elements=[leases.c.account_key],
            set_={
                "owner": insert.excluded.owner,
                "expires_at": insert.excluded.expires_at,
                "generation": leases.c.generation + 1,
            },
            where=or_(leases.c.owner.is_(None), over),
        )
        .returning(*_COLUMNS)
    )


def require_lease(database: Connection, lease: Lease, now: datetime) -> None:
    """Raise LeaseLostError, inside a caller's transaction, unless the lease is still held."""
    named = {"of": lease.account_key, "by": lease.owner, "number": lease.generation, "now": now}
    if database.execute(_HELD, named).one_or_none() is None:
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
