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
import threading
import time
import traceback
from collections import Counter
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Self

from connector.sandbox.faults import FaultRule
from connector.sandbox.listener import Listener
from connector.sandbox.messages import App, Match, Request, Response, Router, json_response

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = [
    "CONTROL_PREFIX",
    "App",
    "FaultRule",
    "Match",
    "Request",
    "RequestRecord",
    "Response",
    "Router",
    "SandboxServer",
    "json_response",
]

CONTROL_PREFIX = "/_sandbox/"


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


@dataclass(frozen=True, slots=True)
class _Call:
    """A request as it came in: which rule it struck, and how often the emulator had been reset by then."""

    request: Request
    route: str
    rule: FaultRule | None
    life: int
    began: float


class SandboxServer:
    """A threaded HTTP/1.1 server for one emulator, on loopback only."""

    def __init__(self, app: App, *, port: int = 0, host: str = "127.0.0.1") -> None:
        if host != "localhost" and not ipaddress.ip_address(host).is_loopback:
            message = f"an emulator listens on loopback only, not on {host}"
            raise ValueError(message)
        self.app = app
        self._address = (host, port)
        self._lock = threading.Lock()
        self._calm = threading.Condition(self._lock)  # nothing is being carried out
        self._disarmed = threading.Condition(self._lock)
        self._life = self._busy = 0  # resets so far; calls that the emulator is carrying out
        self._log: list[RequestRecord] = []
        self._counters: Counter[tuple[str, str]] = Counter()
        self._faults: list[FaultRule] = []
        self._listener: Listener | None = None
        self._thread: threading.Thread | None = None

    # --- life ---------------------------------------------------------------------------------------

    def start(self) -> Self:
        """Listen, and serve from a thread of its own."""
        self._listener = Listener(self._address, self)
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
        """Disarm all fault rules; calls that wait because of one go on."""
        with self._lock:
            self._faults.clear()
            self._disarmed.notify_all()

    def clear_counters(self) -> None:
        """Forget log and counters."""
        with self._lock:
            self._log.clear()
            self._counters.clear()

    def reset(self) -> None:
        """Forget log, counters, faults and the emulator's state; calls under way are hung up on, and never carried out.

        Whoever made them may be gone long since, and what comes after must not meet with what they ask for.
        """
        with self._lock:
            self._life += 1
            self._calm.wait_for(lambda: not self._busy)
            self._faults.clear()
            self._disarmed.notify_all()
            self._log.clear()
            self._counters.clear()
            self.app.reset()

    # --- one request -----------------------------------------------------------------------------------

    def respond(self, request: Request) -> Response | None:
        """Answer a request; None means that the socket is to be closed without an answer."""
        if request.path.startswith(CONTROL_PREFIX):
            return self._control(request)
        call = self._called(request, time.perf_counter())
        response = self._execute(call)
        self._record(call, response)
        return response

    def _called(self, request: Request, began: float) -> _Call:
        route = self.app.route_of(request)
        with self._lock:
            struck = [rule for rule in self._faults if rule.strikes(request, route)]
            return _Call(request, route, struck[0] if struck else None, self._life, began)

    def _execute(self, call: _Call) -> Response | None:
        rule = call.rule
        if rule is None:
            return self._handle(call)
        if rule.delay:
            with self._lock:
                self._disarmed.wait_for(lambda: all(rule is not armed for armed in self._faults), rule.delay)
        if rule.action == "drop_before":
            return None
        if rule.action == "status":
            return json_response(rule.body, rule.status, rule.headers)
        response = self._handle(call)
        if rule.action == "truncate" and response:
            return replace(response, body=response.body[: len(response.body) // 2])
        return None if rule.action == "drop_after" else response

    def _handle(self, call: _Call) -> Response | None:
        """Let the emulator answer; its own mistakes become a 500 that says where, not a dropped connection."""
        with self._lock:
            if call.life != self._life:
                return None
            self._busy += 1
        try:
            return self.app.handle(call.request)
        except Exception:  # noqa: BLE001
            message = f"The emulator failed: {traceback.format_exc(limit=-4)}"
            return json_response({"error": {"type": "api_error", "message": message}}, 500)
        finally:
            with self._lock:
                self._busy -= 1
                self._calm.notify_all()

    def _record(self, call: _Call, response: Response | None) -> None:
        request, headers = call.request, response.headers if response else {}
        seconds = time.perf_counter() - call.began
        with self._lock:
            if call.life != self._life:
                return
            self._counters[request.method, call.route] += 1
            self._log.append(
                RequestRecord(
                    number=len(self._log) + 1,
                    method=request.method,
                    path=request.path,
                    query=request.query,
                    route=call.route,
                    status=response.status if response else 0,
                    idempotency_key=request.headers.get("idempotency-key"),
                    replayed=headers.get("Idempotent-Replayed") == "true",
                    fault=call.rule.action if call.rule else None,
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
