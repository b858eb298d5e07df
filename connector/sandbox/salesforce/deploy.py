"""Metadata archives: custom objects, custom fields and permission sets read from a zip into the schema.

A deployed field is seen by nobody until a permission set that names it is assigned, and required fields must not appear
in one (vendor pages on the Metadata API and field permissions). Other kinds of component are refused, not ignored.
"""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from connector.sandbox.salesforce.schema import Field, parse_field

if TYPE_CHECKING:
    from collections.abc import Callable

    from connector.sandbox.salesforce.schema import Schema

NAMESPACE = "{http://soap.sforce.com/2006/04/metadata}"
KINDS = {
    "Text": "string",
    "TextArea": "textarea:255",
    "LongTextArea": "textarea",
    "Checkbox": "boolean",
    "Date": "date",
    "DateTime": "datetime",
    "Number": "double",
    "Currency": "currency",
    "Percent": "percent",
    "Url": "url",
    "Email": "email",
    "Picklist": "picklist",
}


@dataclass(frozen=True, slots=True)
class Permission:
    """What a permission set says of one field."""

    sobject: str
    name: str
    editable: bool


@dataclass(slots=True)
class Component:
    """One deployed piece and how it went; ``apply`` runs only when the deployment as a whole goes through."""

    kind: str
    name: str
    file: str
    problem: str | None = None
    apply: Callable[[], None] | None = None


@dataclass(slots=True)
class Archive:
    """A deployment under way: what is about to exist is known before anything does."""

    schema: Schema
    components: list[Component] = field(default_factory=list)
    permission_sets: dict[str, list[Permission]] = field(default_factory=dict)
    coming: dict[tuple[str, str], Field] = field(default_factory=dict)
    coming_objects: set[str] = field(default_factory=set)

    def read(self, archive: bytes) -> None:
        """Read a zip; objects before permission sets, since these name their fields."""
        with zipfile.ZipFile(io.BytesIO(archive)) as files:
            names = [name for name in files.namelist() if not name.endswith(("/", "package.xml"))]
            for name in sorted(names, key=lambda each: not each.endswith(".object")):
                path, readers = PurePosixPath(name), {".object": self._object, ".permissionset": self._permission_set}
                reader = readers.get(path.suffix)
                if reader is None:
                    problem = "the sandbox does not emulate this kind of component"
                    self.components.append(Component(path.suffix.lstrip("."), path.stem, name, problem))
                else:
                    reader(path.stem, name, ET.fromstring(files.read(name)))  # noqa: S314 - from loopback, for tests

    def _object(self, sobject: str, file: str, root: ET.Element) -> None:
        if self.schema.find(sobject) is None:
            self.coming_objects.add(sobject.lower())
            self._add("CustomObject", sobject, file, None, lambda: self._make_object(sobject))
        for element in root.iter(f"{NAMESPACE}fields"):
            self._field(sobject, file, element)

    def _make_object(self, sobject: str) -> None:
        taken = {known.prefix for known in self.schema.objects.values()}
        self.schema.add_object(sobject, next(p for n in range(100) if (p := f"a{n:02d}") not in taken))

    def _field(self, sobject: str, file: str, element: ET.Element) -> None:
        name, problem, column = _text(element, "fullName"), None, None
        try:
            column = field_of(element)
        except ValueError as error:
            problem = str(error)
        if column is not None:
            self.coming[sobject.lower(), name.lower()] = column
        self._add("CustomField", f"{sobject}.{name}", file, problem, lambda: self._make_field(sobject, column))

    def _make_field(self, sobject: str, column: Field | None) -> None:
        known = self.schema.objects[sobject.lower()]
        if column is None or known.find(column.name) is not None:
            return
        if column.nillable:
            self.schema.unseen[sobject.lower(), column.name.lower()] = column
        else:
            known.add(column)

    def _permission_set(self, name: str, file: str, root: ET.Element) -> None:
        permissions, problem = [], None
        for element in root.iter(f"{NAMESPACE}fieldPermissions"):
            if _text(element, "readable") != "true":
                continue
            sobject, _, column_name = _text(element, "field").partition(".")
            editable = _text(element, "editable") == "true"
            permissions.append(Permission(sobject, column_name, editable))
            problem = problem or self._objection(sobject, column_name, editable=editable)
        self.permission_sets[name] = permissions
        self._add("PermissionSet", name, file, problem, None)

    def _objection(self, sobject: str, name: str, *, editable: bool) -> str | None:
        key = (sobject.lower(), name.lower())
        known = self.schema.find(sobject)
        column = self.coming.get(key) or self.schema.unseen.get(key) or (known.find(name) if known else None)
        if column is None:
            return f"In field: field - no CustomField named {sobject}.{name} found"
        if not column.nillable and column.type != "boolean":
            return f"You cannot deploy to a required field: {sobject}.{name}"
        if editable and column.calculated:
            return f"Field {sobject}.{name} is not editable"
        return None

    def _add(self, kind: str, name: str, file: str, problem: str | None, apply: Callable[[], None] | None) -> None:
        self.components.append(Component(kind, name, file, problem, apply))


def field_of(element: ET.Element) -> Field:
    """Read a field's definition, in the notation of the schema tables."""
    name, kind = _text(element, "fullName"), _text(element, "type")
    flags = [
        flag for tag, flag in (("externalId", "ext"), ("unique", "uniq"), ("required", "req")) if _is(element, tag)
    ]
    if _text(element, "formula"):
        return parse_field(f"{name} string:1300 calc")
    if kind == "Lookup":
        child = _text(element, "relationshipName")
        return parse_field(
            f"{name} ref:{_text(element, 'referenceTo')}::{child + '__r' if child else ''} {' '.join(flags)}"
        )
    if kind not in KINDS:
        message = f"the sandbox does not emulate fields of type {kind}"
        raise ValueError(message)
    noted = KINDS[kind]
    if kind == "Picklist":
        values = (_text(value, "fullName") for value in element.iter(f"{NAMESPACE}value"))
        noted = f"picklist{'!' if any(_is(e, 'restricted') for e in element) else ''}:" + "|".join(values).replace(
            " ", "_"
        )
    elif length := _text(element, "length"):
        noted = f"{noted.partition(':')[0]}:{length}"
    return parse_field(f"{name} {noted} {' '.join(flags)}")


def _text(element: ET.Element, tag: str) -> str:
    return (element.findtext(f"{NAMESPACE}{tag}") or "").strip()


def _is(element: ET.Element, tag: str) -> bool:
    return _text(element, tag) == "true"
