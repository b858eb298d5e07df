"""Stripe with its limits and its latency: the emulator, behind a gate that refuses and waits as the real one does.

Requests per second are counted by token buckets that hold one second's worth: one for all calls, one for each named
operation (docs.stripe.com/rate-limits). A refused call is answered at once; one that is let in takes as long as
recordings of the real API took (median and 95th percentile of a log-normal, by operation), or the time that was asked.
"""

import math
import random
import threading
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from connector.sandbox.http import Request, Response, json_response
from connector.sandbox.stripe import StripeSandbox

#: Milliseconds, median and 95th percentile, by the recordings.
RECORDED: Mapping[tuple[str, str], tuple[float, float]] = {
    ("POST", "/v1/subscription_schedules"): (617, 811),
    ("POST", "/v1/subscription_schedules/{}"): (749, 1060),
    ("POST", "/v1/customers"): (363, 493),
    ("POST", "/v1/prices"): (257, 349),
}
OTHER_WRITE, READ = (285.0, 349.0), (203.0, 255.0)


@dataclass(frozen=True, slots=True)
class Gate:
    """Requests a second in all and for one operation; milliseconds for an answer, None: as recorded."""

    total: float = 100.0
    operation: float = 25.0
    milliseconds: float | None = 0.0


class _Tokens:
    def __init__(self, rate: float) -> None:
        self._rate, self._left, self._seen = rate, rate, time.monotonic()

    def has(self, now: float) -> bool:
        self._left = min(self._rate, self._left + (now - self._seen) * self._rate)
        self._seen = now
        return self._left >= 1

    def take(self) -> None:
        self._left -= 1


class LimitedStripe(StripeSandbox):
    """The emulator behind the gate; `/_sandbox/gate` sets the gate and empties its counts, or tells them."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.gate = Gate(1e9, 1e9)
        self._reset()

    def _reset(self) -> None:
        self._guard = threading.Lock()
        self._all = _Tokens(self.gate.total)
        self._operations: dict[tuple[str, str], _Tokens] = defaultdict(lambda: _Tokens(self.gate.operation))
        self._chance = random.Random(1)  # noqa: S311 -- the same latencies in every run
        self._answered = self._refused = 0
        self._schedules: list[float] = []

    def respond(self, request: Request) -> Response | None:
        """Let in, or refuse; wait; answer."""
        if request.path == "/_sandbox/gate":
            return self._set(request)
        if request.path.startswith("/_sandbox/"):
            return super().respond(request)
        route = (request.method, self.app.route_of(request))
        refusal = self._refusal(route)
        if refusal is not None:
            return refusal
        time.sleep(self._seconds(request.method, route))
        response = super().respond(request)
        if route == ("POST", "/v1/subscription_schedules"):
            self._schedules.append(time.monotonic())
        return response

    def _refusal(self, route: tuple[str, str]) -> Response | None:
        with self._guard:
            now, operation = time.monotonic(), self._operations[route]
            full = None if self._all.has(now) else "global-rate"
            full = full or (None if operation.has(now) else "endpoint-rate")
            if full is None:
                self._all.take()
                operation.take()
                self._answered += 1
                return None
            self._refused += 1
        error = {"type": "invalid_request_error", "code": "rate_limit", "message": "Request rate limit exceeded."}
        return json_response({"error": error}, 429, {"Stripe-Rate-Limited-Reason": full})

    def _seconds(self, method: str, route: tuple[str, str]) -> float:
        if self.gate.milliseconds is not None:
            return self.gate.milliseconds / 1000
        median, high = RECORDED.get(route, READ if method == "GET" else OTHER_WRITE)
        with self._guard:
            return self._chance.lognormvariate(math.log(median), math.log(high / median) / 1.645) / 1000

    def _set(self, request: Request) -> Response:
        if request.method == "POST":
            self.gate = Gate(**request.json())
            self._reset()
        with self._guard:
            times = self._schedules
            span = times[-1] - times[0] if len(times) > 1 else 0.0
            return json_response(
                {
                    "answered": self._answered,
                    "refused": self._refused,
                    "schedules": len(times),
                    "span": span,
                    "cpu": time.process_time(),
                }
            )
