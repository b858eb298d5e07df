"""What Salesforce's refusals mean for us: try again, give the contract up, or ask an admin. Pure.

Codes are those of the vendor's page "Status Codes and Error Responses" and of the `StatusCode` list of the SOAP guide.
A refused request answers a list of `{"message", "errorCode"}`; a refused row in a collection says `statusCode`.
"""

import re
from collections.abc import Mapping
from typing import Any

from connector.domain.errors import ConfigError, ConnectorError, RejectedError, RetryableError

#: Somebody else holds the record, or the platform is busy: the same request may succeed in a moment.
TRANSIENT = frozenset(
    {
        "UNABLE_TO_LOCK_ROW",
        "QUERY_TIMEOUT",
        "INVALID_QUERY_LOCATOR",
        "SERVER_UNAVAILABLE",
        "UNKNOWN_EXCEPTION",
        "REQUEST_RUNNING_TOO_LONG",
        "CONCURRENT_REQUESTS_LIMIT_EXCEEDED",
    }
)
#: A column or object that is not there, or that the integration user may not see: the same answer for both.
UNKNOWN_COLUMN = frozenset({"INVALID_FIELD", "INVALID_TYPE"})

_ADMIN = {
    "INVALID_SESSION_ID": "the session was refused twice; check the app's session policies and IP restrictions",
    "API_DISABLED_FOR_ORG": "give the integration user the permission API Enabled, in an edition that has the API",
    "API_CURRENTLY_DISABLED": "give the integration user the permission API Enabled",
    "UNSUPPORTED_API_VERSION": "set api_version to one that Salesforce still serves",
    "METHOD_NOT_ALLOWED": "set api_version to one that Salesforce still serves",
    "MALFORMED_QUERY": "check the field names of the mapping file",
    "ORG_LOCKED": "the org is locked; ask Salesforce",
}
_AFTER_DAILY_LIMIT = 3600.0  # seconds; the allowance is counted over a rolling day
_AFTER_CONCURRENT_LIMIT = 5.0
_POSITION = re.compile(r"(?s)^.*ERROR at Row:\d+:Column:\d+\s*")
_TEXT_LIMIT = 300


def error_of(status: int, body: Any, headers: Mapping[str, str] | None = None) -> ConnectorError:
    """Translate a failed answer: `status` of HTTP, `body` as parsed JSON or as text."""
    code, text = _code_and_text(body)
    said = f"Salesforce: {text} ({code or status})"
    if code == "REQUEST_LIMIT_EXCEEDED":
        daily = "total" in text.lower()
        return RetryableError(said, after=_AFTER_DAILY_LIMIT if daily else _AFTER_CONCURRENT_LIMIT)
    if code in TRANSIENT or status in {408, 429, 502, 503, 504} or (status == 500 and code != "APEX_ERROR"):
        away = status in {502, 503, 504} or (status == 500 and code not in TRANSIENT)
        return RetryableError(said, after=_seconds((headers or {}).get("Retry-After")), away=away)
    if code in _ADMIN or status == 401:
        return ConfigError(f"{said}. To do: {_ADMIN.get(code or '', 'check the login')}.")
    if status == 300:
        return RejectedError(
            "Salesforce: several records match one key", vendor="salesforce", code="DUPLICATES", status=status
        )
    return RejectedError(said, vendor="salesforce", code=code, status=status)


def row_error(errors: Any) -> tuple[str, str]:
    """Return code and text of a refused row of a collection."""
    code, text = _code_and_text(errors)
    first = errors[0] if isinstance(errors, list) and errors else {}
    named = ", ".join(map(str, first.get("fields") or ())) if isinstance(first, dict) else ""
    return code or "UNKNOWN", f"{text} [{named}]" if named and named not in text else text


def scrubbed(text: str) -> str:
    """Take the query out of an error's text, and cut it: a query names ids, and bodies hold customers' data."""
    plain = " ".join(_POSITION.sub("", text).split())
    return plain if len(plain) <= _TEXT_LIMIT else f"{plain[: _TEXT_LIMIT - 1]}…"


def _code_and_text(body: Any) -> tuple[str | None, str]:
    first = body[0] if isinstance(body, list) and body else body
    if not isinstance(first, dict):  # a proxy's page: its text is nobody's message
        return None, "an answer that is not Salesforce's API"
    code = first.get("errorCode") or first.get("statusCode") or first.get("error")
    text = first.get("message") or first.get("error_description") or "no reason given"
    return (code if isinstance(code, str) else None), scrubbed(str(text))


def _seconds(header: str | None) -> float | None:
    try:
        return max(0.0, float(header)) if header else None
    except ValueError:
        return None
