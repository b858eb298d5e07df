"""Requests, responses and routes: what an emulator sees of HTTP."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar
from urllib.parse import parse_qsl, unquote

if TYPE_CHECKING:
    from collections.abc import Mapping

Handler = TypeVar("Handler")


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request as an emulator sees it; header names are lower case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def query_pairs(self) -> list[tuple[str, str]]:
        """The decoded query string, in order, blanks kept."""
        return parse_qsl(self.query, keep_blank_values=True)

    def json(self) -> Any:
        """Decode the body as JSON; an empty body is an empty object."""
        return json.loads(self.body) if self.body else {}


@dataclass(frozen=True, slots=True)
class Response:
    """What goes back on the wire."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


def json_response(payload: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Build a compact JSON response."""
    body = json.dumps(payload, separators=(",", ":"), ensure_ascii=False).encode()
    return Response(status, body, {"Content-Type": "application/json; charset=utf-8", **(headers or {})})


class App(Protocol):
    """What an emulator offers the server."""

    def route_of(self, request: Request) -> str:
        """Name the route pattern of a request for log, counters and faults, such as `/v1/customers/{customer}`."""

    def handle(self, request: Request) -> Response:
        """Execute a request; called from many threads."""

    def control(self, request: Request) -> Response | None:
        """Answer a request under `/_sandbox/` the server itself does not know; None when the app does not either."""

    def reset(self) -> None:
        """Forget all state."""


@dataclass(frozen=True, slots=True)
class Match(Generic[Handler]):
    """A route that fits, and the values of its variables."""

    route: str
    handler: Handler
    variables: dict[str, str]


class Router(Generic[Handler]):
    """Maps a method and a path to a handler; `{name}` in a pattern matches one segment."""

    def __init__(self) -> None:
        self._fixed: dict[tuple[str, str], tuple[str, Handler]] = {}
        self._patterns: list[tuple[str, re.Pattern[str], str, Handler]] = []

    def add(self, method: str, pattern: str, handler: Handler) -> None:
        """Register a handler; fixed paths win over patterns, and patterns are tried in order."""
        if "{" not in pattern:
            self._fixed[method, pattern] = (pattern, handler)
            return
        parts = re.split(r"\{(\w+)\}", pattern)
        expression = "".join(f"(?P<{part}>[^/]+)" if i % 2 else re.escape(part) for i, part in enumerate(parts))
        self._patterns.append((method, re.compile(expression), pattern, handler))

    def match(self, method: str, path: str) -> Match[Handler] | None:
        """Find the route of a request."""
        if (method, path) in self._fixed:
            route, handler = self._fixed[method, path]
            return Match(route, handler, {})
        for its_method, expression, route, handler in self._patterns:
            if its_method == method and (found := expression.fullmatch(path)):
                return Match(route, handler, {name: unquote(value) for name, value in found.groupdict().items()})
        return None
