"""Work: for which accounts something is to be done, since when, and who does it. One row an account.

Submitting what is already known only adds to it: 1,000 hints at one account are one row. Taking, keeping and settling
are compare-and-set statements; between two calls no lock is held. `generation` grows with every submission, so what
was asked for while a worker was at it is not settled by that worker: the row is due again.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import (
    ColumnElement,
    Connection,
    Table,
    and_,
    bindparam,
    case,
    collate,
    func,
    literal,
    null,
    or_,
    select,
    tuple_,
)

from connector.journal.chapter import Chapter, insert_into
from connector.journal.columns import UtcTime
from connector.journal.tables import work, work_records
from connector.journal.work_rows import Claim, Key, Settlement, Submission, WorkItem, WorkState, merged

_PAGE = 500


class Work(Chapter):
    """The chapter of work."""

    def submit_work(self, submissions: Iterable[Submission], now: datetime) -> int:
        """Ask for accounts to be looked at; returns how many. All of it, or nothing if it raises."""
        joined = merged(submissions)
        with self._writing() as database:
            for start in range(0, len(joined), _PAGE):
                _submit(database, joined[start : start + _PAGE], now)
        return len(joined)

    def claim_work(
        self,
        owner: str,
        now: datetime,
        lease: timedelta,
        limit: int,
        *,
        keys: Collection[Key] | None = None,
        connection: str | None = None,
    ) -> Claim:
        """Take up to `limit` rows until `now + lease`: first what others left lying, then what is due, earliest first.

        `owner` must be another one for every claim. With `keys` no other rows are taken, and with a `connection` none
        of another one. A row that is taken from a worker that fell silent counts an attempt.
        """
        only: list[ColumnElement[bool]] = [] if connection is None else [work.c.connection == connection]
        only += [] if keys is None else [_is_one_of(keys)]
        with self._writing() as database:
            found = self._candidates(database, now, limit, only)
            if not found:
                return Claim(())
            taking = work.update().where(_is_one_of([item.key for item in found]), or_(_lapsed(now), _ripe(now)))
            changes = {
                "state": WorkState.RUNNING,
                "lease_owner": owner,
                "lease_until": now + lease,
                "due_at": null(),
                "attempts": case((work.c.state == WorkState.RUNNING, work.c.attempts + 1), else_=work.c.attempts),
                "updated_at": now,
            }
            rows = database.execute(taking.values(changes).returning(*work.c)).mappings()
            taken = {(row["connection"], row["account"]): WorkItem(**row) for row in rows}
            items = [replace(taken[item.key], due_at=item.due_at or now) for item in found if item.key in taken]
            silent = frozenset(item.lease_owner for item in found if item.key in taken and item.lease_owner)
            return Claim(_with_records(database, items), silent)

    def _candidates(
        self, database: Connection, now: datetime, limit: int, only: Sequence[ColumnElement[bool]]
    ) -> list[WorkItem]:
        """Choose rows; on PostgreSQL those that another worker is choosing just now are passed over."""
        found: list[WorkItem] = []
        for claimable, order in ((_lapsed(now), work.c.lease_until), (_ripe(now), work.c.due_at)):
            query = select(work).where(claimable, *only).order_by(order, work.c.connection, work.c.account)
            query = query.limit(limit - len(found)).with_for_update(skip_locked=True)
            if limit > len(found):
                found += [WorkItem(**row) for row in database.execute(query).mappings()]
        return found

    def extend_work(self, owners: Collection[str], now: datetime, lease: timedelta) -> int:
        """Hold on to everything that claims of these owners still hold; returns how many rows."""
        held = and_(work.c.state == WorkState.RUNNING, work.c.lease_owner.in_(list(owners)))
        with self._writing() as database:
            lock_rows(database, held)
            return database.execute(work.update().where(held).values(lease_until=now + lease)).rowcount

    def settle_work(self, item: WorkItem, settlement: Settlement, now: datetime) -> WorkState | None:
        """Leave a row that is not done; returns how it stands, None if it was not ours any more, and left alone."""
        same = work.c.generation == item.generation
        again = settlement.attempts if settlement.state is WorkState.DUE else 0
        changes = {
            "state": case((same, literal(settlement.state.value)), else_=WorkState.DUE.value),
            "due_at": case(
                (same, literal(settlement.due_at, UtcTime)), else_=func.coalesce(work.c.due_at, literal(now, UtcTime))
            ),
            "attempts": case((same, literal(settlement.attempts)), else_=again),
            "failure": settlement.failure,
            "last_error": settlement.error,
            "lease_owner": None,
            "lease_until": None,
            "updated_at": now,
        }
        settling = work.update().where(_is(item.key), _held_by(item.lease_owner)).values(changes)
        with self._writing() as database:
            state = database.execute(settling.returning(work.c.state)).scalar_one_or_none()
        return None if state is None else WorkState(state)

    def finish_work(self, items: Sequence[WorkItem], now: datetime) -> dict[Key, WorkState]:
        """Leave rows that are done; returns how each stands: idle, or due where it was asked for again.

        What is not ours any more is left alone, and missing in the answer.
        """
        claimed = [(item.connection, item.account, item.generation, item.lease_owner) for item in items]
        same = tuple_(work.c.connection, work.c.account, work.c.generation).in_([each[:3] for each in claimed])
        ours = tuple_(work.c.connection, work.c.account, work.c.lease_owner).in_(
            [(connection, account, owner) for connection, account, _, owner in claimed]
        )
        changes = {
            "state": case((same, WorkState.IDLE.value), else_=WorkState.DUE.value),
            "due_at": case((same, null()), else_=func.coalesce(work.c.due_at, literal(now, UtcTime))),
            "attempts": 0,
            "failure": None,
            "last_error": None,
            "lease_owner": None,
            "lease_until": None,
            "updated_at": now,
        }
        finishing = work.update().where(ours, work.c.state == WorkState.RUNNING).values(changes)
        with self._writing() as database:
            lock_rows(database, ours)
            rows = database.execute(finishing.returning(work.c.connection, work.c.account, work.c.state))
            left = {(row.connection, row.account): WorkState(row.state) for row in rows}
            _forget_records(database, [item for item in items if item.key in left])
        return left

    def hand_back_work(self, items: Sequence[WorkItem], now: datetime) -> None:
        """Leave rows as they were taken, for whoever comes next; what is not ours any more is left alone."""
        giving = work.update().where(
            work.c.connection == bindparam("of_connection"),
            work.c.account == bindparam("of_account"),
            _held_by(bindparam("of_owner")),
        )
        back = {"state": WorkState.DUE, "lease_owner": None, "lease_until": None, "updated_at": now}
        rows = [
            {"of_connection": i.connection, "of_account": i.account, "of_owner": i.lease_owner, "due_at": i.due_at}
            for i in items
        ]
        if rows:
            with self._writing() as database:
                lock_rows(database, _is_one_of([item.key for item in items]))
                database.execute(giving.values(back), rows)

    def retry_work(
        self,
        now: datetime,
        *,
        connection: str | None = None,
        account: str | None = None,
        failure: str | None = None,
    ) -> tuple[Key, ...]:
        """Make what is parked or dead due again, all of it or what is named; returns what that was."""
        chosen: list[ColumnElement[bool]] = [work.c.state.in_([WorkState.PARKED, WorkState.DEAD])]
        named = {"connection": connection, "account": account, "failure": failure}
        chosen += [work.c[name] == value for name, value in named.items() if value is not None]
        changes = {"state": WorkState.DUE, "due_at": now, "attempts": 0, "updated_at": now}
        retrying = work.update().where(*chosen).values(**changes, generation=work.c.generation + 1)
        with self._writing() as database:
            lock_rows(database, and_(*chosen))
            rows = database.execute(retrying.returning(work.c.connection, work.c.account))
            return tuple(sorted((row.connection, row.account) for row in rows))

    def work_items(
        self, state: WorkState, *, connection: str | None = None, after: Key = ("", ""), limit: int = 100
    ) -> tuple[WorkItem, ...]:
        """List a page of rows in a state by connection and account, behind the key `after`."""
        behind = tuple_(work.c.connection, work.c.account) > tuple_(literal(after[0]), literal(after[1]))
        query = select(work).where(work.c.state == state, behind)
        if connection is not None:
            query = query.where(work.c.connection == connection)
        with self._reading() as database:
            rows = database.execute(query.order_by(work.c.connection, work.c.account).limit(limit)).mappings()
            return _with_records(database, [WorkItem(**row) for row in rows])

    def work_of(self, keys: Collection[Key]) -> dict[Key, WorkItem]:
        """Look up rows, without their records; unknown ones are absent."""
        with self._reading() as database:
            rows = database.execute(select(work).where(_is_one_of(keys))).mappings() if keys else ()
            items = [WorkItem(**row) for row in rows]
        return {item.key: replace(item, state=WorkState(item.state)) for item in items}

    def claimable_work(self, now: datetime, limit: int, *, connection: str | None = None) -> tuple[Key, ...]:
        """Name rows that a worker could take now, of all connections or of one."""
        query = select(work.c.connection, work.c.account).where(or_(_lapsed(now), _ripe(now))).limit(limit)
        if connection is not None:
            query = query.where(work.c.connection == connection)
        with self._reading() as database:
            return tuple((row.connection, row.account) for row in database.execute(query))

    def work_counts(self, connection: str | None = None) -> dict[WorkState, int]:
        """How many rows are in each state."""
        query = select(work.c.state, func.count()).group_by(work.c.state)
        if connection is not None:
            query = query.where(work.c.connection == connection)
        with self._reading() as database:
            return {WorkState(row[0]): row[1] for row in database.execute(query)}


def lock_rows(database: Connection, rows: ColumnElement[bool]) -> None:
    """Lock rows in the order in which `submit_work` does: two that lock many rows must not wait for each other.

    SQLite has one writer at a time.
    """
    if database.dialect.name == "postgresql":
        order = (collate(work.c.connection, "C"), collate(work.c.account, "C"))  # as Python sorts
        database.execute(select(literal(1)).select_from(work).where(rows).order_by(*order).with_for_update())


def _submit(database: Connection, page: Sequence[Submission], now: datetime) -> None:
    rows = [
        {
            "connection": each.connection,
            "account": each.account,
            "state": WorkState.DUE.value,
            "generation": 1,
            "due_at": each.due_at,
            "attempts": 0,
            "reason": each.reason,
            "updated_at": now,
        }
        for each in page
    ]
    statement = insert_into(database, work)
    new = statement.excluded
    waits = work.c.state == WorkState.DUE
    running = work.c.state == WorkState.RUNNING
    later = or_(work.c.due_at.is_(None), work.c.due_at > new.due_at)
    changes = {
        "state": case((running, WorkState.RUNNING.value), else_=WorkState.DUE.value),
        "generation": work.c.generation + 1,
        "due_at": case((later, new.due_at), else_=work.c.due_at),
        "attempts": case((or_(waits, running), work.c.attempts), else_=0),
        "failure": case((or_(waits, running), work.c.failure), else_=null()),
        "last_error": case((or_(waits, running), work.c.last_error), else_=null()),
        "reason": new.reason,
        "updated_at": new.updated_at,
    }
    adding = statement.on_conflict_do_update(index_elements=[work.c.connection, work.c.account], set_=changes)
    returned = database.execute(adding.returning(work.c.connection, work.c.account, work.c.generation), rows)
    generations = {(row.connection, row.account): row.generation for row in returned}
    hints = [
        {"connection": each.connection, "account": each.account, "record": record, "generation": generation}
        for each in page
        for generation in (generations[each.connection, each.account],)
        for record in each.records
    ]
    if hints:
        hinting = insert_into(database, work_records)
        newer = {"generation": hinting.excluded.generation}
        adding = hinting.on_conflict_do_update(index_elements=list(work_records.primary_key), set_=newer)
        database.execute(adding, hints)


def _forget_records(database: Connection, items: Sequence[WorkItem]) -> None:
    """Forget what was hinted at up to the generations that were worked on."""
    seen = [
        {"of_connection": item.connection, "of_account": item.account, "up_to": item.generation}
        for item in items
        if item.records
    ]
    if seen:
        forgetting = work_records.delete().where(
            work_records.c.connection == bindparam("of_connection"),
            work_records.c.account == bindparam("of_account"),
            work_records.c.generation <= bindparam("up_to"),
        )
        database.execute(forgetting, seen)


def _with_records(database: Connection, items: Sequence[WorkItem]) -> tuple[WorkItem, ...]:
    records: Mapping[Key, list[str]] = defaultdict(list)
    if items:
        hinted = _is_one_of([item.key for item in items], work_records)
        for row in database.execute(select(work_records).where(hinted).order_by(work_records.c.record)):
            records[row.connection, row.account].append(row.record)
    return tuple(replace(item, state=WorkState(item.state), records=tuple(records[item.key])) for item in items)


def _is(key: Key, table: Table = work) -> ColumnElement[bool]:
    return and_(table.c.connection == key[0], table.c.account == key[1])


def _is_one_of(keys: Collection[Key], table: Table = work) -> ColumnElement[bool]:
    return tuple_(table.c.connection, table.c.account).in_(list(keys))


def _held_by(owner: object) -> ColumnElement[bool]:
    return and_(work.c.state == WorkState.RUNNING, work.c.lease_owner == owner)


def _lapsed(now: datetime) -> ColumnElement[bool]:
    return and_(work.c.state == WorkState.RUNNING, work.c.lease_until <= now)


def _ripe(now: datetime) -> ColumnElement[bool]:
    return and_(work.c.state == WorkState.DUE, work.c.due_at <= now)
