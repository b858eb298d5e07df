"""Merging two records: a new record takes their place, and both old ids lead to it.

The vendor's changelog describes it for deals: deal A and deal B become deal C; a get of A answers C, and associations
hang on C only. Values of the primary record win. The survivor lists the old ids in ``hs_merged_object_ids``; a batch
does not follow them (vendor's page on merged records).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from connector.sandbox.hubspot.errors import ApiError
from connector.sandbox.hubspot.store import Record

if TYPE_CHECKING:
    from connector.sandbox.hubspot.api import Api
    from connector.sandbox.hubspot.records import Writer
    from connector.sandbox.hubspot.schema import ObjectType

MERGEABLE = frozenset({"deals", "companies", "contacts", "tickets"})


def merge(api: Api, kind: ObjectType, primary_id: str, other_id: str, by: Writer) -> Record:
    """Return the record that two records have become."""
    if kind.name not in MERGEABLE:
        raise ApiError("VALIDATION_ERROR", f"{kind.name} cannot be merged")
    if primary_id == other_id:
        raise ApiError("VALIDATION_ERROR", "A record cannot be merged with itself")
    primary, other = api.records.existing(kind, primary_id), api.records.existing(kind, other_id)
    table, now = api.store.tables[kind.name], api.store.clock.ms()
    old = [each for record in (primary, other) for each in _merged_ids(record)]
    for record in (primary, other):
        api.store.archive(kind, record)
    values = {**other.values, **primary.values, "hs_merged_object_ids": ";".join(old)}
    made = Record(api.store.new_id(kind), values, min(primary.created, other.created), now, by.source)
    made.past = {**other.past, **primary.past}
    for record in (primary, other):
        table.merged[record.id] = made.id
    _move_links(api, kind, (primary, other), made)
    api.store.insert(kind, made)
    api.records.consequences.refresh(kind, made)
    detail = {"primary": primary.id, "merged": [primary.id, other.id], "moved": len(other.values), "by": by}
    for listener in api.records.listeners:
        listener(kind, made, "merge", detail)
    return made


def _merged_ids(record: Record) -> list[str]:
    earlier = record.values.get("hs_merged_object_ids", "")
    return [*filter(None, earlier.split(";")), record.id]


def _move_links(api: Api, kind: ObjectType, olds: tuple[Record, ...], made: Record) -> None:
    schema, links = api.store.schema, api.links
    for old in olds:
        for name, target_id in list(links.neighbours(kind, old.id)):
            target = schema[name]
            for each in links.targets(kind, old.id, target).get(target_id, []):
                links.connect(each, made.id, target_id)
            links.disconnect(kind, old.id, target, target_id)
