"""Below the SDK: one pool of connections, and the one place where calls are paced, counted, timed and traced.

The SDK's own clients keep a session for each thread, or open a connection for each call, and look through the
environment for proxies each time. One urllib3 pool for all threads costs half the processor time. It neither tries
again nor follows redirects: the first is the retry policy's, the second could carry the key elsewhere.
"""

import json
import logging
import threading
import time
from collections import Counter
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import stripe
import urllib3
from stripe import APIConnectionError

from connector import metrics
from connector.billing.limiter import Paced

#: Seconds to connect, and to wait for an answer; a schedule of ten phases takes Stripe one or two.
CONNECT_SECONDS, READ_SECONDS = 10.0, 30.0
#: More than any number of threads that is of use: a connection that does not fit in the pool is made for one call.
POOL = 128

_log = logging.getLogger(__name__)


class StripeTransport(stripe.HTTPClient):
    """Sends requests of the SDK for many threads; raises stripe.APIConnectionError when no answer comes."""

    name = "urllib3"

    def __init__(self, limiter: Paced, base_url: str, *, read_seconds: float = READ_SECONDS) -> None:
        super().__init__()
        self._limiter = limiter
        self._pool = _pool(base_url, read_seconds)
        self._lock = threading.Lock()
        self.calls: Counter[tuple[str, int]] = Counter()
        """Answers by endpoint and status; status 0 counts the calls that no answer came to."""

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,
        *,
        _usage: list[str] | None = None,
    ) -> tuple[Any, int, Any]:
        """Wait for the endpoint's turn, send, and tell the limiter what came of it."""
        endpoint = f"{method} {route(urlsplit(url).path)}"
        waited = self._limiter.wait(endpoint)
        started = time.monotonic()
        try:
            answer = self._pool.urlopen(
                method.upper(), url, body=post_data, headers=headers, redirect=False, retries=False
            )
        except urllib3.exceptions.HTTPError as error:
            self._note(endpoint, 0, started, waited)
            words = f"no answer ({type(error).__name__})"
            raise APIConnectionError(words, should_retry=False) from error  # type: ignore[no-untyped-call]
        self._note(endpoint, answer.status, started, waited, answer.headers.get("Request-Id"))
        if answer.status == 429:
            self._limiter.rejected(endpoint, _reason(answer))
        else:
            self._limiter.accepted(endpoint)
        return answer.data, answer.status, answer.headers

    def close(self) -> None:
        """Close the connections."""
        self._pool.clear()

    def _note(self, endpoint: str, status: int, started: float, waited: float, request_id: str | None = None) -> None:
        with self._lock:
            self.calls[endpoint, status] += 1
        took = time.monotonic() - started
        method, _, path = endpoint.partition(" ")
        metrics.waited("stripe", waited)
        metrics.called("stripe", method, path, status, took)
        _log.debug("stripe %s: %s in %.3f s, after waiting %.3f s (%s)", endpoint, status, took, waited, request_id)


def route(path: str) -> str:
    """Return the endpoint of a path, ids replaced: Stripe limits endpoints, not objects."""
    version, *parts = path.strip("/").split("/")
    return "/".join([version, *("{id}" if any(c.isdigit() or c.isupper() for c in part) else part for part in parts)])


def _reason(answer: urllib3.BaseHTTPResponse) -> str:
    """Return which limit was hit: the header says it, and without one only the code tells a limit from a lock."""
    said = answer.headers.get("Stripe-Rate-Limited-Reason")
    if said:
        return said
    try:
        code = json.loads(answer.data)["error"].get("code")
    except (ValueError, KeyError, TypeError, AttributeError):
        return ""
    return "global-rate" if code == "rate_limit" else ""


def _pool(base_url: str, read_seconds: float) -> urllib3.PoolManager:
    """Return the pool, behind the proxy that the environment names for Stripe's address when this begins."""
    options: dict[str, Any] = {
        "maxsize": POOL,
        "timeout": urllib3.Timeout(connect=CONNECT_SECONDS, read=read_seconds),
        "cert_reqs": "CERT_REQUIRED",
        "ca_certs": stripe.ca_bundle_path,
    }
    target = urlsplit(base_url)
    proxy = None if proxy_bypass(target.hostname or "") else getproxies().get(target.scheme)
    return urllib3.ProxyManager(proxy, **options) if proxy else urllib3.PoolManager(**options)
