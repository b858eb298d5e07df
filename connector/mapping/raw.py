"""What a CRM adapter hands over: records as the CRM has them, grouped by how they hang together.

The adapter knows topology (which order amends which, which rates belong to a line). It does not know what a field
means; that is the mapping's business (`reader.py`). Values are what the CRM's JSON holds, numbers as int or Decimal.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType

#: One record's fields, as the CRM names them. A missing key and None mean the same: empty.
Fields = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class RawRecord:
    """One CRM record."""

    object: str
    id: str
    fields: Fields


class RawRecords:
    """All records known of a contract, found by id. Salesforce ids are matched on 15 or 18 characters.

    Where ids are unique only within an object, `companies/123` names a record without doubt.
    """

    __slots__ = ("_by_id", "_by_name")

    def __init__(self, records: Iterable[RawRecord]) -> None:
        self._by_name = {f"{record.object}/{_short(record.id)}": record for record in records}
        self._by_id = {_short(record.id): record for record in self._by_name.values()}

    @classmethod
    def from_mapping(cls, tables: Mapping[str, Mapping[str, Fields]]) -> "RawRecords":
        """Build from {object: {id: {field: value}}}, the shape of a records file."""
        return cls(RawRecord(name, key, fields) for name, rows in tables.items() for key, fields in rows.items())

    def get(self, record_id: object) -> RawRecord | None:
        """Return the record with this id, or None when it is not known."""
        if not isinstance(record_id, str):
            return None
        return self._by_name.get(record_id) if "/" in record_id else self._by_id.get(_short(record_id))

    def of(self, name: str) -> Iterator[RawRecord]:
        """Yield the records of one object, by id: the order of the input never matters."""
        return iter(sorted((r for r in self._by_name.values() if r.object == name), key=lambda r: r.id))

    def __iter__(self) -> Iterator[RawRecord]:
        return iter(self._by_name.values())

    def follow(self, record: RawRecord, relationship: str) -> RawRecord | None:
        """Return the parent record: `Account` by AccountId, `SBQQ__Quote__r` by SBQQ__Quote__c."""
        name = f"{relationship[:-1]}c" if relationship.endswith("__r") else f"{relationship}Id"
        return self.get(record.fields.get(name))


def _short(record_id: str) -> str:
    """Return an id in the form that is compared: of Salesforce's 18 characters the last three only repeat its case."""
    return record_id[:15] if len(record_id) == 18 and not record_id.isdigit() else record_id


@dataclass(frozen=True, slots=True)
class RawLine:
    """A line with what hangs on it: its rates (usage tiers) with their schedule, and its coupons."""

    record: RawRecord
    rate_schedules: tuple[RawRecord, ...] = ()
    rates: tuple[RawRecord, ...] = ()
    discounts: tuple[RawRecord, ...] = ()


@dataclass(frozen=True, slots=True)
class RawRevision:
    """One order with its lines and coupons. `kind` is initial, amendment or renewal."""

    kind: str
    record: RawRecord
    lines: tuple[RawLine, ...]
    discounts: tuple[RawRecord, ...] = ()


@dataclass(frozen=True, slots=True)
class SoldFrom:
    """What a contract's first record sold when it was billed: its records as they were, and what they lead to.

    `since` is the first day on which it counts, None for what counts from the beginning; `inputs` is its fingerprint.
    """

    since: date | None
    inputs: str
    revision: RawRevision
    related: tuple[RawRecord, ...] = ()


@dataclass(frozen=True, slots=True)
class SoldBefore:
    """What was billed of a contract before, the oldest first, and the day on which its records are read."""

    heard: date
    versions: tuple[SoldFrom, ...] = ()


@dataclass(frozen=True, slots=True)
class RawContract:
    """A contract as the CRM holds it: the first order, its amendments, and every record they lead to.

    `siblings` are first orders of other contracts of the same account, where the adapter saw any. `renews` is the order
    that began the contract before it, `renewed_by` are those that renew it, where a renewal is a contract of its own.
    `instance_url` is the CRM's address for people, without a slash at the end; links are made from it. `pages` says by
    object what stands before a record's id there; where it is given, an object without an entry has no page.
    `advice` says by field what people do about it when it is empty, where "fill it in" would tell them nothing.
    """

    key: str
    crm: str
    root: RawRecord
    revisions: tuple[RawRevision, ...]
    records: RawRecords
    siblings: tuple[RawRecord, ...] = ()
    renews: RawRecord | None = None
    renewed_by: tuple[RawRecord, ...] = ()
    instance_url: str = ""
    pages: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    advice: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
