"""The types settings are made of: references to secrets, money by currency, frozen tables."""

import math
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainSerializer,
    PlainValidator,
    ValidationInfo,
    WithJsonSchema,
    WrapSerializer,
)
from pydantic_settings import NoDecode

from connector.config.errors import shown
from connector.config.rules import fault
from connector.config.secrets import HOW, REFERENCE_PATTERN, SecretRef, is_reference
from connector.domain.errors import UnknownCurrencyError
from connector.domain.money import exponent

T = TypeVar("T")

OFF = math.inf


@dataclass(frozen=True, slots=True)
class Origin:
    """Where settings come from: relative paths start at `folder`, references look into `env` (full of secrets)."""

    folder: Path = field(default_factory=Path)
    env: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)
    sources: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


def _read_reference(value: Any, info: ValidationInfo) -> SecretRef:
    """Make a reference; what is none is never echoed."""
    if isinstance(value, SecretRef):
        return value
    if isinstance(value, str) and is_reference(value):
        origin = info.context
        return SecretRef(value, origin.folder, origin.env) if isinstance(origin, Origin) else SecretRef(value)
    raise fault("CFG-006", f"{info.field_name} is no reference, and a secret must not stand in the file", HOW)


def _read_path(value: Path, info: ValidationInfo) -> Path:
    return info.context.folder / value if isinstance(info.context, Origin) else value


def _read_every(value: Any, info: ValidationInfo) -> Any:
    if value == "off":
        return OFF
    if isinstance(value, str) and not re.fullmatch(r"[0-9.]+", value):  # a variable of the environment is text
        raise fault("CFG-005", f"{info.field_name} is {shown(value)}, expected a number", 'Or write "off".')
    return value


def _dump_every(value: float) -> int | float | str:
    if value == OFF:
        return "off"
    return int(value) if float(value).is_integer() else value


def _read_currency(code: str) -> str:
    try:
        exponent(code if code != "*" else "usd")
    except UnknownCurrencyError as error:
        raise fault("CFG-005", str(error), 'Write a code such as usd, or "*" for all others.') from None
    return code.lower()


def _read_name(name: str) -> str:
    if re.fullmatch(r"[a-z][a-z0-9_-]{0,39}", name):
        return name
    text = "a connection's name is up to 40 of a-z, 0-9, - and _, a letter first"
    raise fault("CFG-005", text, "Write [crm.salesforce].")


def _dump_table(table: Mapping[str, Any], dump: Callable[[dict[str, Any]], Any]) -> Any:
    return dump(dict(table))


Secret = Annotated[
    SecretRef,
    PlainValidator(_read_reference),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "pattern": REFERENCE_PATTERN}),
    NoDecode,
]
Every = Annotated[
    float,
    BeforeValidator(_read_every),
    Field(gt=0),
    PlainSerializer(_dump_every),
    WithJsonSchema({"anyOf": [{"type": "number", "exclusiveMinimum": 0}, {"const": "off"}]}),
]
"""How often, or how long, in the unit that the setting's name says; "off" (`OFF`): never, or for ever."""
RelativePath = Annotated[Path, AfterValidator(_read_path)]
Currency = Annotated[str, AfterValidator(_read_currency)]
Amount = Annotated[Decimal, Field(ge=0)]
ByName = Annotated[
    Mapping[Annotated[str, AfterValidator(_read_name)], T],
    AfterValidator(MappingProxyType),
    WrapSerializer(_dump_table),
]
Amounts = Annotated[Mapping[Currency, Amount], AfterValidator(MappingProxyType), WrapSerializer(_dump_table)]
SettingName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Texts = Annotated[Mapping[SettingName, str], AfterValidator(MappingProxyType), WrapSerializer(_dump_table)]
Secrets = Annotated[Mapping[SettingName, Secret], AfterValidator(MappingProxyType), WrapSerializer(_dump_table)]
