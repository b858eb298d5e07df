"""The data API's ground: sessions, versions, quota and headers around every call; the calls themselves are elsewhere.

Order of refusals: URI length, version, session, quota, then the call. Data calls answer with ``Sforce-Limit-Info``,
which token calls lack (recorded traffic).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from connector.sandbox.http import Request, Response, Router, json_response
from connector.sandbox.salesforce.errors import ApiError, not_found
from connector.sandbox.salesforce.records import MultipleChoices, Records

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from connector.sandbox.salesforce.auth import TokenDesk
    from connector.sandbox.salesforce.schema import SObject
    from connector.sandbox.salesforce.store import Store

DATA = "/services/data"
OLDEST_VERSION, NEWEST_VERSION = 31, 68
MAX_URI = 16_384


@dataclass(slots=True)
class Quota:
    """Requests of the rolling day."""

    limit: int = 100_000
    used: int = 0

    def header(self) -> dict[str, str]:
        """Return the usage as each data response tells it."""
        return {"Sforce-Limit-Info": f"api-usage={self.used}/{self.limit}"}


@dataclass(frozen=True, slots=True)
class Call:
    """One data call: the request, the values of its path, and the version asked for."""

    request: Request
    variables: Mapping[str, str]
    version: str

    def param(self, name: str, default: str = "") -> str:
        """Return a query parameter."""
        return dict(self.request.query_pairs).get(name, default)

    def json(self) -> Any:
        """Return the body, which must be JSON."""
        try:
            return json.loads(self.request.body)
        except ValueError as error:
            raise ApiError("JSON_PARSER_ERROR", f"Unexpected input: {error}") from None

    def fields(self) -> dict[str, Any]:
        """Return the body, which must be an object."""
        body = self.json()
        if not isinstance(body, dict):
            raise ApiError("JSON_PARSER_ERROR", "expected an object")
        return body


class DataApi:
    """Routes data calls; `install` functions of the sibling modules add the handlers."""

    def __init__(self, store: Store, desk: TokenDesk, quota: Quota, *, page_size: int | None = None) -> None:
        self.store = store
        self.desk = desk
        self.quota = quota
        self.records = Records(store)
        self.page_size = page_size
        self.router: Router[Callable[[Call], Response]] = Router()

    def add(self, method: str, path: str, handler: Callable[[Call], Response]) -> None:
        """Register a handler for a path below ``/services/data/vNN.0``."""
        self.router.add(method, f"{DATA}/v{{version}}{path}", handler)

    def route_of(self, request: Request) -> str:
        """Return the route pattern of a request; paths that nobody serves keep their own name."""
        request = plain(request)
        found = self.router.match(request.method, request.path)
        return found.route if found else request.path

    def handle(self, request: Request) -> Response:
        """Serve a call from outside: everything a session is asked, then the call."""
        try:
            with self.store.lock:
                self._admit(request)
                self.quota.used += 1
        except ApiError as error:
            return json_response(error.body(), error.status)
        response = self.perform(plain(request))
        return replace(response, headers={**response.headers, **self.quota.header()})

    def _admit(self, request: Request) -> None:
        if len(request.path) + len(request.query) > MAX_URI:
            raise ApiError("URI_TOO_LONG", f"URI is longer than {MAX_URI} characters")
        self._check_version(request.path)
        if not self.desk.valid(request.headers.get("authorization")):
            raise ApiError("INVALID_SESSION_ID", "Session expired or invalid")
        if self.quota.used >= self.quota.limit:
            raise ApiError("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")

    def perform(self, request: Request) -> Response:
        """Serve a call already admitted; subrequests of composite come straight here."""
        found = self.router.match(request.method, request.path)
        try:
            with self.store.lock:
                self.store.settle()
                if found is None:
                    raise self._unserved(request)
                return found.handler(Call(request, found.variables, found.variables["version"]))
        except ApiError as error:
            return json_response(error.body(), error.status)
        except MultipleChoices as choices:
            return self._choices(request, choices)

    def sobject(self, call: Call, name: str = "sobject") -> SObject:
        """Return the object a path names; an unknown one is no resource."""
        found = self.store.schema.find(call.variables[name])
        if found is None:
            raise not_found()
        return found

    @staticmethod
    def _check_version(path: str) -> None:
        version = path.removeprefix(f"{DATA}/v").partition("/")[0]
        number = version.removesuffix(".0")
        if not number.isdigit():
            raise not_found()
        if int(number) < OLDEST_VERSION:
            raise ApiError("UNSUPPORTED_API_VERSION", f"API version {version} is no longer served")
        if int(number) > NEWEST_VERSION:
            raise not_found()

    def _unserved(self, request: Request) -> ApiError:
        for method in ("GET", "POST", "PATCH", "DELETE"):
            if self.router.match(method, request.path):
                allowed = f"HTTP Method '{request.method}' not allowed. Allowed are {method}"
                return ApiError("METHOD_NOT_ALLOWED", allowed)
        return ApiError("NOT_EMULATED", f"the sandbox does not emulate {request.method} {request.path}")

    def _choices(self, request: Request, choices: MultipleChoices) -> Response:
        base = request.path.rsplit("/", 2)[0]
        return json_response([f"{base}/{record_id}" for record_id in choices.ids], 300)


def plain(request: Request) -> Request:
    """Return a request without a trailing slash; a POST may stand for another method by ``_HttpMethod``."""
    method = (
        dict(request.query_pairs).get("_HttpMethod", request.method) if request.method == "POST" else request.method
    )
    return replace(request, method=method.upper(), path=request.path.rstrip("/"))
