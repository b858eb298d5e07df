"""Where the vendor's SDK meets the network: its generated clients all send through one door of ours.

The SDK builds a client, and a pool, for every access to an API, waits forever, and does not try again what it should
(429 without a time, 423, 5xx on writes). So each of its clients is given this door in place of its own: one pooled
session with timeouts, our pace, our retries, exact numbers. The door also knows the paths of the dated API versions:
the SDK only knows the undated ones, and the shapes are the same.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from tenacity import Retrying

from connector.crm.exact_json import read_json, write_json
from connector.crm.hubspot.errors import error_of
from connector.crm.hubspot.pace import Pace
from connector.crm.hubspot.settings import HubSpotSettings
from connector.crm.transport import CrmTransport
from connector.domain.errors import ConfigError
from connector.retry import retry_policy

HOST = "https://api.hubapi.com"
#: What the SDK's paths begin with → what the dated ones begin with. More telling ones first.
_DATED = (
    ("/crm/v4/objects/", "/crm/objects/{version}/"),
    ("/crm/v4/associations/", "/crm/associations/{version}/"),
    ("/crm/v3/objects/", "/crm/objects/{version}/"),
    ("/crm/v3/properties/", "/crm/properties/{version}/"),
    ("/crm/v3/pipelines/", "/crm/pipelines/{version}/"),
    ("/crm/v3/owners/", "/crm/owners/{version}"),
    ("/account-info/v3/", "/account-info/{version}/"),
)


def dated(path: str, version: str) -> str:
    """Return the path of an API version: of `/crm/v3/objects/deals`, `/crm/objects/2026-09/deals`."""
    if version == "v3":
        return path
    for undated, form in _DATED:
        if path.startswith(undated):
            return form.format(version=version) + path[len(undated) :]
    raise ConfigError(f"the HubSpot path {path} has no form in API version {version}")


class Door:
    """Takes the place of the SDK's `rest_client`; what its methods return is the parsed body."""

    def __init__(self, settings: HubSpotSettings, pace: Pace, policy: Retrying | None = None) -> None:
        self.transport = CrmTransport(
            "HubSpot",
            timeout=settings.timeout,
            pool_size=settings.pool_size,
            base_url=settings.base_url,
            allow_remote_base_url=settings.allow_remote_base_url,
        )
        self.pace = pace
        self.calls = 0
        self._version = settings.api_version
        self._policy = policy or retry_policy()
        self.GET, self.POST, self.PUT = self._method("GET"), self._method("POST"), self._method("PUT")
        self.PATCH, self.DELETE = self._method("PATCH"), self._method("DELETE")

    def _method(self, name: str) -> Callable[..., Any]:
        def send(
            url: str,
            headers: Mapping[str, str] | None = None,
            query_params: Sequence[tuple[str, Any]] | None = None,
            body: Any = None,
            **_: Any,
        ) -> Any:
            parts = urlsplit(url)
            if f"{parts.scheme}://{parts.netloc}" != HOST:
                raise ConfigError(f"a HubSpot request may not leave {HOST}, and goes to {parts.netloc!r}")
            there = HOST + dated(parts.path, self._version)
            # Everything sent twice does no harm: reads, writes of absolute values to known ids, setup of named things.
            # Creating a note is the exception; its caller looks for it first.
            return self._policy(self._send, name, there, dict(headers or {}), list(query_params or ()), body)

        return send

    def _send(self, method: str, url: str, headers: dict[str, str], query: list[tuple[str, Any]], body: Any) -> Any:
        search = url.endswith("/search")
        self.pace.wait(search=search)
        self.calls += 1
        response = self.transport.request(
            method,
            url,
            params=[(name, _query_text(value)) for name, value in query],
            headers={**headers, "Content-Type": "application/json"},
            data=None if body is None else write_json(body).encode(),
        )
        self.pace.learn(response.headers, search=search)
        answer = _body(response.text)
        if response.status_code >= 300:
            raise error_of(response.status_code, answer, response.headers)
        return answer


def _query_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _body(text: str) -> Any:
    try:
        return read_json(text) if text else None
    except ValueError:
        return text
