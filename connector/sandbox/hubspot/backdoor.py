"""What people and other programs do to the portal, past the API's rules: the seed, tests, the control path."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from connector.sandbox.hubspot.linking import End, Linking
from connector.sandbox.hubspot.merging import merge
from connector.sandbox.hubspot.records import HAND
from connector.sandbox.hubspot.schema import parse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from connector.sandbox.hubspot.api import Api
    from connector.sandbox.hubspot.store import Record, Store


class Backdoor:
    """Writes any property that is defined; the usual consequences follow."""

    def __init__(self, api: Api, linking: Linking) -> None:
        self.api = api
        self.linking = linking

    @property
    def store(self) -> Store:
        """The portal's records."""
        return self.api.store

    def insert(self, name: str, values: Mapping[str, Any]) -> str:
        """Add a record; ``hs_object_id`` among the values is kept as its id."""
        with self.store.lock:
            given = dict(values)
            record_id = given.pop("hs_object_id", None)
            kind = self.store.schema[name]
            return self.api.records.create(kind, given, HAND, str(record_id) if record_id else None).id

    def update(self, name: str, record_id: str, values: Mapping[str, Any]) -> None:
        """Change a record now."""
        with self.store.lock:
            self.api.records.update(self.store.schema[name], self._record(name, record_id), values, HAND)

    def archive(self, name: str, record_id: str) -> None:
        """Archive a record."""
        with self.store.lock:
            self.api.records.archive(self.store.schema[name], self._record(name, record_id), HAND)

    def restore(self, name: str, record_id: str) -> None:
        """Bring an archived record back."""
        with self.store.lock:
            self.api.records.restore(self.store.schema[name], self._record(name, record_id))

    def merge(self, name: str, primary_id: str, other_id: str) -> str:
        """Merge two records; returns the id of the record they became."""
        with self.store.lock:
            return merge(self.api, self.store.schema[name], primary_id, other_id, HAND).id

    def associate(self, source: str, source_id: str, target: str, target_id: str, type_id: int | None = None) -> None:
        """Associate two records; ``type_id`` is one of HubSpot's types, a negative one of the account's own."""
        with self.store.lock:
            one, other = self._end(source, source_id), self._end(target, target_id)
            links = self.api.links
            link = links.of_key(type_id) if type_id else links.default(one.kind, other.kind)
            self.linking.connect(link, one, other, HAND)

    def dissociate(self, source: str, source_id: str, target: str, target_id: str) -> None:
        """Separate two records."""
        with self.store.lock:
            schema = self.store.schema
            self.linking.separate(schema[source], source_id, schema[target], target_id, HAND)

    def lock_once(self, *record_ids: str) -> None:
        """Let the next write of each record fail with 423."""
        self.api.records.locked_once.update(record_ids)

    def add_property(self, name: str, line: str) -> None:
        """Define a property of the account's in the notation of the tables, such as ``"region text"``."""
        with self.store.lock:
            kind = self.store.schema[name]
            for made in parse(line, kind.default_group):
                made.hubspot_defined = False
                kind.properties[made.name] = made

    def remove_property(self, name: str, prop: str) -> None:
        """Take a property away, HubSpot's own too: an account in which it never was."""
        with self.store.lock:
            del self.store.schema[name].properties[prop]

    def records(self, name: str, *, with_archived: bool = False) -> dict[str, dict[str, str]]:
        """Return copies of a type's values by id."""
        with self.store.lock:
            rows = self.store.all(self.store.schema[name])
            return {row.id: dict(row.values) for row in rows if with_archived or row.archived_at is None}

    def associated(self, source: str, source_id: str, target: str) -> list[str]:
        """Return the ids a record is associated with."""
        with self.store.lock:
            return self.api.links.ids(self.store.schema[source], source_id, self.store.schema[target])

    def _end(self, name: str, record_id: str) -> End:
        return End(self.store.schema[name], self._record(name, record_id))

    def _record(self, name: str, record_id: str) -> Record:
        record = self.store.resolve(self.store.schema[name], str(record_id))
        if record is None:
            message = f"no {name} with id {record_id}"
            raise KeyError(message)
        return record
