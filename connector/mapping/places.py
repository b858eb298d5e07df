"""Where paths stand in a mapping file, with the CRM object that each starts at: for checks that point at the text."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from connector.mapping.document import Document, Loc
from connector.mapping.slots import CONTRACT_KINDS, SLOTS, Slot

_TABLES = ("tier_schedule", "tier", "discount")
_NESTED = ("address", "shipping")


@dataclass(frozen=True, slots=True)
class RulePlace:
    """One rule of a valid file: its place, the object its paths start at, and the slot it fills (None in `stripe`)."""

    loc: Loc
    object: str
    data: Any
    slot: Slot | None = None

    @property
    def name(self) -> str:
        """Return the rule's dotted name: `party.address.city`."""
        return ".".join(str(part) for part in self.loc)


def rule_places(document: Document) -> Iterator[RulePlace]:
    """Yield every rule of a document that was read without a fault."""
    data = document.data
    revision, line = data["objects"]["revision"], data["objects"]["line"]
    for section in SLOTS:
        table = data.get(section) or {}
        if section in _TABLES:
            for name, rules in table.items():
                yield from _slots(section, (section, name), rules or {}, name)
        else:
            yield from _slots(section, (section,), table, line if section in {"line", "product"} else revision)
    for section in ("stripe", "preview"):
        for kind, entries in (data.get(section) or {}).items():
            start = revision if kind in CONTRACT_KINDS else line
            for target, rule in (entries or {}).items():
                yield RulePlace((section, kind, target), start, rule)


def paths_of(place: RulePlace) -> Iterator[tuple[Loc, str, bool]]:
    """Yield the paths of a rule with their places; the last value says that the path only decides a condition."""
    yield from _paths(place.loc, place.data)


def gate_paths(document: Document) -> Iterator[tuple[Loc, str, str]]:
    """Yield the paths of the section `sync` with the object that they start at."""
    objects = document.data["objects"]
    for name, start in (
        ("when", "revision"),
        ("hold", "revision"),
        ("billed_elsewhere", "revision"),
        ("skip_line", "line"),
    ):
        condition = (document.data.get("sync") or {}).get(name)
        for loc, text, _ in _conditions(("sync", name), condition):
            yield loc, text, objects[start]


def conditions_of(place: RulePlace) -> Iterator[tuple[Loc, dict[str, Any]]]:
    """Yield the single comparisons of a rule with their places."""
    yield from _comparisons(place.loc, place.data)


def gives_anyway(rule: Any) -> bool:
    """Tell whether a rule gives something although every field is empty."""
    if not isinstance(rule, dict) or rule.get("when"):
        return False
    if rule.get("default") is not None or rule.get("const") is not None:
        return True
    return any(gives_anyway(each) for each in rule.get("first_of") or ())


def _slots(section: str, loc: Loc, table: dict[str, Any], start: str) -> Iterator[RulePlace]:
    for name, rule in table.items():
        if section == "party" and name in _NESTED:
            for key, inner in (rule or {}).items():
                yield RulePlace((*loc, name, key), start, inner, SLOTS[section][f"{name}.{key}"])
        else:
            yield RulePlace((*loc, name), start, rule, SLOTS[section][name])


def _paths(loc: Loc, rule: Any) -> Iterator[tuple[Loc, str, bool]]:
    if isinstance(rule, str):
        if loc[0] != "policies" or len(loc) > 2:
            yield loc, rule, False
        return
    if not isinstance(rule, dict):
        return
    if isinstance(rule.get("from"), str):
        yield (*loc, "from"), rule["from"], False
    for index, inner in enumerate(rule.get("first_of") or ()):
        yield from _paths((*loc, "first_of", index), inner)
    yield from _conditions((*loc, "when"), rule.get("when"))


def _conditions(loc: Loc, condition: Any) -> Iterator[tuple[Loc, str, bool]]:
    if not isinstance(condition, dict):
        return
    if isinstance(condition.get("path"), str):
        yield (*loc, "path"), condition["path"], True
    for word in ("all", "any"):
        for index, part in enumerate(condition.get(word) or ()):
            yield from _conditions((*loc, word, index), part)
    yield from _conditions((*loc, "not"), condition.get("not"))


def _comparisons(loc: Loc, rule: Any) -> Iterator[tuple[Loc, dict[str, Any]]]:
    if isinstance(rule, dict):
        if "path" in rule:
            yield loc, rule
        for word in ("all", "any", "first_of"):
            for index, part in enumerate(rule.get(word) or ()):
                yield from _comparisons((*loc, word, index), part)
        for word in ("not", "when"):
            yield from _comparisons((*loc, word), rule.get(word))
