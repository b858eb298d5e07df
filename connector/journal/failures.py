"""Failures: contracts that did not end well, why, and what has to happen before they are tried again.

One row per contract that is not right at present; it goes when the contract is. `due_at` is the next try of our own;
without one the contract waits for people: for a change of its record, of the mapping, or for `connector retry`.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Column, ColumnElement, Connection, and_, func, or_, select

from connector.journal.chapter import Chapter, columns_of, in_chunks, is_one_of, row_of, upsert
from connector.journal.running_tables import failures


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureState:
    """A contract that is not right. Times are UTC; `attempts` counts tries since it was right last."""

    connection: str
    contract_key: str
    record: str
    kind: str
    """fix_data, fix_mapping, wait or bug (connector/failures.py)."""
    code: str
    error: str
    remedy: str
    since: datetime
    attempts: int
    last_at: datetime
    due_at: datetime | None
    mapping_hash: str


class Failures(Chapter):
    """The chapter of failures."""

    def failure(self, connection: str, contract_key: str) -> FailureState | None:
        """Return a contract's failure, if it has one."""
        query = select(*_COLUMNS).where(failures.c.connection == connection, failures.c.contract_key == contract_key)
        with self._reading() as database:
            row = database.execute(query).mappings().one_or_none()
        return None if row is None else FailureState(**row)

    def failures(
        self, connection: str, *, kinds: Collection[str] | None = None, after: str = "", limit: int = 1_000
    ) -> tuple[FailureState, ...]:
        """List a page of failures by contract key, behind the key `after`."""
        query = select(*_COLUMNS).where(failures.c.connection == connection, failures.c.contract_key > after)
        if kinds is not None:
            query = query.where(failures.c.kind.in_(sorted(kinds)))
        with self._reading() as database:
            rows = database.execute(query.order_by(failures.c.contract_key).limit(limit)).mappings()
            return tuple(FailureState(**row) for row in rows)

    def due_failures(
        self, connection: str, now: datetime, mapping_hash: str, *, limit: int = 1_000
    ) -> tuple[FailureState, ...]:
        """List what may be tried again: its time has come, or it waited under another mapping file; oldest first."""
        changed = and_(
            failures.c.due_at.is_(None),
            failures.c.kind.in_(("fix_data", "fix_mapping")),
            failures.c.mapping_hash != mapping_hash,
        )
        query = select(*_COLUMNS).where(failures.c.connection == connection, or_(failures.c.due_at <= now, changed))
        with self._reading() as database:
            rows = database.execute(query.order_by(failures.c.last_at, failures.c.contract_key).limit(limit))
            return tuple(FailureState(**row) for row in rows.mappings())

    def failure_counts(self, connection: str) -> dict[str, int]:
        """How many contracts are in each class."""
        query = select(failures.c.kind, func.count()).where(failures.c.connection == connection)
        with self._reading() as database:
            rows = database.execute(query.group_by(failures.c.kind).order_by(failures.c.kind))
            return {row.kind: row[1] for row in rows}

    def retry_failures(
        self, connection: str, now: datetime, *, contract: str | None = None, kind: str | None = None
    ) -> int:
        """Make failures due now: of one contract (its key or record), of a class, or all; returns how many."""
        these = [failures.c.connection == connection]
        if contract is not None:
            these.append(or_(failures.c.contract_key == contract, failures.c.record == contract))
        if kind is not None:
            these.append(failures.c.kind == kind)
        with self._writing() as database:
            return database.execute(failures.update().where(*these).values(due_at=now)).rowcount

    def forget_failures(self, connection: str, contract_keys: Collection[str], untouched_since: datetime) -> int:
        """Forget failures of contracts that are no more: they were looked for, and nothing was said of them since."""
        return self._forget(failures.c.contract_key, connection, contract_keys, untouched_since)

    def record_failures(self, found: Iterable[FailureState]) -> None:
        """Write failures, in one transaction; each replaces the one its contract had."""
        with self._writing() as database:
            for one in found:
                upsert(database, failures, row_of(one))

    def failures_of(self, connection: str, records: Collection[str]) -> dict[str, FailureState]:
        """Look up failures by record; records without one are absent."""
        found: dict[str, FailureState] = {}
        with self._reading() as database:
            for chunk in in_chunks(records):
                named = is_one_of(database, failures.c.record, chunk)
                rows = database.execute(select(*_COLUMNS).where(failures.c.connection == connection, named))
                found |= {row["record"]: FailureState(**row) for row in rows.mappings()}
        return found

    def forget_failures_of(self, connection: str, records: Collection[str], untouched_since: datetime) -> int:
        """Forget failures of records that were looked for, and of which nothing was said since; returns how many."""
        return self._forget(failures.c.record, connection, records, untouched_since)

    def _forget(self, column: Column[str], connection: str, names: Collection[str], untouched_since: datetime) -> int:
        gone = 0
        with self._writing() as database:
            for chunk in in_chunks(names):
                named = is_one_of(database, column, chunk)
                these = (failures.c.connection == connection, named, failures.c.last_at < untouched_since)
                gone += database.execute(failures.delete().where(*these)).rowcount
        return gone


_COLUMNS = columns_of(failures, FailureState)


def write_failure(
    database: Connection, connection: str, contract_key: str, record: str, failure: FailureState | None
) -> None:
    """Replace a contract's failure, or end it, inside a caller's transaction."""
    if failure is None:
        database.execute(failures.delete().where(_of(connection, contract_key, record)))
    else:
        upsert(database, failures, {name: getattr(failure, name) for name in FailureState.__dataclass_fields__})


def _of(connection: str, contract_key: str, record: str) -> ColumnElement[bool]:
    same = or_(failures.c.contract_key == contract_key, failures.c.record == record)
    return and_(failures.c.connection == connection, same)
