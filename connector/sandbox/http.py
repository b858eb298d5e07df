"""The HTTP ground every emulator stands on: a loopback server, routes, a request log, injected faults.

An emulator is an `App`; `SandboxServer(app)` puts it on a port. Everything under `/_sandbox/` steers the server
and never reaches the emulated API:

    GET    /_sandbox/requests        what was asked, in order
    GET    /_sandbox/counters        how often, by method and route
    POST   /_sandbox/counters/reset  forget both
    GET    /_sandbox/faults          the rules that are armed
    POST   /_sandbox/faults          arm a rule or a list of rules (see `FaultRule`)
    DELETE /_sandbox/faults          disarm all
    POST   /_sandbox/reset           all of the above, and the emulator's own state
"""

from __future__ import annotations

import ipaddress
import json
import re
import socket
import threading
import time
import traceback
from collections import Counter
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatchcase
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Generic, Protocol, Self, TypeVar
from urllib.parse import parse_qsl, unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

CONTROL_PREFIX = "/_sandbox/"
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


@dataclass(frozen=True, slots=True)
class RequestRecord:
    """One line of the request log; `fault` names what was injected, status 0 means no answer was sent."""

    number: int
    method: str
    path: str
    query: str
    route: str
    status: int
    idempotency_key: str | None = None
    replayed: bool = False
    fault: str | None = None
    milliseconds: float = 0.0


@dataclass(slots=True)
class FaultRule:
    """Breaks matching calls on purpose.

    `route` is compared with the route pattern and the path, as a glob or as a substring; `=/v1/x` is that one and no
    longer one. `nth` hits only the nth
    matching call (from 1); otherwise the first `times` calls are hit (None: all). `drop_before` closes the socket
    without executing, `drop_after` executes and closes the socket without an answer, `status` answers `status` and
    `body` without executing, `delay` only waits. Any action may carry a `delay` in seconds.
    """

    method: str | None = None
    route: str = ""
    nth: int | None = None
    times: int | None = 1
    action: str = "status"
    status: int = 503
    body: Any = field(default_factory=lambda: {"error": {"type": "api_error", "message": "Injected fault."}})
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    seen: int = 0

    def __post_init__(self) -> None:
        if self.action not in {"drop_before", "drop_after", "status", "delay"}:
            message = f"unknown fault action: {self.action}"
            raise ValueError(message)

    def strikes(self, request: Request, route: str) -> bool:
        """Count a matching call and say whether this one is to be broken."""
        if self.method not in (None, request.method):
            return False
        if not any(self._names(name) for name in (route, request.path)):
            return False
        self.seen += 1
        if self.nth is not None:
            return self.seen == self.nth
        return self.times is None or self.seen <= self.times

    def _names(self, name: str) -> bool:
        if self.route.startswith("="):
            return name == self.route[1:]
        return self.route in name or fnmatchcase(name, self.route)


class SandboxServer:
    """A threaded HTTP/1.1 server for one emulator, on loopback only."""

    def __init__(self, app: App, *, port: int = 0, host: str = "127.0.0.1") -> None:
        if host != "localhost" and not ipaddress.ip_address(host).is_loopback:
            message = f"an emulator listens on loopback only, not on {host}"
            raise ValueError(message)
        self.app = app
        self._address = (host, port)
        self._lock = threading.Lock()
        self._log: list[RequestRecord] = []
        self._counters: Counter[tuple[str, str]] = Counter()
        self._faults: list[FaultRule] = []
        self._listener: _Listener | None = None
        self._thread: threading.Thread | None = None

    # --- life ---------------------------------------------------------------------------------------

    def start(self) -> Self:
        """Listen, and serve from a thread of its own."""
        self._listener = _Listener(self._address, self)
        self._thread = threading.Thread(target=self._listener.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        """Close the port and every open connection."""
        if self._listener is None or self._thread is None:
            return
        self._listener.shutdown()
        self._thread.join()
        self._listener.close_connections()
        self._listener.server_close()
        self._listener = self._thread = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def port(self) -> int:
        """The port in use, chosen by the system when 0 was asked for."""
        return self._listener.server_port if self._listener else self._address[1]

    @property
    def url(self) -> str:
        """Where clients connect to."""
        return f"http://{self._address[0]}:{self.port}"

    # --- what tests look at ----------------------------------------------------------------------------

    @property
    def log(self) -> list[RequestRecord]:
        """All requests so far, control requests excepted."""
        with self._lock:
            return list(self._log)

    @property
    def counters(self) -> dict[tuple[str, str], int]:
        """Calls by (method, route)."""
        with self._lock:
            return dict(self._counters)

    @property
    def faults(self) -> list[FaultRule]:
        """The armed rules."""
        with self._lock:
            return list(self._faults)

    def inject(self, *rules: FaultRule | Mapping[str, Any]) -> None:
        """Arm fault rules."""
        made = [rule if isinstance(rule, FaultRule) else FaultRule(**rule) for rule in rules]
        with self._lock:
            self._faults.extend(made)

    def clear_faults(self) -> None:
        """Disarm all fault rules."""
        with self._lock:
            self._faults.clear()

    def clear_counters(self) -> None:
        """Forget log and counters."""
        with self._lock:
            self._log.clear()
            self._counters.clear()

    def reset(self) -> None:
        """Forget log, counters, faults and the emulator's state."""
        self.clear_faults()
        self.clear_counters()
        self.app.reset()

    # --- one request -----------------------------------------------------------------------------------

    def respond(self, request: Request) -> Response | None:
        """Answer a request; None means that the socket is to be closed without an answer."""
        if request.path.startswith(CONTROL_PREFIX):
            return self._control(request)
        started = time.perf_counter()
        route = self.app.route_of(request)
        rule = self._struck_rule(request, route)
        response = self._execute(request, rule)
        self._record(request, route, response, rule, time.perf_counter() - started)
        return response

    def _struck_rule(self, request: Request, route: str) -> FaultRule | None:
        with self._lock:
            struck = [rule for rule in self._faults if rule.strikes(request, route)]
        return struck[0] if struck else None

    def _execute(self, request: Request, rule: FaultRule | None) -> Response | None:
        if rule is None:
            return self._handle(request)
        if rule.delay:
            time.sleep(rule.delay)
        if rule.action == "drop_before":
            return None
        if rule.action == "status":
            return json_response(rule.body, rule.status, rule.headers)
        response = self._handle(request)
        return None if rule.action == "drop_after" else response

    def _handle(self, request: Request) -> Response:
        """Let the emulator answer; its own mistakes become a 500 that says where, not a dropped connection."""
        try:
            return self.app.handle(request)
        except Exception:  # noqa: BLE001
            message = f"The emulator failed: {traceback.format_exc(limit=-4)}"
            return json_response({"error": {"type": "api_error", "message": message}}, 500)

    def _record(
        self, request: Request, route: str, response: Response | None, rule: FaultRule | None, seconds: float
    ) -> None:
        headers = response.headers if response else {}
        with self._lock:
            self._counters[request.method, route] += 1
            self._log.append(
                RequestRecord(
                    number=len(self._log) + 1,
                    method=request.method,
                    path=request.path,
                    query=request.query,
                    route=route,
                    status=response.status if response else 0,
                    idempotency_key=request.headers.get("idempotency-key"),
                    replayed=headers.get("Idempotent-Replayed") == "true",
                    fault=rule.action if rule else None,
                    milliseconds=round(seconds * 1000, 3),
                )
            )

    def _control(self, request: Request) -> Response:
        action = _CONTROLS.get((request.method, request.path.removeprefix(CONTROL_PREFIX)))
        try:
            response = action(self, request) if action else self.app.control(request)
        except (ValueError, TypeError, KeyError) as error:
            return json_response({"error": {"message": str(error)}}, 400)
        return response or json_response({"error": {"message": f"no such control: {request.path}"}}, 404)

    def _arm(self, request: Request) -> Response:
        rules = request.json()
        self.inject(*(rules if isinstance(rules, list) else [rules]))
        return json_response({"faults": [asdict(rule) for rule in self.faults]})


def _done(act: Callable[[SandboxServer], None]) -> Callable[[SandboxServer, Request], Response]:
    def control(server: SandboxServer, _: Request) -> Response:
        act(server)
        return json_response({"ok": True})

    return control


def _counted(server: SandboxServer) -> dict[str, Any]:
    counters = server.counters
    return {"total": sum(counters.values()), "routes": {f"{m} {r}": n for (m, r), n in sorted(counters.items())}}


_CONTROLS: dict[tuple[str, str], Callable[[SandboxServer, Request], Response]] = {
    ("GET", "requests"): lambda server, _: json_response({"requests": [asdict(record) for record in server.log]}),
    ("GET", "counters"): lambda server, _: json_response(_counted(server)),
    ("POST", "counters/reset"): _done(SandboxServer.clear_counters),
    ("GET", "faults"): lambda server, _: json_response({"faults": [asdict(rule) for rule in server.faults]}),
    ("POST", "faults"): SandboxServer._arm,  # noqa: SLF001
    ("DELETE", "faults"): _done(SandboxServer.clear_faults),
    ("POST", "reset"): _done(SandboxServer.reset),
}


class _Listener(ThreadingHTTPServer):
    """The socket side: remembers open connections, so that stopping leaves none behind."""

    daemon_threads = True
    request_queue_size = 512

    def __init__(self, address: tuple[str, int], sandbox: SandboxServer) -> None:
        self.sandbox = sandbox
        self._connections: dict[socket.socket, threading.Thread] = {}
        self._connections_lock = threading.Lock()
        super().__init__(address, _Connection)

    def server_bind(self) -> None:
        """Bind without asking the resolver for our own name, as the standard library does."""
        socket.socket.bind(self.socket, self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve one connection, known to `close_connections` while it lasts."""
        with self._connections_lock:
            self._connections[request] = threading.current_thread()
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._connections_lock:
                self._connections.pop(request, None)

    def close_connections(self) -> None:
        """Hang up on every client and wait for the threads that served them."""
        with self._connections_lock:
            open_now = dict(self._connections)
        for connection in open_now:
            _hang_up(connection)
        for thread in open_now.values():
            thread.join(timeout=2)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a client that goes away is no event here."""


class _Connection(BaseHTTPRequestHandler):
    """One client connection, kept alive between requests."""

    protocol_version = "HTTP/1.1"
    server: _Listener
    wbufsize = -1  # one write per response: unbuffered small writes cost 40 ms each through Nagle's algorithm
    disable_nagle_algorithm = True

    def _serve(self) -> None:
        parts = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers.get("content-length") or 0))
        response = self.server.sandbox.respond(Request(self.command, parts.path, parts.query, headers, body))
        if response is None:
            self.close_connection = True
            _hang_up(self.connection)
            return
        self.send_response_only(response.status)
        for name, value in response.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(response.body)))
        self.end_headers()
        self.wfile.write(response.body)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _serve  # noqa: N815

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Keep quiet; the request log is `SandboxServer.log`."""


def _hang_up(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return
