"""Checked model → compiled rules."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from connector.mapping.conditions import OPERATORS, Both, Condition, Not, Test
from connector.mapping.document import Document, Loc
from connector.mapping.mapping_file import Gates, MappingFile, Section, read_paths
from connector.mapping.model import ConditionModel, RuleModel, Strict
from connector.mapping.paths import Path
from connector.mapping.rules import Const, Rule, Step
from connector.mapping.sections import Head
from connector.mapping.targets import split_target

_SECTIONS = ("contract", "revision", "party", "product", "line", "policies")
_TABLES = ("tier_schedule", "tier", "discount")


def compile_mapping(document: Document, model: Head) -> MappingFile:
    """Return the file as rules. The model has been checked, so nothing can go wrong here."""
    sections = {name: _section(document, (name,), getattr(model, name)) for name in _SECTIONS}
    mapping = MappingFile(
        name=document.file,
        crm=model.crm,
        revision_object=model.objects.revision,
        line_object=model.objects.line,
        gates=_gates(model),
        sections=MappingProxyType(sections),
        tables=MappingProxyType({name: _table(document, name, getattr(model, name)) for name in _TABLES}),
        stripe=MappingProxyType(_stripe(document, model)),
        write_back=MappingProxyType({name: MappingProxyType(dict(rows)) for name, rows in model.write_back.items()}),
        paths=MappingProxyType({}),
        hash=_hash(document.data),
    )
    return replace(mapping, paths=MappingProxyType(dict(read_paths(mapping))))


def _table(document: Document, name: str, table: Mapping[str, Strict]) -> Mapping[str, Section]:
    return MappingProxyType({key: _section(document, (name, key), each) for key, each in table.items()})


def _stripe(document: Document, model: Head) -> dict[str, tuple[tuple[tuple[str, ...], Rule], ...]]:
    """Return the pass-through rules by kind, in an order that does not depend on the file's."""
    found: dict[str, dict[str, Rule]] = {}
    for name in ("preview", "stripe"):
        section: dict[str, dict[str, RuleModel]] = dict(getattr(model, name) or {})
        for kind, entries in section.items():
            rules = {target: _rule(document, (name, kind, target), rule) for target, rule in entries.items()}
            found.setdefault(kind, {}).update(rules)
    return {
        kind: tuple((split_target(target), rule) for target, rule in sorted(rules.items()))
        for kind, rules in found.items()
        if rules
    }


def _hash(data: Mapping[str, Any]) -> str:
    """Return a fingerprint of what the file says: comments, order and spelling of numbers do not count."""
    said = {key: value for key, value in data.items() if key not in {"include", "without"}}
    text = json.dumps(said, sort_keys=True, ensure_ascii=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _gates(model: Head) -> Gates:
    sync = model.sync
    found = (sync.when, sync.hold, sync.skip_line, sync.billed_elsewhere)
    counts, held, skipped, elsewhere = (condition(each) if each else None for each in found)
    return Gates(counts, held, skipped, sync.from_, elsewhere)


def condition(model: ConditionModel) -> Condition:
    """Compile a condition."""
    if model.not_ is not None:
        return Not(condition(model.not_))
    for word, parts in (("all", model.all_), ("any", model.any_)):
        if parts is not None:
            return Both(word, tuple(condition(part) for part in parts))
    name = next(name for name in OPERATORS if (name if name != "in" else "in_") in model.model_fields_set)
    operand = getattr(model, "in_" if name == "in" else name)
    return Test(Path.parse(model.path or ""), name, tuple(operand) if isinstance(operand, list) else operand)


def _section(document: Document, loc: Loc, model: Strict | None) -> Section:
    rules: dict[str, Rule] = {}
    for name in type(model).model_fields if model is not None else ():
        value: Any = getattr(model, name)
        if isinstance(value, RuleModel):
            rules[name] = _rule(document, (*loc, name), value)
        elif value is not None:
            inner: Mapping[str, Rule] = _section(document, (*loc, name), value)
            rules |= {f"{name}.{key}": rule for key, rule in inner.items()}
    return MappingProxyType(rules)


def _rule(document: Document, loc: Loc, model: RuleModel) -> Rule:
    origin: Path | Const | tuple[Rule, ...]
    mark = document.key_mark(loc)
    if model.from_ is not None:
        origin = Path.parse(model.from_)
    elif model.first_of is not None:
        origin = tuple(_rule(document, (*loc, "first_of", index), each) for index, each in enumerate(model.first_of))
    else:
        origin = Const(_plain(model.const))
    return Rule(
        origin=origin,
        steps=tuple(Step(step.name, step.argument) for step in model.as_),
        default=_plain(model.default),
        value_map=MappingProxyType(dict(model.value_map)) if model.value_map else None,
        when=condition(model.when) if model.when else None,
        required=model.required or model.empty == "refuse",
        clear=model.empty == "clear",
        on=frozenset(model.on or ()),
        line=mark.line,
        file=mark.file,
    )


def _plain(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value
