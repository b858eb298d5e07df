"""SOQL as values: which columns to read from which object, and the text of the query. Pure.

Names are checked against a pattern before they get near a query, ids against theirs; all other values go through the
vendor library's quoting.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from urllib.parse import quote

from connector.crm.salesforce.library import format_soql
from connector.domain.errors import ConfigError, RejectedError

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_ID = re.compile(r"[a-zA-Z0-9]{15}([a-zA-Z0-9]{3})?")
#: Vendor limits on child-to-parent queries: levels of a path, and relationships of one query.
MAX_LEVELS, MAX_RELATIONSHIPS = 5, 55
#: Characters of an encoded query that fit into an address with room to spare; Salesforce allows about 16 KB.
MAX_ENCODED = 15_000


def record_id(value: str) -> str:
    """Return the id when it is one. A wrong one must never get into an address or a query."""
    if not _ID.fullmatch(value):
        raise RejectedError(
            f"{value[:40]!r} is not the id of a Salesforce record (15 or 18 letters and digits)",
            vendor="salesforce",
            code="MALFORMED_ID",
        )
    return value


def field_path(path: str) -> str:
    """Return the dotted path when it may stand in a query; ConfigError otherwise."""
    names = path.split(".")
    if not all(_NAME.fullmatch(name) for name in names) or len(names) - 1 > MAX_LEVELS:
        raise ConfigError(f"{path[:100]!r} is not a Salesforce field path of at most {MAX_LEVELS} relationships")
    return path


def among(column: str, ids: Iterable[str]) -> str:
    """Return `column IN (ids)`; an empty list would not be SOQL, so it is refused."""
    checked = sorted({record_id(value) for value in ids})
    if not checked:
        raise ValueError(column)
    return format_soql("{column:literal} IN {ids}", column=field_path(column), ids=checked)


@dataclass(frozen=True, slots=True)
class Query:
    """A query in parts. `needs` are the paths in the condition: without them the query cannot be asked at all."""

    object: str
    columns: frozenset[str]
    where: str
    needs: frozenset[str] = frozenset()
    order_by: str = "Id"
    limit: int | None = None

    @property
    def soql(self) -> str:
        """The text; the same query always gives the same text."""
        columns = sorted(field_path(path) for path in {"Id", *self.columns})
        parents = {path.rpartition(".")[0] for path in columns} - {""}
        if len(parents) > MAX_RELATIONSHIPS:
            raise ConfigError(
                f"{self.object}: a query may follow {MAX_RELATIONSHIPS} relationships, not {len(parents)}"
            )
        clauses = ["SELECT", ", ".join(columns), "FROM", field_path(self.object), "WHERE", self.where]
        clauses += ["ORDER BY", self.order_by, *(("LIMIT", str(self.limit)) if self.limit else ())]
        return " ".join(clauses)

    @property
    def fits(self) -> bool:
        """Whether the encoded text fits into an address."""
        return len(quote(self.soql, safe="")) <= MAX_ENCODED

    def without(self, missing: Iterable[str]) -> "Query":
        """Leave out columns that the org does not have or show."""
        return replace(self, columns=self.columns - frozenset(missing))


def with_parents(paths: Iterable[str]) -> frozenset[str]:
    """Add the id of every parent on the way, so that parents become records of their own.

    >>> sorted(with_parents(["Account.Name"]))
    ['Account.Id', 'Account.Name', 'AccountId']
    """
    found = set(paths)
    for path in tuple(found):
        *parents, _ = path.split(".")
        for depth in range(1, len(parents) + 1):
            before, name = parents[: depth - 1], parents[depth - 1]
            found.add(".".join([*parents[:depth], "Id"]))
            found.add(".".join([*before, lookup_of(name)]))
    return frozenset(found)


def lookup_of(relationship: str) -> str:
    """Return the lookup field of a relationship: `Account` → AccountId, `SBQQ__Quote__r` → SBQQ__Quote__c."""
    return f"{relationship[:-1]}c" if relationship.endswith("__r") else f"{relationship}Id"


def chunks(values: Iterable[str], size: int) -> Iterator[tuple[str, ...]]:
    """Cut distinct values into pieces, in order."""
    distinct = tuple(dict.fromkeys(values))
    for start in range(0, len(distinct), size):
        yield distinct[start : start + size]
