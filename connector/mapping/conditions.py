"""Conditions of a mapping file, compiled: `{path: Status, eq: Activated}`, combined by all, any and not."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from connector.domain.issues import Source
from connector.mapping.converters import UnreadableError, as_boolean, as_date, as_decimal, as_text, is_empty
from connector.mapping.paths import Path, look_up
from connector.mapping.raw import RawRecord, RawRecords

OPERATORS = ("eq", "ne", "in", "exists", "gt", "ge", "lt", "le", "contains", "starts_with")


@dataclass(frozen=True, slots=True)
class Test:
    """One comparison of a field with a value of the file."""

    path: Path
    operator: str
    operand: object


@dataclass(frozen=True, slots=True)
class Both:
    """Several conditions of which all (or any) must hold."""

    word: str
    parts: "tuple[Condition, ...]"


@dataclass(frozen=True, slots=True)
class Not:
    """The contrary of a condition."""

    part: "Condition"


Condition = Test | Both | Not


def holds(condition: Condition, record: RawRecord, records: RawRecords) -> bool:
    """Tell whether the record meets the condition. An empty field equals only false, and is never more or less."""
    match condition:
        case Test(path, operator, operand):
            return _compare(operator, look_up(path, record, records).value, operand)
        case Both(word, parts):
            return (all if word == "all" else any)(holds(part, record, records) for part in parts)
        case Not(part):
            return not holds(part, record, records)


def paths_in(condition: Condition) -> Iterator[Path]:
    """Yield the paths that the condition reads."""
    match condition:
        case Test(path):
            yield path
        case Both(_, parts):
            for part in parts:
                yield from paths_in(part)
        case Not(part):
            yield from paths_in(part)


def culprit(condition: Condition, record: RawRecord, records: RawRecords) -> tuple[Source, str]:
    """Return the first field that decides the condition as it stands, and "Status is Draft" for people."""
    match condition:
        case Both(_, parts):
            verdict = holds(condition, record, records)
            deciding = (part for part in parts if holds(part, record, records) is verdict)
            return culprit(next(deciding, parts[0]), record, records)
        case Not(part):
            return culprit(part, record, records)
        case Test(path):
            found = look_up(path, record, records)
            shown = "empty" if is_empty(found.value) else as_text(found.value)
            return found.source, f"{path} is {shown}"


def _compare(operator: str, value: object, operand: object) -> bool:
    match operator:
        case "exists":
            return is_empty(value) is not operand
        case "eq":
            return _same(value, operand)
        case "ne":
            return not _same(value, operand)
        case "in":
            return isinstance(operand, tuple) and any(_same(value, each) for each in operand)
        case "contains" | "starts_with":
            return not is_empty(value) and _written(operator, value, as_text(operand))
        case _:
            return not is_empty(value) and _ordered(operator, value, operand)


def _written(operator: str, value: object, operand: str) -> bool:
    """Compare text by a part of it; of a multi-select picklist one of the chosen values is meant."""
    try:
        text = as_text(value).strip()
    except UnreadableError:
        return False
    if operator == "starts_with":
        return text.startswith(operand)
    return operand in (part.strip() for part in text.split(";")) if ";" in text else operand in text


def _same(value: object, operand: object) -> bool:
    if is_empty(value):
        return operand is False or operand is None
    try:
        if isinstance(operand, bool):
            return as_boolean(value) is operand
        if isinstance(operand, int | Decimal):
            return as_decimal(value) == operand
        return as_text(value).strip() == as_text(operand).strip()
    except UnreadableError:
        return False


_ORDER: dict[str, Callable[[int], bool]] = {
    "gt": lambda sign: sign > 0,
    "ge": lambda sign: sign >= 0,
    "lt": lambda sign: sign < 0,
    "le": lambda sign: sign <= 0,
}


def _ordered(operator: str, value: object, operand: object) -> bool:
    try:
        if isinstance(operand, int | Decimal):
            return _ORDER[operator](_sign(as_decimal(value), Decimal(operand)))
        return _ORDER[operator](_sign(as_date(value), as_date(operand)))
    except UnreadableError:
        return False


def _sign(left: date | Decimal, right: date | Decimal) -> int:
    return (left > right) - (left < right)  # type: ignore[operator]
