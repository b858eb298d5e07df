"""Field values: what a write may put into a column, and how a column shows in JSON.

Stored form equals the JSON form: text, booleans, ``YYYY-MM-DD`` dates, UTC timestamps of one fixed width (so that both
compare as text), ids of 18 characters, and numbers as floats except in integer columns (recorded traffic).
"""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from connector.sandbox.salesforce.clock import format_moment, parse_moment
from connector.sandbox.salesforce.errors import ApiError
from connector.sandbox.salesforce.ids import canonical
from connector.sandbox.salesforce.schema import ADDRESS_PARTS, FLOAT_TYPES, TEXT_TYPES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from connector.sandbox.salesforce.schema import Field

_DATE = re.compile(r"\d{4}-\d\d-\d\d(T.*)?")


def stored(column: Field, value: Any) -> Any:
    """Check a value against its column and bring it into stored form."""
    if value is None or value == "":
        return False if column.type == "boolean" else None
    read = _READERS.get(column.type)
    return read(column, value) if read else value


def _text(column: Field, value: Any) -> str | None:
    if not isinstance(value, str | int | float):
        raise _unreadable(column, value)
    text = str(value).strip()
    if column.restricted and text not in column.values:
        message = f"{column.name}: bad value for restricted picklist field: {text}"
        raise ApiError("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", message, fields=(column.name,))
    if column.length and len(text) > column.length:
        message = f"{column.name}: data value too large: {text} (max length={column.length})"
        raise ApiError("STRING_TOO_LONG", message, fields=(column.name,))
    if column.type == "email" and "@" not in text:
        raise ApiError("INVALID_EMAIL_ADDRESS", f"{column.name}: invalid email address: {text}", fields=(column.name,))
    return text or None


def _number(column: Field, value: Any) -> float | int:
    try:
        number = Decimal(str(value)) if not isinstance(value, bool) else Decimal("NaN")
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite() or (column.type == "int" and number != int(number)):
        raise _unreadable(column, value)
    return int(number) if column.type == "int" else float(number)


def _boolean(column: Field, value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in {"true", "false"}:
        return value.lower() == "true"
    raise _unreadable(column, value)


def _moment(column: Field, value: Any) -> str:
    text = value.isoformat() if hasattr(value, "isoformat") else str(value)
    try:
        if column.type == "datetime":
            return format_moment(parse_moment(text))
        if not _DATE.fullmatch(text):
            raise _unreadable(column, value)
        return date.fromisoformat(text[:10]).isoformat()
    except ValueError:
        raise _unreadable(column, value) from None


def _reference(column: Field, value: Any) -> str:
    full = canonical(value) if isinstance(value, str) else None
    if full is None:
        raise ApiError("MALFORMED_ID", f"{column.name}: id value of incorrect type: {value}", fields=(column.name,))
    return full


_READERS: dict[str, Callable[[Field, Any], Any]] = {
    **dict.fromkeys(TEXT_TYPES, _text),
    **dict.fromkeys(FLOAT_TYPES | {"int"}, _number),
    **dict.fromkeys(("date", "datetime"), _moment),
    **dict.fromkeys(("reference", "id"), _reference),
    "boolean": _boolean,
}


def _unreadable(column: Field, value: Any) -> ApiError:
    kind = "VALUE_STRING" if isinstance(value, str) else "VALUE_TRUE" if value is True else "VALUE"
    return ApiError("JSON_PARSER_ERROR", f"Cannot deserialize instance of {column.type} from {kind} value {value}")


def compound_address(stem: str, record: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the compound address of ``Billing``, ``Shipping`` or ``Mailing``: null when every part is empty."""
    parts = {part: record.get(stem + part) for part in ADDRESS_PARTS}
    if not any(parts.values()):
        return None
    return {
        "city": parts["City"],
        "country": parts["Country"],
        "geocodeAccuracy": None,
        "latitude": None,
        "longitude": None,
        "postalCode": parts["PostalCode"],
        "state": parts["State"],
        "street": parts["Street"],
    }


def shown(column: Field, record: Mapping[str, Any]) -> Any:
    """Return the value of a column as JSON shows it."""
    if column.type == "address":
        return compound_address(column.name.removesuffix("Address"), record)
    return record.get(column.name)
