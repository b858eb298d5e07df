"""The refusals of the API, and the two shapes they come in.

A request that fails as a whole answers a list of ``{"message", "errorCode", "fields"}``; a record that fails inside a
collection is reported in a 200 with ``statusCode`` instead (vendor pages on status codes and composite resources).
"""

from __future__ import annotations

from typing import Any

_STATUS = {
    "INVALID_SESSION_ID": 401,
    "REQUEST_LIMIT_EXCEEDED": 403,
    "INSUFFICIENT_ACCESS": 403,
    "API_DISABLED_FOR_ORG": 403,
    "NOT_FOUND": 404,
    "ENTITY_IS_DELETED": 404,
    "METHOD_NOT_ALLOWED": 405,
    "UNSUPPORTED_API_VERSION": 410,
    "URI_TOO_LONG": 414,
    "APEX_ERROR": 500,
    "SERVER_UNAVAILABLE": 503,
    "NOT_EMULATED": 501,
}


class ApiError(Exception):
    """One refusal, with the code a client decides by."""

    def __init__(self, code: str, message: str, *, fields: tuple[str, ...] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.fields = fields

    @property
    def status(self) -> int:
        """The HTTP status of a request that fails with this alone; data errors are 400."""
        return _STATUS.get(self.code, 400)

    def body(self) -> list[dict[str, Any]]:
        """Return the body of a failed request; ``fields`` only where the platform names some."""
        error: dict[str, Any] = {"message": self.message, "errorCode": self.code}
        if self.fields is not None:
            error["fields"] = list(self.fields)
        return [error]

    def row(self) -> dict[str, Any]:
        """Return the entry of a failed record inside a collection."""
        return {"statusCode": self.code, "message": self.message, "fields": list(self.fields or ())}


def not_found() -> ApiError:
    """Return the answer for a record or path that is not there or not visible."""
    return ApiError("NOT_FOUND", "The requested resource does not exist")
