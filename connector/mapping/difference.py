"""Two mapping files compared by what they mean: comments, order and the files that rules stand in do not count."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from connector.mapping.document import Document, Loc
from connector.mapping.places import rule_places
from connector.mapping.writing import flow


@dataclass(frozen=True, slots=True)
class RuleChange:
    """One value that differs, by its dotted name; the texts are YAML on one line, None where it is not there."""

    name: str
    kind: Literal["added", "removed", "changed"]
    before: str | None
    after: str | None
    line: int
    file: str


def compare_documents(old: Document, new: Document) -> tuple[RuleChange, ...]:
    """Return the differences of two valid files in the order of the sections."""
    before, after = dict(_entries(old)), dict(_entries(new))
    found: list[RuleChange] = []
    for loc in dict.fromkeys([*before, *after]):
        was, will = before.get(loc), after.get(loc)
        if was != will:
            kind: Any = "added" if was is None else "removed" if will is None else "changed"
            document = new if will is not None else old
            mark = document.key_mark(loc)
            name = ".".join(str(part) for part in loc)
            found.append(RuleChange(name, kind, was, will, mark.line, mark.file or document.file))
    return tuple(found)


def _entries(document: Document) -> Iterator[tuple[Loc, str]]:
    data = document.data
    for name in ("version", "crm"):
        yield (name,), flow(data[name])
    for section in ("objects", "sync"):
        yield from (((section, key), flow(value)) for key, value in (data.get(section) or {}).items())
    for place in rule_places(document):
        alone = isinstance(place.data, dict) and place.data.keys() == {"from"}
        yield place.loc, flow(place.data["from"] if alone else place.data)
    for name, rows in (data.get("write_back") or {}).items():
        yield from ((("write_back", name, key), flow(status)) for key, status in (rows or {}).items())
