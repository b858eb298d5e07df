"""A commented mapping file to begin with, made from a standard file and the fields that an org really has."""

from collections.abc import Iterator, Mapping
from typing import Any

from connector.mapping.catalogue import Catalogue, CrmObject, Missing
from connector.mapping.document import Document
from connector.mapping.paths import Path
from connector.mapping.places import gives_anyway, paths_of, rule_places
from connector.mapping.problems import did_you_mean
from connector.mapping.slots import SLOTS
from connector.mapping.writing import flow

_HEAD = """\
# yaml-language-server: $schema={schema}
#
# Made for {source}.
# Left: what the connector needs to know. Right: where the CRM keeps it. What stands behind a # does not count.
# Next: connector map check {name}
version: 1
crm: {crm}

objects: {objects}
"""


def starter(document: Document, catalogue: Catalogue | None, *, name: str, schema: str) -> str:
    """Return the text of a new file. `document` is the standard one; without a catalogue nothing is left out."""
    source = catalogue.source if catalogue else "an org that was not looked at"
    data = document.data
    parts = [_HEAD.format(schema=schema, source=source, name=name, crm=data["crm"], objects=flow(data["objects"]))]
    parts.append(_plain("sync", "which orders are billed", data.get("sync") or {}))
    rules = {place.loc: place for place in rule_places(document)}
    lost = {loc: why for loc, place in rules.items() if (why := _lost(catalogue, place.object, place))}
    sections = [section for section in SLOTS if section != "policies"]
    parts += ["\n".join(_section(name, data.get(name) or {}, lost, catalogue, data["objects"])) for name in sections]
    parts.append("\n".join(_kinds(data.get("stripe") or {}, lost)))
    parts.append(_plain("policies", "choices where more than one answer is right", data.get("policies") or {}))
    parts.append("\n".join(_write_back(data.get("write_back") or {}, catalogue)))
    return "\n".join(part.rstrip("\n") + "\n" for part in parts if part)


def _plain(section: str, says: str, table: Mapping[str, Any]) -> str:
    lines = [f"# {says[0].upper()}{says[1:]}.", f"{section}:"]
    return "\n".join([*lines, *(f"  {key}: {flow(value)}" for key, value in table.items())])


def _section(
    section: str, table: Mapping[str, Any], lost: Mapping[Any, str], catalogue: Catalogue | None, objects: Any
) -> Iterator[str]:
    yield f"{section}:"
    if section in {"tier_schedule", "tier", "discount"}:
        for name, rules in table.items():
            hidden = catalogue is not None and catalogue.described and name not in catalogue.objects
            mark = "# " if hidden else ""
            yield f"  {mark}{name}:" + (f"   # the org has no {name}" if hidden else "")
            for slot, rule in rules.items():
                yield f"  {mark}  {slot}: {flow(rule)}"
        return
    start = objects["line" if section in {"line", "product"} else "revision"]
    nested: dict[str, list[str]] = {}
    for name, slot in SLOTS[section].items():
        head, _, tail = name.partition(".")
        rule = (table.get(head) or {}).get(tail) if tail else table.get(head)
        if section == "contract" and name in SLOTS["policies"] and rule is None:
            continue
        why = "" if slot.must else lost.get((section, *name.split(".")), "")
        lines = [_slot(tail or head, slot.says, rule, why)]
        lines += _guesses(name, catalogue, start) if rule is None or why else []
        if tail:
            nested.setdefault(head, []).extend(lines)
        else:
            yield from (f"  {line}" for line in lines)
    for head, lines in nested.items():
        yield from _group(head, lines)


def _group(head: str, lines: list[str]) -> Iterator[str]:
    """Yield a table inside a section; as a remark when nothing in it counts, since a table must not be empty."""
    idle = all(line.startswith("#") for line in lines)
    yield f"  {'# ' if idle else ''}{head}:"
    yield from (f"    {line}" for line in lines)


def _slot(name: str, says: str, rule: Any, why: str) -> str:
    if rule is None:
        return f"# {name}:   # {says}"
    return f"# {name}: {flow(rule)}   # {says}; {why}" if why else f"{name}: {flow(rule)}   # {says}"


def _guesses(slot: str, catalogue: Catalogue | None, start: str) -> list[str]:
    """Name fields whose label is like the slot's name."""
    found: CrmObject | None = catalogue.objects.get(start) if catalogue else None
    if found is None:
        return []
    words = {each.label.casefold().replace(" ", "_"): each.name for each in found.fields.values() if each.label}
    near = did_you_mean(slot.rpartition(".")[2], words, cutoff=0.75)
    if not near.startswith("Did"):
        return []
    return [f"#   perhaps: {', '.join(words[w] for w in near.removeprefix('Did you mean: ').rstrip('?').split(', '))}"]


def _kinds(kinds: Mapping[str, Any], lost: Mapping[Any, str]) -> Iterator[str]:
    yield "# Any Stripe parameter can be filled from the CRM: kind of object, then parameter."
    yield "stripe:"
    for kind, entries in kinds.items():
        rows = ((target, rule, lost.get(("stripe", kind, target), "")) for target, rule in entries.items())
        lines = [f"{'# ' if why else ''}{flow(target)}: {flow(rule)}{f'   # {why}' if why else ''}"
                 for target, rule, why in rows]  # fmt: skip
        yield from _group(kind, lines)


def _write_back(rows: Mapping[str, Any], catalogue: Catalogue | None) -> Iterator[str]:
    yield "# What the CRM is told: field of the record, then what it holds."
    yield "write_back:"
    for name, fields in rows.items():
        known = catalogue.objects.get(name) if catalogue else None
        absent = catalogue is not None and catalogue.described and known is None
        lines = [f"{'# ' if absent or (known is not None and known.field(field) is None) else ''}{field}: {status}"
                 for field, status in fields.items()]  # fmt: skip
        yield from _group(name, lines)


def _lost(catalogue: Catalogue | None, start: str, place: Any) -> str:
    """Say which field is missing when a rule has no source left in the org; empty when it can give a value."""
    if catalogue is None or not catalogue.described:
        return ""
    sources = [text for _, text, condition in paths_of(place) if not condition]
    hits = {text: catalogue.find(start, Path.parse(text)) for text in sources}
    absent = [text for text, hit in hits.items() if isinstance(hit, Missing)]
    lost = absent and len(absent) == len(hits) and not gives_anyway(place.data)
    return f"the org has no {absent[0]}" if lost else ""
