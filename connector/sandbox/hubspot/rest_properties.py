"""Property definitions: read, create, change, archive, with the refusals setup has to cope with.

A name is lower case and final, an existing one answers 409, an object has at most ten unique properties, and the
definition of HubSpot's own properties cannot be changed (vendor's properties guide).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from connector.sandbox.http import Response, json_response
from connector.sandbox.hubspot.api import Api, Call, text
from connector.sandbox.hubspot.errors import ApiError, invalid, not_found
from connector.sandbox.hubspot.rest_batch import batch_answer
from connector.sandbox.hubspot.schema import NAME, Property, option
from connector.sandbox.hubspot.tokens import schema_scopes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from connector.sandbox.hubspot.schema import ObjectType

MAX_UNIQUE = 10
FIELD_TYPES = {
    "string": {"text", "textarea", "html", "file", "phonenumber", "calculation_equation"},
    "number": {"number", "calculation_equation"},
    "bool": {"booleancheckbox", "calculation_equation"},
    "date": {"date"},
    "datetime": {"date"},
    "enumeration": {"select", "radio", "checkbox", "booleancheckbox", "calculation_equation"},
}
_CHANGEABLE = {
    "label": "label",
    "description": "description",
    "groupName": "group",
    "type": "type",
    "fieldType": "field_type",
    "hidden": "hidden",
    "displayOrder": "display_order",
    "formField": "form_field",
    "options": "options",
}


class PropertyResource:
    """``/properties/{objectType}``."""

    def __init__(self, api: Api) -> None:
        self.api = api

    def install(self) -> None:
        """Register the routes, after those of groups: a group is no property called so."""
        base, add = "/properties/{objectType}", self.api.add
        for name, act in (("read", self._read_one), ("create", self._create_one)):
            add("POST", f"{base}/batch/{name}", self._batch(act, 201 if name == "create" else 200))
        add("POST", f"{base}/batch/archive", self.batch_archive)
        add("GET", base, self.index)
        add("POST", base, self.create)
        add("GET", f"{base}/{{propertyName}}", self.get)
        add("PATCH", f"{base}/{{propertyName}}", self.update)
        add("DELETE", f"{base}/{{propertyName}}", self.archive)

    # --- definitions -------------------------------------------------------------------------------------

    def index(self, call: Call) -> Response:
        """Return every definition."""
        kind, archived = self._kind(call, "read"), call.flag("archived")
        found = [each for each in kind.properties.values() if (each.archived_at is not None) == archived]
        return json_response({"results": [each.body() for each in found]})

    def create(self, call: Call) -> Response:
        """Define a property."""
        return json_response(self._create_one(self._kind(call, "write"), call.fields()).body(), 201)

    def get(self, call: Call) -> Response:
        """Return one definition."""
        return json_response(_live(self._kind(call, "read"), call["propertyName"]).body())

    def update(self, call: Call) -> Response:
        """Change a definition; the name and whether values are unique stay as they are."""
        kind, body = self._kind(call, "write"), call.fields()
        found = _live(kind, call["propertyName"])
        if found.hubspot_defined:
            raise invalid(f"{found.name} is defined by HubSpot and cannot be changed")
        merged = {**found.body(), **body}
        _check_definition(kind, merged)
        for name, attribute in _CHANGEABLE.items():
            if name in body:
                value = _options(body) if name == "options" else body[name]
                setattr(found, attribute, value)
        found.updated = self.api.store.clock.ms()
        return json_response(found.body())

    def archive(self, call: Call) -> Response:
        """Archive a property of the account's; its name stays taken until it is created again."""
        kind = self._kind(call, "write")
        self._archive_one(kind, call["propertyName"])
        return Response(204)

    def batch_archive(self, call: Call) -> Response:
        """Archive several properties."""
        kind = self._kind(call, "write")
        for each in call.inputs(100):
            self._archive_one(kind, text(each, "name"))
        return Response(204)

    def _archive_one(self, kind: ObjectType, name: str) -> None:
        found = _live(kind, name)
        if found.hubspot_defined:
            raise invalid(f"{name} is defined by HubSpot and cannot be archived")
        found.archived_at = self.api.store.clock.ms()

    def _batch(
        self, act: Callable[[ObjectType, Mapping[str, Any]], Property], status: int
    ) -> Callable[[Call], Response]:
        def batch(call: Call) -> Response:
            kind = self._kind(call, "write" if status == 201 else "read")
            rows, errors = [], []
            for each in call.inputs(100):
                try:
                    rows.append(act(kind, each).body())
                except ApiError as error:
                    name = {"name": [str(each.get("name"))]}
                    errors.append({**error.entry(), "context": {**error.context, **name}})
            return batch_answer(self.api, call, rows, errors, status)

        return batch

    def _read_one(self, kind: ObjectType, given: Mapping[str, Any]) -> Property:
        return _live(kind, text(given, "name"))

    def _create_one(self, kind: ObjectType, given: Mapping[str, Any]) -> Property:
        name = text(given, "name")
        if name in kind.properties:
            state = "" if kind.find(name) else " and is archived"
            message = f"A property named '{name}' already exists{state}."
            raise ApiError("OBJECT_ALREADY_EXISTS", message, sub_category="Properties.PROPERTY_EXISTS")
        _check_definition(kind, given)
        unique = bool(given.get("hasUniqueValue"))
        own = [each for each in kind.properties.values() if each.unique and not each.hubspot_defined]
        if unique and len(own) >= MAX_UNIQUE:
            raise invalid(f"{kind.name} has {MAX_UNIQUE} unique properties already")
        now = self.api.store.clock.ms()
        made = Property(
            name,
            str(given["type"]),
            str(given["fieldType"]),
            label=str(given["label"]),
            group=str(given["groupName"]),
            options=_options(given),
            unique=unique,
            hidden=bool(given.get("hidden")),
            hubspot_defined=False,
            description=str(given.get("description") or ""),
            display_order=int(given.get("displayOrder") or -1),
            form_field=bool(given.get("formField")),
            created=now,
            updated=now,
        )
        kind.properties[name] = made
        return made

    def _kind(self, call: Call, mode: str) -> ObjectType:
        kind = self.api.kind(call)
        self.api.allow(call, schema_scopes(kind, mode))
        return kind


def _live(kind: ObjectType, name: str) -> Property:
    found = kind.find(name)
    if found is None:
        raise not_found(f"{kind.name} has no property {name}")
    return found


def _check_definition(kind: ObjectType, given: Mapping[str, Any]) -> None:
    name = text(given, "name")
    for key in ("label", "type", "fieldType", "groupName"):
        text(given, key)
    if not NAME.fullmatch(name):
        raise invalid(f"Property name {name} must be lower case letters, digits and underscores")
    if given["type"] not in FIELD_TYPES:
        raise invalid(f"Invalid input JSON: type {given['type']} is none of {', '.join(FIELD_TYPES)}")
    if given["fieldType"] not in FIELD_TYPES[given["type"]]:
        known = ", ".join(sorted(FIELD_TYPES[given["type"]]))
        raise invalid(f"fieldType {given['fieldType']} does not go with type {given['type']}: {known}")
    if given["groupName"] not in kind.groups:
        raise ApiError("VALIDATION_ERROR", f"Property group {given['groupName']} does not exist on {kind.name}")
    if given["type"] == "enumeration" and not _options(given):
        raise invalid(f"Property {name} is an enumeration without options")


def _options(given: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Read the choices of an enumeration; every one needs label and value, and no value twice."""
    found = given.get("options") or []
    if given.get("type") == "bool" and not found:
        return [option("true", 0), option("false", 1)]
    for each in found:
        if not isinstance(each, dict) or not each.get("label") or each.get("value") in {None, ""}:
            raise invalid("Invalid input JSON: an option needs label and value")
    values = [each["value"] for each in found]
    if len(set(values)) < len(values):
        raise invalid(f"Option values must differ: {', '.join(values)}")
    base = {"hidden": False, "description": ""}
    return [{**base, "displayOrder": n, **each} for n, each in enumerate(found)]
