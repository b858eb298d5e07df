"""Mapping files as admins write them: text in, compiled rules out, or every fault of the file at once.

The grammar is described for people in docs/mapping.md and for editors in schemas/mapping.schema.json.
"""

import re
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from connector.mapping.compiled import compile_mapping
from connector.mapping.document import Document
from connector.mapping.faults import report_faults
from connector.mapping.layers import IncludeReader, read_layers
from connector.mapping.mapping_file import MappingFile
from connector.mapping.problems import Problem
from connector.mapping.sections import Head, MappingModel
from connector.mapping.targets import OPEN, Targets, split_target

__all__ = ["Loaded", "MappingFile", "Problem", "load_mapping"]

#: Stripe's limits for names we write (docs.stripe.com/api/metadata, /api/invoices/create).
KEY_LENGTH = 40
CUSTOM_FIELDS = 4


@dataclass(frozen=True, slots=True)
class Loaded:
    """A mapping, or why there is none."""

    mapping: MappingFile | None
    problems: tuple[Problem, ...] = ()
    document: Document | None = field(default=None, repr=False, compare=False)
    """The text behind the mapping, for checks that point at it."""


def load_mapping(text: str, *, name: str, targets: Targets, include: IncludeReader | None = None) -> Loaded:
    """Read a mapping file. `name` is what problems call it; `targets` are the Stripe parameters it may name.

    `include` reads the files that it includes; without it there are none.
    """
    document = read_layers(text, name, include)
    model: Head | None = None
    if document.data is not None:
        try:
            model = MappingModel.model_validate(document.data)
        except ValidationError as error:
            report_faults(document, error.errors(include_url=False))
        _check_targets(document, targets)
        _check_price(document)
        _check_empty(document)
    if document.problems or model is None:
        unique = dict.fromkeys(
            sorted(
                document.problems, key=lambda each: (each.file != name, each.file, each.line, each.column, each.code)
            )
        )
        return Loaded(None, tuple(unique))
    return Loaded(compile_mapping(document, model), document=document)


def _check_price(document: Document) -> None:
    """Report a line section without a price: of the whole time, or of a billing period."""
    line = document.data.get("line")
    if isinstance(line, dict) and not document.partial and not {"unit_price", "cycle_price"} & set(line):
        document.report(document.key_mark(("line",)), "MAP-013", '"unit_price" must be mapped in "line"')


#: Where an empty value means something: fixed values and comparisons.
_MAY_BE_EMPTY = frozenset(["const", "default", "eq", "ne"])


def _check_empty(document: Document) -> None:
    """Report keys without a value: an empty `when` would let everything pass. Whole sections may be empty."""
    known = {(problem.file, problem.line, problem.column) for problem in document.problems}
    for loc in document.empty:
        mark = document.key_mark(loc)
        place = document.value_mark(loc)
        allowed = len(loc) == 1 or loc[-1] in _MAY_BE_EMPTY or loc[-2] == "value_map"
        told = {(each.file or document.file, each.line, each.column) for each in (mark, place)}
        if not allowed and not known & told:
            document.report(mark, "MAP-014", f'"{loc[-1]}" is empty', "Leave it out, or fill it in.")


def _check_targets(document: Document, targets: Targets) -> None:
    for section in ("stripe", "preview"):
        kinds: Any = document.data.get(section)
        for kind, entries in kinds.items() if isinstance(kinds, dict) else ():
            if kind not in targets.known or not isinstance(entries, dict):
                continue
            for target, rule in entries.items():
                check = _check_preview if section == "preview" else _check_target
                if check(document, targets, kind, target):
                    _check_empty_rule(document, targets, (section, kind, target), rule)
            _check_custom_fields(document, section, kind, entries)


def _check_target(document: Document, targets: Targets, kind: str, target: str) -> bool:
    """Check the name of a parameter, and return whether it may be mapped."""
    mark = document.key_mark(("stripe", kind, target))
    if instead := targets.instead(kind, target):
        document.report(mark, "MAP-032", f'"{target}" of the {kind} is set by the connector', instead)
        return False
    if (hint := targets.check(kind, target)) is not None:
        document.report(mark, "MAP-031", f'unknown parameter "{target}" of the {kind}', hint)
        return False
    steps = split_target(target)
    if len(steps) > 1 and steps[-2] in OPEN and len(steps[-1]) > KEY_LENGTH:
        key = steps[-2] == "metadata"
        code, what = ("MAP-033", "a metadata key") if key else ("MAP-034", "the name of a custom field")
        document.report(mark, code, f"{what} has at most {KEY_LENGTH} characters, this one {len(steps[-1])}")
    return True


def _check_preview(document: Document, targets: Targets, kind: str, target: str) -> bool:
    """Check a parameter that the SDK does not know: its form, and that it is none of those it does know."""
    mark = document.key_mark(("preview", kind, target))
    if instead := targets.instead(kind, target):
        document.report(mark, "MAP-032", f'"{target}" of the {kind} is set by the connector', instead)
        return False
    if targets.knows(kind, target) or target.partition(".")[0] in OPEN:
        message = f'"{target}" of the {kind} is no preview: the installed SDK knows it'
        document.report(mark, "MAP-035", message, "Write it in section stripe.")
        return False
    if not re.fullmatch(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*){0,9}", target):
        hint = "Small letters, digits and underscores, with points between."
        document.report(mark, "MAP-031", f'"{target}" is not the name of a parameter', hint)
        return False
    return True


def _check_empty_rule(document: Document, targets: Targets, loc: tuple[str, ...], rule: Any) -> None:
    _, kind, target = loc
    if isinstance(rule, dict) and rule.get("empty") == "clear" and not targets.can_clear(kind, target):
        message = f'Stripe cannot clear "{target}" of the {kind}'
        hint = "Metadata of the customer, product and subscription_schedule can be cleared, and what Stripe says so of."
        document.report(document.value_mark((*loc, "empty")), "MAP-026", message, hint)


def is_conditional(rule: Any) -> bool:
    """Tell whether a rule counts for some orders only: such rules may exclude each other."""
    return isinstance(rule, dict) and bool(rule.get("when") or rule.get("on"))


def _check_custom_fields(document: Document, section: str, kind: str, entries: dict[str, Any]) -> None:
    lists: dict[tuple[str, ...], list[str]] = {}
    for target, rule in entries.items():
        steps = split_target(target)
        if len(steps) > 1 and steps[-2] == "custom_fields" and not is_conditional(rule):
            lists.setdefault(steps[:-1], []).append(target)
    for found in lists.values():
        for target in found[CUSTOM_FIELDS:]:
            message = f"an invoice has at most {CUSTOM_FIELDS} custom fields, this is number {found.index(target) + 1}"
            document.report(document.key_mark((section, kind, target)), "MAP-034", message)
