"""Which objects and fields a CRM has: what an org's describe says, or what records show. Plain values.

A described catalogue knows all fields; one that was made from records knows only fields that some record has filled.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from connector.mapping.paths import Path, lookup
from connector.mapping.raw import RawRecord
from connector.mapping.values import is_empty

FORMAT = "crm-catalogue/1"


@dataclass(frozen=True, slots=True)
class CrmField:
    """One field. `type` is the CRM's word for it (picklist, date, reference …), `values` the words of a picklist.

    `counts` is False for a field whose fill rate says nothing: a record's id, and what an adapter adds to a record.
    """

    name: str
    label: str = ""
    type: str = ""
    values: tuple[str, ...] = ()
    parents: tuple[str, ...] = ()
    relationship: str | None = None
    writable: bool = False
    object: str = ""
    counts: bool = True


@dataclass(frozen=True, slots=True)
class CrmObject:
    """One object with its fields by name."""

    name: str
    label: str
    fields: Mapping[str, CrmField]

    def field(self, name: str) -> CrmField | None:
        """Return a field; upper and lower case do not count, as in the CRM."""
        found = self.fields.get(name)
        folded = name.casefold()
        return found or next((each for each in self.fields.values() if each.name.casefold() == folded), None)

    def parent(self, relationship: str) -> CrmField | None:
        """Return the field whose relationship has this name: `Account` is AccountId's."""
        folded = relationship.casefold()
        named = (each for each in self.fields.values() if (each.relationship or "").casefold() == folded)
        return next(named, None) or self.field(lookup(relationship))


@dataclass(frozen=True, slots=True)
class Missing:
    """A part of a path that is not there: `name` of the object `object`; `known` is what it has, with the types."""

    object: str
    name: str
    known: Mapping[str, str]
    kind: str = "field"


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The objects of a CRM. `source` says where the knowledge is from; `described` whether it is complete."""

    source: str
    objects: Mapping[str, CrmObject]
    described: bool = True
    filled: Mapping[tuple[str, str], int] = field(default_factory=lambda: MappingProxyType({}))
    """(object, field) → how many of the records looked at have it filled."""
    counted: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    """Object → how many records were looked at."""

    def find(self, name: str, path: Path) -> CrmField | Missing | None:
        """Return the field a path leads to, what is missing on the way, or None where that cannot be told."""
        current = [name]
        for step in path.steps:
            hits = [(each, each.parent(step)) for each in self._known(current)]
            if not hits:
                return None
            leads = [found for _, found in hits if found is not None]
            if not leads:
                fields = [each for owner, _ in hits for each in owner.fields.values()]
                known = {each.relationship: "/".join(each.parents) for each in fields if each.relationship}
                return Missing(hits[0][0].name, step, known, "relationship") if self.described else None
            current = [parent for found in leads for parent in found.parents]
        owners = self._known(current)
        if not owners:
            return None
        hit = next((found for each in owners if (found := each.field(path.field)) is not None), None)
        if hit is not None:
            return hit
        if path.field == "Id":
            return CrmField("Id", "Record id", "id", counts=False)
        return Missing(owners[0].name, path.field, {each.name: each.type for each in owners[0].fields.values()})

    def _known(self, names: Iterable[str]) -> list[CrmObject]:
        return [self.objects[name] for name in names if name in self.objects]


def collect(paths: Mapping[str, Iterable[str]], source: str, describe: Any) -> Catalogue:
    """Describe every object that the paths start at or lead through; `describe(name)` is a CrmObject or None."""
    objects: dict[str, CrmObject] = {}
    absent: set[str] = set()

    def known(name: str) -> CrmObject | None:
        if name not in objects and name not in absent:
            found = describe(name)
            if found is None:
                absent.add(name)
            else:
                objects[name] = found
        return objects.get(name)

    for start, texts in paths.items():
        known(start)
        for text in texts:
            current = [start]
            for step in Path.parse(text).steps:
                leads = [each.parent(step) for name in current if (each := known(name)) is not None]
                current = [parent for lead in leads if lead is not None for parent in lead.parents]
            for name in current:
                known(name)
    return Catalogue(source, MappingProxyType(objects))


def from_records(records: Iterable[RawRecord], source: str) -> Catalogue:
    """Return what records show: the fields that are filled somewhere, and how often."""
    rows = list(records)
    objects_by_id = {record.id[:15]: record.object for record in rows}
    counted: dict[str, int] = {}
    filled: dict[tuple[str, str], int] = {}
    samples: dict[str, dict[str, object]] = {}
    for record in rows:
        counted[record.object] = counted.get(record.object, 0) + 1
        for name, value in record.fields.items():
            if not is_empty(value):
                filled[record.object, name] = filled.get((record.object, name), 0) + 1
                samples.setdefault(record.object, {}).setdefault(name, value)
    objects = {
        name: CrmObject(
            name, "", MappingProxyType({key: _seen(name, key, value, objects_by_id) for key, value in found.items()})
        )
        for name, found in samples.items()
    }
    return Catalogue(source, MappingProxyType(objects), described=False, filled=filled, counted=counted)


def with_counts(described: Catalogue, seen: Catalogue) -> Catalogue:
    """Return a described catalogue with the fill rates that records show."""
    source = f"{described.source}; fill rates from {seen.source}"
    return Catalogue(source, described.objects, described.described, seen.filled, seen.counted)


def dump_catalogue(catalogue: Catalogue) -> dict[str, Any]:
    """Return a described catalogue as JSON, for the cache."""
    return {
        "format": FORMAT,
        "source": catalogue.source,
        "objects": {
            name: {"label": each.label, "fields": [_field_json(one) for one in each.fields.values()]}
            for name, each in sorted(catalogue.objects.items())
        },
    }


def load_catalogue(document: Any) -> Catalogue:
    """Read what `dump_catalogue` wrote. Raises ValueError for anything else."""
    try:
        if document["format"] != FORMAT:
            msg = f'expected "format": "{FORMAT}"'
            raise ValueError(msg)
        objects = {
            name: CrmObject(name, each["label"], MappingProxyType(dict(_fields(name, each["fields"]))))
            for name, each in document["objects"].items()
        }
        return Catalogue(str(document["source"]), MappingProxyType(objects))
    except (KeyError, TypeError, AttributeError) as error:
        msg = f"it is not a catalogue of fields ({error})"
        raise ValueError(msg) from error


def _fields(name: str, rows: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, CrmField]]:
    for each in rows:
        yield (
            each["name"],
            CrmField(
                each["name"],
                each.get("label", ""),
                each.get("type", ""),
                tuple(each.get("values", ())),
                tuple(each.get("parents", ())),
                each.get("relationship"),
                bool(each.get("writable")),
                name,
                not each.get("uncounted"),
            ),
        )


def _field_json(each: CrmField) -> dict[str, Any]:
    document = {
        "name": each.name,
        "label": each.label,
        "type": each.type,
        "values": list(each.values),
        "parents": list(each.parents),
        "relationship": each.relationship,
        "writable": each.writable,
        "uncounted": not each.counts,
    }
    return {key: value for key, value in document.items() if value or key == "name"}


def _seen(owner: str, name: str, value: object, objects_by_id: Mapping[str, str]) -> CrmField:
    """Return a field by one of its values: text that is the id of a record we have leads to that record's object."""
    parent = objects_by_id.get(value[:15]) if isinstance(value, str) and len(value) in {15, 18} else None
    kind = "boolean" if isinstance(value, bool) else "text" if isinstance(value, str) else "number"
    return CrmField(name, "", "reference" if parent else kind, parents=(parent,) if parent else (), object=owner)
