"""WHERE clauses: which records hold, and which indexes spare looking at all of them.

Null semantics after the vendor's comparison-operator page: ``!=`` and ``NOT IN`` hold for null, orderings never do.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from connector.sandbox.salesforce.errors import ApiError
from connector.sandbox.salesforce.ids import canonical
from connector.sandbox.salesforce.soql_ast import Compare, Condition, Junction, Member, Not, Path, Query
from connector.sandbox.salesforce.soql_bind import Column, bind, comparable, operand
from connector.sandbox.salesforce.soql_periods import period

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from connector.sandbox.salesforce.schema import SObject
    from connector.sandbox.salesforce.store import Record, Store

_ORDERINGS: dict[str, Callable[[Any, Any], bool]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


class Filter:
    """One WHERE clause bound to an object; ``inner`` runs a semi-join and returns its values."""

    def __init__(self, store: Store, sobject: SObject, inner: Callable[[Query], set[Any]]) -> None:
        self.store = store
        self.sobject = sobject
        self.inner = inner
        self.members: dict[Member, set[Any]] = {}

    def holds(self, condition: Condition) -> Callable[[Record], bool]:
        """Build a test for a condition."""
        if isinstance(condition, Junction):
            tests = [self.holds(part) for part in condition.conditions]
            if condition.operator == "AND":
                return lambda record: all(test(record) for test in tests)
            return lambda record: any(test(record) for test in tests)
        if isinstance(condition, Not):
            test = self.holds(condition.condition)
            return lambda record: not test(record)
        if isinstance(condition, Member):
            return self._member(condition)
        return self._comparison(condition)

    def _filterable(self, path: Path) -> Column:
        """Bind a column that WHERE may name: long text is stored apart and cannot be filtered."""
        column = bind(self.store.schema, self.sobject, path)
        if column.field.type in {"textarea", "address"} and column.field.length != 255:
            raise ApiError("INVALID_FIELD", f"field '{column.field.name}' can not be filtered in a query call")
        return column

    def _member(self, condition: Member) -> Callable[[Record], bool]:
        column = self._filterable(condition.path)
        choices = self._choices(condition, column)
        store = self.store
        if condition.negated:
            return lambda record: comparable(column.value(store, record)) not in choices
        return lambda record: comparable(column.value(store, record)) in choices

    def _choices(self, condition: Member, column: Column) -> set[Any]:
        if condition not in self.members:
            if isinstance(condition.choices, Query):
                self.members[condition] = {comparable(value) for value in self.inner(condition.choices)} - {None}
            else:
                self.members[condition] = {operand(column, literal) for literal in condition.choices}
        return self.members[condition]

    def _comparison(self, condition: Compare) -> Callable[[Record], bool]:
        column = self._filterable(condition.path)
        store, operator = self.store, condition.operator
        if operator == "LIKE":
            pattern = _like(str(operand(column, condition.literal) or ""))
            return lambda record: (value := column.value(store, record)) is not None and bool(pattern.fullmatch(value))
        if condition.literal.kind == "period":
            return self._within(column, operator, str(condition.literal.value))
        wanted = operand(column, condition.literal)
        if operator == "=":
            return lambda record: bool(comparable(column.value(store, record)) == wanted)
        if operator == "!=":
            return lambda record: bool(comparable(column.value(store, record)) != wanted)
        if wanted is None or column.field.type == "boolean":
            raise ApiError("INVALID_QUERY_FILTER_OPERATOR", f"{column.field.name}: invalid operator {operator}")
        compare = _ORDERINGS[operator]

        def ordered(record: Record) -> bool:
            value = column.value(store, record)
            return value is not None and compare(comparable(value), wanted)

        return ordered

    def _within(self, column: Column, operator: str, literal: str) -> Callable[[Record], bool]:
        if column.field.type not in {"date", "datetime"}:
            message = f"value of filter criterion for field '{column.field.name}' must be of type {column.field.type}"
            raise ApiError("INVALID_FIELD", message)
        first, after = (day.isoformat() for day in period(literal, self.store.clock.today()))
        store = self.store
        tests: dict[str, Callable[[str], bool]] = {
            "=": lambda day: first <= day < after,
            "!=": lambda day: not first <= day < after,
            "<": lambda day: day < first,
            "<=": lambda day: day < after,
            ">": lambda day: day >= after,
            ">=": lambda day: day >= first,
        }
        test = tests[operator]

        def within(record: Record) -> bool:
            value = column.value(store, record)
            return test(value[:10]) if value is not None else operator == "!="

        return within

    # --- indexes ---------------------------------------------------------------------------------------

    def candidates(self, condition: Condition | None) -> Iterable[Record] | None:
        """Return a superset of the matching records found by index, or None when every record must be looked at."""
        if isinstance(condition, Junction) and condition.operator == "OR":
            return self._union([self.candidates(part) for part in condition.conditions])
        parts = condition.conditions if isinstance(condition, Junction) else (condition,) if condition else ()
        for part in parts:
            found = self.candidates(part) if isinstance(part, Junction) else self._indexed(part)
            if found is not None:
                return found
        return self._stamped(parts)

    @staticmethod
    def _union(parts: list[Iterable[Record] | None]) -> Iterable[Record] | None:
        found = [records for records in parts if records is not None]
        if len(found) < len(parts):
            return None
        return list({record["Id"]: record for records in found for record in records}.values())

    def _indexed(self, condition: Condition) -> Iterable[Record] | None:
        if isinstance(condition, Member) and not condition.negated:
            column = bind(self.store.schema, self.sobject, condition.path)
            choices = self._choices(condition, column)
            return self._walk_back(column, choices) if _by_index(column) and None not in choices else None
        if isinstance(condition, Compare) and condition.operator == "=" and condition.literal.kind == "string":
            column = bind(self.store.schema, self.sobject, condition.path)
            return self._walk_back(column, {operand(column, condition.literal)}) if _by_index(column) else None
        return None

    def _walk_back(self, column: Column, values: set[Any]) -> Iterable[Record]:
        """Find the far records by value, then those that point at them, back to the object itself."""
        far = column.targets[-1] if column.hops else self.sobject
        if column.field.type == "id":
            found = (self.store.get(far, canonical(value) or "") for value in values)
            records = [record for record in found if record is not None]
        else:
            records = list(self.store.where(far, column.field, values))
        for i in reversed(range(len(column.hops))):
            source = column.targets[i - 1] if i else self.sobject
            records = list(self.store.where(source, column.hops[i], {record["Id"] for record in records}))
        return records

    def _stamped(self, conditions: Iterable[Condition]) -> Iterable[Record] | None:
        low, high = "", "9"
        for part in conditions:
            if not isinstance(part, Compare) or part.literal.kind != "datetime" or len(part.path.names) > 1:
                continue
            if part.path.names[0].lower() == "systemmodstamp" and part.operator in {">", ">=", "<", "<=", "="}:
                low = max(low, part.literal.value) if part.operator in {">", ">=", "="} else low
                high = min(high, part.literal.value) if part.operator in {"<", "<=", "="} else high
        return self.store.stamped(self.sobject, low, high) if (low, high) != ("", "9") else None


def _by_index(column: Column) -> bool:
    return column.field.type == "id" or column.field.indexed


def _like(pattern: str) -> re.Pattern[str]:
    parts = re.findall(r"\\[_%]|.", pattern, re.DOTALL)
    wild = {"%": ".*", "_": "."}
    return re.compile("".join(wild.get(part) or re.escape(part[-1]) for part in parts), re.IGNORECASE | re.DOTALL)
