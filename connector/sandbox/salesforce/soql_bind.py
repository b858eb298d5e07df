"""Names in a query resolved against the schema, with the refusals a misspelt name or ill-typed literal earns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from connector.sandbox.salesforce.errors import ApiError
from connector.sandbox.salesforce.ids import canonical
from connector.sandbox.salesforce.schema import FLOAT_TYPES, TEXT_TYPES

if TYPE_CHECKING:
    from connector.sandbox.salesforce.schema import Field, Schema, SObject
    from connector.sandbox.salesforce.soql_ast import Literal, Path
    from connector.sandbox.salesforce.store import Record, Store

MAX_LEVELS = 5


@dataclass(frozen=True, slots=True)
class Column:
    """A column reached over lookups; ``targets[i]`` is the object behind ``hops[i]``."""

    hops: tuple[Field, ...]
    targets: tuple[SObject, ...]
    field: Field

    @property
    def local(self) -> bool:
        """Whether the column is the record's own."""
        return not self.hops

    def value(self, store: Store, record: Record) -> Any:
        """Return the stored value as seen from a record; a missing parent on the way makes it null."""
        here: Record | None = record
        for hop, target in zip(self.hops, self.targets, strict=True):
            here = follow(store, here, hop, target)
            if here is None:
                return None
        return here.get(self.field.name) if here else None


def follow(store: Store, record: Record | None, hop: Field, target: SObject) -> Record | None:
    """Return the record a lookup points at, unless it is gone."""
    if record is None or (record_id := record.get(hop.name)) is None:
        return None
    parent = store.get(target, record_id)
    return None if parent is None or parent["IsDeleted"] else parent


def find_sobject(schema: Schema, name: str) -> SObject:
    """Return the object of a FROM clause or URL."""
    found = schema.find(name)
    if found is None:
        raise ApiError("INVALID_TYPE", f"sObject type '{name}' is not supported.")
    return found


def bind(schema: Schema, sobject: SObject, path: Path) -> Column:
    """Resolve a dotted path from an object."""
    hops: list[Field] = []
    targets: list[SObject] = []
    here = sobject
    if len(path.names) - 1 > MAX_LEVELS:
        raise ApiError("MALFORMED_QUERY", f"a relationship path may have at most {MAX_LEVELS} levels: {path}")
    names = path.names[1:] if len(path.names) > 1 and path.names[0].lower() == sobject.name.lower() else path.names
    for name in names[:-1]:
        hop = here.parent(name)
        target = schema.find(hop.reference_to[0]) if hop else None
        if hop is None or target is None:
            raise ApiError("INVALID_FIELD", f"Didn't understand relationship '{name}' in field path '{path}'.")
        hops.append(hop)
        targets.append(target)
        here = target
    field = here.find(names[-1])
    if field is None:
        raise no_such_column(names[-1], here)
    return Column(tuple(hops), tuple(targets), field)


def no_such_column(name: str, sobject: SObject) -> ApiError:
    """Build the refusal that a typing error and a missing field permission share."""
    return ApiError("INVALID_FIELD", f"No such column '{name}' on entity '{sobject.name}'.")


def comparable(value: Any) -> Any:
    """Return the form two values are compared in: text ignores case."""
    return value.casefold() if isinstance(value, str) else value


def operand(column: Column, literal: Literal) -> Any:
    """Return a literal as a comparable value of a column, refusing what the platform refuses."""
    field, kind = column.field, literal.kind
    if kind == "null":
        return None
    if field.type in {"reference", "id"}:
        found = canonical(literal.value) if kind == "string" else None
        if found is None and literal.value != "":
            raise ApiError("INVALID_QUERY_FILTER_OPERATOR", f"{field.name}: invalid ID field: {literal.value}")
        return comparable(found or "")
    expected = _expected_kind(field)
    if kind not in expected:
        quotes = "should" if expected == {"string"} else "should not"
        message = (
            f"value of filter criterion for field '{field.name}' must be of type {field.type}"
            f" and {quotes} be enclosed in quotes"
        )
        raise ApiError("INVALID_FIELD", message)
    return comparable(literal.value)


def _expected_kind(field: Field) -> set[str]:
    if field.type in TEXT_TYPES:
        return {"string"}
    if field.type in FLOAT_TYPES or field.type == "int":
        return {"number"}
    return {field.type}
