"""A mapping file against the fields that an org has: what is missing, misspelled, or cannot mean what it should.

A field that the org does not have counts as empty, so most of this is a warning. It is an error where a value that
every contract needs can come from nowhere else.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from connector.mapping.catalogue import Catalogue, CrmField, Missing
from connector.mapping.document import Document, Loc, key_text
from connector.mapping.paths import Path
from connector.mapping.places import RulePlace, conditions_of, gate_paths, gives_anyway, paths_of, rule_places
from connector.mapping.problems import Mark, Problem, did_you_mean

#: Types of fields that cannot hold what a slot of a type wants, whatever is written in them.
_UNFIT = {
    "date": frozenset(["boolean", "reference", "currency", "double", "percent", "int", "email", "phone", "url"]),
    "decimal": frozenset(["boolean", "date", "datetime", "reference", "email", "url"]),
    "percent": frozenset(["boolean", "date", "datetime", "reference", "email", "url"]),
    "whole_number": frozenset(["boolean", "date", "datetime", "reference", "email", "url"]),
    "months": frozenset(["boolean", "date", "datetime", "reference", "email", "url"]),
    "boolean": frozenset(["date", "datetime", "currency", "email", "url", "reference"]),
    "email": frozenset(["boolean", "date", "datetime", "currency", "double", "int", "percent", "reference", "url"]),
    "currency": frozenset(["boolean", "date", "datetime", "currency", "double", "int", "percent", "reference"]),
    "country": frozenset(["boolean", "date", "datetime", "currency", "double", "int", "percent", "reference"]),
}
_PICKLISTS = frozenset(["picklist", "multipicklist"])


def check_against(document: Document, catalogue: Catalogue) -> tuple[Problem, ...]:
    """Return what does not fit the org, in the order of the file. The document was read without a fault."""
    found = [*_objects(document, catalogue), *_gates(document, catalogue), *_write_back(document, catalogue)]
    for place in rule_places(document):
        found += _rule(document, catalogue, place)
    return tuple(sorted(found, key=lambda each: (each.file != document.file, each.file, each.line, each.column)))


def _rule(document: Document, catalogue: Catalogue, place: RulePlace) -> Iterator[Problem]:
    sources = list(paths_of(place))
    unknown: list[tuple[Loc, Missing]] = []
    for loc, text, _ in sources:
        hit = catalogue.find(place.object, Path.parse(text))
        if isinstance(hit, Missing):
            unknown.append((loc, hit))
        elif hit is not None:
            yield from _fits(document, place, loc, hit)
            yield from _unfilled(document, catalogue, loc, hit)
    values = [loc for loc, _, condition in sources if not condition]
    lost = bool(values) and {loc for loc, _ in unknown} >= set(values) and not gives_anyway(place.data)
    must = place.slot is not None and place.slot.must and lost and catalogue.described
    for loc, hit in unknown:
        yield _unknown(document, catalogue, loc, hit, error=must)
    for loc, condition in conditions_of(place):
        yield from _compared(document, catalogue, place.object, loc, condition)


def _unknown(document: Document, catalogue: Catalogue, loc: Loc, missing: Missing, *, error: bool) -> Problem:
    mark = _narrowed(document, document.value_mark(loc), missing.name)
    if not catalogue.described:
        message = f'no record of {missing.object} has "{missing.name}" filled'
        return document.problem(mark, "MAP-102", message, f"Looked at: {catalogue.source}.", warning=True)
    message = f'unknown {missing.kind} "{missing.name}" on {missing.object}'
    hint = f"Described: {catalogue.source}.  Refresh: connector map fields {missing.object} --refresh"
    return document.problem(mark, "MAP-070", message, f"{_near(missing)}{hint}", warning=not error)


def _near(missing: Missing) -> str:
    """Return a line with what may have been meant, with the types; empty when nothing is near."""
    near = did_you_mean(missing.name, missing.known)
    if not near.startswith("Did"):
        return ""
    names = near.removeprefix("Did you mean: ").rstrip("?").split(", ")
    return f"Did you mean: {', '.join(f'{name} ({missing.known[name]})' for name in names)}?\n"


def _narrowed(document: Document, mark: Mark, name: str) -> Mark:
    """Return the mark of one name within a path, where the path stands as it is."""
    lines = document.sources.get(mark.file, ()) if mark.file else document.lines
    text = lines[mark.line - 1][mark.column - 1 : mark.column - 1 + mark.width] if mark.line <= len(lines) else ""
    at = text.split(".").index(name) if name in text.split(".") else None
    if at is None:
        return mark
    start = len(".".join(text.split(".")[:at])) + (1 if at else 0)
    return replace(mark, column=mark.column + start, width=len(name))


def _unfilled(document: Document, catalogue: Catalogue, loc: Loc, hit: CrmField) -> Iterator[Problem]:
    count = catalogue.counted.get(hit.object, 0)
    if count and hit.counts and not catalogue.filled.get((hit.object, hit.name)):
        message = f"{hit.object}.{hit.name} is never filled (records looked at: {count})"
        yield document.problem(document.value_mark(loc), "MAP-102", message, _label(hit), warning=True)


def _fits(document: Document, place: RulePlace, loc: Loc, hit: CrmField) -> Iterator[Problem]:
    """Compare a field's type with the slot, where the rule takes it as it is, and a value_map with its picklist."""
    rule = _at(document.data, loc[:-1] if loc[-1] == "from" else loc)
    plain = isinstance(rule, str) or not (rule.get("as") or rule.get("value_map"))
    outer = place.data if isinstance(place.data, dict) else {}
    plain = plain and not (outer.get("as") or outer.get("value_map")) and loc[-1] != "path"
    if place.slot and plain and hit.type in _UNFIT.get(place.slot.type, ()):
        message = f"{hit.name} is of type {hit.type}, which cannot be read as {place.slot.says}"
        yield document.problem(document.value_mark(loc), "MAP-072", message, _label(hit), warning=True)
    if loc[-1] == "from" and isinstance(rule, dict) and isinstance(rule.get("value_map"), dict):
        yield from _map_of(document, loc[:-1], rule["value_map"], hit)


def _map_of(document: Document, loc: Loc, value_map: dict[str, Any], hit: CrmField) -> Iterator[Problem]:
    if hit.type not in _PICKLISTS or not hit.values:
        return
    for word in value_map:
        if word not in hit.values:
            message = f'{hit.name} has no value "{word}"'
            near = did_you_mean(word, hit.values)
            yield document.problem(document.key_mark((*loc, "value_map", word)), "MAP-073", message, near, warning=True)
    lost = [word for word in hit.values if word not in value_map]
    if lost:
        message = f"value_map leaves out values of {hit.name}: {', '.join(lost[:8])}"
        hint = "A contract with such a value is not billed until it is listed."
        yield document.problem(document.key_mark((*loc, "value_map")), "MAP-074", message, hint, warning=True)


def _compared(
    document: Document, catalogue: Catalogue, start: str, loc: Loc, condition: dict[str, Any]
) -> Iterator[Problem]:
    """Report words that a condition compares a picklist with, but that the picklist does not have."""
    hit = catalogue.find(start, Path.parse(condition["path"]))
    if not isinstance(hit, CrmField) or hit.type not in _PICKLISTS or not hit.values:
        return
    for key in ("eq", "ne", "in"):
        words: list[Any] = condition.get(key, []) if key == "in" else [condition.get(key)]
        for index, word in enumerate(words):
            if isinstance(word, str) and key in condition and key_text(word) not in hit.values:
                place = (*loc, key, index) if key == "in" else (*loc, key)
                message = f'{hit.name} has no value "{word}"'
                near = did_you_mean(word, hit.values)
                yield document.problem(document.value_mark(place), "MAP-073", message, near, warning=True)


def _objects(document: Document, catalogue: Catalogue) -> Iterator[Problem]:
    if not catalogue.described:
        return
    names = [(("objects", key), name) for key, name in document.data["objects"].items()]
    tables = ("tier_schedule", "tier", "discount", "write_back")
    names += [((section, name), name) for section in tables for name in document.data.get(section) or {}]
    for loc, name in names:
        if name not in catalogue.objects:
            must = loc[0] == "objects"
            mark = document.value_mark(loc) if must else document.key_mark(loc)
            near = did_you_mean(name, catalogue.objects)
            hint = "\n".join((*([near] if near.startswith("Did") else []), f"Described: {catalogue.source}."))
            yield document.problem(mark, "MAP-071", f"the org has no object {name}", hint, warning=not must)


def _gates(document: Document, catalogue: Catalogue) -> Iterator[Problem]:
    for loc, text, start in gate_paths(document):
        hit = catalogue.find(start, Path.parse(text))
        if isinstance(hit, Missing):
            yield _unknown(document, catalogue, loc, hit, error=False)
        yield from _compared(document, catalogue, start, loc[:-1], _at(document.data, loc[:-1]))


def _write_back(document: Document, catalogue: Catalogue) -> Iterator[Problem]:
    if not catalogue.described:
        return
    for name, rows in (document.data.get("write_back") or {}).items():
        known = catalogue.objects.get(name)
        for key in (rows or {}) if known is not None else ():
            hit = known.field(key) if known is not None else None
            mark = document.key_mark(("write_back", name, key))
            if known is not None and hit is None:
                types = {each.name: each.type for each in known.fields.values()}
                yield _written(document, catalogue, mark, Missing(name, key, types))
            elif hit is not None and not hit.writable:
                message = f"{key} of {name} cannot be written by the connector's user"
                hint = "Grant edit access, or map another field."
                yield document.problem(mark, "MAP-075", message, hint, warning=True)


def _written(document: Document, catalogue: Catalogue, mark: Any, missing: Missing) -> Problem:
    hint = f"{_near(missing)}Described: {catalogue.source}."
    message = f'unknown field "{missing.name}" on {missing.object}; it will not be written'
    return document.problem(mark, "MAP-075", message, hint, warning=True)


def _label(hit: CrmField) -> str:
    return f'Its label is "{hit.label}".' if hit.label else ""


def _at(data: Any, loc: Loc) -> Any:
    for step in loc:
        data = data[step]
    return data
