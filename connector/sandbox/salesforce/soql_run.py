"""Queries executed against the store: rows found, ordered, cut, and rendered the way the API nests them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from zlib import crc32

from connector.sandbox.salesforce.errors import ApiError
from connector.sandbox.salesforce.soql_ast import Aggregate, AllFields, Path, Query
from connector.sandbox.salesforce.soql_bind import Column, bind, comparable, find_sobject, follow
from connector.sandbox.salesforce.soql_filter import Filter
from connector.sandbox.salesforce.values import shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from connector.sandbox.salesforce.schema import Field, SObject
    from connector.sandbox.salesforce.store import Record, Store

MAX_ALL_FIELDS = 200
MAX_OFFSET = 2000


@dataclass(slots=True)
class Shape:
    """What a row shows: own columns, parents by relationship, child lists by relationship; in the order selected."""

    sobject: SObject
    columns: dict[str, Field] = field(default_factory=dict)
    parents: dict[str, tuple[Field, Shape]] = field(default_factory=dict)
    children: dict[str, tuple[SObject, Field, Query]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rows:
    """The matching records, rendered only page by page."""

    shape: Shape
    records: Sequence[Record]


class Runner:
    """Runs queries for one API version; ``with_deleted`` is what queryAll adds."""

    def __init__(self, store: Store, version: str, *, with_deleted: bool = False) -> None:
        self.store = store
        self.version = version
        self.with_deleted = with_deleted

    # --- finding ---------------------------------------------------------------------------------------

    def rows(self, query: Query) -> Rows:
        """Everything a plain query finds."""
        sobject = find_sobject(self.store.schema, query.source)
        shape = self._shape(sobject, query)
        return Rows(shape, self._find(sobject, query))

    def count(self, query: Query) -> int:
        """``SELECT COUNT()``."""
        return len(self._find(find_sobject(self.store.schema, query.source), query))

    def aggregates(self, query: Query) -> list[dict[str, Any]]:
        """``COUNT(x)``, ``MAX(x)`` and so on, with or without GROUP BY."""
        sobject = find_sobject(self.store.schema, query.source)
        groups: dict[tuple[Any, ...], list[Record]] = {}
        keys = [bind(self.store.schema, sobject, path) for path in query.group_by]
        for record in self._find(sobject, query):
            groups.setdefault(tuple(key.value(self.store, record) for key in keys), []).append(record)
        if not keys:
            groups = groups or {(): []}
        return [self._aggregate_row(sobject, query, group) for group in groups.values()]

    def _find(self, sobject: SObject, query: Query, among: Iterable[Record] | None = None) -> list[Record]:
        if query.offset > MAX_OFFSET:
            raise ApiError("NUMBER_OUTSIDE_VALID_RANGE", f"Maximum SOQL offset allowed is {MAX_OFFSET}")
        found = self._filtered(sobject, query, among)
        found.sort(key=lambda record: crc32(record["Id"].encode()))  # no implied order: make reliance on one show
        for ordering in reversed(query.order_by):
            column = bind(self.store.schema, sobject, ordering.path)
            self._sort(found, column, descending=ordering.descending, nulls_last=ordering.nulls_last)
        end = None if query.limit is None else query.offset + query.limit
        return found[query.offset : end]

    def _filtered(self, sobject: SObject, query: Query, among: Iterable[Record] | None) -> list[Record]:
        where = Filter(self.store, sobject, self._semi_join)
        test = where.holds(query.where) if query.where else None
        if among is None and query.where is not None:
            among = where.candidates(query.where)
        records = self.store.all(sobject) if among is None else among
        return [r for r in records if (self.with_deleted or not r["IsDeleted"]) and (test is None or test(r))]

    def _semi_join(self, query: Query) -> set[Any]:
        if len(query.select) != 1 or not isinstance(query.select[0], Path):
            raise ApiError("MALFORMED_QUERY", "a semi-join selects exactly one field")
        sobject = find_sobject(self.store.schema, query.source)
        column = bind(self.store.schema, sobject, query.select[0])
        if column.field.type not in {"id", "reference"}:
            raise ApiError("MALFORMED_QUERY", f"The left operand field and {column.field.name} must be ids")
        return {column.value(self.store, record) for record in self._find(sobject, query)}

    def _sort(self, records: list[Record], column: Column, *, descending: bool, nulls_last: bool) -> None:
        nulls = [r for r in records if column.value(self.store, r) is None]
        others = [r for r in records if column.value(self.store, r) is not None]
        others.sort(key=lambda r: comparable(column.value(self.store, r)), reverse=descending)
        records[:] = others + nulls if nulls_last else nulls + others

    def _aggregate_row(self, sobject: SObject, query: Query, group: list[Record]) -> dict[str, Any]:
        row: dict[str, Any] = {"attributes": {"type": "AggregateResult"}}
        unnamed = 0
        for item in query.select:
            if isinstance(item, Aggregate):
                name = item.alias or f"expr{unnamed}"
                unnamed += item.alias is None
                row[name] = self._aggregate(sobject, item, group)
            elif isinstance(item, Path) and item in [Path(p.names, item.at) for p in query.group_by]:
                column = bind(self.store.schema, sobject, item)
                row[column.field.name] = column.value(self.store, group[0])
            else:
                raise ApiError("MALFORMED_QUERY", f"Field must be grouped or aggregated: {item}")
        return row

    def _aggregate(self, sobject: SObject, item: Aggregate, group: list[Record]) -> Any:
        if item.path is None:
            return len(group)
        column = bind(self.store.schema, sobject, item.path)
        values = [v for record in group if (v := column.value(self.store, record)) is not None]
        if item.function in {"COUNT", "COUNT_DISTINCT"}:
            return len(values if item.function == "COUNT" else set(values))
        if not values:
            return None
        if item.function in {"MIN", "MAX"}:
            return (min if item.function == "MIN" else max)(values)
        return sum(values) / (len(values) if item.function == "AVG" else 1)

    # --- showing ---------------------------------------------------------------------------------------

    def _shape(self, sobject: SObject, query: Query) -> Shape:
        shape = Shape(sobject)
        for item in query.select:
            if isinstance(item, AllFields):
                self._add_all(shape, item, query)
            elif isinstance(item, Query):
                self._add_children(shape, item)
            elif isinstance(item, Path):
                self._add_path(shape, item)
            else:
                raise ApiError("MALFORMED_QUERY", f"{item.function} cannot be mixed with plain fields here")
        return shape

    def _add_path(self, shape: Shape, path: Path) -> None:
        column = bind(self.store.schema, shape.sobject, path)
        for hop, target in zip(column.hops, column.targets, strict=True):
            shape = shape.parents.setdefault(str(hop.relationship), (hop, Shape(target)))[1]
        if column.field.name in shape.columns:
            raise ApiError("INVALID_FIELD", f"duplicate field selected: {path}")
        shape.columns[column.field.name] = column.field

    def _add_all(self, shape: Shape, item: AllFields, query: Query) -> None:
        if item.group != "STANDARD" and (query.limit is None or query.limit > MAX_ALL_FIELDS):
            message = f"The SOQL FIELDS function must have a LIMIT of at most {MAX_ALL_FIELDS}"
            raise ApiError("MALFORMED_QUERY", message)
        for column in shape.sobject.fields.values():
            if item.group == "ALL" or column.custom == (item.group == "CUSTOM"):
                shape.columns.setdefault(column.name, column)

    def _add_children(self, shape: Shape, query: Query) -> None:
        found = self.store.schema.child(shape.sobject, query.source)
        if found is None:
            raise ApiError(
                "INVALID_TYPE", f"Didn't understand relationship '{query.source}' in FROM part of query call."
            )
        child, lookup = found
        self._shape(child, query)
        shape.children[str(lookup.child_relationship)] = (child, lookup, query)

    def render(self, shape: Shape, record: Record) -> dict[str, Any]:
        """Render a record as a row: attributes, own columns, nested parents, child lists."""
        row: dict[str, Any] = {"attributes": self.attributes(shape.sobject, record["Id"])}
        for name, column in shape.columns.items():
            row[name] = shown(column, record)
        for relationship, (hop, inner) in shape.parents.items():
            parent = follow(self.store, record, hop, inner.sobject)
            row[relationship] = None if parent is None else self.render(inner, parent)
        for relationship, (child, lookup, query) in shape.children.items():
            row[relationship] = self._children(child, lookup, query, record)
        return row

    def _children(self, child: SObject, lookup: Field, query: Query, record: Record) -> dict[str, Any] | None:
        found = self._find(child, query, list(self.store.where(child, lookup, [record["Id"]])))
        if not found:
            return None
        shape = self._shape(child, query)
        return {"totalSize": len(found), "done": True, "records": [self.render(shape, each) for each in found]}

    def attributes(self, sobject: SObject, record_id: str) -> dict[str, str]:
        """Return the header of each row."""
        url = f"/services/data/v{self.version}/sobjects/{sobject.name}/{record_id}"
        return {"type": sobject.name, "url": url}
