"""The portal's records in memory, and the search index that follows them with a lag.

A record is its id, its stored values by property name (absent means empty) and four moments in epoch milliseconds.
Values are replaced, never changed in place, so that the index may keep an older set of them.
"""

from __future__ import annotations

import random
import threading
from bisect import bisect_left, insort
from collections import defaultdict, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from connector.sandbox.hubspot.clock import Clock
    from connector.sandbox.hubspot.schema import ObjectType, Schema

Values = dict[str, str]
ID_BASE, ID_SPAN = 10_000_000_000, 100_000_000


@dataclass(frozen=True, slots=True)
class Version:
    """A value a property had, since when, and who wrote it."""

    value: str
    at: int
    source: str


@dataclass(slots=True)
class Record:
    """One record; ``past`` holds every version of the properties that were ever changed, oldest first."""

    id: str
    values: Values
    created: int
    updated: int
    source: str = "INTEGRATION"
    archived_at: int | None = None
    past: dict[str, list[Version]] = field(default_factory=dict)

    def versions(self, name: str) -> list[Version]:
        """Return a property's values, newest first."""
        kept = self.past.get(name)
        if kept is None:
            value = self.values.get(name)
            return [Version(value, self.created, self.source)] if value is not None else []
        return kept[::-1]


@dataclass(frozen=True, slots=True)
class Indexed:
    """What search knows of a record."""

    number: int
    created: int
    updated: int
    values: Values


@dataclass(slots=True)
class Table:
    """The records of one type, with the order of their ids, unique values and the search index."""

    records: dict[str, Record] = field(default_factory=dict)
    numbers: list[int] = field(default_factory=list)
    unique: dict[str, dict[str, str]] = field(default_factory=lambda: defaultdict(dict))
    merged: dict[str, str] = field(default_factory=dict)
    index: dict[int, Indexed] = field(default_factory=dict)
    pending: deque[tuple[int, int, Indexed]] = field(default_factory=deque)
    made: int = 0

    def beyond(self, number: int) -> list[int]:
        """Return the ids greater than a number, ascending."""
        return self.numbers[bisect_left(self.numbers, number + 1) :]


class Store:
    """Reads and writes below the API's rules; callers hold ``lock`` for as long as they need one consistent view."""

    def __init__(self, schema: Schema, clock: Clock, *, seed: int = 1) -> None:
        self.schema = schema
        self.clock = clock
        self.lock = threading.RLock()
        self.tables: dict[str, Table] = defaultdict(Table)
        self.lag: tuple[float, float] = (0.0, 0.0)
        self._chance = random.Random(seed)  # noqa: S311 - the lag is to be reproducible, not secret

    # --- reading ---------------------------------------------------------------------------------------

    def get(self, kind: ObjectType, record_id: str) -> Record | None:
        """Return the record with exactly this id, archived or not."""
        return self.tables[kind.name].records.get(record_id)

    def resolve(self, kind: ObjectType, record_id: str) -> Record | None:
        """Return the record with this id, or the one it was merged into."""
        table = self.tables[kind.name]
        while record_id in table.merged:
            record_id = table.merged[record_id]
        return table.records.get(record_id)

    def by_unique(self, kind: ObjectType, name: str, value: str) -> Record | None:
        """Return the live record that has a value in a unique property."""
        table = self.tables[kind.name]
        found = table.unique[name].get(value.lower())
        return table.records.get(found) if found else None

    def all(self, kind: ObjectType) -> Iterable[Record]:
        """Return every record by ascending id, archived ones included."""
        table = self.tables[kind.name]
        return (table.records[str(number)] for number in table.numbers)

    def after(self, kind: ObjectType, number: int) -> Iterator[Record]:
        """Yield the records from an id on, ascending."""
        table = self.tables[kind.name]
        for each in table.beyond(number - 1):
            yield table.records[str(each)]

    # --- writing ---------------------------------------------------------------------------------------

    def new_id(self, kind: ObjectType) -> str:
        """Return the next free id of a type; ids ascend, and tell the type to a reader."""
        table = self.tables[kind.name]
        while True:
            table.made += 1
            made = make_id(kind.type_id, table.made)
            if made not in table.records:
                return made

    def insert(self, kind: ObjectType, record: Record) -> Record:
        """Add a record."""
        table = self.tables[kind.name]
        table.records[record.id] = record
        number = int(record.id)
        if table.numbers and table.numbers[-1] >= number:
            insort(table.numbers, number)
        else:
            table.numbers.append(number)
        self._claim(kind, record)
        self.publish(kind, record)
        return record

    def put(self, kind: ObjectType, record: Record, values: Values, *, source: str) -> None:
        """Replace a record's values, which moves its modified moment."""
        now = self.clock.ms()
        for name in values.keys() | record.values.keys():
            if values.get(name) != record.values.get(name):
                self._remember(record, name, values.get(name) or "", now, source)
        self._release(kind, record)
        record.values = values
        self._claim(kind, record)
        record.updated = now
        self.publish(kind, record)

    def archive(self, kind: ObjectType, record: Record) -> None:
        """Move a record out of sight; its modified moment stays (issues of public integrations)."""
        record.archived_at = self.clock.ms()
        self._release(kind, record)
        self.tables[kind.name].index.pop(int(record.id), None)

    def restore(self, kind: ObjectType, record: Record) -> None:
        """Bring an archived record back."""
        record.archived_at = None
        self._claim(kind, record)
        self.publish(kind, record)

    @staticmethod
    def _remember(record: Record, name: str, value: str, now: int, source: str) -> None:
        if name not in record.past:
            record.past[name] = record.versions(name)
        record.past[name].append(Version(value, now, source))

    def _claim(self, kind: ObjectType, record: Record) -> None:
        table = self.tables[kind.name]
        for each in kind.properties.values():
            if each.unique and (value := record.values.get(each.name)):
                table.unique[each.name][value.lower()] = record.id

    def _release(self, kind: ObjectType, record: Record) -> None:
        table = self.tables[kind.name]
        for each in kind.properties.values():
            value = record.values.get(each.name, "").lower() if each.unique else ""
            if value and table.unique[each.name].get(value) == record.id:
                del table.unique[each.name][value]

    # --- the search index --------------------------------------------------------------------------------

    def publish(self, kind: ObjectType, record: Record) -> None:
        """Let search know of a record, now or when the lag has passed."""
        table, number = self.tables[kind.name], int(record.id)
        entry = Indexed(number, record.created, record.updated, record.values)
        low, high = self.lag
        if high <= 0:
            table.index[number] = entry
            return
        visible_at = self.clock.ms() + round(self._chance.uniform(low, high) * 1000)
        table.pending.append((visible_at, number, entry))

    def indexed(self, kind: ObjectType) -> Table:
        """Return a type's table with everything in its index whose lag has passed."""
        table, now = self.tables[kind.name], self.clock.ms()
        for _ in range(len(table.pending)):
            visible_at, number, entry = table.pending.popleft()
            if visible_at > now:
                table.pending.append((visible_at, number, entry))
            elif table.records[str(number)].archived_at is None:
                known = table.index.get(number)
                table.index[number] = known if known and known.updated > entry.updated else entry
        return table


def make_id(type_id: str, number: int) -> str:
    """Return the ``number``-th id of a type: ``0-3`` counts from 10300000001."""
    return str(ID_BASE + int(type_id.partition("-")[2]) * ID_SPAN + number)
