"""Creating, changing, upserting and deleting records under the API's rules.

Refusals follow the vendor's status-code page; a request names fields in any case and ids in either length.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from connector.sandbox.salesforce import rules
from connector.sandbox.salesforce.errors import ApiError, not_found
from connector.sandbox.salesforce.ids import canonical
from connector.sandbox.salesforce.values import stored

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from connector.sandbox.salesforce.schema import Field, SObject
    from connector.sandbox.salesforce.store import Record, Store


class MultipleChoices(Exception):  # noqa: N818 - an answer of its own, status 300, rather than an error
    """An external id that several records share."""

    def __init__(self, ids: list[str]) -> None:
        super().__init__(f"{len(ids)} records share the external id")
        self.ids = ids


class Records:
    """The write side of the org."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.locked_once: set[str] = set()
        self.on_create: dict[str, Callable[[Record], None]] = {}

    # --- the four verbs --------------------------------------------------------------------------------

    def create(self, sobject: SObject, body: Mapping[str, Any]) -> str:
        """Insert a record and return its id."""
        values = self.checked(sobject, body, creating=True)
        missing = [
            column.name for column in sobject.fields.values() if column.required and values.get(column.name) is None
        ]
        if missing:
            message = f"Required fields are missing: [{', '.join(missing)}]"
            raise ApiError("REQUIRED_FIELD_MISSING", message, fields=tuple(missing))
        self._refuse_duplicates(sobject, values, None)
        derived = rules.derive(self.store, sobject, values, values)
        record = self.store.insert(sobject, {**values, **derived})
        rules.follow_up(self.store, sobject, record, values)
        if sobject.name in self.on_create:
            self.on_create[sobject.name](record)
        return str(record["Id"])

    def update(self, sobject: SObject, record_id: str, body: Mapping[str, Any]) -> None:
        """Change a record."""
        record = self.existing(sobject, record_id)
        self._refuse_lock(record["Id"])
        values = self.checked(sobject, body, creating=False)
        self._refuse_duplicates(sobject, values, record["Id"])
        after = {**record, **values}
        if "Status" in values and record.get("Status") != values["Status"]:
            rules.refuse_empty_activation(self.store, sobject, after)
        changed = self.store.touch(sobject, record, {**values, **rules.derive(self.store, sobject, after, values)})
        rules.follow_up(self.store, sobject, changed, values)

    def upsert(self, sobject: SObject, field_name: str, value: str, body: Mapping[str, Any]) -> tuple[str, bool]:
        """Update the record with this external id or create it; tells whether it was created."""
        column = self.external_field(sobject, field_name)
        if any(name.lower() == column.name.lower() for name in body):
            raise ApiError("INVALID_FIELD", f"The {column.name} field should not be specified in the sobject data.")
        found = self.by_external_id(sobject, column, value)
        if found:
            self.update(sobject, found[0], body)
            return found[0], False
        return self.create(sobject, {**body, column.name: value}), True

    def delete(self, sobject: SObject, record_id: str) -> None:
        """Move a record and its details to the recycle bin."""
        record = self.existing(sobject, record_id)
        self._refuse_lock(record["Id"])
        changed = self.store.touch(sobject, record, {"IsDeleted": True})
        for child, lookup in self.store.schema.children(sobject):
            if not lookup.nillable and not lookup.updateable:
                for detail in list(self.store.where(child, lookup, [record["Id"]])):
                    if not detail["IsDeleted"]:
                        self.store.touch(child, detail, {"IsDeleted": True})
        rules.follow_up(self.store, sobject, changed, {})

    # --- finding ---------------------------------------------------------------------------------------

    def existing(self, sobject: SObject, record_id: str) -> Record:
        """Return the live record with this id."""
        record = self.store.get(sobject, canonical(record_id) or "")
        if record is None:
            raise not_found()
        if record["IsDeleted"]:
            raise ApiError("ENTITY_IS_DELETED", "entity is deleted", fields=())
        return record

    def external_field(self, sobject: SObject, name: str) -> Field:
        """Return the external id field of a path; any other field is no address."""
        column = sobject.find(name)
        if column is None or not column.external_id:
            raise ApiError("NOT_FOUND", f"Provided external ID field does not exist or is not accessible: {name}")
        return column

    def by_external_id(self, sobject: SObject, column: Field, value: str) -> list[str]:
        """Ids of the live records with this external id; more than one is an answer of its own."""
        ids = [r["Id"] for r in self.store.where(sobject, column, [value]) if not r["IsDeleted"]]
        if len(ids) > 1:
            raise MultipleChoices(sorted(ids))
        return ids

    # --- checks ----------------------------------------------------------------------------------------

    def checked(self, sobject: SObject, body: Mapping[str, Any], *, creating: bool) -> dict[str, Any]:
        """Return a body as stored values by canonical name."""
        values: dict[str, Any] = {}
        read_only: list[str] = []
        for name, value in body.items():
            if name == "attributes":
                continue
            column, value = self._addressed(sobject, name, value)  # noqa: PLW2901 - the resolved form replaces it
            if column.type == "id":
                raise ApiError("INVALID_FIELD", "The Id field should not be specified in the sobject data.")
            if not (column.createable if creating else column.updateable):
                read_only.append(column.name)
                continue
            values[column.name] = stored(column, value)
            self._refuse_dangling(column, values[column.name])
        if read_only:
            message = f"Unable to create/update fields: {', '.join(read_only)}."
            raise ApiError("INVALID_FIELD_FOR_INSERT_UPDATE", message, fields=tuple(read_only))
        return values

    def _addressed(self, sobject: SObject, name: str, value: Any) -> tuple[Field, Any]:
        """Return the column a body names, also through a parent's external id: ``{"Order__r": {"Key__c": "x"}}``."""
        if (column := sobject.find(name)) is not None:
            return column, value
        lookup = sobject.parent(name) if isinstance(value, dict) else None
        target = self.store.schema.find(lookup.reference_to[0]) if lookup else None
        if lookup is None or target is None:
            raise ApiError("INVALID_FIELD", f"No such column '{name}' on sobject of type {sobject.name}")
        ((key, wanted),) = value.items()
        found = self.by_external_id(target, self.external_field(target, key), str(wanted))
        if not found:
            message = f"Foreign key external ID: {wanted} not found for field {key} in entity {target.name}"
            raise ApiError("INVALID_FIELD", message)
        return lookup, found[0]

    def _refuse_dangling(self, column: Field, value: Any) -> None:
        if column.type != "reference" or value is None:
            return
        targets = [self.store.schema.find(name) for name in column.reference_to]
        if not any(target and value.startswith(target.prefix) for target in targets):
            message = f"{column.name}: id value of incorrect type: {value}"
            raise ApiError("MALFORMED_ID", message, fields=(column.name,))
        found = [self.store.get(target, value) for target in targets if target]
        if not any(record and not record["IsDeleted"] for record in found):
            raise ApiError("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", fields=(column.name,))

    def _refuse_duplicates(self, sobject: SObject, values: Mapping[str, Any], own_id: str | None) -> None:
        for column in sobject.fields.values():
            if not column.unique or values.get(column.name) is None:
                continue
            for other in self.store.where(sobject, column, [values[column.name]]):
                if other["Id"] != own_id and not other["IsDeleted"]:
                    message = f"duplicate value found: {column.name} duplicates value on record with id: {other['Id']}"
                    raise ApiError("DUPLICATE_VALUE", message, fields=())

    def _refuse_lock(self, record_id: str) -> None:
        if record_id in self.locked_once:
            self.locked_once.discard(record_id)
            raise ApiError("UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access to this record", fields=())
