"""What a property takes: each value checked and brought into the form the service keeps (vendor's properties guide).

Values arrive as text, numbers, booleans or null; they are kept as text, and empty means none.
"""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from connector.sandbox.hubspot.clock import parse_stamp, stamp
from connector.sandbox.hubspot.errors import fault

if TYPE_CHECKING:
    from collections.abc import Callable

    from connector.sandbox.hubspot.portal import Portal
    from connector.sandbox.hubspot.schema import Property

MAX_TEXT = 65_536
_DAY_MS = 86_400_000
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


class RefusedValueError(Exception):
    """A value that a property does not take."""

    def __init__(self, prop: Property, code: str, message: str) -> None:
        super().__init__(message)
        self.fault = fault(prop.name, code, message)


def accepted(prop: Property, value: Any, before: str | None, portal: Portal) -> str:
    """Return a value as it is kept; raises `RefusedValueError`. The empty text clears the property."""
    text = _text(value)
    if not text:
        return ""
    return _CHECKS[prop.type](prop, text, before, portal)


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, str) else str(value)


def _string(prop: Property, text: str, _: str | None, __: Portal) -> str:
    if len(text) > MAX_TEXT:
        raise RefusedValueError(prop, "TOO_LONG", f"{prop.name} takes at most {MAX_TEXT} characters, not {len(text)}")
    if prop.name == "email":
        if not _EMAIL.fullmatch(text):
            raise RefusedValueError(prop, "INVALID_EMAIL", f"Email address {text} is invalid")
        return text.lower()
    return text


def _number(prop: Property, text: str, _: str | None, __: Portal) -> str:
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise RefusedValueError(prop, "INVALID_NUMBER", f"{text} was not a valid number") from None
    if not number.is_finite():
        raise RefusedValueError(prop, "INVALID_NUMBER", f"{text} was not a valid number")
    return text


def _bool(prop: Property, text: str, _: str | None, __: Portal) -> str:
    if text not in {"true", "false"}:
        raise RefusedValueError(prop, "INVALID_BOOLEAN", f"{text} was not one of the allowed options: [true, false]")
    return text


def _date(prop: Property, text: str, _: str | None, __: Portal) -> str:
    if text.lstrip("-").isdigit() and len(text) > 8:
        if int(text) % _DAY_MS:
            raise RefusedValueError(prop, "INVALID_DATE", f"{text} is not at midnight UTC")
        return stamp(int(text))[:10]
    try:
        return date.fromisoformat(text[:10] if text.endswith("T00:00:00Z") else text).isoformat()
    except ValueError:
        raise RefusedValueError(prop, "INVALID_DATE", f"{text} was not a valid date") from None


def _datetime(prop: Property, text: str, _: str | None, __: Portal) -> str:
    moment = parse_stamp(text)
    if moment is None:
        raise RefusedValueError(prop, "INVALID_DATE", f"{text} was not a valid date and time")
    return stamp(moment)


def _enumeration(prop: Property, text: str, before: str | None, portal: Portal) -> str:
    if prop.field_type == "checkbox":
        return _checkboxes(prop, text, before)
    if prop.source == "owner":
        if not any(owner.id == text for owner in portal.owners):
            raise RefusedValueError(prop, "INVALID_OWNER_ID", f"Owner {text} does not exist")
        return text
    if prop.source == "currency":
        if text not in portal.currencies:
            raise RefusedValueError(prop, "INVALID_OPTION", f"{text} is none of the account's: {portal.currencies}")
        return text
    if not prop.source and not prop.accepts(text):
        allowed = ", ".join(each["value"] for each in prop.options)
        raise RefusedValueError(prop, "INVALID_OPTION", f"{text} was not one of the allowed options: [{allowed}]")
    return text


def _checkboxes(prop: Property, text: str, before: str | None) -> str:
    """Return several options as ``a;b``; a leading semicolon adds to what was there."""
    chosen = [each for each in text.split(";") if each]
    for each in chosen:
        if not prop.source and not prop.accepts(each):
            raise RefusedValueError(prop, "INVALID_OPTION", f"{each} was not one of the allowed options")
    kept = (before or "").split(";") if text.startswith(";") else []
    return ";".join(dict.fromkeys([*filter(None, kept), *chosen]))


_CHECKS: dict[str, Callable[[Property, str, str | None, Portal], str]] = {
    "string": _string,
    "number": _number,
    "bool": _bool,
    "date": _date,
    "datetime": _datetime,
    "enumeration": _enumeration,
}
