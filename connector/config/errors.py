"""What pydantic found wrong → one line each for people: where, code, what, and what may have been meant. All at once.

    config.toml:12  CFG-003 unknown key "api_kye" in [stripe]  Did you mean: api_key?

The text never shows a value that could be a secret.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel

from connector.config.rules import CRM_KINDS, PACKAGED
from connector.config.secrets import hide_secrets
from connector.mapping.problems import did_you_mean

Loc = tuple[str, ...]

_EXPECTED = {
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "decimal_parsing": "a number",
    "decimal_type": "a number",
    "dict_type": "a table",
    "finite_number": "a finite number",
    "float_parsing": "a number",
    "float_type": "a number",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "int_type": "a whole number",
    "mapping_type": "a table",
    "model_type": "a table",
    "path_type": "a path",
    "string_type": "text",
}
_FORMS = {"api_version": 'a version such as "62.0"', "domain": "login, test or a My Domain such as acme.my"}
_BOUNDS = {
    "greater_than": "more than {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than_equal": "at most {le}",
    "too_short": "at least one entry",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of the configuration. `line` is 0 for what the environment says; those come last."""

    where: str
    line: int
    code: str
    message: str
    hint: str = ""

    def render(self) -> str:
        """Return the fault as one line."""
        return "  ".join(part for part in (self.where, f"{self.code} {self.message}", self.hint) if part)


def render_faults(faults: Iterable[Fault]) -> str:
    """Return all faults, the file's first and by line; the same code twice on a line is said once."""
    ordered = sorted(faults, key=lambda each: (each.line == 0, each.line, each.where, each.code))
    groups = groupby(ordered, key=lambda each: (each.where, each.code, "" if each.code == "CFG-006" else each.message))
    return "\n".join(next(group).render() for _, group in groups)


def read_faults(
    model: type[BaseModel], errors: Sequence[Mapping[str, Any]], place: Callable[[Loc], tuple[str, int]]
) -> Iterator[Fault]:
    """Translate pydantic's errors; `place` tells where a key was written: text and line."""
    lacking: dict[tuple[Loc, str, str], list[str]] = {}
    for error in errors:
        full = tuple(str(part) for part in error["loc"] if part != "[key]")
        loc = _written(full)
        context = error.get("ctx", {})
        match error["type"]:
            case "missing":
                lacking.setdefault((loc[:-1], "CFG-004", ""), []).append(loc[-1])
            case "config" if context["code"] == "CFG-009":
                lacking.setdefault((loc[:-1], "CFG-009", f" {context['text']}"), []).append(loc[-1])
            case "config":
                for at in context["at"]:
                    yield Fault(*place(_written((*full, *at))), context["code"], context["text"], context["hint"])
            case "extra_forbidden":
                yield _unknown(model, full, error["input"], place(loc))
            case kind:
                yield Fault(*place(loc), *_wrong(loc[-1], kind, error["input"], context))
    for (table, code, text), names in lacking.items():
        says = f"[{'.'.join(table)}]{text} lacks" if table else "the file lacks the table"
        yield Fault(*place(table), code, f"{says} {', '.join(names)}", "See config.example.toml.")


def _written(loc: Loc) -> Loc:
    """Return where a key was written: in between, pydantic names the kind of a connection."""
    named = loc[:1] == ("crm",) and len(loc) > 2 and loc[2] in {*CRM_KINDS, PACKAGED}
    return (*loc[:2], *loc[3:]) if named else loc


def _wrong(name: str, kind: str, found: Any, context: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return code, message and hint for a value of the wrong type or out of range."""
    expected = str(context.get("expected", "")).replace("'", "")
    if kind == "literal_error" and name == "kind":
        return "CFG-008", f"unknown kind of CRM {shown(found)}", f"Known: {', '.join(CRM_KINDS)}, or a package."
    expected = _FORMS.get(name) or expected or _EXPECTED.get(kind) or _bound(kind, context)
    if expected == "a table" and isinstance(found, str):
        return "CFG-005", f"{name} is text, expected a table", ""
    quote = expected == "text" and isinstance(found, int | Decimal) and not isinstance(found, bool)
    return "CFG-005", f"{name} is {shown(found)}, expected {expected}", f'Write "{found}".' if quote else ""


def _bound(kind: str, context: Mapping[str, Any]) -> str:
    return _BOUNDS.get(kind, "another value").format(**context)


def shown(value: Any) -> str:
    """Return a value as it may stand in an error: short, and without what looks like a secret."""
    match value:
        case Mapping():
            return "a table"
        case list() | tuple():
            return "a list"
        case bool():
            return str(value).lower()
        case str():
            return json.dumps(hide_secrets(value)[:60], ensure_ascii=False)  # escapes what a terminal would obey
        case _:
            return str(value)[:60]


def _unknown(model: type[BaseModel], loc: Loc, found: Any, place: tuple[str, int]) -> Fault:
    name, table = loc[-1], _written(loc)[:-1]
    owner = model_at(model, loc[:-1])
    hint = _home(model, name, owner) or did_you_mean(name, owner.model_fields if owner else ())
    if isinstance(found, Mapping):
        return Fault(*place, "CFG-003", f"unknown table [{hide_secrets('.'.join(_written(loc)))}]", hint)
    inside = f"in [{'.'.join(table)}]" if table else "at the top"
    return Fault(*place, "CFG-003", f"unknown key {shown(name)} {inside}", hint)


def _home(model: type[BaseModel], name: str, owner: type[BaseModel] | None) -> str:
    """Return where a key belongs that stands in the wrong table."""
    if name in model.model_fields and owner is not model:
        return f"{name} belongs at the top, above the first table."
    tables = [table for table in model.model_fields if name in getattr(model_at(model, (table,)), "model_fields", ())]
    return f"{name} belongs in [{tables[0]}]." if tables else ""


def model_at(model: type[BaseModel], loc: Loc) -> type[BaseModel] | None:
    """Walk the models to the table at `loc`; None when no model describes it."""
    current: Any = model
    for part in loc:
        if isinstance(current, type) and issubclass(current, BaseModel):
            info = current.model_fields.get(part)
            current = _bare(info.annotation) if info else None
        elif get_origin(current) is UnionType or get_origin(current) is Union:
            current = next((each for each in map(_bare, get_args(current)) if _kind(each) == part), None)
        else:
            current = _bare(get_args(current)[-1]) if get_args(current) else None
    return current if isinstance(current, type) and issubclass(current, BaseModel) else None


def _kind(model: Any) -> str:
    return str(get_args(model.model_fields["kind"].annotation)[0])


def holds_table(annotation: Any) -> bool:
    """Tell whether a setting of this type is a table."""
    bare = _bare(annotation)
    return get_origin(bare) is Mapping or (isinstance(bare, type) and issubclass(bare, BaseModel))


def _bare(annotation: Any) -> Any:
    """Strip Annotated and None from an annotation."""
    if hasattr(annotation, "__metadata__"):
        return _bare(get_args(annotation)[0])
    arguments = [each for each in get_args(annotation) if each is not NoneType]
    if len(arguments) == 1 and get_origin(annotation) not in {dict, Mapping, tuple}:
        return _bare(arguments[0])
    return annotation
