"""The API's ground: tokens, limits, versions and headers around every call; the calls themselves are elsewhere.

Order of refusals: unknown path, token, rate limit, then the call with its scopes. Every answer but a search tells the
budgets in its headers.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from connector.sandbox.http import Request, Response, Router, json_response
from connector.sandbox.hubspot.errors import ApiError, correlation_id, invalid, not_found
from connector.sandbox.hubspot.paths import address
from connector.sandbox.hubspot.records import Writer
from connector.sandbox.hubspot.tokens import require

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from connector.sandbox.hubspot.limits import LimitBook
    from connector.sandbox.hubspot.links import Links
    from connector.sandbox.hubspot.portal import Portal
    from connector.sandbox.hubspot.records import Records
    from connector.sandbox.hubspot.schema import ObjectType
    from connector.sandbox.hubspot.store import Store
    from connector.sandbox.hubspot.tokens import Token, TokenDesk

MAX_URI = 16_384
TYPES = ("objectType", "fromObjectType", "toObjectType")


@dataclass(frozen=True, slots=True)
class Call:
    """One call: the request, the values of its path, its version and who makes it."""

    request: Request
    variables: Mapping[str, str]
    version: str
    token: Token

    def __getitem__(self, name: str) -> str:
        return self.variables[name]

    @property
    def writer(self) -> Writer:
        """Who a write of this call is by."""
        return Writer(source_id=str(self.token.app_id), version=self.version)

    def query(self, name: str, default: str = "") -> str:
        """Return a query parameter."""
        return dict(self.request.query_pairs).get(name, default)

    def listed(self, name: str) -> list[str]:
        """Return a list in the query, which may be repeated or comma separated."""
        values = [value for key, value in self.request.query_pairs if key == name]
        return [part.strip() for value in values for part in value.split(",") if part.strip()]

    def flag(self, name: str) -> bool:
        """Return a boolean in the query."""
        return self.query(name).lower() == "true"

    def number(self, name: str, default: int, most: int) -> int:
        """Return a count in the query between 1 and ``most``."""
        text = self.query(name, str(default))
        if not text.isdigit() or not 1 <= int(text) <= most:
            raise invalid(f"{name} must be between 1 and {most}, not {text}")
        return int(text)

    def json(self) -> Any:
        """Return the body, which must be JSON."""
        try:
            return json.loads(self.request.body)
        except ValueError as error:
            raise invalid(f"Invalid input JSON: {error}") from None

    def fields(self) -> dict[str, Any]:
        """Return the body, which must be an object."""
        body = self.json()
        if not isinstance(body, dict):
            raise invalid("Invalid input JSON: an object is expected")
        return body

    def inputs(self, most: int) -> list[dict[str, Any]]:
        """Return the inputs of a batch, at most so many."""
        found = self.fields().get("inputs")
        if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
            raise invalid("Invalid input JSON: inputs is a list of objects")
        if not found:
            raise invalid("inputs must not be empty")
        if len(found) > most:
            raise invalid(f"The maximum number of inputs supported in a batch request is {most}, not {len(found)}")
        return found


@dataclass(slots=True)
class Api:
    """Routes calls; ``install`` functions of the sibling modules add the handlers."""

    store: Store
    links: Links
    portal: Portal
    records: Records
    desk: TokenDesk
    limits: LimitBook
    router: Router[Callable[[Call], Response]]
    inline_cap: int = 100
    association_page: int = 500
    whole_batches: bool = False
    repeated_rows: int = 0

    def add(self, method: str, path: str, handler: Callable[[Call], Response]) -> None:
        """Register a handler for a path without its version."""
        self.router.add(method, path, handler)

    def route_of(self, request: Request) -> str:
        """Return the route of a request, the same for every version, with the plural names of its types."""
        found_at = address(request.path)
        found = self.router.match(request.method, found_at.path) if found_at else None
        if found is None:
            return request.path
        route = found.route
        for name in TYPES:
            kind = self.store.schema.find(found.variables.get(name, ""))
            route = route.replace(f"{{{name}}}", kind.name if kind else found.variables.get(name, ""))
        return route

    def handle(self, request: Request) -> Response:
        """Serve a call."""
        try:
            with self.store.lock:
                return self._serve(request)
        except ApiError as error:
            return json_response(error.body(), error.status, error.headers)

    def _serve(self, request: Request) -> Response:
        found_at = address(request.path)
        if found_at is None:
            raise ApiError("NOT_EMULATED", f"the sandbox does not emulate {request.method} {request.path}")
        found = self.router.match(request.method, found_at.path)
        if found is None:
            raise self._unserved(request, found_at.path)
        token = self.desk.check(request.headers.get("authorization"))
        if len(request.path) + len(request.query) > MAX_URI:
            raise ApiError("VALIDATION_ERROR", f"The URI is longer than {MAX_URI} characters", status=414)
        search = found.route.endswith("/search")
        response = self.limits.admit(token.value, search=search)
        if response is None:
            try:
                response = found.handler(Call(request, found.variables, found_at.version, token))
            except ApiError as error:
                response = json_response(error.body(), error.status, error.headers)
        own = {"X-HubSpot-Correlation-Id": correlation_id()}
        told = own if search else own | self.limits.headers(token.value)
        return replace(response, headers={**response.headers, **told})

    def kind(self, call: Call, name: str = "objectType") -> ObjectType:
        """Return the type a path names."""
        found = self.store.schema.find(call[name])
        if found is None:
            message = f"Unable to infer object type from: {call[name]}"
            raise ApiError("VALIDATION_ERROR", message, context={"type": [call[name]]})
        return found

    def allow(self, call: Call, scopes: Iterable[str]) -> None:
        """Refuse a token without one of these scopes."""
        require(call.token, scopes)

    def _unserved(self, request: Request, path: str) -> ApiError:
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
            if self.router.match(method, path):
                return ApiError("METHOD_NOT_ALLOWED", f"{request.method} is not allowed here; {method} is")
        return ApiError("NOT_EMULATED", f"the sandbox does not emulate {request.method} {request.path}")


def text(body: Mapping[str, Any], name: str) -> str:
    """Return a text a body has to bring; numbers count as text, as ids often come so."""
    value = body.get(name)
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        raise invalid(f"Invalid input JSON: {name} is missing or no text")
    return str(value)


def no_record() -> ApiError:
    """Return the 404 of a record."""
    return not_found("resource not found")
