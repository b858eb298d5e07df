"""What HubSpot's refusals mean for us: try again, give the record up, or ask an admin. Pure.

An error is `{"status": "error", "category": ..., "message": ..., "errors": [...]}`, every part of it optional. What is
wrong with properties stands as a JSON list inside the message's text.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from connector.domain.errors import ConfigError, ConnectorError, RejectedError, RetryableError

_MARK = "Property values were not valid:"
#: Seconds to wait by the policy that was broken, where the answer does not say (`Retry-After` is not promised).
_WAITS = {"DAILY": 3600.0, "TEN_SECONDLY_ROLLING": 5.0, "SECONDLY": 1.0}
_LOCKED = 2.0  # seconds a record stays locked at least
#: 477: the account moves to another data centre; 52x: HubSpot's edge gave up waiting.
_AWAY = frozenset({408, 423, 429, 477, 500, 502, 503, 504, 521, 522, 523, 524})
_TEXT_LIMIT = 300


@dataclass(frozen=True, slots=True)
class PropertyFault:
    """One property that HubSpot did not take: its name, a code such as INVALID_OPTION, and the reason in words."""

    name: str
    code: str
    message: str


def error_of(status: int, body: Any, headers: Mapping[str, str] | None = None) -> ConnectorError:
    """Translate a failed answer: `status` of HTTP, `body` as parsed JSON or as text."""
    answer = body if isinstance(body, dict) else {}
    text = scrubbed(str(answer.get("message") or "an answer that is not HubSpot's API"))
    category = answer.get("category") or answer.get("errorType")
    said = f"HubSpot: {text} ({category or status})"
    if status in _AWAY:
        return RetryableError(said, after=_after(status, answer, headers or {}), away=status >= 500)
    if status in {401, 530}:
        return ConfigError(f"{said}. To do: check the access token of the connection; it may have been rotated.")
    if status == 403:
        return ConfigError(f"{said}. To do: give the app or service key {_scopes(answer)}.")
    faults = property_faults(answer)
    code = faults[0].code if faults else category
    param = ",".join(fault.name for fault in faults) or None
    words = "; ".join(f"{fault.name}: {fault.message} ({fault.code})" for fault in faults)
    request = answer.get("correlationId")
    return RejectedError(
        f"HubSpot: {words}" if words else said,
        vendor="hubspot",
        code=code if isinstance(code, str) else None,
        param=param,
        request_id=request if isinstance(request, str) else None,
        status=status,
    )


def property_faults(body: Any) -> tuple[PropertyFault, ...]:
    """Return the properties that were refused, from the list inside the message."""
    message = body.get("message") if isinstance(body, dict) else None
    if not isinstance(message, str) or _MARK not in message:
        return ()
    try:
        listed, _ = json.JSONDecoder().raw_decode(message.split(_MARK, 1)[1].lstrip())
    except ValueError:
        return ()
    return tuple(
        PropertyFault(str(each.get("name")), str(each.get("error") or "INVALID"), scrubbed(str(each.get("message"))))
        for each in (listed if isinstance(listed, list) else ())
        if isinstance(each, dict)
    )


def scrubbed(text: str) -> str:
    """Put an error's text on one line and cut it."""
    plain = " ".join(text.split())
    return plain if len(plain) <= _TEXT_LIMIT else f"{plain[: _TEXT_LIMIT - 1]}…"


def _after(status: int, answer: Mapping[str, Any], headers: Mapping[str, str]) -> float | None:
    try:
        return max(0.0, float(headers["Retry-After"]))
    except (KeyError, ValueError):
        pass
    if status == 423:
        return _LOCKED
    if status != 429:
        return None
    policy = str(answer.get("policyName") or "")
    known = next((seconds for name, seconds in _WAITS.items() if policy.startswith(name)), None)
    return known if known is not None else 1.0 if "secondly limit" in str(answer.get("message")) else 10.0


def _scopes(answer: Mapping[str, Any]) -> str:
    found = sorted(set(_required(answer)))
    return f"the scope{'s' if len(found) > 1 else ''} {', '.join(found)}" if found else "the scope that is missing"


def _required(answer: Mapping[str, Any]) -> Iterator[str]:
    """Yield the scopes that an answer asks for: they stand in the context of its errors."""
    for each in (answer, *(e for e in answer.get("errors") or () if isinstance(e, dict))):
        context = each.get("context")
        for name, values in context.items() if isinstance(context, dict) else ():
            if "scope" in name.lower() and isinstance(values, list):
                yield from map(str, values)
