"""Plain CRM values read exactly: text, numbers, days. What every converter begins with.

A CRM hands over what its JSON holds: text, int, Decimal, true and false. There is no float arithmetic anywhere.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation

from connector.domain import money


class UnreadableError(ValueError):
    """A value that a converter cannot read; the text says why, for a sales-ops person."""


@dataclass(frozen=True, slots=True)
class Converter:
    """One named conversion. `argument` is None, or what the rule gives with it: `as: {truncate: 350}`."""

    name: str
    says: str
    convert: Callable[..., object]
    examples: tuple[tuple[object, object], ...]
    argument: type | None = None
    example_argument: object = None


#: Digits before or after the point; 1e400000000 would take the program's memory.
LARGEST = 40


def is_empty(value: object) -> bool:
    """Tell whether a CRM value counts as not filled in: missing, null, or only spaces."""
    return value is None or (isinstance(value, str) and not value.strip())


def as_text(value: object) -> str:
    """Text as people write it: 12.0 becomes "12", true becomes "true"."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float | Decimal):
        return format(money.plain(as_decimal(value)), "f")
    if isinstance(value, date):
        return value.isoformat()
    msg = "is not a single value"
    raise UnreadableError(msg)


def as_decimal(value: object) -> Decimal:
    """Exact number; JSON floats are read by their shortest text, so 0.1 is 0.1."""
    if isinstance(value, bool):
        msg = "is a checkbox, not a number"
        raise UnreadableError(msg)
    try:
        number = Decimal(str(value).strip().replace(",", "") if isinstance(value, str) else str(value))
    except InvalidOperation as error:
        msg = "is not a number"
        raise UnreadableError(msg) from error
    if not number.is_finite() or (number and abs(number.adjusted()) > LARGEST):
        msg = "is not a number" if not number.is_finite() else "is not a number of a sensible size"
        raise UnreadableError(msg)
    return number


def as_whole(value: object) -> int:
    """Whole number; 12.0 is 12, 12.5 is refused."""
    number = as_decimal(value)
    if number != number.to_integral_value():
        msg = "is not a whole number"
        raise UnreadableError(msg)
    return int(number)


def as_date(value: object) -> date:
    """Day; of a timestamp its date part."""
    if isinstance(value, date):
        return value
    text = as_text(value).strip()
    try:
        return date.fromisoformat(text[:10] if "T" in text or " " in text else text)
    except ValueError as error:
        msg = "is not a date (expected like 2025-01-31)"
        raise UnreadableError(msg) from error


def row(
    name: str,
    convert: Callable[..., object],
    *examples: tuple[object, object],
    argument: type | None = None,
    given: object = None,
) -> Converter:
    """Return one row of the table of converters; the function's docstring says what it gives, with the unit."""
    says = (convert.__doc__ or "").strip()
    return Converter(name, says, convert, examples, argument, given)
