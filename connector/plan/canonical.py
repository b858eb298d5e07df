"""One spelling for parameters: what is hashed, stored, compared and shown.

Dates become ISO days, amounts plain decimal strings, references {"$ref": "customer/001…"}. Equal meaning, equal text.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any, cast

from connector.compile.resource import Ref, Value
from connector.domain.money import plain

Json = Any  # a JSON value: dict, list, str, int, bool or None


def canonical(value: Value | Mapping[str, Value]) -> Json:
    """Return parameters as a JSON value."""
    kind = type(value)  # most are of these kinds; asking for the abstract ones is slow
    if kind is str or kind is int:
        return value
    if kind is dict:
        return {key: canonical(entry) for key, entry in cast("dict[str, Value]", value).items()}
    return _canonical(value)


def _canonical(value: Value | Mapping[str, Value]) -> Json:
    if isinstance(value, Mapping):
        return {key: canonical(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [canonical(entry) for entry in value]
    if isinstance(value, Ref):
        return {"$ref": str(value.key)}
    if isinstance(value, Decimal):
        return format(plain(value), "f")
    return value.isoformat() if isinstance(value, date) else value


def dump(value: Json) -> str:
    """Return canonical JSON text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest(value: Json) -> str:
    """Return the SHA-256 of a JSON value, in hex."""
    return hashlib.sha256(dump(value).encode()).hexdigest()
