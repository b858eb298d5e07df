"""Dotted CRM paths: relationship steps up to a parent, then a field. `SBQQ__Quote__r.SBQQ__StartDate__c`."""

import re
from dataclasses import dataclass

from connector.domain.issues import Source
from connector.mapping.converters import is_empty
from connector.mapping.raw import RawRecord, RawRecords

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True, order=True)
class Path:
    """Relationships to follow, then the field to read."""

    steps: tuple[str, ...]
    field: str

    @classmethod
    def parse(cls, text: str) -> "Path":
        """Read `Account.Name`. Raises ValueError for what is no path."""
        parts = text.split(".")
        if not all(_NAME.fullmatch(part) for part in parts):
            msg = f'"{text}" is not a path: names of fields with points between, such as Account.Name'
            raise ValueError(msg)
        return cls(tuple(parts[:-1]), parts[-1])

    def __str__(self) -> str:
        return ".".join((*self.steps, self.field))

    def reads(self) -> "tuple[str, ...]":
        """Return what must be read for the path: itself, and the lookup field of every step."""
        prefixes = [self.steps[:index] for index in range(len(self.steps))]
        lookups = (".".join((*before, lookup(step))) for before, step in zip(prefixes, self.steps, strict=True))
        return (*lookups, str(self))


@dataclass(frozen=True, slots=True)
class Found:
    """A raw value and where it stands, or should stand when it is empty."""

    value: object
    source: Source


def lookup(relationship: str) -> str:
    """Return the field that holds the parent's id: `Account` → AccountId, `SBQQ__Quote__r` → SBQQ__Quote__c."""
    return f"{relationship[:-1]}c" if relationship.endswith("__r") else f"{relationship}Id"


def look_up(path: Path, record: RawRecord, records: RawRecords) -> Found:
    """Follow a path. Where a parent is missing the value is empty and the place is the child's lookup field."""
    for step in path.steps:
        parent = records.follow(record, step)
        if parent is None:
            return Found(None, Source(record.id, lookup(step)))
        record = parent
    value = record.id if path.field == "Id" else record.fields.get(path.field)
    return Found(None if is_empty(value) else value, Source(record.id, path.field))
