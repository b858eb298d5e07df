"""One spelling for parameters: what is hashed, stored, compared and shown.

Dates become ISO days, amounts plain decimal strings, references {"$ref": "customer/001…"}. Equal meaning, equal text.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from connector.compile.resource import Ref, Value
from connector.domain.money import plain

Json = Any  # a JSON value: dict, list, str, int, bool or None


def canonical(value: Value | Mapping[str, Value]) -> Json:
    """Return parameters as a JSON value."""
    if isinstance(value, Mapping):
        return {key: canonical(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [canonical(entry) for entry in value]
    if isinstance(value, Ref):
        return {"$ref": str(value.key)}
    if isinstance(value, Decimal):
        return format(plain(value), "f")
    if isinstance(value, date):
        return value.isoformat()
    return value


def dump(value: Json) -> str:
    """Return canonical JSON text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest(value: Json) -> str:
    """Return the SHA-256 of a JSON value, in hex."""
    return hashlib.sha256(dump(value).encode()).hexdigest()
