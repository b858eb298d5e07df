"""What the emulated portal knows about its objects: property definitions, groups, and how a type may be called.

The tables themselves are text (``catalog``): one property a line, ``name kind[:options] [flags]``.

==================  ==================================================================================================
``text`` ``area``   string with a one-line, many-line (``html``: rich) field
``select:a|b``      enumeration (``radio``, ``checks``) with these options; ``@stage``, ``@pipeline``, ``@currency`` and
                    ``@owner`` are checked against the portal, ``@any`` is not checked
flags               ``ro`` filled by the service, ``calc`` calculated, ``uniq`` unique
==================  ==================================================================================================
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from connector.sandbox.hubspot.catalog import COMMON, FREQUENCIES
from connector.sandbox.hubspot.clock import stamp

if TYPE_CHECKING:
    from collections.abc import Iterable

_KINDS = {
    "text": ("string", "text"),
    "area": ("string", "textarea"),
    "html": ("string", "html"),
    "number": ("number", "number"),
    "bool": ("bool", "booleancheckbox"),
    "date": ("date", "date"),
    "datetime": ("datetime", "date"),
    "select": ("enumeration", "select"),
    "radio": ("enumeration", "radio"),
    "checks": ("enumeration", "checkbox"),
}
NAME = re.compile(r"[a-z][a-z0-9_]*")
"""What properties and groups of an account may be called."""
BUILT_AT = 1_577_836_800_000
"""When HubSpot's own definitions were made, for the answers: 2020-01-01."""


@dataclass(slots=True)
class Property:
    """One property definition."""

    name: str
    type: str
    field_type: str
    label: str
    group: str
    options: list[dict[str, Any]] = field(default_factory=list)
    source: str = ""
    read_only: bool = False
    calculated: bool = False
    unique: bool = False
    hidden: bool = False
    hubspot_defined: bool = True
    description: str = ""
    display_order: int = -1
    form_field: bool = False
    created: int = BUILT_AT
    updated: int = BUILT_AT
    archived_at: int | None = None

    def accepts(self, value: str) -> bool:
        """Whether an enumeration lists a value (case matters)."""
        return any(option["value"] == value for option in self.options)

    def body(self) -> dict[str, Any]:
        """Return the definition as the properties API shows it."""
        locked = self.hubspot_defined
        answer: dict[str, Any] = {
            "updatedAt": stamp(self.updated),
            "createdAt": stamp(self.created),
            "name": self.name,
            "label": self.label,
            "type": self.type,
            "fieldType": self.field_type,
            "description": self.description,
            "groupName": self.group,
            "options": self.options,
            "displayOrder": self.display_order,
            "calculated": self.calculated,
            "externalOptions": bool(self.source) and self.source != "any",
            "archived": self.archived_at is not None,
            "hasUniqueValue": self.unique,
            "hidden": self.hidden,
            "hubspotDefined": self.hubspot_defined,
            "modificationMetadata": {
                "archivable": not locked,
                "readOnlyDefinition": locked,
                "readOnlyOptions": locked,
                "readOnlyValue": self.read_only,
            },
            "formField": self.form_field,
        }
        return answer | ({"archivedAt": stamp(self.archived_at)} if self.archived_at is not None else {})


@dataclass(slots=True)
class ObjectType:
    """One kind of record."""

    type_id: str
    name: str
    singular: str
    primary: str
    defaults: tuple[str, ...]
    searched: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    created_property: str = "hs_createdate"
    modified_property: str = "hs_lastmodifieddate"
    properties: dict[str, Property] = field(default_factory=dict)
    groups: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def spoken(self) -> str:
        """The key of inline associations to this type: plural, with spaces (seen by several integrations)."""
        return self.name.replace("_", " ")

    def find(self, name: str) -> Property | None:
        """Return a live property; names are lower case in every account."""
        found = self.properties.get(name)
        return found if found and found.archived_at is None else None

    def add(self, lines: str) -> None:
        """Add the properties of a table."""
        for made in parse(lines, self.default_group):
            self.properties.setdefault(made.name, made)

    @property
    def default_group(self) -> str:
        """Name of the group HubSpot's own properties are in."""
        return f"{self.singular.replace('_', '')}information"


class Schema:
    """All types, found by id, plural or singular name."""

    def __init__(self, types: Iterable[ObjectType]) -> None:
        self.types = list(types)
        self._by_name = {
            key: kind for kind in self.types for key in (kind.type_id, kind.name, kind.singular, kind.spoken)
        }

    def find(self, name: str) -> ObjectType | None:
        """Return the type a path or a body names."""
        return self._by_name.get(name) or self._by_name.get(name.lower())

    def __getitem__(self, name: str) -> ObjectType:
        """Return a type that must exist."""
        found = self.find(name)
        if found is None:
            message = f"no such object type: {name}"
            raise KeyError(message)
        return found


def parse(lines: str, group: str) -> list[Property]:
    """Read a property table."""
    return [_parse_line(line, group) for line in lines.splitlines() if line.strip()]


def _parse_line(line: str, group: str) -> Property:
    name, kind, *flags = line.split()
    kind, _, listed = kind.partition(":")
    kind_type, field_type = _KINDS[kind]
    source = listed.removeprefix("@") if listed.startswith("@") else ""
    values = FREQUENCIES if source == "frequency" else listed if not source else ""
    source = "" if source == "frequency" else source
    if kind == "bool":
        values = "true|false"
    return Property(
        name,
        kind_type,
        field_type,
        label=spell(name),
        group=group,
        options=[option(value, n) for n, value in enumerate(filter(None, values.split("|")))],
        source=source,
        read_only=bool({"ro", "calc"} & set(flags)),
        calculated="calc" in flags,
        unique="uniq" in flags,
    )


def option(value: str, order: int) -> dict[str, Any]:
    """Return one choice of an enumeration."""
    return {"label": spell(value), "value": value, "displayOrder": order, "hidden": False}


def spell(name: str) -> str:
    """Return a label for a name."""
    words = name.removeprefix("hs_").replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def object_type(type_id: str, name: str, singular: str, lines: str = "", **more: Any) -> ObjectType:
    """Return a type with the properties every record has, and its own."""
    made = ObjectType(type_id, name, singular, **{"primary": "hs_name", "defaults": (), **more})
    made.defaults = made.defaults or (made.created_property, made.modified_property, "hs_object_id")
    born = "" if made.created_property == "createdate" else "ro"
    base = f"hs_object_id number ro\n{made.created_property} datetime {born}\n{made.modified_property} datetime ro\n"
    made.add(base + COMMON + lines)
    made.groups[made.default_group] = {
        "name": made.default_group,
        "label": f"{spell(singular)} information",
        "displayOrder": 0,
        "archived": False,
    }
    return made
