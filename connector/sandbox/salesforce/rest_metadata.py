"""metadata/deployRequest: a zip is taken, and a later call tells how it went.

By default a deployment with one failing component changes nothing (vendor page on deploying with REST). It is over by
the time anyone asks.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from itertools import count
from typing import TYPE_CHECKING, Any

from connector.sandbox.http import Request, Response, json_response
from connector.sandbox.salesforce.deploy import Archive, Component, Permission
from connector.sandbox.salesforce.errors import ApiError, not_found
from connector.sandbox.salesforce.ids import canonical, make_id

if TYPE_CHECKING:
    from connector.sandbox.salesforce.api import Call, DataApi


@dataclass(slots=True)
class MetadataResource:
    """The deploy endpoints, and which permission sets say what."""

    api: DataApi
    results: dict[str, dict[str, Any]] = field(default_factory=dict)
    numbers: Any = field(default_factory=lambda: count(1))
    permissions: dict[str, list[Permission]] = field(default_factory=dict)

    def install(self) -> None:
        """Add the routes."""
        self.api.add("POST", "/metadata/deployRequest", self.deploy)
        self.api.add("GET", "/metadata/deployRequest/{id}", self.status)
        self.api.records.on_create["PermissionSetAssignment"] = self.assigned

    def deploy(self, call: Call) -> Response:
        """POST: 201 with the id to ask for."""
        options, archive = _parts(call.request)
        found = Archive(self.api.store.schema)
        found.read(archive)
        failed = [component for component in found.components if component.problem]
        if not options.get("checkOnly") and not (failed and options.get("rollbackOnError", True)):
            self._apply(found)
        deploy_id = make_id("0Af", next(self.numbers))
        self.results[deploy_id] = _result(
            deploy_id, found.components, failed, check_only=bool(options.get("checkOnly"))
        )
        return json_response({"id": deploy_id, "deployOptions": options, "deployResult": None}, 201)

    def status(self, call: Call) -> Response:
        """GET: how it went; components only with ``includeDetails=true``."""
        result = self.results.get(canonical(call.variables["id"]) or "")
        if result is None:
            raise not_found()
        if call.param("includeDetails").lower() != "true":
            result = {name: value for name, value in result.items() if name != "details"}
        return json_response({"id": result["id"], "deployResult": result})

    def assigned(self, record: dict[str, Any]) -> None:
        """Show a user what an assigned permission set names; the emulated org has one user to speak of."""
        sets = self.api.store.schema.objects["permissionset"]
        named = self.api.store.get(sets, record["PermissionSetId"]) or {}
        for each in self.permissions.get(str(named.get("Name")), ()):
            self.api.store.schema.show_field(each.sobject, each.name, editable=each.editable)

    def _apply(self, archive: Archive) -> None:
        for component in archive.components:
            if component.apply is not None and component.problem is None:
                component.apply()
        sets = self.api.store.schema.objects["permissionset"]
        known = {row["Name"]: row["Id"] for row in self.api.store.all(sets)}
        for name, permissions in archive.permission_sets.items():
            self.permissions[name] = permissions
            if name not in known:
                self.api.store.insert(sets, {"Name": name, "Label": name})
            elif self._is_assigned(known[name]):
                self.assigned({"PermissionSetId": known[name]})

    def _is_assigned(self, permission_set: str) -> bool:
        assignments = self.api.store.schema.objects["permissionsetassignment"]
        return any(row["PermissionSetId"] == permission_set for row in self.api.store.all(assignments))


def _parts(request: Request) -> tuple[dict[str, Any], bytes]:
    """Take the options and the archive out of a multipart body."""
    kind = request.headers.get("content-type", "")
    message = message_from_bytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + request.body, policy=policy.HTTP)
    options: dict[str, Any] = {}
    archive: bytes | None = None
    for part in message.iter_parts() if message.is_multipart() else ():
        payload: Any = part.get_payload(decode=True)
        if part.get_content_type() == "application/json":
            options = json.loads(payload).get("deployOptions", {})
        else:
            archive = payload
    if archive is None:
        raise ApiError("INVALID_MULTIPART_REQUEST", "a deploy request has a json part and a zip part")
    return options, archive


def _result(
    deploy_id: str, components: list[Component], failed: list[Component], *, check_only: bool
) -> dict[str, Any]:
    described = [_described(component) for component in components]
    return {
        "id": deploy_id,
        "done": True,
        "success": not failed,
        "status": "Failed" if failed else "Succeeded",
        "checkOnly": check_only,
        "numberComponentsTotal": len(components),
        "numberComponentsDeployed": len(components) - len(failed),
        "numberComponentErrors": len(failed),
        "details": {
            "componentSuccesses": [row for row in described if row["success"]],
            "componentFailures": [row for row in described if not row["success"]],
        },
    }


def _described(component: Component) -> dict[str, Any]:
    return {
        "componentType": component.kind,
        "fullName": component.name,
        "fileName": component.file,
        "success": component.problem is None,
        "problem": component.problem,
        "problemType": "Error" if component.problem else None,
    }
