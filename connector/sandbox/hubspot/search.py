"""Search filters: what a filter means, and which records it lets through (vendor's search guide).

Comparison ignores case, except for enumerations, and for IN and NOT_IN, whose values must be lower case already. Dates
are compared as epoch milliseconds. A record without a value passes none of the comparisons, and all of the negations.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from fnmatch import fnmatchcase
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from connector.sandbox.hubspot.clock import parse_stamp
from connector.sandbox.hubspot.errors import invalid

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from connector.sandbox.hubspot.schema import ObjectType, Property
    from connector.sandbox.hubspot.store import Indexed

ORDERED = {"LT", "LTE", "GT", "GTE"}
OPERATORS = ORDERED | {
    "EQ",
    "NEQ",
    "BETWEEN",
    "IN",
    "NOT_IN",
    "HAS_PROPERTY",
    "NOT_HAS_PROPERTY",
    "CONTAINS_TOKEN",
    "NOT_CONTAINS_TOKEN",
}
_NEGATIONS = {"NEQ": "EQ", "NOT_IN": "IN", "NOT_HAS_PROPERTY": "HAS_PROPERTY", "NOT_CONTAINS_TOKEN": "CONTAINS_TOKEN"}


class Column:
    """One property of a type as search compares it."""

    def __init__(self, kind: ObjectType, prop: Property) -> None:
        self.prop = prop
        self.read = self._reader(kind)

    def _reader(self, kind: ObjectType) -> Callable[[Indexed], Any]:
        name = self.prop.name
        if name == "hs_object_id":
            return attrgetter("number")
        if name == kind.modified_property:
            return attrgetter("updated")
        if name == kind.created_property:
            return attrgetter("created")
        return lambda entry: None if (value := entry.values.get(name)) is None else self.comparable(value)

    def comparable(self, text: str) -> Any:
        """Return a value in the form it is compared in; raises ValueError."""
        if self.prop.type == "number":
            try:
                return Decimal(text)
            except InvalidOperation:
                raise ValueError(text) from None
        if self.prop.type in {"date", "datetime"}:
            moment = parse_stamp(text)
            if moment is None:
                raise ValueError(text)
            return moment
        return text if self.prop.type in {"enumeration", "bool"} else text.lower()

    def given(self, value: Any) -> Any:
        """Return a filter's value; numbers and booleans in JSON count as text."""
        if value is None:
            raise invalid(f"operator on {self.prop.name} requires a value")
        text = str(value).lower() if isinstance(value, bool) else str(value)
        try:
            return self.comparable(text)
        except ValueError:
            raise invalid(f"{text} is not a valid {self.prop.type} for {self.prop.name}") from None


def compile_filter(kind: ObjectType, given: Mapping[str, Any]) -> Callable[[Indexed], bool]:
    """Return the test a filter stands for."""
    operator, name = given.get("operator"), str(given.get("propertyName"))
    if operator not in OPERATORS:
        raise invalid(f"Invalid input JSON: unknown operator {operator}; known: {', '.join(sorted(OPERATORS))}")
    prop = kind.find(name)
    if prop is None:
        raise invalid(f"There was a problem with the request: property {name} does not exist on {kind.name}")
    column = Column(kind, prop)
    if operator in _NEGATIONS:
        positive = _positive(column, _NEGATIONS[operator], given)
        return lambda entry: not positive(entry)
    return _positive(column, operator, given)


def _positive(column: Column, operator: str, given: Mapping[str, Any]) -> Callable[[Indexed], bool]:
    read = column.read
    if operator == "HAS_PROPERTY":
        return lambda entry: read(entry) is not None
    if operator == "IN":
        return _within(column, given.get("values"))
    if operator == "CONTAINS_TOKEN":
        pattern = str(given.get("value") or "").lower()
        return lambda entry: _has_token(entry.values.get(column.prop.name), pattern)
    value = column.given(given.get("value"))
    if operator == "BETWEEN":
        high = column.given(given.get("highValue"))
        return lambda entry: (found := read(entry)) is not None and value <= found <= high
    return _compared(read, operator, value)


def _compared(read: Callable[[Indexed], Any], operator: str, value: Any) -> Callable[[Indexed], bool]:
    if operator == "EQ":
        return lambda entry: read(entry) == value
    if operator == "LT":
        return lambda entry: (found := read(entry)) is not None and found < value
    if operator == "LTE":
        return lambda entry: (found := read(entry)) is not None and found <= value
    if operator == "GT":
        return lambda entry: (found := read(entry)) is not None and found > value
    return lambda entry: (found := read(entry)) is not None and found >= value


def _within(column: Column, values: Any) -> Callable[[Indexed], bool]:
    if not isinstance(values, list) or not values:
        raise invalid(f"operator IN on {column.prop.name} requires values")
    if column.prop.type == "string":
        wanted = {str(value) for value in values}
    else:
        wanted = {column.given(value) for value in values}
    return lambda entry: column.read(entry) in wanted


def _has_token(value: str | None, pattern: str) -> bool:
    return value is not None and any(fnmatchcase(word, pattern) for word in [value.lower(), *value.lower().split()])


def matches_query(kind: ObjectType, entry: Indexed, query: str) -> bool:
    """Whether every word of a query begins a word in one of the searched properties."""
    words = [word for name in kind.searched for word in entry.values.get(name, "").lower().split()]
    return all(any(word.startswith(part) for word in words) for part in query.lower().split())
