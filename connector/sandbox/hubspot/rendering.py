"""Records on the wire: the properties asked for, their history, and associations inline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from connector.sandbox.hubspot.clock import stamp

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from connector.sandbox.hubspot.links import Links
    from connector.sandbox.hubspot.schema import ObjectType
    from connector.sandbox.hubspot.store import Record


def properties(
    kind: ObjectType, record_id: str, values: Mapping[str, str], moments: tuple[int, int], names: Iterable[str]
) -> dict[str, str | None]:
    """Return the properties asked for: empty ones as null, unknown ones left out, id and moments always there."""
    shown = {name: values.get(name) for name in names or kind.defaults if kind.find(name)}
    created, updated = moments
    shown[kind.created_property], shown[kind.modified_property] = stamp(created), stamp(updated)
    shown["hs_object_id"] = record_id
    return shown


def body(kind: ObjectType, record: Record, names: Iterable[str] = (), history: Iterable[str] = ()) -> dict[str, Any]:
    """Return a record."""
    answer: dict[str, Any] = {
        "id": record.id,
        "properties": properties(kind, record.id, record.values, (record.created, record.updated), names),
        "createdAt": stamp(record.created),
        "updatedAt": stamp(record.updated),
        "archived": record.archived_at is not None,
    }
    if history := [name for name in history if kind.find(name)]:
        answer["propertiesWithHistory"] = {name: versions(record, name) for name in history}
    return answer | ({"archivedAt": stamp(record.archived_at)} if record.archived_at is not None else {})


def whole(kind: ObjectType, record: Record) -> dict[str, Any]:
    """Return a record with everything it has, as writes answer it."""
    return body(kind, record, [*kind.defaults, *record.values])


def versions(record: Record, name: str) -> list[dict[str, Any]]:
    """Return a property's values, newest first."""
    return [
        {
            "value": each.value,
            "timestamp": stamp(each.at),
            "sourceType": each.source,
            "sourceLabel": each.source.title(),
        }
        for each in record.versions(name)
    ]


def inline(
    links: Links, kind: ObjectType, record: Record, others: Iterable[ObjectType], cap: int
) -> dict[str, dict[str, Any]]:
    """Return associations as a record carries them: one row per type, capped, under a key with a space."""
    shown = {}
    for other in others:
        targets = links.targets(kind, record.id, other)
        rows = [
            {"id": target_id, "type": row_type(kind, other, each.label, labelled=len(kinds) > 1)}
            for target_id, kinds in targets.items()
            for each in kinds
        ]
        if rows:
            shown[other.spoken] = {"results": rows[:cap]} | _more(rows, cap)
    return shown


def row_type(kind: ObjectType, other: ObjectType, label: str | None, *, labelled: bool) -> str:
    """Return the name of an association type in an inline row."""
    name = f"{kind.singular}_to_{other.singular}"
    if label is None:
        return f"{name}_unlabeled" if labelled or other.name == "companies" else name
    return name if label == "Primary" else label.lower().replace(" ", "_")


def _more(rows: list[dict[str, str]], cap: int) -> dict[str, Any]:
    if len(rows) <= cap:
        return {}
    after = rows[cap]["id"]
    return {"paging": {"next": {"after": after, "link": f"?after={after}"}}}
