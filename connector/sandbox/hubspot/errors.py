"""The refusals of the API and their shapes.

A refused request answers ``{"status": "error", "message", "correlationId", "category", ...}``. Wrong property values
are listed a second time as JSON inside the message text, which is what clients have to parse (issues of public
integrations). A record that fails inside a batch is an entry of ``errors`` in a 207.
"""

from __future__ import annotations

import json
from itertools import count
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_STATUS = {
    "INVALID_AUTHENTICATION": 401,
    "EXPIRED_AUTHENTICATION": 401,
    "MISSING_SCOPES": 403,
    "OBJECT_NOT_FOUND": 404,
    "METHOD_NOT_ALLOWED": 405,
    "CONFLICT": 409,
    "OBJECT_ALREADY_EXISTS": 409,
    "RECORD_LOCKED": 423,
    "RATE_LIMITS": 429,
    "NOT_EMULATED": 501,
}
_numbers: Iterator[int] = count(1)


def correlation_id() -> str:
    """Return the next id by which a log line would be found."""
    return str(UUID(int=next(_numbers)))


class ApiError(Exception):
    """One refusal."""

    def __init__(
        self,
        category: str,
        message: str,
        *,
        errors: Iterable[Mapping[str, Any]] = (),
        context: Mapping[str, list[str]] | None = None,
        sub_category: str | None = None,
        status: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.category = category
        self.message = message
        self.errors = [dict(error) for error in errors]
        self.context = dict(context or {})
        self.sub_category = sub_category
        self.status = status or _STATUS.get(category, 400)
        self.headers = dict(headers or {})

    def body(self) -> dict[str, Any]:
        """Return the body of a failed request; keys without content are left out."""
        answer: dict[str, Any] = {"status": "error", "message": self.message, "correlationId": correlation_id()}
        optional = {"context": self.context, "errors": self.errors, "subCategory": self.sub_category}
        return answer | {"category": self.category} | {key: value for key, value in optional.items() if value}

    def entry(self, *ids: str) -> dict[str, Any]:
        """Return the entry of failed records inside a batch."""
        context = self.context | ({"ids": list(ids)} if ids else {})
        answer = {"status": "error", "category": self.category, "message": self.message, "context": context}
        sub = {"subCategory": self.sub_category} if self.sub_category else {}
        return answer | sub | {"errors": self.errors, "links": {}}


def invalid(message: str, **context: list[str]) -> ApiError:
    """Return the refusal of a request that makes no sense."""
    return ApiError("VALIDATION_ERROR", message, context=context)


def not_found(what: str = "resource not found") -> ApiError:
    """Return the answer for a record or path that is not there."""
    return ApiError("OBJECT_NOT_FOUND", what)


def invalid_values(faults: list[dict[str, Any]]) -> ApiError:
    """Return the refusal of a record's values: the whole record is rejected, whatever else it brings."""
    errors = [
        {"message": fault["message"], "code": fault["error"], "context": {"propertyName": [fault["name"]]}}
        for fault in faults
    ]
    message = f"Property values were not valid: {json.dumps(faults, separators=(',', ':'), ensure_ascii=False)}"
    return ApiError("VALIDATION_ERROR", message, errors=errors)


def fault(name: str, code: str, message: str) -> dict[str, Any]:
    """Return one entry of the list inside the message."""
    return {"isValid": False, "message": message, "error": code, "name": name, "localizedErrorMessage": message}
