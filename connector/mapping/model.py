"""Rules and conditions as they are written, as pydantic models: checks and schema in one.

What pydantic cannot say itself is raised through `fault`, which carries our code, so that `faults.py` only has to add
the place in the file. The sections around the rules are in `sections.py`.
"""

from decimal import Decimal
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    field_validator,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError

from connector.mapping.conditions import OPERATORS
from connector.mapping.converters import CONVERTERS, Converter, UnreadableError
from connector.mapping.paths import Path
from connector.mapping.problems import did_you_mean

PATH_PATTERN = r"^[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z][A-Za-z0-9_]*)*$"


def fault(code: str, message: str, hint: str = "", at: tuple[str | int, ...] = ()) -> PydanticCustomError:
    """Return a fault for pydantic to carry; `at` leads from the value to the part that is wrong."""
    return PydanticCustomError("mapping", "{text}", {"code": code, "text": message, "hint": hint, "at": at})


def _path(value: object) -> object:
    if not isinstance(value, str):
        raise fault("MAP-020", "a path is text, such as Account.Name")
    try:
        Path.parse(value)
    except ValueError as error:
        field, bar, _ = value.partition("|")
        converted = f"A converter is written {{from: {field.strip()}, as: …}}."
        plain = "Names have letters, digits and underscores. A fixed value is written {const: …}."
        raise fault("MAP-020", str(error), converted if bar and field.strip() else plain) from error
    return value


def _field(value: object) -> object:
    if "." in str(_path(value)):
        raise fault("MAP-020", f'"{value}" is a path; only a field of the record itself fits here')
    return value


def _single(value: object) -> object:
    if isinstance(value, dict | list):
        raise fault("MAP-014", f"expected a single value, found {found(value)}")
    return value


CrmPath = Annotated[str, Field(pattern=PATH_PATTERN), BeforeValidator(_path)]
FieldName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$"), BeforeValidator(_field)]
Scalar = Annotated[
    Any, BeforeValidator(_single), Field(json_schema_extra={"type": ["string", "number", "boolean", "null"]})
]


class Strict(BaseModel):
    """A table of the file: unknown keys are errors."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True, populate_by_name=False)

    @model_validator(mode="before")
    @classmethod
    def _is_table(cls, value: object) -> object:
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise fault("MAP-014", f"expected a table here, found {found(value)}")
        return value


class ConditionModel(Strict):
    """A comparison of one field, or several conditions under all, any or not."""

    path: CrmPath | None = None
    eq: Scalar = None
    ne: Scalar = None
    in_: list[Scalar] | None = Field(None, alias="in", min_length=1)
    exists: bool | None = None
    gt: Scalar = None
    ge: Scalar = None
    lt: Scalar = None
    le: Scalar = None
    contains: Scalar = None
    starts_with: Scalar = None
    all_: list["ConditionModel"] | None = Field(None, alias="all", min_length=1)
    any_: list["ConditionModel"] | None = Field(None, alias="any", min_length=1)
    not_: "ConditionModel | None" = Field(None, alias="not")

    @model_validator(mode="after")
    def _has_one_form(self) -> Self:
        given = {type(self).model_fields[name].alias or name for name in self.model_fields_set}
        for word in ("contains", "starts_with"):
            if word in given and getattr(self, word) in {None, ""}:
                raise fault("MAP-014", f"{word} needs some text", at=(word,))
        groups = given & {"all", "any", "not"}
        compared = given & set(OPERATORS)
        if groups and len(given) > 1:
            raise fault("MAP-024", f'"{min(groups)}" stands alone in a condition')
        if not groups and "path" not in given:
            raise fault("MAP-024", "a condition needs a path, or all, any, not")
        if not groups and len(compared) != 1:
            hint = f"One of: {', '.join(OPERATORS)}."
            raise fault(
                "MAP-024", f"a condition compares its path with exactly one operator, not {len(compared)}", hint
            )
        return self


def _try_argument(converter: Converter, argument: object) -> None:
    """Convert the converter's own example with an argument, so that an impossible one is found at once."""
    try:
        converter.convert(converter.examples[0][0], argument)
    except UnreadableError as error:
        message = f'{found(argument)} is no argument for converter "{converter.name}": it {error}'
        raise fault("MAP-023", message) from error


class StepModel(Strict):
    """One converter of `as`: its name, or {name: argument}."""

    name: str
    argument: Any = None

    @model_validator(mode="before")
    @classmethod
    def _read(cls, value: object) -> object:
        if isinstance(value, str):
            name, argument = value, None
        elif isinstance(value, dict) and len(value) == 1:
            name, argument = next(iter(value.items()))
        else:
            raise fault("MAP-014", f"a converter is a name or {{name: argument}}, not {found(value)}")
        converter = CONVERTERS.get(name)
        if converter is None:
            raise fault("MAP-022", f'unknown converter "{name}"', did_you_mean(name, CONVERTERS))
        if (converter.argument is None) is not (argument is None):
            wanted = "takes no argument" if converter.argument is None else f"needs an argument: {{{name}: …}}"
            raise fault("MAP-023", f'converter "{name}" {wanted}')
        if converter.argument and (not isinstance(argument, converter.argument) or isinstance(argument, bool)):
            kind = "a whole number" if converter.argument is int else "text"
            raise fault("MAP-023", f'the argument of converter "{name}" is {kind}, not {found(argument)}')
        if converter.argument:
            _try_argument(converter, argument)
        return {"name": name, "argument": argument}

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        handler(core)
        plain = [{"const": name, "description": row.says} for name, row in CONVERTERS.items() if row.argument is None]
        with_argument = {
            name: {"type": "integer" if row.argument is int else "string", "description": row.says}
            for name, row in CONVERTERS.items()
            if row.argument is not None
        }
        table = {"type": "object", "properties": with_argument, "additionalProperties": False}
        return {"anyOf": [*plain, {**table, "minProperties": 1, "maxProperties": 1}]}


def listed(value: object) -> object:
    """Return a list, also for the one value that may stand for it."""
    return value if isinstance(value, list) else [value]


Occasion = Literal["initial", "amendment", "renewal"]


def one_or_more(schema: JsonSchemaValue) -> None:
    """Let a schema take one value as well as a list of them."""
    items = schema.get("items", {})
    schema.clear()
    schema.update({"anyOf": [items, {"type": "array", "items": items}]})


class RuleModel(Strict):
    """Where a value comes from and what is done to it."""

    from_: CrmPath | None = Field(None, alias="from", description="dotted CRM path")
    first_of: list["RuleModel"] | None = Field(None, min_length=1, description="rules; the first filled one counts")
    const: Any = Field(None, description="a fixed value")
    as_: Annotated[list[StepModel], BeforeValidator(listed), Field(json_schema_extra=one_or_more)] = Field(
        [], alias="as", description="converters, applied in order"
    )
    default: Any = Field(None, description="used when the source is empty")
    value_map: dict[str, Any] | None = Field(None, min_length=1, description="CRM value → value, before the converters")
    when: ConditionModel | None = Field(None, description="the rule gives nothing unless this holds")
    required: bool = Field(default=False, description="an empty value keeps the contract from being billed")
    empty: Literal["leave", "clear", "refuse"] | None = Field(
        None, description="an empty value: leave what Stripe holds (leave), empty it (clear), bill nothing (refuse)"
    )
    on: Annotated[list[Occasion], BeforeValidator(listed)] | None = Field(
        None, min_length=1, description="kinds of orders for which the rule counts"
    )

    @model_validator(mode="before")
    @classmethod
    def _from_path(cls, value: object) -> object:
        if isinstance(value, str):
            return {cls._shorthand(): value}
        if not isinstance(value, dict):
            raise fault("MAP-014", f"a rule is a CRM path or a table, not {found(value)}")
        return value

    @classmethod
    def _shorthand(cls) -> str:
        return "from"

    @field_validator("const", "default", mode="before")
    @classmethod
    def _plain(cls, value: object) -> object:
        if isinstance(value, dict) or (
            isinstance(value, list) and any(isinstance(item, dict | list) for item in value)
        ):
            raise fault("MAP-014", f"expected a single value or a list of them, found {found(value)}")
        return value

    @field_validator("value_map", mode="before")
    @classmethod
    def _plain_values(cls, value: object) -> object:
        for key, item in value.items() if isinstance(value, dict) else ():
            if isinstance(item, dict | list):
                raise fault("MAP-014", f"expected a single value, found {found(item)}", at=(key,))
        return value

    @model_validator(mode="after")
    def _has_one_source(self) -> Self:
        given = [name for name, key in _SOURCES.items() if key in self.model_fields_set]
        if len(given) != 1:
            said = f"this one has {' and '.join(given)}" if given else "this one has none"
            raise fault("MAP-021", f"a rule has exactly one of from, first_of and const; {said}")
        for index, inner in enumerate(self.first_of or ()):
            for key in ("on", "empty", "required"):
                if key in inner.model_fields_set:
                    message, at = f'"{key}" belongs to the whole rule, not to one of first_of', ("first_of", index, key)
                    raise fault("MAP-026", message, at=at)
        if self.required and self.empty in {"leave", "clear"}:
            message = f"a required value is never empty, so empty: {self.empty} has no meaning"
            raise fault("MAP-026", message, "Leave one of the two out.", ("empty",))
        return self

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        path = {"type": "string", "pattern": PATH_PATTERN, "description": "dotted CRM path"}
        return {"anyOf": [path, handler(core)]}


_SOURCES = {"from": "from_", "first_of": "first_of", "const": "const"}


class PolicyRuleModel(RuleModel):
    """A policy: the plain value, or a rule that reads it from the CRM."""

    @model_validator(mode="before")
    @classmethod
    def _from_path(cls, value: object) -> object:
        if isinstance(value, str | int | Decimal):
            return {"const": value}
        if not isinstance(value, dict):
            raise fault("MAP-014", f"a policy is a word or a rule, not {found(value)}")
        return value

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"anyOf": [{"type": ["string", "number", "boolean"]}, handler(core)]}


def found(value: object) -> str:
    """Name the kind of a value for people: `found([]) == "a list"`."""
    match value:
        case None:
            return "nothing"
        case bool():
            return f"the word {'true' if value else 'false'}"
        case dict():
            return "a table"
        case list():
            return "a list"
        case str():
            return f'the text "{value}"'
        case _:
            return f"the number {value}"
