"""The contracts of back-fills, one row each: the checkpoint that makes a back-fill safe to kill.

Rows are claimed in blocks for some seconds by compare-and-set; whoever holds them renews the claim, and what a killed
process held is free again when its claim ends. Only the holder's word on a row is taken, so nothing is told twice.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, bindparam, case, func, or_, select
from sqlalchemy.exc import IntegrityError

from connector.journal.chapter import Chapter, columns_of, in_chunks, insert_into, is_one_of
from connector.journal.tables import backfill_items, backfill_shared, operations, runs

_TRIES = 5


@dataclass(frozen=True, slots=True)
class BackfillItem:
    """One record of a back-fill, and the contract that it led to. Amounts are minor units of `currency`.

    `state` is selected (not planned yet), planned, done or left_out; `words` say why, or what went wrong. `sold` is the
    CRM's total, `to_bill` what Stripe bills of it, `elsewhere` what was billed elsewhere, and `differences` tell
    the difference of the first two by reason. `writes` are planned before it is done, and made after it.
    """

    record: str
    state: str
    contract_key: str | None = None
    root: str | None = None
    name: str | None = None
    currency: str | None = None
    change: str | None = None
    verdict: str | None = None
    outcome: str | None = None
    fingerprint: str | None = None
    wanted: str | None = None
    billed_through: date | None = None
    sold: int | None = None
    to_bill: int | None = None
    elsewhere: int | None = None
    differences: Mapping[str, int] | None = None
    writes: int = 0
    issues: Sequence[Mapping[str, Any]] | None = None
    reasons: Sequence[str] | None = None
    ids: Mapping[str, str] | None = None
    words: str | None = None


@dataclass(frozen=True, slots=True)
class BackfillTotal:
    """How many items are alike in these respects, and their Stripe writes."""

    state: str
    change: str | None
    verdict: str | None
    outcome: str | None
    count: int
    writes: int


class BackfillItems(Chapter):
    """The chapter of back-fill items."""

    def claim_items(
        self, backfill_id: int, owner: str, *, state: str, now: datetime, until: datetime, limit: int
    ) -> tuple[BackfillItem, ...]:
        """Take the next items in a state that nobody holds, by record."""
        free = (_I.backfill_id == backfill_id, _I.state == state, *_free(now))
        next_ones = select(_I.record).where(*free).order_by(_I.record).limit(limit).with_for_update(skip_locked=True)
        some = next_ones.cte("some")  # PostgreSQL may run a plain subquery more than once, and take more rows
        mine = (_I.backfill_id == backfill_id, _I.state == state, *_free(now), _I.record.in_(select(some.c.record)))
        taking = backfill_items.update().where(*mine).values(claimed_by=owner, claimed_until=until)
        with self._writing() as database:
            rows = database.execute(taking.returning(*_ITEM)).mappings().all()
        return tuple(sorted((BackfillItem(**row) for row in rows), key=lambda item: item.record))

    def renew_claims(self, backfill_id: int, owner: str, until: datetime) -> None:
        """Hold on to what is claimed."""
        with self._writing() as database:
            database.execute(backfill_items.update().where(*_held(backfill_id, owner)).values(claimed_until=until))

    def release_items(
        self, backfill_id: int, owner: str, records: Collection[str] | None = None, *, due_at: datetime | None = None
    ) -> None:
        """Give back what is claimed, or some of it; with `due_at` it is not to be tried before."""
        free = {"claimed_by": None, "claimed_until": None, "due_at": due_at}
        with self._writing() as database:
            for chunk in [None] if records is None else in_chunks(records):
                some = () if chunk is None else (is_one_of(database, _I.record, chunk),)
                giving = backfill_items.update().where(*_held(backfill_id, owner), *some)
                database.execute(giving.values(free))

    def save_items(
        self, backfill_id: int, owner: str, items: Sequence[BackfillItem], *, shared: Iterable[str], now: datetime
    ) -> frozenset[str]:
        """Write what the dry run found of claimed items, all at once; returns which of `shared` are needed first now.

        A contract is one item: a record that leads to one that another record led to is left out.
        """
        for tries_left in reversed(range(_TRIES)):
            try:
                with self._writing() as database:
                    _save(database, backfill_id, owner, _once(database, backfill_id, items), now)
                    return _first_needed(database, backfill_id, shared)
            except IntegrityError:  # another process saved the same contract between our look and our write
                if tries_left == 0:
                    raise
        raise AssertionError

    def settle_item(self, backfill_id: int, owner: str, item: BackfillItem, now: datetime) -> bool:
        """Write what became of a claimed item; False when the claim was lost and somebody else has it."""
        held = (*_held(backfill_id, owner), _I.record == item.record)
        values = {**_values(item), "settled_at": now, "claimed_by": None, "claimed_until": None}
        with self._writing() as database:
            return database.execute(backfill_items.update().where(*held).values(values)).rowcount == 1

    def reopen_items(self, backfill_id: int, outcomes: Collection[str]) -> int:
        """Let items that ended so be tried again; returns how many."""
        these = (_I.backfill_id == backfill_id, _I.state == "done", _I.outcome.in_(outcomes))
        free = {"state": "planned", "outcome": None, "words": None, "due_at": None, "claimed_by": None}
        with self._writing() as database:
            return database.execute(backfill_items.update().where(*these).values(free)).rowcount

    def items(
        self, backfill_id: int, *, states: Collection[str] = (), after: str = "", limit: int = 1_000
    ) -> tuple[BackfillItem, ...]:
        """List a page of items by record, behind the record `after`."""
        query = select(*_ITEM).where(_I.backfill_id == backfill_id, _I.record > after)
        if states:
            query = query.where(_I.state.in_(states))
        with self._reading() as database:
            rows = database.execute(query.order_by(_I.record).limit(limit)).mappings()
            return tuple(BackfillItem(**row) for row in rows)

    def item_totals(self, backfill_id: int) -> tuple[BackfillTotal, ...]:
        """Count items by state, change, verdict and outcome."""
        groups = (_I.state, _I.change, _I.verdict, _I.outcome)
        query = select(*groups, func.count(), func.sum(_I.writes)).where(_I.backfill_id == backfill_id)
        with self._reading() as database:
            rows = database.execute(query.group_by(*groups)).all()
        ordered = sorted(rows, key=lambda row: [str(each or "") for each in row[:4]])
        return tuple(BackfillTotal(row[0], row[1], row[2], row[3], int(row[4]), int(row[5])) for row in ordered)

    def count_items(self, backfill_id: int, state: str) -> int:
        """Count the items in a state."""
        query = select(func.count()).where(_I.backfill_id == backfill_id, _I.state == state)
        with self._reading() as database:
            return database.execute(query).scalar_one()

    def items_in_hand(self, backfill_id: int, now: datetime) -> int:
        """Count items that somebody holds at this moment."""
        held = (_I.backfill_id == backfill_id, _I.claimed_by.is_not(None), _I.claimed_until > now)
        with self._reading() as database:
            return database.execute(select(func.count()).where(*held)).scalar_one()

    def left_out_reasons(self, backfill_id: int) -> dict[str, int]:
        """Count the records that were left out, by why."""
        out = (_I.backfill_id == backfill_id, _I.state == "left_out")
        with self._reading() as database:
            rows = database.execute(select(_I.change, func.count()).where(*out).group_by(_I.change))
            return {str(row[0]): int(row[1]) for row in rows}

    def writes_of(self, job: str, connection: str, contract_keys: Collection[str]) -> dict[str, int]:
        """Count the Stripe writes that runs of a job have made for contracts; one that was only begun counts as 0."""
        of_job = select(runs.c.id).where(runs.c.job == job, runs.c.connection == connection)
        done = func.sum(case((operations.c.state == "done", 1), else_=0))
        found: dict[str, int] = {}
        with self._reading() as database:
            for chunk in in_chunks(contract_keys):
                these = (operations.c.connection == connection, is_one_of(database, operations.c.contract_key, chunk))
                query = select(operations.c.contract_key, done).where(*these, operations.c.run_id.in_(of_job))
                rows = database.execute(query.group_by(operations.c.contract_key))
                found |= {str(row[0]): int(row[1]) for row in rows}
        return found


_I = backfill_items.c
_ITEM = columns_of(backfill_items, BackfillItem)


def _free(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (or_(_I.claimed_by.is_(None), _I.claimed_until <= now), or_(_I.due_at.is_(None), _I.due_at <= now))


def _held(backfill_id: int, owner: str) -> tuple[ColumnElement[bool], ...]:
    return (_I.backfill_id == backfill_id, _I.claimed_by == owner, or_(_I.state == "selected", _I.state == "planned"))


def _values(item: BackfillItem) -> dict[str, Any]:
    return {field.name: getattr(item, field.name) for field in fields(item) if field.name != "record"}


def _once(database: Connection, backfill_id: int, items: Sequence[BackfillItem]) -> list[BackfillItem]:
    """Leave out the items whose contract another record led to before."""
    wanted = [item.contract_key for item in items if item.contract_key]
    taken: dict[str, str] = {}
    for chunk in in_chunks(wanted):
        named = is_one_of(database, _I.contract_key, chunk)
        query = select(_I.contract_key, _I.record).where(_I.backfill_id == backfill_id, named)
        taken |= {row.contract_key: row.record for row in database.execute(query)}
    kept: list[BackfillItem] = []
    for item in items:
        first = taken.setdefault(item.contract_key, item.record) if item.contract_key else item.record
        words = f"the same contract as {first}"
        kept.append(item if first == item.record else BackfillItem(item.record, "left_out", change="same", words=words))
    return kept


def _save(database: Connection, backfill_id: int, owner: str, items: Sequence[BackfillItem], now: datetime) -> None:
    free = {"claimed_by": None, "claimed_until": None, "settled_at": now}
    saving = backfill_items.update().where(*_held(backfill_id, owner), _I.record == bindparam("of_record"))
    names = list(_values(items[0])) if items else []
    saving = saving.values({name: bindparam(f"new_{name}", type_=_I[name].type) for name in names} | free)
    rows = [{"of_record": i.record, **{f"new_{k}": v for k, v in _values(i).items()}} for i in items]
    if rows:
        database.execute(saving, rows)


def _first_needed(database: Connection, backfill_id: int, names: Iterable[str]) -> frozenset[str]:
    found: set[str] = set()
    for chunk in in_chunks(names):
        rows = [{"backfill_id": backfill_id, "name": name} for name in chunk]
        adding = insert_into(database, backfill_shared).values(rows).on_conflict_do_nothing()
        found |= set(database.execute(adding.returning(backfill_shared.c.name)).scalars())
    return frozenset(found)
