"""Query rows to records: a row with its nested parents becomes one record for each. Pure.

The child keeps the lookup's id (`AccountId`), the parent is found by it; a parent seen from several rows, each with
other columns, is one record with all of them.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from connector.crm.salesforce.query import lookup_of
from connector.mapping.raw import RawRecord, RawRecords


class RecordHeap:
    """Collects rows of one or many queries."""

    __slots__ = ("_fields", "_objects")

    def __init__(self) -> None:
        self._fields: dict[str, dict[str, Any]] = {}
        self._objects: dict[str, str] = {}

    def add(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Take rows as the API gives them; empty fields are left out."""
        for row in rows:
            self._add(row)

    def records(self) -> RawRecords:
        """Return everything collected so far."""
        return RawRecords(RawRecord(self._objects[key], key, fields) for key, fields in self._fields.items())

    def _add(self, row: Mapping[str, Any]) -> str | None:
        key = row.get("Id")
        if not isinstance(key, str):
            return None
        self._objects[key] = row["attributes"]["type"]
        fields = self._fields.setdefault(key, {})
        for name, value in row.items():
            if isinstance(value, Mapping) and "attributes" in value:
                if parent := self._add(value):
                    fields[lookup_of(name)] = parent
            elif value is not None and name != "attributes":
                fields[name] = value
        return key
