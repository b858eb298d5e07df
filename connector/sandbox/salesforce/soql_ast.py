"""The parts of a parsed SOQL query, names as written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Path:
    """``SBQQ__Quote__r.SBQQ__StartDate__c`` as its names, and where it stood in the text."""

    names: tuple[str, ...]
    at: int = 0

    def __str__(self) -> str:
        return ".".join(self.names)


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant; ``kind`` is string, number, boolean, null, date, datetime or period (such as ``LAST_N_DAYS:30``)."""

    kind: str
    value: Any


@dataclass(frozen=True, slots=True)
class Compare:
    """``path operator literal``; the operator is in upper case, ``LIKE`` included."""

    path: Path
    operator: str
    literal: Literal


@dataclass(frozen=True, slots=True)
class Member:
    """``path [NOT] IN (literals)`` or ``path [NOT] IN (SELECT ...)``."""

    path: Path
    choices: tuple[Literal, ...] | Query
    negated: bool


@dataclass(frozen=True, slots=True)
class Not:
    """Negation."""

    condition: Condition


@dataclass(frozen=True, slots=True)
class Junction:
    """Conditions joined by one of ``AND`` and ``OR``."""

    operator: str
    conditions: tuple[Condition, ...]


Condition = Compare | Member | Not | Junction


@dataclass(frozen=True, slots=True)
class AllFields:
    """``FIELDS(ALL)``, ``FIELDS(STANDARD)`` or ``FIELDS(CUSTOM)``."""

    group: str


@dataclass(frozen=True, slots=True)
class Aggregate:
    """``COUNT()``, ``COUNT(Id) n``, ``MAX(SystemModstamp)`` and their like."""

    function: str
    path: Path | None
    alias: str | None


@dataclass(frozen=True, slots=True)
class Ordering:
    """One key of ORDER BY."""

    path: Path
    descending: bool
    nulls_last: bool


@dataclass(frozen=True, slots=True)
class Query:
    """One SELECT; for a subquery ``source`` is the name of a child list."""

    select: tuple[Path | Query | AllFields | Aggregate, ...]
    source: str
    where: Condition | None = None
    group_by: tuple[Path, ...] = ()
    order_by: tuple[Ordering, ...] = ()
    limit: int | None = None
    offset: int = 0
