"""`setup` for Salesforce: fields, the status object and a permission set, deployed as one archive through REST.

All or nothing: Salesforce rolls a failing deployment back. Only what a describe call does not
show is deployed, and what it shows with another type is told and left alone; a field that exists and is hidden from our
login counts as missing, so setup is run by an admin who sees all fields. Deployed fields are seen by nobody until the
permission set is assigned: it is assigned to the user that the connection logs in as, or to the one who is named.
"""

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from urllib3.filepost import encode_multipart_formdata

from connector.crm.salesforce.client import SalesforceClient
from connector.crm.salesforce.fields import DESCRIBED, OWN, PERMISSION_SET, RECORD_OBJECT, OwnField, own_fields
from connector.crm.salesforce.library import format_soql
from connector.crm.salesforce.metadata import archive
from connector.crm.setup import Part, State
from connector.domain.errors import ConfigError, RejectedError, RetryableError

_DEPLOY = "metadata/deployRequest"
_OPTIONS = {"rollbackOnError": True, "singlePackage": True, "testLevel": "NoTestRun", "allowMissingFiles": False}
_PATIENCE = 120  # looks at a deployment that is under way
_ASSIGN = (
    f"Assign the permission set {PERMISSION_SET} to the integration user (Setup, Users, Permission Set Assignments)."
)
_ASSIGNMENT = "assignment"

Described = Mapping[str, Mapping[str, str] | None]


class Setup:
    """Looks at an org, and makes what is missing."""

    def __init__(
        self, client: SalesforceClient, user: str = "", *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        """`user` is the name of the user who gets the permission set; empty: the one we are logged in as."""
        self._client = client
        self._named = user
        self._sleep = sleep

    def plan(self) -> tuple[Part, ...]:
        """Return everything that setup makes, and how it is found."""
        return (*self._parts(self._described(), self._has_permission_set()), self._assignment(self._user()))

    def apply(self) -> tuple[Part, ...]:
        """Deploy what is missing, then assign the permission set; made twice is made once."""
        user = self._user()
        parts = self._deployed()
        assignment = self._assignment(user)
        return (*parts, self._assigned(assignment, user) if assignment.state is State.MISSING else assignment)

    def _deployed(self) -> tuple[Part, ...]:
        described, granted = self._described(), self._has_permission_set()
        parts = self._parts(described, granted)
        missing = {(part.kind, part.name) for part in parts if part.state is State.MISSING}
        if not missing:
            return parts
        usable = {f"{name}.{own.name}" for name, own in own_fields()} - {
            part.name for part in parts if part.state is State.DIFFERS
        }
        packed = archive(
            _by_object(lambda full: ("field", full) in missing),
            _by_object(lambda full: full in usable),
            self._client.settings.api_version,
            new_object=described[RECORD_OBJECT] is None,
        )
        problems = self._deploy(packed)
        return tuple(_made(part, problems) if (part.kind, part.name) in missing else part for part in parts)

    def _parts(self, described: Described, granted: bool) -> tuple[Part, ...]:  # noqa: FBT001 - one caller of two
        known = described[RECORD_OBJECT] is not None
        parts = [Part("object", RECORD_OBJECT, State.THERE if known else State.MISSING, "status of each contract")]
        parts += [_field(name, own, described[name]) for name, own in own_fields()]
        state = State.THERE if granted else State.MISSING
        return (
            *parts,
            Part("permission set", PERMISSION_SET, state, "reads and writes these fields"),
        )

    def _described(self) -> Described:
        found: dict[str, Mapping[str, str] | None] = {}
        for name in OWN:
            body: Any = self._client.read(f"sobjects/{name}/describe")
            found[name] = {row["name"].lower(): row["type"] for row in body["fields"]} if body else None
        return found

    def _has_permission_set(self) -> bool:
        return self._permission_set() is not None

    def _permission_set(self) -> str | None:
        rows = self._client.rows(f"SELECT Id FROM PermissionSet WHERE Name = '{PERMISSION_SET}'")  # noqa: S608
        return next((row["Id"] for row in rows), None)

    def _user(self) -> tuple[str, str]:
        """Return id and name of the user who gets the permission set. Raises ConfigError when there is none."""
        soql = format_soql("SELECT Id, Username FROM User WHERE Username = {} AND IsActive = true", self._named)
        if not self._named:
            known: Any = self._client.read("")  # the version's resources; its identity ends with the user's id
            soql = format_soql("SELECT Id, Username FROM User WHERE Id = {}", str(known["identity"]).rsplit("/", 1)[-1])
        for row in self._client.rows(soql):
            return row["Id"], row["Username"]
        raise ConfigError(f"the org has no active user {self._named!r}, or does not show it to us; check --user")

    def _assignment(self, user: tuple[str, str]) -> Part:
        soql = "SELECT Id FROM PermissionSetAssignment WHERE AssigneeId = {} AND PermissionSet.Name = {}"
        found = next(self._client.rows(format_soql(soql, user[0], PERMISSION_SET)), None)
        state = State.MISSING if found is None else State.THERE
        return Part(_ASSIGNMENT, f"{PERMISSION_SET}: {user[1]}", state, "lets the user see these fields")

    def _assigned(self, part: Part, user: tuple[str, str]) -> Part:
        """Assign the permission set, as far as it is there; what Salesforce refuses is left to people."""
        permission_set = self._permission_set()
        if permission_set is None:
            return Part(part.kind, part.name, State.REFUSED, "the permission set could not be made", _ASSIGN)
        try:
            self._client.write(
                "POST",
                "sobjects/PermissionSetAssignment",
                {"AssigneeId": user[0], "PermissionSetId": permission_set},
            )
        except RejectedError as error:
            return Part(part.kind, part.name, State.REFUSED, str(error), _ASSIGN)
        return Part(part.kind, part.name, State.MADE, part.detail)

    def _deploy(self, packed: bytes) -> dict[str, str]:
        """Deploy an archive; return the problem of every component that failed, or of the whole ("")."""
        options = json.dumps({"deployOptions": _OPTIONS})
        body, kind = encode_multipart_formdata(
            {
                "json": ("deploy.json", options, "application/json"),
                "file": ("deploy.zip", packed, "application/zip"),
            }
        )
        made: Any = self._client.restful(_DEPLOY, method="POST", data=body, headers={"Content-Type": kind})
        for _ in range(_PATIENCE):
            told: Any = self._client.read(f"{_DEPLOY}/{made['id']}?includeDetails=true")
            result = told["deployResult"]
            if result["done"]:
                return _problems(result)
            self._sleep(2.0)
        raise RetryableError(f"Salesforce has not finished the deployment {made['id']}; see Setup, Deployment Status")


def _by_object(wanted: Callable[[str], bool]) -> dict[str, list[OwnField]]:
    found = {name: [own for own in fields if wanted(f"{name}.{own.name}")] for name, fields in OWN.items()}
    return {name: fields for name, fields in found.items() if fields}


def _field(name: str, own: OwnField, described: Mapping[str, str] | None) -> Part:
    full, wanted = f"{name}.{own.name}", DESCRIBED[own.type]
    found = (described or {}).get(own.name.lower())
    if found is None:
        return Part("field", full, State.MISSING, own.type)
    if found != wanted and {found, wanted} != {"string", "textarea"}:
        remedy = "Rename or delete it, or map another field in the mapping file."
        return Part("field", full, State.DIFFERS, f"is of type {found}, and {wanted} is needed", remedy)
    return Part("field", full, State.THERE, own.type)


def _problems(result: Mapping[str, Any]) -> dict[str, str]:
    failures = (result.get("details") or {}).get("componentFailures") or ()
    found = {str(row["fullName"]): str(row["problem"]) for row in failures}
    if not result.get("success") and not found:
        found[""] = str(result.get("errorMessage") or result.get("status"))
    return found


def _made(part: Part, problems: Mapping[str, str]) -> Part:
    if not problems:
        return Part(part.kind, part.name, State.MADE, part.detail, part.remedy)
    detail = problems.get(part.name) or problems.get("") or "not made, because another part was refused"
    return Part(part.kind, part.name, State.REFUSED, detail, "See the parts that were refused; nothing was changed.")
