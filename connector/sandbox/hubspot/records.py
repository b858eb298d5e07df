"""Writes as the API allows them: every value checked, the whole record refused on any fault, then what follows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from connector.sandbox.hubspot.clock import parse_stamp
from connector.sandbox.hubspot.errors import ApiError, fault, invalid_values, not_found
from connector.sandbox.hubspot.rules import record_faults
from connector.sandbox.hubspot.store import Record
from connector.sandbox.hubspot.values import RefusedValueError, accepted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from connector.sandbox.hubspot.consequences import Consequences
    from connector.sandbox.hubspot.portal import Portal
    from connector.sandbox.hubspot.schema import ObjectType, Property
    from connector.sandbox.hubspot.store import Store, Values


@dataclass(frozen=True, slots=True)
class Writer:
    """Who writes, through which version of the API; the emulator's own hands write past the rules."""

    source: str = "INTEGRATION"
    source_id: str = ""
    version: str = "v3"
    free: bool = False


HAND = Writer(source="CRM_UI", free=True)
"""A person in the browser, as tests and the seed write: read-only properties may be set, rules do not apply."""


@dataclass(slots=True)
class Records:
    """Create, update, archive, restore."""

    store: Store
    portal: Portal
    consequences: Consequences
    locked_once: set[str] = field(default_factory=set)
    listeners: list[Callable[[ObjectType, Record, str, Mapping[str, Any]], None]] = field(default_factory=list)

    # --- reading ---------------------------------------------------------------------------------------

    def find(self, kind: ObjectType, key: str, id_property: str | None = None) -> Record | None:
        """Return a live record by id, by the id it was merged away under, or by a unique property."""
        if id_property and id_property != "hs_object_id":
            self._unique(kind, id_property)
            return self.store.by_unique(kind, id_property, key)
        found = self.store.resolve(kind, key)
        return found if found and found.archived_at is None else None

    def existing(self, kind: ObjectType, key: str, id_property: str | None = None) -> Record:
        """Return a live record that has to be there."""
        found = self.find(kind, key, id_property)
        if found is None:
            raise not_found()
        return found

    @staticmethod
    def _unique(kind: ObjectType, name: str) -> Property:
        prop = kind.find(name)
        if prop is None or not prop.unique:
            message = f"{name} is not a unique property of {kind.name}: records cannot be found by it"
            raise ApiError("VALIDATION_ERROR", message)
        return prop

    # --- writing ---------------------------------------------------------------------------------------

    def create(self, kind: ObjectType, given: Mapping[str, Any], by: Writer, record_id: str | None = None) -> Record:
        """Add a record; raises `ApiError` that names every fault."""
        values = self.check_new(kind, given, by)
        now = self.store.clock.ms()
        born = parse_stamp(values.pop(kind.created_property, "")) or now
        changed = parse_stamp(values.pop(kind.modified_property, "")) or max(now if record_id is None else born, born)
        record = Record(record_id or self.store.new_id(kind), values, born, changed, by.source)
        self._derive(kind, record)
        self.store.insert(kind, record)
        self._tell(kind, record, "creation", {"by": by})
        return record

    def update(self, kind: ObjectType, record: Record, given: Mapping[str, Any], by: Writer) -> None:
        """Change a record; a write that changes nothing leaves its modified moment alone."""
        self._unlock(record, by)
        changes, values = self.check_change(kind, record, given, by)
        before, born = record.values, parse_stamp(values.pop(kind.created_property, ""))
        values.pop(kind.modified_property, None)
        if values == before and born in {None, record.created}:
            return
        record.created = born or record.created
        derived = self.consequences.of(kind, record.id, values)
        merged = {name: value for name, value in {**values, **derived}.items() if value}
        self.store.put(kind, record, merged, source=by.source)
        self.consequences.around(kind, record.id)
        for name in changes:
            if before.get(name, "") != merged.get(name, ""):
                detail = {"name": name, "value": merged.get(name, ""), "by": by}
                self._tell(kind, record, "propertyChange", detail)

    def archive(self, kind: ObjectType, record: Record, by: Writer) -> None:
        """Move a record out of sight; the lines of a quote go with it."""
        self._unlock(record, by)
        self.store.archive(kind, record)
        self.consequences.around(kind, record.id)
        self._tell(kind, record, "deletion", {"by": by})
        if kind.name == "quotes":
            lines = self.store.schema["line_items"]
            for line_id in self.consequences.links.ids(kind, record.id, lines):
                line = self.store.get(lines, line_id)
                if line and line.archived_at is None:
                    self.archive(lines, line, by)

    def restore(self, kind: ObjectType, record: Record) -> None:
        """Bring an archived record back."""
        self.store.restore(kind, record)
        self.consequences.around(kind, record.id)
        self._tell(kind, record, "restore", {"by": HAND})

    def check_new(self, kind: ObjectType, given: Mapping[str, Any], by: Writer) -> Values:
        """Return the values a new record would have; raises `ApiError` that names every fault."""
        values = self._values(kind, given, {}, by)
        if kind.name == "deals":
            values.setdefault("pipeline", "default")
        self._check(kind, values, given, None, by)
        return values

    def check_change(
        self, kind: ObjectType, record: Record, given: Mapping[str, Any], by: Writer
    ) -> tuple[Values, Values]:
        """Return what a write sets, and all values after it; raises `ApiError` that names every fault."""
        changes = self._values(kind, given, record.values, by)
        values = {name: value for name, value in {**record.values, **changes}.items() if value}
        self._check(kind, values, given, record, by)
        return changes, values

    # --- checks ------------------------------------------------------------------------------------------

    def _values(self, kind: ObjectType, given: Mapping[str, Any], before: Mapping[str, str], by: Writer) -> Values:
        faults, values = [], {}
        for name, value in given.items():
            prop = kind.find(name)
            if prop is None:
                faults.append(fault(name, "PROPERTY_DOESNT_EXIST", f'Property "{name}" does not exist'))
            elif prop.read_only and not by.free:
                message = f'"{name}" is a read only property; its value cannot be set'
                faults.append(fault(name, "READ_ONLY_VALUE", message))
            else:
                try:
                    values[name] = accepted(prop, value, before.get(name), self.portal)
                except RefusedValueError as refused:
                    faults.append(refused.fault)
        if faults:
            raise invalid_values(faults)
        return values

    def _check(
        self, kind: ObjectType, values: Mapping[str, str], given: Mapping[str, Any], record: Record | None, by: Writer
    ) -> None:
        if by.free:
            return
        if record is None:
            missing = [name for name in kind.required if not values.get(name)]
            if missing:
                names = f"[{', '.join(missing)}]"
                message = f"Error creating {kind.singular.upper()}. Some required properties were not set."
                raise ApiError("VALIDATION_ERROR", message, context={"properties": [names]})
        else:
            _check_lock(record, given)
        faults = record_faults(kind, values, given, self.portal, by.version)
        if faults:
            raise invalid_values(faults)
        self._check_unique(kind, values, record)

    def _check_unique(self, kind: ObjectType, values: Mapping[str, str], record: Record | None) -> None:
        for prop in kind.properties.values():
            value = values.get(prop.name) if prop.unique else None
            holder = self.store.by_unique(kind, prop.name, value) if value else None
            if holder and (record is None or holder.id != record.id):
                message = f"{spoken(kind)} already exists. Existing ID: {holder.id}"
                if record is not None or prop.name != "email":
                    message = f"Cannot set {prop.name}: {holder.id} already has that value."
                raise ApiError("CONFLICT", message, context={"id": [holder.id], "propertyName": [prop.name]})

    def _unlock(self, record: Record, by: Writer) -> None:
        if record.id in self.locked_once and not by.free:
            self.locked_once.discard(record.id)
            raise ApiError("RECORD_LOCKED", "The record is locked by another operation. Try again in 2 seconds.")

    # --- what follows --------------------------------------------------------------------------------------

    def _derive(self, kind: ObjectType, record: Record) -> None:
        derived = self.consequences.of(kind, record.id, record.values)
        record.values = {name: value for name, value in {**record.values, **derived}.items() if value}

    def _tell(self, kind: ObjectType, record: Record, event: str, detail: Mapping[str, Any]) -> None:
        for listener in self.listeners:
            listener(kind, record, event, detail)


def spoken(kind: ObjectType) -> str:
    """Return a type's name in a sentence."""
    return kind.singular.replace("_", " ").capitalize()


def _check_lock(record: Record, given: Mapping[str, Any]) -> None:
    """Hold back writes to a published quote, unless they open it again (vendor's quotes guide)."""
    if record.values.get("hs_locked") == "true" and given.get("hs_status") != "DRAFT":
        raise ApiError("VALIDATION_ERROR", "The quote is locked: set hs_status to DRAFT before changing it")
