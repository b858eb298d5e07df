"""Faults in the platform's own words, ready to `inject`; each strikes once unless told otherwise.

The status codes and error codes are those of the vendor's status-code page; an Apex failure names its keys in another
order and comes with 500 (recorded traffic).
"""

from __future__ import annotations

from typing import Any

from connector.sandbox.http import FaultRule


def unavailable(route: str = "", **options: Any) -> FaultRule:
    """Answer 503: maintenance, or too busy."""
    return _told(503, "SERVER_UNAVAILABLE", "We are temporarily unable to service your request", route, options)


def daily_limit(route: str = "", **options: Any) -> FaultRule:
    """Answer that the day's calls are used up."""
    return _told(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.", route, options)


def concurrent_limit(route: str = "", **options: Any) -> FaultRule:
    """Answer that too many long calls are running."""
    return _told(
        403, "REQUEST_LIMIT_EXCEEDED", "ConcurrentRequests (Concurrent API Requests) Limit exceeded.", route, options
    )


def query_timeout(route: str = "/query", **options: Any) -> FaultRule:
    """Answer that a query ran too long."""
    return _told(400, "QUERY_TIMEOUT", "Your query request was running for too long.", route, options)


def lost_locator(**options: Any) -> FaultRule:
    """Forget a query's further pages."""
    return _told(400, "INVALID_QUERY_LOCATOR", "invalid query locator", "/query/{locator}", options)


def apex_error(text: str, route: str = "", **options: Any) -> FaultRule:
    """Let a customer's trigger fail."""
    return FaultRule(route=route, status=500, body=[{"errorCode": "APEX_ERROR", "message": text}], **options)


def odd_session_error(route: str = "", **options: Any) -> FaultRule:
    """Answer 401 with an object instead of a list, which clients have crashed on."""
    return FaultRule(route=route, status=401, body={"error": "invalid_session"}, **options)


def lost_answer(route: str, **options: Any) -> FaultRule:
    """Commit a call and close the connection before its answer."""
    return FaultRule(route=route, action="drop_after", **options)


def _told(status: int, code: str, message: str, route: str, options: dict[str, Any]) -> FaultRule:
    return FaultRule(route=route, status=status, body=[{"message": message, "errorCode": code}], **options)
