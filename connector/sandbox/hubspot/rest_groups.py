"""Property groups: the headings under which an account lists its properties."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from connector.sandbox.http import Response, json_response
from connector.sandbox.hubspot.api import Api, Call, text
from connector.sandbox.hubspot.errors import ApiError, invalid, not_found
from connector.sandbox.hubspot.schema import NAME
from connector.sandbox.hubspot.tokens import schema_scopes

if TYPE_CHECKING:
    from connector.sandbox.hubspot.schema import ObjectType


class GroupResource:
    """``/properties/{objectType}/groups``."""

    def __init__(self, api: Api) -> None:
        self.api = api

    def install(self) -> None:
        """Register the routes."""
        base, one, add = "/properties/{objectType}/groups", "/properties/{objectType}/groups/{groupName}", self.api.add
        add("GET", base, self.index)
        add("POST", base, self.create)
        add("GET", one, self.get)
        add("PATCH", one, self.update)
        add("DELETE", one, self.archive)

    def index(self, call: Call) -> Response:
        """Return every group."""
        return json_response({"results": list(self._kind(call, "read").groups.values())})

    def get(self, call: Call) -> Response:
        """Return one group."""
        return json_response(_group(self._kind(call, "read"), call["groupName"]))

    def create(self, call: Call) -> Response:
        """Add a group."""
        kind, body = self._kind(call, "write"), call.fields()
        name, label = text(body, "name"), text(body, "label")
        if not NAME.fullmatch(name):
            raise invalid(f"Group name {name} must be lower case letters, digits and underscores")
        if name in kind.groups:
            raise ApiError("OBJECT_ALREADY_EXISTS", f"A property group named '{name}' already exists.")
        order = int(body.get("displayOrder") or -1)
        kind.groups[name] = {"name": name, "label": label, "displayOrder": order, "archived": False}
        return json_response(kind.groups[name], 201)

    def update(self, call: Call) -> Response:
        """Change a group's words."""
        found = _group(self._kind(call, "write"), call["groupName"])
        found |= {name: value for name, value in call.fields().items() if name in {"label", "displayOrder"}}
        return json_response(found)

    def archive(self, call: Call) -> Response:
        """Remove an empty group."""
        kind, name = self._kind(call, "write"), call["groupName"]
        _group(kind, name)
        if any(each.group == name and each.archived_at is None for each in kind.properties.values()):
            raise invalid(f"Group {name} still has properties")
        del kind.groups[name]
        return Response(204)

    def _kind(self, call: Call, mode: str) -> ObjectType:
        kind = self.api.kind(call)
        self.api.allow(call, schema_scopes(kind, mode))
        return kind


def _group(kind: ObjectType, name: str) -> dict[str, Any]:
    if name not in kind.groups:
        raise not_found(f"{kind.name} has no property group {name}")
    return kind.groups[name]
