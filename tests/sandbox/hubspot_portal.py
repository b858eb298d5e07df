"""What the tests of the HubSpot emulator share: a plain client, and the wire contracts every answer is held to."""

from __future__ import annotations

import json
import os
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from connector.sandbox.hubspot.paths import DATED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from connector.sandbox.hubspot import HubSpotSandbox

ROOT = Path(__file__).resolve().parents[2]
CONTRACTS = Path(os.environ.get("CONNECTOR_SPECS", ROOT.parent / "shared" / "specs")) / "hubspot"
needs_contracts = pytest.mark.skipif(
    not CONTRACTS.is_dir(), reason=f"the wire contracts are not at {CONTRACTS}: set CONNECTOR_SPECS to their folder"
)


class Portal:
    """A client of one portal; every answer is checked against the contract of its operation, where there is one."""

    def __init__(self, sandbox: HubSpotSandbox, *, version: str = "v3", token: str | None = None) -> None:
        self.sandbox = sandbox
        self.version = version
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Bearer {token or sandbox.token}"

    def url(self, path: str) -> str:
        """Give ``/objects/deals`` the shape of the version."""
        if path.startswith("/oauth"):
            return self.sandbox.url + path
        area, _, rest = path[1:].partition("/")
        prefix = "" if area == "account-info" else "/crm"
        rest = f"/{rest}" if rest else ""
        if self.version in DATED:
            return f"{self.sandbox.url}{prefix}/{area}/{self.version}{rest}"
        number = "v4" if area == "associations" or "/associations/" in path else "v3"
        shape = f"/{area}/{number}" if area == "account-info" else f"{prefix}/{number}/{area}"
        return f"{self.sandbox.url}{shape}{rest}"

    def call(self, method: str, path: str, body: Any = None, **query: Any) -> requests.Response:
        response = self.session.request(method, self.url(path), json=body, params=query, timeout=10)
        check_contract(method, path, body, response)
        return response

    def ok(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        response = self.call(method, path, body, **query)
        assert response.ok, response.text
        return response.json() if response.content else None

    def get(self, path: str, **query: Any) -> Any:
        return self.ok("GET", path, **query)

    def post(self, path: str, body: Any) -> Any:
        return self.ok("POST", path, body)

    def refused(self, method: str, path: str, body: Any = None, **query: Any) -> tuple[int, str, dict[str, Any]]:
        """Status, category and body of a refusal."""
        response = self.call(method, path, body, **query)
        assert not response.ok, response.text
        answer = response.json()
        return response.status_code, answer.get("category", ""), answer

    def search(self, kind: str, *filters: dict[str, Any], **more: Any) -> Any:
        groups = [{"filters": list(filters)}] if filters else []
        return self.post(f"/objects/{kind}/search", {"filterGroups": groups, **more})


def value_faults(answer: dict[str, Any]) -> dict[str, str]:
    """Return code by property of a refusal of values, read as clients must: out of the message text."""
    found = re.fullmatch(r"Property values were not valid: (\[.*\])", answer["message"], re.DOTALL)
    assert found, answer
    faults = json.loads(found.group(1))
    for each in faults:
        check("wire-extras.schema.json", "PropertyError", each)
    return {each["name"]: each["error"] for each in faults}


# --- the contracts -----------------------------------------------------------------------------------------


@cache
def operations() -> list[dict[str, Any]]:
    found: dict[str, Any] = json.loads((CONTRACTS / "operations.json").read_text(encoding="utf-8"))
    return list(found["operations"])


@cache
def registry() -> Registry[Any]:
    paths = CONTRACTS.glob("*.schema.json")
    return Registry().with_resources(
        (path.name, Resource.from_contents(json.loads(path.read_text(encoding="utf-8")))) for path in paths
    )


@cache
def validator(file: str, name: str) -> Draft202012Validator:
    wanted: dict[str, Any] = {"$ref": f"{file}#/$defs/{name.strip('[]')}"}
    if name.startswith("["):
        wanted = {"type": "array", "items": wanted}
    return Draft202012Validator(wanted, registry=registry())


def check(file: str, name: str, value: Any) -> None:
    """Hold a value to a definition; nothing to hold it to is no failure, the suite says so once by a skipped test."""
    if not CONTRACTS.is_dir():
        return
    errors = [f"{error.json_path}: {error.message}" for error in validator(file, name).iter_errors(value)]
    assert not errors, (name, errors, value)


def matching(method: str, path: str) -> Iterator[dict[str, Any]]:
    for operation in operations():
        for version, pattern in operation["paths"].items():
            plain = re.sub(r"/(v3|v4|2026-0[39])(?=/|$)", "", pattern).replace("/crm", "").rstrip("/")
            expression = re.sub(r"\{\w+\}", r"[^/]+", plain)
            if operation["method"] == method and version == "v3" and re.fullmatch(expression, path):
                yield operation


def check_contract(method: str, path: str, body: Any, response: requests.Response) -> None:
    """Hold request and answer to the contract."""
    if not CONTRACTS.is_dir():
        return
    if response.status_code >= 400:
        name = "RateLimitBody" if response.status_code == 429 else "ErrorBody"
        check("wire-extras.schema.json", name, response.json())
        return
    found = sorted(matching(method, path), key=lambda operation: operation["paths"]["v3"].count("{"))
    if not found:
        return
    operation = found[0]
    answers = operation["responses"]
    status = str(response.status_code)
    folded = status in {"200", "201"} and response.content and "numErrors" in response.json()
    assert status in answers or folded, (operation["id"], status, response.text)
    name = answers["207"] if folded and "207" in answers else answers[status]
    if name:
        check(operation["schema_file"], name, response.json())
    else:
        assert not response.content
    if isinstance(operation.get("request"), str) and body is not None and "search" not in operation["id"]:
        check(operation["schema_file"], operation["request"], body)
