"""Association labels: the types an account may define itself, in pairs where both sides read differently."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connector.sandbox.http import Response, json_response
from connector.sandbox.hubspot.api import Api, Call, text
from connector.sandbox.hubspot.errors import ApiError, invalid, not_found
from connector.sandbox.hubspot.tokens import object_scopes, schema_scopes

if TYPE_CHECKING:
    from connector.sandbox.hubspot.links import LinkType
    from connector.sandbox.hubspot.schema import ObjectType

MAX_LABELS = 50


class LabelResource:
    """``/associations/{fromObjectType}/{toObjectType}/labels``."""

    def __init__(self, api: Api) -> None:
        self.api = api

    def install(self) -> None:
        """Register the routes."""
        path = "/associations/{fromObjectType}/{toObjectType}/labels"
        self.api.add("GET", path, self.index)
        self.api.add("POST", path, self.create)
        self.api.add("PUT", path, self.rename)
        self.api.add("DELETE", f"{path}/{{typeId}}", self.remove)

    def index(self, call: Call) -> Response:
        """Return every type between two objects."""
        kind, target = self._ends(call, "read")
        self.api.links.default(kind, target)
        return json_response({"results": [each.body() for each in self._types(kind, target)]})

    def create(self, call: Call) -> Response:
        """Define a label, and its counterpart when an inverse is named."""
        kind, target = self._ends(call, "write")
        body = call.fields()
        label, name, inverse = text(body, "label"), text(body, "name"), body.get("inverseLabel")
        own = [each for each in self._types(kind, target) if each.category == "USER_DEFINED"]
        if any(name == each.name or label == each.label for each in own):
            raise ApiError("CONFLICT", f"An association label named {label} exists already")
        if len(own) >= MAX_LABELS:
            raise invalid(f"At most {MAX_LABELS} labels are supported between two objects")
        made = self.api.links.define_own(kind, target, label, str(inverse) if inverse else None, name)
        return json_response({"results": [each.body() for each in made]})

    def rename(self, call: Call) -> Response:
        """Change a label's words."""
        kind, target = self._ends(call, "write")
        body = call.fields()
        found = self._own(kind, target, body.get("associationTypeId"))
        self.api.links.rename(found, text(body, "label"), body.get("inverseLabel"))
        return Response(204)

    def remove(self, call: Call) -> Response:
        """Remove a label of the account's."""
        kind, target = self._ends(call, "write")
        self.api.links.undefine(self._own(kind, target, int(call["typeId"]) if call["typeId"].isdigit() else None))
        return Response(204)

    def _types(self, kind: ObjectType, target: ObjectType) -> list[LinkType]:
        return self.api.links.pairs[kind.name, target.name]

    def _own(self, kind: ObjectType, target: ObjectType, type_id: object) -> LinkType:
        for each in self._types(kind, target):
            if each.category == "USER_DEFINED" and each.id == type_id:
                return each
        raise not_found(f"{kind.name} to {target.name} has no label of the account's with id {type_id}")

    def _ends(self, call: Call, mode: str) -> tuple[ObjectType, ObjectType]:
        kind, target = self.api.kind(call, "fromObjectType"), self.api.kind(call, "toObjectType")
        self.api.allow(call, [*object_scopes(kind, mode), *schema_scopes(kind, mode)])
        return kind, target
