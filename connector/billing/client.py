"""The one place that talks to Stripe: pinned version, explicit timeouts, limiter, retries, errors in our own words.

`StripeClient` retries nothing unless told, and never a 429 without a header; both are ours to do (`connector.retry`),
with the same idempotency key each time. Requests of the SDK go through our transport: one pool for all threads.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol, cast

import stripe
from stripe import StripeClient
from tenacity import Retrying

from connector import __version__
from connector.billing.limiter import Limiter, Paced, limited
from connector.billing.transport import READ_SECONDS, StripeTransport
from connector.domain.errors import ConfigError, ConnectorError, RejectedError, RetryableError
from connector.retry import retry_policy

#: The only place where the API version is named; the SDK's own pin may move without changing the wire.
API_VERSION = "2026-10-28.endive"
BASE_URL = "https://api.stripe.com"

Json = dict[str, Any]


class Api(Protocol):
    """What the doors need of Stripe; ids and parameters as Stripe spells them, answers as plain JSON."""

    def post(self, path: str, params: Mapping[str, Any], *, idempotency_key: str) -> Json:
        """Send a write; the answer's `request_id` key holds Stripe's id of the request."""
        ...

    def get(self, path: str, params: Mapping[str, Any] | None = None) -> Json:
        """Send a read."""
        ...


class StripeApi:
    """Stripe through its SDK. Raises RetryableError (after the policy gave up), RejectedError, ConfigError."""

    def __init__(
        self,
        api_key: str,
        *,
        base_url: str | None = None,
        limiter: Paced | None = None,
        attempts: int = 6,
        sleep: Callable[[float], None] = time.sleep,
        policy: Retrying | None = None,
        read_seconds: float = READ_SECONDS,
    ) -> None:
        stripe.enable_telemetry = False
        stripe.set_app_info("connector", version=__version__)
        self.transport = StripeTransport(limiter or Limiter(), base_url or BASE_URL, read_seconds=read_seconds)
        addresses = {"api": base_url, "files": base_url, "connect": base_url, "meter_events": base_url}
        self._client = StripeClient(
            api_key,
            stripe_version=API_VERSION,
            max_network_retries=0,
            base_addresses=cast("Any", addresses) if base_url else {},
            http_client=self.transport,
        )
        self._retry = policy or retry_policy(attempts=attempts, sleep=sleep)

    def post(self, path: str, params: Mapping[str, Any], *, idempotency_key: str) -> Json:
        """Send a write; repeated with the same key until Stripe gives a final answer."""
        return self._retry(self._send, "post", path, {**params, "idempotency_key": idempotency_key})

    def get(self, path: str, params: Mapping[str, Any] | None = None) -> Json:
        """Send a read."""
        return self._retry(self._send, "get", path, dict(params or {}))

    def _send(self, method: str, path: str, params: Mapping[str, Any]) -> Json:
        try:
            response = self._client.raw_request(method, path, **params)
        except stripe.StripeError as error:
            raise _translated(error) from error
        return {**response.data, "request_id": response.request_id}


def _translated(error: stripe.StripeError) -> ConnectorError:
    """Return our error for Stripe's."""
    status = error.http_status
    text = error.user_message or str(error)
    if isinstance(error, stripe.APIConnectionError):
        return RetryableError(f"Stripe could not be reached: {text}", away=True)
    if _may_pass(error):
        away = (status or 0) >= 500
        reason = _header(error, "Stripe-Rate-Limited-Reason") if status == 429 else ""
        paced = limited("", reason) is not None
        return RetryableError(f"Stripe is busy ({status}): {text}", after=_asked_to_wait(error), away=away, paced=paced)
    if status in {401, 403}:
        return ConfigError(f"Stripe refuses the API key ({status}): {text} Check stripe.api_key and its permissions.")
    return RejectedError(
        text,
        vendor="stripe",
        code=_code(error),
        param=getattr(error, "param", None),
        request_id=error.request_id,
        status=status,
    )


def _code(error: stripe.StripeError) -> str | None:
    """Return the error's code: the SDK fills `error.code` for some classes only, the body always has it."""
    return getattr(error.error, "code", None) or getattr(error, "code", None)


def _may_pass(error: stripe.StripeError) -> bool:
    """Tell whether the same call may work later. Stripe's own word counts most, but a rate limit always passes."""
    status = error.http_status or 0
    word = _header(error, "Stripe-Should-Retry").lower()
    if status == 429 or word == "true":
        return True
    return word != "false" and (status == 409 or (status >= 500 and status != 501))


def _asked_to_wait(error: stripe.StripeError) -> float | None:
    """Return the seconds of a Retry-After header; Stripe promises none, and a date in it is not looked at."""
    text = _header(error, "Retry-After")
    return float(text) if text.isdecimal() else None


def _header(error: stripe.StripeError, name: str) -> str:
    headers = error.headers or {}
    return str(headers.get(name) or headers.get(name.lower()) or "")
