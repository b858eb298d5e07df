"""One text per JSON value: sorted keys, no spaces, exact numbers.

Equal values give equal text, so hashes of it are stable across processes and databases. Amounts are `Decimal` and
become strings; a float is refused, because an amount that was ever a float is no longer exact.
"""

import json
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, cast

_REFUSED = "the journal keeps no {}: {!r}"


def canonical_json(value: object) -> str:
    """Return the canonical text of a JSON-able value; decimals, dates and UTC times become strings.

    Raises TypeError for floats, for keys that are not text and for anything JSON does not know.
    """
    text = json.dumps(_plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    # Half an emoji (a lone surrogate, seen in CRM text cut at a column's width) cannot be encoded for the database.
    # Python's backslash form of it is the very escape that JSON uses, so nothing is lost.
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")


def read_json(text: str) -> Any:
    """Read a value back. Numbers with a point, which we never write, would still come back exact."""
    return json.loads(text, parse_float=Decimal)


def _plain(value: object) -> object:
    kind = type(value)
    if kind is str or value is None or kind is int or kind is bool:
        return value
    if kind is dict:
        return {_key(key): _plain(item) for key, item in cast("dict[object, object]", value).items()}
    if kind is list:
        return [_plain(item) for item in cast("list[object]", value)]
    return _plain_of(value)


def _plain_of(value: object) -> object:
    """`_plain` for what comes seldom: other kinds of mappings, numbers and times, and what is refused."""
    match value:
        case None | bool() | int() | str():
            return value
        case Decimal():
            return f"{value:f}"
        case datetime() | date():
            return value.isoformat()
        case Mapping():
            return {_key(key): _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case _:
            raise TypeError(_REFUSED.format(type(value).__name__, value))


def _key(key: object) -> str:
    if isinstance(key, str):
        return key
    raise TypeError(_REFUSED.format(f"{type(key).__name__} as a key", key))
