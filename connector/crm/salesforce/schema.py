"""What the org has and shows us: objects and columns, asked for only when a query was refused.

A column that does not exist and one that the integration user may not read give the same answer, so both are called
missing. A missing column is left out and remembered; whether the contract can do without it is the mapping's business.
"""

import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from connector.crm.salesforce.client import SalesforceClient
from connector.crm.salesforce.query import Query, field_path
from connector.crm.salesforce.reads import ORDER_TIES
from connector.domain.errors import ConfigError

#: Seconds until what was missing is looked for again: an admin may have granted it meanwhile.
_FORGET_AFTER = 3600.0


@dataclass(frozen=True, slots=True)
class Column:
    """A field as described: may we write it, and where does it lead."""

    name: str
    updateable: bool
    createable: bool
    parent: str | None


@dataclass(frozen=True, slots=True)
class Described:
    """An object: its columns by lower-case name, and parents by lower-case relationship name."""

    columns: Mapping[str, Column]
    parents: Mapping[str, str]

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> "Described":
        """Read the answer of a describe call."""
        columns: dict[str, Column] = {}
        parents: dict[str, str] = {}
        for field in body["fields"]:
            parent = next(iter(field.get("referenceTo") or ()), None)
            name = field["name"]
            columns[name.lower()] = Column(name, bool(field["updateable"]), bool(field["createable"]), parent)
            if parent and field.get("relationshipName"):
                parents[field["relationshipName"].lower()] = parent
        return cls(columns, parents)


class OrgSchema:
    """Describes each object at most once an hour, for all threads."""

    def __init__(self, client: SalesforceClient) -> None:
        self._client = client
        self._lock = threading.RLock()
        self._described: dict[str, Described | None] = {}
        self._missing: dict[str, set[str]] = {}
        self._since = time.monotonic()

    @property
    def missing(self) -> Mapping[str, frozenset[str]]:
        """Object → paths that were left out of queries."""
        with self._lock:
            return {name: frozenset(paths) for name, paths in self._missing.items() if paths}

    def describe(self, name: str) -> Described | None:
        """Return an object's description; None when the org does not have or show it."""
        with self._lock:
            if name not in self._described:
                body = self._client.read(f"sobjects/{field_path(name)}/describe")
                self._described[name] = Described.of(body) if body else None
            return self._described[name]

    def forget(self) -> None:
        """Look at the org afresh from now on."""
        with self._lock:
            self._described.clear()
            self._missing.clear()
            self._since = time.monotonic()

    def askable(self, queries: Iterable[Query]) -> list[Query]:
        """Leave out columns known to be missing, and queries that cannot be asked without them."""
        with self._lock:
            if self._missing and time.monotonic() - self._since > _FORGET_AFTER:
                self.forget()
            return [
                query.without(missing)
                for query in queries
                if not query.needs & (missing := self._missing.get(query.object, set()))
                if self._described.get(query.object, ...) is not None
            ]

    def learn(self, query: Query) -> None:
        """Find out why a query was refused; ConfigError when the org's description does not tell.

        The object's own columns are looked at first, which takes one call; parents only when those are all there.
        """
        paths = query.columns | query.needs
        missing = self.missing_of(query.object, (path for path in paths if "." not in path))
        missing = missing or self.missing_of(query.object, paths)
        with self._lock:
            self._missing.setdefault(query.object, set()).update(missing)
        if self.describe(query.object) is None:
            self._check_needed(query.object)
        elif not missing:
            raise ConfigError(
                f"Salesforce refuses the query on {query.object} for a reason its description does not tell"
            )
        elif query.object == "Order":
            self._check_ties(missing)

    def missing_of(self, name: str, paths: Iterable[str]) -> frozenset[str]:
        """Return the paths, as seen from an object, that the org does not have or show."""
        return frozenset(path for path in paths if not self._has(name, path.split(".")))

    def _has(self, name: str, path: list[str]) -> bool:
        described = self.describe(name)
        if described is None:
            return False
        if len(path) == 1:
            return path[0].lower() in described.columns
        parent = described.parents.get(path[0].lower())
        return parent is not None and self._has(parent, path[1:])

    @staticmethod
    def _check_needed(name: str) -> None:
        """Refuse to go on without the two objects that every contract is made of; other objects may be absent."""
        if name in {"Order", "OrderItem"}:
            raise ConfigError(
                f"Salesforce does not show the object {name}. Enable orders in Setup, Order Settings, and let "
                "the integration user read it."
            )

    def has_cpq(self) -> bool:
        """Whether any column of the CPQ package shows on the objects that tie orders together."""
        found = (described for name in ("Order", "Opportunity") if (described := self.describe(name)))
        return any(column.startswith("sbqq__") for described in found for column in described.columns)

    def _check_ties(self, missing: frozenset[str]) -> None:
        """Refuse to guess in an org that has CPQ but hides what ties amendments to deals; one without CPQ may pass."""
        lost = missing & ORDER_TIES
        if lost and self.has_cpq():
            raise ConfigError(
                f"Salesforce does not show {', '.join(sorted(lost))} on Order, so amendments cannot be told from new "
                "deals, nor renewals. Give the integration user read access to these fields and to the objects on the "
                "way."
            )
