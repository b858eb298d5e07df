"""The API as an application: authentication, routes, idempotency, validation, the envelope.

Order of a request: key, route, idempotent replay, form, types, limits, execution, storing the answer
(stripe.com/docs/api/idempotent_requests: an answer is stored once execution has begun, also when it is an error;
refused parameters and conflicts are not stored).
"""

from __future__ import annotations

import base64
import json
import threading
from decimal import Decimal
from typing import Any

from connector.sandbox.http import Request, Response, Router, json_response
from connector.sandbox.stripe import engine, form, shapes
from connector.sandbox.stripe.endpoint import Call, Endpoint
from connector.sandbox.stripe.errors import StripeError
from connector.sandbox.stripe.limits import check_limits
from connector.sandbox.stripe.rendering import expand, render
from connector.sandbox.stripe.state import Object, Stored, Tenant

API_VERSION = "2026-10-28.endive"
KEY_SECONDS = 86_400  # keys may be forgotten after a day (stripe.com/docs/api/idempotent_requests); here they are


class StripeApp:
    """The emulated API for the HTTP server."""

    def __init__(self, endpoints: list[Endpoint], frozen: int | None = None) -> None:
        self._router: Router[Endpoint] = Router()
        for endpoint in endpoints:
            self._router.add(endpoint.method, endpoint.path, endpoint)
        self._lock = threading.Lock()
        self._initial = frozen
        self._frozen = frozen
        self.tenants: dict[str, Tenant] = {}

    # --- for the server ---------------------------------------------------------------------------------

    def route_of(self, request: Request) -> str:
        """Name the route pattern, or the path itself when there is none."""
        found = self._router.match(request.method, request.path)
        return found.route if found else request.path

    def reset(self) -> None:
        """Forget every account; a frozen clock goes back to where it was started."""
        with self._lock:
            self.tenants.clear()
            self._frozen = self._initial

    def tenant(self, key: str) -> Tenant:
        """Find or open the account of an API key."""
        with self._lock:
            if key not in self.tenants:
                self.tenants[key] = Tenant(key, self._frozen)
            return self.tenants[key]

    def control(self, request: Request) -> Response | None:
        """Answer `/_sandbox/clock`: read it, freeze it (`now`), move it (`advance` seconds), or let it run (`real`)."""
        if request.path != "/_sandbox/clock":
            return None
        wanted = request.json() if request.method == "POST" else {}
        self.move_clock(now=wanted.get("now"), advance=wanted.get("advance"), real=bool(wanted.get("real")))
        frozen = self._frozen
        return json_response({"frozen": frozen is not None, "now": Tenant("clock", frozen).clock.now()})

    def move_clock(self, *, now: int | None = None, advance: int | None = None, real: bool = False) -> None:
        """Move the clock of every account, and let happen what falls due."""
        with self._lock:
            tenants = list(self.tenants.values())
            current = Tenant("clock", self._frozen).clock.now()
            target = now if now is not None else current + advance if advance is not None else self._frozen
            if target is not None and target < current and self._frozen is not None:
                message = "the clock only moves forward"
                raise ValueError(message)
            self._frozen = None if real else target
        for tenant in tenants:
            with tenant.lock:
                if self._frozen is not None:
                    engine.run(tenant, tenant.clock, self._frozen)
                tenant.clock.frozen = self._frozen

    # --- one request --------------------------------------------------------------------------------------

    def handle(self, request: Request) -> Response:
        """Answer one API request."""
        tenant: Tenant | None = None
        request_id = "req_unauthenticated"
        headers = {"Stripe-Version": request.headers.get("stripe-version", API_VERSION)}
        try:
            tenant = self.tenant(_api_key(request))
            with tenant.lock:
                request_id = tenant.new_id("request")
            return self._answer(tenant, request, request_id, headers)
        except StripeError as error:
            return _reply(error.status, _encode(error.envelope(request_id)), request_id, headers)

    def _answer(self, tenant: Tenant, request: Request, request_id: str, headers: dict[str, str]) -> Response:
        found = self._router.match(request.method, request.path)
        if found is None:
            raise _unrouted(request)
        fields = form.decode(request.body.decode() if request.method == "POST" else request.query)
        key = request.headers.get("idempotency-key") if request.method == "POST" else None
        call = Call(tenant, request.path, found.variables, fields)
        if key is None:
            status, body = _execute(found.handler, call, request_id, None)
            return _executed_reply(status, body, request_id, headers)
        return _once(found.handler, call, key, request_id, headers)


def _once(endpoint: Endpoint, call: Call, key: str, request_id: str, headers: dict[str, str]) -> Response:
    """Execute under an idempotency key, or replay."""
    if len(key) > 255:
        message = f"Idempotency keys can be at most 255 characters, but yours is {len(key)}."
        raise StripeError(message, kind="idempotency_error", executed=False)
    headers["Idempotency-Key"] = key
    fingerprint = json.dumps([endpoint.method, call.path, call.params], sort_keys=True)
    answers, now = call.tenant.answers, call.now
    if key in answers and answers[key].at + KEY_SECONDS < now:
        answers.pop(key, None)
    stored = answers.setdefault(key, Stored(fingerprint, request_id, now))
    headers["Original-Request"] = stored.request_id
    if stored.request_id != request_id:
        return _replay(stored, fingerprint, key, request_id, headers)
    try:
        stored.status, stored.body = _execute(endpoint, call, request_id, key)
    except BaseException:
        del answers[key]
        raise
    return _executed_reply(stored.status, stored.body, request_id, headers)


def _replay(stored: Stored, fingerprint: str, key: str, request_id: str, headers: dict[str, str]) -> Response:
    if stored.fingerprint != fingerprint:
        message = (
            "Keys for idempotent requests can only be used with the same parameters they were first used with. "
            f"Try using a key other than '{key}' if you meant to execute a different request."
        )
        raise StripeError(message, kind="idempotency_error", executed=False)
    if not stored.status:
        message = "There is currently another in-progress request using this Idempotent Key. Please try again later."
        raise StripeError(message, status=409, kind="idempotency_error", code="idempotency_key_in_use", executed=False)
    return _executed_reply(stored.status, stored.body, request_id, {**headers, "Idempotent-Replayed": "true"})


def _execute(endpoint: Endpoint, call: Call, request_id: str, key: str | None) -> tuple[int, bytes]:
    """Check and run; errors of execution become an answer, errors of the parameters are raised."""
    params = shapes.check(shapes.struct_named(endpoint.params), call.params)
    check_limits(endpoint.path.split("/")[2], params)
    checked = Call(call.tenant, call.path, call.variables, params)
    tenant = call.tenant
    with tenant.lock:
        engine.run(tenant, tenant.clock, tenant.clock.now())
        tenant.request = {"id": request_id, "idempotency_key": key}
        try:
            with tenant.undoing():
                shown = render(endpoint.run(checked), tenant)
                return 200, _encode(expand(shown, params.get("expand") or [], tenant))
        except StripeError as error:
            if not error.executed:
                raise
            return error.status, _encode(error.envelope(request_id))


def _api_key(request: Request) -> str:
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        value = base64.b64decode(value).decode().partition(":")[0]
    if not value:
        message = "You did not provide an API key. You need to provide your API key in the Authorization header."
        raise StripeError(message, status=401, executed=False)
    if not value.startswith(("sk_test_", "rk_test_", "sk_live_", "rk_live_")):
        shown = f"{value[:8]}{'*' * max(0, len(value) - 12)}{value[-4:]}"
        raise StripeError(f"Invalid API Key provided: {shown}", status=401, executed=False)
    return value


def _unrouted(request: Request) -> StripeError:
    if request.path.startswith(("/v1/", "/v2/")):
        message = f"{request.method} {request.path} is not emulated by this sandbox."
        return StripeError(message, status=501, kind="api_error", code="not_emulated", executed=False)
    where = f"{request.method}: {request.path}"
    message = f"Unrecognized request URL ({where}). Please see https://stripe.com/docs for the routes there are."
    return StripeError(message, status=404, executed=False)


def _encode(payload: Object) -> bytes:
    return json.dumps(payload, separators=(",", ":"), ensure_ascii=False, default=_number).encode()


def _number(value: Any) -> float | int:
    """Show a percentage as the JSON number the API has there; amounts are strings or integers already."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    message = f"no JSON for {type(value).__name__}"
    raise TypeError(message)


def _reply(status: int, body: bytes, request_id: str, headers: dict[str, str]) -> Response:
    return Response(status, body, {"Content-Type": "application/json", "Request-Id": request_id, **headers})


def _executed_reply(status: int, body: bytes, request_id: str, headers: dict[str, str]) -> Response:
    """Answer from execution; its errors say that trying again is of no use (recorded traffic)."""
    final = {"Stripe-Should-Retry": "false"} if 400 <= status < 500 else {}
    return _reply(status, body, request_id, {**headers, **final})
