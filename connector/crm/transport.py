"""The HTTP session below the clients of the CRMs: timeouts, broken connections, the server's clock, the emulator.

The vendors' libraries set no timeout, and Salesforce's always speaks https, also to an emulator on this machine. Both
are put right here, under login and data calls alike.
"""

import logging
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import requests
from requests.adapters import HTTPAdapter

from connector import metrics
from connector.domain.errors import ConfigError, RetryableError

logger = logging.getLogger(__name__)


class CrmTransport(requests.Session):
    """A pooled session for many threads; raises RetryableError when no answer comes."""

    def __init__(
        self,
        vendor: str,
        *,
        timeout: tuple[float, float] = (5.0, 60.0),
        pool_size: int = 32,
        base_url: str | None = None,
        allow_remote_base_url: bool = False,
    ) -> None:
        """Set up the pool; `vendor` is the CRM's name for people. `timeout` is to connect and to read, in seconds.

        With `base_url`, every https request goes there instead, tokens included; other hosts than this machine need
        `allow_remote_base_url`.
        """
        super().__init__()
        self._vendor = vendor
        self._timeout = timeout
        self.server_clock = ServerClock()
        adapter = HTTPAdapter(pool_maxsize=pool_size, pool_block=True)
        if base_url is not None:
            _check_base_url(vendor, base_url, allow_remote=allow_remote_base_url)
            level = logging.WARNING if allow_remote_base_url else logging.INFO
            logger.log(level, "%s calls go to %s, not to %s", vendor, base_url, vendor)
            adapter = RedirectedAdapter(base_url, pool_maxsize=pool_size, pool_block=True)
        self.mount("https://", adapter)

    def request(self, method: str | bytes, url: str | bytes, *args: Any, **options: Any) -> requests.Response:
        """Send with our timeouts; redirects are answers, not orders: they could carry the token elsewhere."""
        options["timeout"] = options.get("timeout") or self._timeout
        options["allow_redirects"] = False
        began, status = time.monotonic(), 0
        try:
            response = super().request(method, url, *args, **options)
            status = response.status_code
        except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError) as error:
            message = f"{self._vendor} did not answer ({type(error).__name__})"
            raise RetryableError(message, away=True) from error
        finally:
            path = urlsplit(str(url)).path
            metrics.called(self._vendor.lower(), str(method), path, status, time.monotonic() - began)
        self.server_clock.sample(response.headers)
        return response


class RedirectedAdapter(HTTPAdapter):
    """Sends every request to another scheme and host; path and query stay."""

    def __init__(self, base_url: str, **options: Any) -> None:
        self._target = urlsplit(base_url)
        super().__init__(**options)

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        """Rewrite the address and send."""
        request.url = urlunsplit(
            urlsplit(request.url or "")._replace(scheme=self._target.scheme, netloc=self._target.netloc)
        )
        return super().send(request, *args, **options)


class ServerClock:
    """The CRM's time, from the `Date` header of its answers: the host's clock knows nothing of the CRM's stamps."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sampled: tuple[datetime, float] | None = None
        self.skew = timedelta()  # host minus server, at the last answer

    def sample(self, headers: Mapping[str, str]) -> None:
        """Learn from an answer; one without a readable date teaches nothing."""
        try:
            server = parsedate_to_datetime(headers["Date"]).astimezone(UTC)
        except (KeyError, ValueError, TypeError):
            return
        with self._lock:
            self._sampled = (server, time.monotonic())
            self.skew = datetime.now(UTC) - server

    def now(self) -> datetime | None:
        """Return the server's time, a second or so behind; None before the first answer."""
        with self._lock:
            sampled = self._sampled
        return sampled[0] + timedelta(seconds=time.monotonic() - sampled[1]) if sampled else None


def _check_base_url(vendor: str, base_url: str, *, allow_remote: bool) -> None:
    target = urlsplit(base_url)
    if target.scheme not in {"http", "https"} or not target.hostname or target.path.strip("/") or target.username:
        raise ConfigError(f"base_url {base_url!r} is not of the form http://127.0.0.1:8101")
    if not allow_remote and not _is_loopback(target.hostname):
        raise ConfigError(
            f"base_url would send {vendor} credentials to {target.hostname}. It is meant for the emulator on this "
            "machine (127.0.0.1); remove it to talk to {vendor}, or set allow_remote_base_url if you mean it."
        )


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
