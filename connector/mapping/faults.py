"""What pydantic found wrong → problems with a place, our code, and what may have been meant."""

from collections.abc import Iterable
from types import NoneType
from typing import Any, get_args, get_origin

from pydantic import BaseModel

from connector.mapping.document import Document, Loc
from connector.mapping.model import ConditionModel, RuleModel, found
from connector.mapping.problems import Mark, did_you_mean
from connector.mapping.sections import MappingModel

_EXPECTED = {
    "string_type": "text",
    "dict_type": "a table",
    "list_type": "a list",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "too_short": "at least one entry",
}


def report_faults(document: Document, errors: Iterable[Any]) -> None:
    """Add a problem to the document for every error of pydantic."""
    for error in errors:
        loc: Loc = tuple(part for part in error["loc"] if part != "[key]")
        context = error.get("ctx", {})
        match error["type"]:
            case "mapping":
                _report_ours(document, loc, context, is_key="[key]" in error["loc"])
            case "extra_forbidden":
                _report_unknown(document, loc)
            case "missing" if document.partial:
                continue
            case "missing":
                _report_missing(document, loc)
            case "literal_error" if loc == ("version",):
                message = f"this program reads version 1 of the grammar, not {error['input']}"
                document.report(document.value_mark(loc), "MAP-006", message)
            case "literal_error":
                words = tuple(word.strip("'") for word in context["expected"].replace(" or ", ", ").split(", "))
                message = f"expected {_or(words)}, found {found(error['input'])}"
                hint = did_you_mean(str(error["input"]), words)
                document.report(document.value_mark(loc), "MAP-014", message, "" if hint.startswith("Known") else hint)
            case kind:
                message = f"expected {_EXPECTED.get(kind, error['msg'])}, found {found(error['input'])}"
                document.report(document.value_mark(loc), "MAP-014", message)


def _or(words: tuple[str, ...]) -> str:
    return " or ".join(part for part in (", ".join(words[:-1]), words[-1]) if part)


def _report_ours(document: Document, loc: Loc, context: dict[str, Any], *, is_key: bool) -> None:
    place = (*loc, *context["at"])
    mark = document.key_mark(place) if is_key else document.value_mark(place)
    document.report(mark, context["code"], context["text"], context["hint"])


def _report_unknown(document: Document, loc: Loc) -> None:
    name, mark = str(loc[-1]), document.key_mark(loc)
    model = _model_at(loc[:-1])
    hint = did_you_mean(name, _names(model))
    if len(loc) == 1:
        document.report(mark, "MAP-010", f'unknown section "{name}"', hint)
    elif issubclass(model, RuleModel | ConditionModel):
        kind = "rule" if issubclass(model, RuleModel) else "condition"
        document.report(mark, "MAP-012", f'unknown key "{name}" in a {kind}', hint)
    elif loc[0] in {"stripe", "preview"}:
        document.report(mark, "MAP-030", f'unknown kind of Stripe object "{name}"', hint)
    elif loc[0] == "policies":
        _report_policy(document, mark, name, hint)
    else:
        document.report(mark, "MAP-011", f'unknown slot "{name}" in {_title(loc[:-1])}', hint)


#: What is looked for among the policies, and is a parameter of Stripe's → where it stands on a schedule.
_PARAMETERS = {
    "collection_method": "default_settings.collection_method",
    "days_until_due": "default_settings.invoice_settings.days_until_due",
}


def _report_policy(document: Document, mark: Mark, name: str, hint: str) -> None:
    if place := _PARAMETERS.get(name):
        hint = f"Write it in section stripe: subscription_schedule: {{{place}: …}}, and invoice: {{{name}: …}}."
    document.report(mark, "MAP-040", f'unknown policy "{name}"', hint)


def _report_missing(document: Document, loc: Loc) -> None:
    if len(loc) == 1:
        document.report(document.value_mark(()), "MAP-013", f'section "{loc[0]}" is missing')
    else:
        document.report(document.key_mark(loc[:-1]), "MAP-013", f'"{loc[-1]}" must be mapped in {_title(loc[:-1])}')


def _title(loc: Loc) -> str:
    return f'"{".".join(str(part) for part in loc)}"'


def _names(model: type[BaseModel]) -> tuple[str, ...]:
    return tuple(info.alias or name for name, info in model.model_fields.items())


def _model_at(loc: Loc) -> type[BaseModel]:
    """Walk the models to the table that a place in the file belongs to."""
    current: Any = MappingModel
    for part in loc:
        if isinstance(current, type) and issubclass(current, BaseModel):
            fields = {info.alias or name: info.annotation for name, info in current.model_fields.items()}
            current = _bare(fields[str(part)])
        else:
            current = _bare(get_args(current)[-1])
    return current if isinstance(current, type) and issubclass(current, BaseModel) else MappingModel


def _bare(annotation: Any) -> Any:
    """Strip Annotated and None from an annotation."""
    if hasattr(annotation, "__metadata__"):
        return _bare(get_args(annotation)[0])
    arguments = [each for each in get_args(annotation) if each is not NoneType]
    if get_origin(annotation) not in {dict, list} and len(arguments) == 1:
        return _bare(arguments[0])
    return annotation
