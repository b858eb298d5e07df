"""Changes past the API's rules: what the platform, the package or a person in the org does while a client watches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from connector.sandbox.salesforce import rules
from connector.sandbox.salesforce.ids import canonical
from connector.sandbox.salesforce.soql_bind import find_sobject
from connector.sandbox.salesforce.values import stored

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

    from connector.sandbox.salesforce.records import Records
    from connector.sandbox.salesforce.store import Record, Store


class Backdoor:
    """Writes any column and asks for no required one, but the usual consequences follow."""

    def __init__(self, store: Store, records: Records) -> None:
        self.store = store
        self._api_records = records

    def insert(self, name: str, fields: Mapping[str, Any]) -> str:
        """Add a record; an ``Id`` among the fields is kept."""
        with self.store.lock:
            sobject = find_sobject(self.store.schema, name)
            values = self._values(name, fields)
            record_id = canonical(str(fields["Id"])) if fields.get("Id") else None
            derived = rules.derive(self.store, sobject, values, values)
            record = self.store.insert(sobject, {**values, **derived}, record_id)
            rules.follow_up(self.store, sobject, record, values)
            return str(record["Id"])

    def update(self, name: str, record_id: str, fields: Mapping[str, Any]) -> None:
        """Change a record now."""
        with self.store.lock:
            sobject, record = find_sobject(self.store.schema, name), self._changed(name, record_id, fields)
            self.store.put(sobject, record)
            rules.follow_up(self.store, sobject, record, fields)

    def update_late(self, name: str, record_id: str, fields: Mapping[str, Any], visible_in: timedelta) -> None:
        """Change a record in a slow transaction: stamped now, seen by nobody until the clock has moved on."""
        with self.store.lock:
            sobject, record = find_sobject(self.store.schema, name), self._changed(name, record_id, fields)
            self.store.commit_later(sobject, record, self.store.clock.now() + visible_in)

    def delete(self, name: str, record_id: str) -> None:
        """Move a record to the recycle bin."""
        with self.store.lock:
            self._api_records.delete(find_sobject(self.store.schema, name), record_id)

    def lock_once(self, *record_ids: str) -> None:
        """Let the next write of each record fail with UNABLE_TO_LOCK_ROW."""
        self._api_records.locked_once.update(filter(None, map(canonical, record_ids)))

    def records(self, name: str, *, with_deleted: bool = False) -> dict[str, Record]:
        """Return copies of an object's records by id."""
        with self.store.lock:
            self.store.settle()
            rows = self.store.all(find_sobject(self.store.schema, name))
            return {row["Id"]: dict(row) for row in rows if with_deleted or not row["IsDeleted"]}

    def _changed(self, name: str, record_id: str, fields: Mapping[str, Any]) -> Record:
        sobject = find_sobject(self.store.schema, name)
        record = self._api_records.existing(sobject, record_id)
        values, stamp = self._values(name, fields), self.store.clock.stamp()
        audit = {"LastModifiedDate": stamp, "SystemModstamp": stamp}
        after = {**record, **audit, **values}
        return {**after, **rules.derive(self.store, sobject, after, values)}

    def _values(self, name: str, fields: Mapping[str, Any]) -> dict[str, Any]:
        sobject = find_sobject(self.store.schema, name)
        self.store.schema.learn(sobject, fields)
        found = ((sobject.find(key), value) for key, value in fields.items() if key not in {"attributes", "Id"})
        return {column.name: stored(column, value) for column, value in found if column and column.type != "address"}
