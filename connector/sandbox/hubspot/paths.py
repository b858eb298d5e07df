"""The versions of the API brought to one: ``/crm/v3/objects/deals`` and ``/crm/objects/2026-03/0-3`` are the same call.

The names differ in shape only (vendor's published specifications, compared); associations are v4 where objects are v3.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

DATED = ("2025-09", "2026-03", "2026-09")
_DATED = re.compile(r"/(?:crm/(objects|associations|properties|pipelines|owners)|(account-info))/(\d{4}-\d\d)(/.*)?")
_NUMBERED = re.compile(r"/(?:crm/v([34])/(objects|associations|properties|pipelines|owners)|(account-info)/v(3))(/.*)?")
_ASSOCIATIONS = re.compile(r"/objects/[^/]+/[^/]+/associations(/.*)?")


@dataclass(frozen=True, slots=True)
class Address:
    """A path without its version."""

    path: str
    version: str


def address(path: str) -> Address | None:
    """Return what a path means; None when no version of the API has it."""
    path = path.rstrip("/")
    if path.startswith("/oauth/"):
        return Address(path, "v2")
    if found := _DATED.fullmatch(path):
        area, account, version, rest = found.groups()
        return Address(f"/{area or account}{rest or ''}", version) if version in DATED else None
    if found := _NUMBERED.fullmatch(path):
        number, area, account, _, rest = found.groups()
        plain = f"/{area or account}{rest or ''}"
        v4 = area == "associations" or bool(_ASSOCIATIONS.fullmatch(plain))
        return Address(plain, f"v{number or 3}") if v4 == (number == "4") else None
    return None
