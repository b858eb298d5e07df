"""JSON with exact numbers: the standard library can read them as Decimal, but not write them digit by digit. Pure."""

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

_MARK = "\ue000"  # private use, so no text holds it; marks numbers whose quotes are taken away at the end


def read_json(text: str, **options: Any) -> Any:
    """Parse JSON; numbers become int or Decimal. Raises ValueError (`json.JSONDecodeError` with a position)."""
    return json.loads(text, parse_float=Decimal, **options)


def write_json(value: Any, *, indent: int | None = None) -> str:
    """Write JSON; Decimal digit by digit, dates and aware datetimes as ISO 8601 (datetimes in UTC)."""
    text = json.dumps(_plain(value), indent=indent, ensure_ascii=False)
    return text.replace(f'"{_MARK}', "").replace(f'{_MARK}"', "")


def _plain(value: Any) -> Any:
    match value:
        case Mapping():
            return {key: _plain(inner) for key, inner in value.items()}
        case list() | tuple():
            return [_plain(inner) for inner in value]
        case Decimal():
            return f"{_MARK}{value}{_MARK}"
        case str():
            return value.replace(_MARK, "")
        case _:
            return _moment(value)


def _moment(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return value.isoformat() if isinstance(value, date) else value
