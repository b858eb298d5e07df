"""The org's records: in memory, indexed by id, lookup, external id and SystemModstamp, soft-deleted like the platform.

A record is a plain dict of stored values by canonical field name; absent means null.
"""

from __future__ import annotations

import threading
from bisect import bisect_left, insort
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

from connector.sandbox.salesforce.ids import canonical, make_id
from connector.sandbox.salesforce.values import stored

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from datetime import datetime

    from connector.sandbox.salesforce.clock import Clock
    from connector.sandbox.salesforce.schema import Field, Schema, SObject

Record = dict[str, Any]
INTEGRATION_USER = make_id("005", 1)


@dataclass(slots=True)
class Table:
    """The records of one object with their indexes."""

    records: dict[str, Record] = field(default_factory=dict)
    by_value: dict[str, dict[str, set[str]]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(set)))
    by_stamp: list[tuple[str, str]] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=lambda: count(1))
    auto_numbers: Iterator[int] = field(default_factory=lambda: count(1))


@dataclass(frozen=True, slots=True)
class PendingCommit:
    """A save whose transaction is still open: nobody sees it until ``visible_at``."""

    visible_at: datetime
    sobject: SObject
    record: Record


class Store:
    """Reads and writes below the API's rules; callers hold ``lock`` for as long as they need one consistent view."""

    def __init__(self, schema: Schema, clock: Clock) -> None:
        self.schema = schema
        self.clock = clock
        self.lock = threading.RLock()
        self.tables: dict[str, Table] = defaultdict(Table)
        self.pending: list[PendingCommit] = []
        self._undo: list[tuple[SObject, str, Record | None]] | None = None

    # --- reading ---------------------------------------------------------------------------------------

    def get(self, sobject: SObject, record_id: str) -> Record | None:
        """Return the record with this canonical id, deleted or not."""
        return self.tables[sobject.name].records.get(record_id)

    def all(self, sobject: SObject) -> Iterable[Record]:
        """Every record, deleted ones included."""
        return self.tables[sobject.name].records.values()

    def where(self, sobject: SObject, column: Field, values: Iterable[Any]) -> Iterator[Record]:
        """Return records whose indexed column has one of these values."""
        table = self.tables[sobject.name]
        index = table.by_value[column.name]
        for value in values:
            for record_id in index.get(index_key(value), ()):
                yield table.records[record_id]

    def stamped(self, sobject: SObject, low: str, high: str) -> Iterator[Record]:
        """Return records whose SystemModstamp lies between two stamps, both included."""
        table = self.tables[sobject.name]
        for at in range(bisect_left(table.by_stamp, (low, "")), len(table.by_stamp)):
            stamp, record_id = table.by_stamp[at]
            if stamp > high:
                return
            yield table.records[record_id]

    # --- writing ---------------------------------------------------------------------------------------

    def insert(self, sobject: SObject, fields: Mapping[str, Any], record_id: str | None = None) -> Record:
        """Add a record with system fields; ``fields`` are stored values by canonical name and may override them."""
        table = self.tables[sobject.name]
        record_id = record_id or self._free_id(sobject, table)
        stamp = self.clock.stamp()
        record: Record = {"Id": record_id, **_defaults(sobject, table)}
        record |= {"IsDeleted": False, "CreatedDate": stamp, "CreatedById": INTEGRATION_USER}
        record |= {"LastModifiedDate": stamp, "LastModifiedById": INTEGRATION_USER, "SystemModstamp": stamp}
        record |= {name: value for name, value in fields.items() if name != "Id"}
        self.put(sobject, record)
        return record

    def touch(
        self, sobject: SObject, record: Record, changes: Mapping[str, Any], *, system_only: bool = False
    ) -> Record:
        """Save a changed copy; a change by the platform itself moves SystemModstamp alone."""
        stamp = self.clock.stamp()
        audit = {"SystemModstamp": stamp}
        if not system_only:
            audit |= {"LastModifiedDate": stamp, "LastModifiedById": INTEGRATION_USER}
        changed = {**record, **audit, **changes}
        self.put(sobject, changed)
        return changed

    def put(self, sobject: SObject, record: Record) -> None:
        """Store a record as it is, replacing the one with the same id."""
        table = self.tables[sobject.name]
        record_id = record["Id"]
        if self._undo is not None:
            self._undo.append((sobject, record_id, table.records.get(record_id)))
        if (old := table.records.get(record_id)) is not None:
            self._unindex(sobject, table, old)
        table.records[record_id] = record
        insort(table.by_stamp, (record["SystemModstamp"], record_id))
        for column in sobject.indexed:
            if record.get(column.name) is not None:
                table.by_value[column.name][index_key(record[column.name])].add(record_id)

    @contextmanager
    def savepoint(self) -> Iterator[Callable[[], None]]:
        """Remember what is overwritten inside; calling the yielded function puts it all back."""
        outer, self._undo = self._undo, []
        try:
            yield self._rollback
        finally:
            if outer is not None:
                outer.extend(self._undo)
            self._undo = outer

    def _rollback(self) -> None:
        undo, self._undo = self._undo or [], None
        for sobject, record_id, old in reversed(undo):
            if old is not None:
                self.put(sobject, old)
            else:
                table = self.tables[sobject.name]
                self._unindex(sobject, table, table.records.pop(record_id))
        self._undo = []

    def commit_later(self, sobject: SObject, record: Record, visible_at: datetime) -> None:
        """Keep a stamped record out of sight until its slow transaction commits."""
        self.pending.append(PendingCommit(visible_at, sobject, record))

    def settle(self) -> None:
        """Commit what has become due; called at the start of each request."""
        now = self.clock.now()
        for commit in [c for c in self.pending if c.visible_at <= now]:
            self.pending.remove(commit)
            self.put(commit.sobject, commit.record)

    def load(self, sobject: SObject, record_id: str, fields: Mapping[str, Any]) -> Record:
        """Take over a record from a data set: its own id, its own stamps, and fields the schema did not know."""
        full = canonical(record_id) or record_id
        self.schema.learn(sobject, fields)
        values = {}
        for name, value in fields.items():
            column = sobject.find(name)
            if column is not None and column.type != "address":
                values[column.name] = stored(column, value)
            elif column is not None and value:
                values |= _address_parts(column, value)
        values.setdefault("SystemModstamp", values.get("LastModifiedDate") or self.clock.stamp())
        return self.insert(sobject, {k: v for k, v in values.items() if v is not None}, full)

    def _free_id(self, sobject: SObject, table: Table) -> str:
        return next(made for n in table.numbers if (made := make_id(sobject.prefix, n)) not in table.records)

    @staticmethod
    def _unindex(sobject: SObject, table: Table, old: Record) -> None:
        key = (old["SystemModstamp"], old["Id"])
        at = bisect_left(table.by_stamp, key)
        if at < len(table.by_stamp) and table.by_stamp[at] == key:
            del table.by_stamp[at]
        for column in sobject.indexed:
            if old.get(column.name) is not None:
                table.by_value[column.name][index_key(old[column.name])].discard(old["Id"])


def index_key(value: Any) -> str:
    """Index keys ignore case, as comparisons of external ids do."""
    return str(value).lower()


def _defaults(sobject: SObject, table: Table) -> Record:
    defaults: Record = {}
    for column in sobject.defaulted:
        if column.type == "boolean":
            defaults[column.name] = False
        else:
            defaults[column.name] = sobject.name_format.format(next(table.auto_numbers))
    return defaults


def _address_parts(column: Field, value: Mapping[str, Any]) -> Record:
    stem = column.name.removesuffix("Address")
    names = {"street": "Street", "city": "City", "state": "State", "postalCode": "PostalCode", "country": "Country"}
    return {stem + part: value.get(key) for key, part in names.items() if value.get(key) is not None}
