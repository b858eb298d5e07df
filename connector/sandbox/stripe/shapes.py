"""Request validation read from the SDK's own typed dicts, so that it can never lag behind the SDK.

`stripe.params` types every request: names, nesting, enums, what is required. This module turns a typed dict into a
`Shape` once, and checks decoded forms against it with the vendor's texts. Unknown parameters are reported first,
then what is missing or ill-typed in order of appearance (order seen in recorded traffic). Enums in the SDK read
`Literal[…] | str` to admit future values; the server of this version knows only the literals.
"""

from __future__ import annotations

import re
import sys
import types
import typing
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any

import stripe
import stripe.params
from stripe._stripe_object import UntypedStripeObject

from connector.sandbox.stripe.errors import StripeError, choices, malformed, unknown_parameters

if typing.TYPE_CHECKING:
    from collections.abc import Iterator

OPTIONS = frozenset(stripe.RequestOptions.__annotations__)
INTEGER = re.compile(r"-?\d+")
DECIMAL = re.compile(r"-?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


@dataclass(frozen=True, slots=True)
class Text:
    """A string."""


@dataclass(frozen=True, slots=True)
class Integer:
    """A whole number, sent as digits."""


@dataclass(frozen=True, slots=True)
class Number:
    """A decimal number, sent as digits."""


@dataclass(frozen=True, slots=True)
class Boolean:
    """`true` or `false`."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few words."""

    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Array:
    """A list."""

    of: Shape


@dataclass(frozen=True, slots=True)
class Free:
    """A map with keys of the caller's own, such as metadata."""

    of: Shape


@dataclass(frozen=True, slots=True)
class Struct:
    """An object with named parameters."""

    fields: dict[str, Shape]
    required: frozenset[str]


@dataclass(frozen=True, slots=True)
class Either:
    """Several shapes; `clearable` when the empty string unsets the parameter."""

    arms: tuple[Shape, ...]
    clearable: bool


Shape = Text | Integer | Number | Boolean | Choice | Array | Free | Struct | Either


@cache
def struct_named(name: str) -> Struct:
    """Find a request type, such as `CustomerCreateParams` or `billing.MeterListParams`."""
    holder: Any = stripe.params
    *spaces, last = name.split(".")
    for space in spaces:
        holder = getattr(holder, space)
    return _struct(getattr(holder, last))


@cache
def _struct(typed: Any) -> Struct:
    own = {name: hint for name, hint in typed.__annotations__.items() if name not in OPTIONS}
    bare = types.new_class("Bare", exec_body=lambda body: body.update(__annotations__=own))
    hints = typing.get_type_hints(bare, globalns=vars(sys.modules[typed.__module__]))
    fields = {name: _shape(hint) for name, hint in hints.items()}
    return Struct(fields, frozenset(typed.__required_keys__) & fields.keys())


def _shape(hint: Any) -> Shape:
    simple: dict[Any, Shape] = {str: Text(), int: Integer(), bool: Boolean(), float: Number(), Decimal: Number()}
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if hint in simple:
        return simple[hint]
    if origin in (typing.Union, types.UnionType):
        return _either(args)
    if origin is typing.Literal:
        return Choice(tuple(args))
    if origin is list:
        return Array(_shape(args[0]))
    if origin is dict:
        return Free(_shape(args[1]))
    if hasattr(hint, "__required_keys__"):
        return _struct(hint)
    message = f"the SDK has a parameter type this emulator cannot read: {hint}"
    raise TypeError(message)


def _either(hints: tuple[Any, ...]) -> Shape:
    known = [h for h in hints if typing.get_origin(h) is not UntypedStripeObject and h is not type(None)]
    words = [v for h in known if typing.get_origin(h) is typing.Literal for v in typing.get_args(h)]
    clearable, words = "" in words, [word for word in words if word]
    arms: list[Shape] = [Choice(tuple(words))] if words else []
    rest = [h for h in known if typing.get_origin(h) is not typing.Literal and not (words and h is str)]
    arms += [_shape(h) for h in rest]
    return arms[0] if len(arms) == 1 and not clearable else Either(tuple(arms), clearable)


# --- checking ---------------------------------------------------------------------------------------


def check(struct: Struct, given: dict[str, Any]) -> dict[str, Any]:
    """Check a decoded form; return it with integers, decimals and booleans in place of digits."""
    if unknown := list(_unknown(struct, given, "")):
        raise unknown_parameters(unknown)
    return _checked_struct(struct, given, "")


def _unknown(shape: Shape, value: Any, path: str) -> Iterator[str]:
    if isinstance(shape, Struct) and isinstance(value, dict):
        for name, below in value.items():
            if name not in shape.fields:
                yield _join(path, name)
            else:
                yield from _unknown(shape.fields[name], below, _join(path, name))
    elif isinstance(shape, Array) and isinstance(value, list):
        for index, below in enumerate(value):
            yield from _unknown(shape.of, below, f"{path}[{index}]")
    elif isinstance(shape, Free) and isinstance(value, dict):
        for name, below in value.items():
            yield from _unknown(shape.of, below, _join(path, name))
    elif isinstance(shape, Either):
        yield from _unknown(_arm(shape, value), value, path)


def _join(path: str, name: str) -> str:
    return f"{path}[{name}]" if path else name


def _arm(shape: Either, value: Any) -> Shape:
    """Pick the arm a value was meant for."""
    wanted: tuple[type, ...] = (Text, Integer, Number, Boolean)
    if isinstance(value, dict):
        wanted = (Struct, Free)
    elif isinstance(value, list):
        wanted = (Array,)
    for arm in shape.arms:
        if isinstance(arm, Choice) and value in arm.values:
            return arm
    return next((arm for arm in shape.arms if isinstance(arm, wanted)), shape.arms[0])


def _checked(shape: Shape, value: Any, path: str) -> Any:
    if isinstance(shape, Either):
        return "" if value == "" and shape.clearable else _checked(_arm(shape, value), value, path)
    if value == "":
        raise _empty(path)
    match shape:
        case Struct():
            return _checked_struct(shape, _typed(value, dict, "object", path), path)
        case Array():
            items = _typed(value, list, "array", path)
            return [_checked(shape.of, item, f"{path}[{index}]") for index, item in enumerate(items)]
        case Free():
            return _checked_map(shape, _typed(value, dict, "object", path), path)
        case _:
            return _checked_word(shape, _typed(value, str, "string", path), path)


def _checked_struct(shape: Struct, value: dict[str, Any], path: str) -> dict[str, Any]:
    for name in shape.fields:
        if name in shape.required and name not in value:
            where = _join(path, name)
            raise malformed(f"Missing required param: {where}.", where, code="parameter_missing")
    return {name: _checked(shape.fields[name], below, _join(path, name)) for name, below in value.items()}


def _checked_map(shape: Free, value: dict[str, Any], path: str) -> dict[str, Any]:
    if isinstance(shape.of, Text):
        return {name: _typed(below, str, "string", _join(path, name)) for name, below in value.items()}
    return {name: _checked(shape.of, below, _join(path, name)) for name, below in value.items()}


def _checked_word(shape: Shape, value: str, path: str) -> Any:
    match shape:
        case Integer():
            if not INTEGER.fullmatch(value):
                raise malformed(f"Invalid integer: {value}", path, code="parameter_invalid_integer")
            return int(value)
        case Number():
            if not DECIMAL.fullmatch(value):
                raise malformed(f"Invalid decimal: {value}", path)
            return _short_decimal(value, path)
        case Boolean():
            if value not in {"true", "false"}:
                raise malformed(f"Invalid boolean: {value}", path)
            return value == "true"
        case Choice():
            if value not in shape.values:
                name = re.findall(r"[^\[\]]+", path)[-1]
                raise malformed(f"Invalid {name}: must be one of {choices(shape.values)}", path)
            return value
        case _:
            return value


def _short_decimal(value: str, path: str) -> Decimal:
    number = Decimal(value)
    exponent = number.normalize().as_tuple().exponent
    if isinstance(exponent, int) and exponent < -12:
        raise malformed(f"Invalid decimal: {value}; must contain at most 12 decimal places.", path)
    return number


def _typed(value: Any, wanted: type, noun: str, path: str) -> Any:
    if not isinstance(value, wanted):
        raise malformed(f"Invalid {noun}", path)
    return value


def _empty(path: str) -> StripeError:
    return malformed(
        f"You passed an empty string for '{path}'. We assume empty values are an attempt to unset a parameter; "
        f"however '{path}' cannot be unset. You should remove '{path}' from your request or supply a non-empty value.",
        path,
        code="parameter_invalid_empty",
    )
