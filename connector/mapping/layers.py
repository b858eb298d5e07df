"""Mapping files on top of each other: `include` takes over another file, the file itself overrides it, slot by slot.

A rule, a condition, a policy or a write-back field of the upper file replaces the lower one's as a whole; `without`
names what is taken out of the lower file. Every value remembers the file that it stands in, so that faults point there.
"""

import posixpath
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from connector.mapping.document import Document, Loc, read_document
from connector.mapping.problems import Mark, did_you_mean

#: Reads an included file: its text, or None when it cannot be read. The name is as `resolve` returns it.
IncludeReader = Callable[[str], str | None]

MAX_FILES = 10
#: How many steps from a section down to what is replaced as a whole; 1 where a section is not listed.
_DEPTH = {"tier_schedule": 3, "tier": 3, "discount": 3, "stripe": 3, "preview": 3, "write_back": 3}
#: Tables of slots inside a section.
_INNER = frozenset([("party", "address"), ("party", "shipping")])


def read_layers(text: str, name: str, include: IncludeReader | None = None) -> Document:
    """Read a file and what it includes, as one document; problems of all of them are in it."""
    return _read(text, name, _Files(include or _no_files), (name,))


class _Files:
    """The files around a mapping file; counts how many are read, because includes can multiply."""

    def __init__(self, include: IncludeReader) -> None:
        self._include = include
        self.count = 0

    def read(self, name: str) -> str | None:
        self.count += 1
        return self._include(name)


def resolve(name: str, wanted: str) -> str:
    """Return the name of an included file, which is relative to the file that includes it."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(name), wanted))


def _read(text: str, name: str, files: _Files, chain: tuple[str, ...]) -> Document:
    upper = read_document(text, name)
    if upper.data is None or not {"include", "without"} & upper.data.keys():
        return upper
    lower: Document | None = None
    for loc, wanted in _wanted(upper):
        below = _included(upper, loc, wanted, files, chain)
        if below is not None:
            lower = below if lower is None else _merge(lower, below)
        upper.partial |= below is None or below.data is None or below.partial
    lower = lower or Document(name, (), data={})
    if not upper.partial:
        _take_out(upper, lower)
    return _merge(lower, upper)


def _wanted(document: Document) -> Iterable[tuple[Loc, str]]:
    value = document.data.get("include")
    if isinstance(value, str):
        yield ("include",), value
    for index, each in enumerate(value if isinstance(value, list) else ()):
        if isinstance(each, str):
            yield ("include", index), each


def _included(document: Document, loc: Loc, wanted: str, files: _Files, chain: tuple[str, ...]) -> Document | None:
    mark, name = document.value_mark(loc), resolve(document.file, wanted)
    outside = wanted.startswith("/") or "\\" in wanted or ":" in wanted or ".." in wanted.split("/")
    if outside or not wanted.endswith((".yaml", ".yml")):
        hint = "Name a .yaml file in the same folder or below it."
        document.report(mark, "MAP-060", f'"{wanted}" cannot be included', hint)
    elif name in chain:
        document.report(mark, "MAP-061", f'"{wanted}" includes itself')
    elif files.count >= MAX_FILES:
        document.report(mark, "MAP-061", f"more than {MAX_FILES} files are included")
    elif (text := files.read(name)) is None:
        document.report(mark, "MAP-060", f'"{wanted}" cannot be read', "It is looked for next to this file.")
    else:
        return _named(_read(text, name, files, (*chain, name)))
    return None


def _named(document: Document) -> Document:
    """Return the document with the name of its file in every place of it."""

    def own(mark: Mark) -> Mark:
        return mark if mark.file else replace(mark, file=document.file)

    document.keys = {loc: own(mark) for loc, mark in document.keys.items()}
    document.values = {loc: own(mark) for loc, mark in document.values.items()}
    document.sources = {**document.sources, document.file: document.lines}
    if document.data is not None:
        document.data = {key: value for key, value in document.data.items() if key not in {"include", "without"}}
    return document


def _merge(lower: Document, upper: Document) -> Document:
    """Return the upper document with everything of the lower one that it does not say itself."""
    data: dict[str, Any] = {}
    if lower.data is not None and upper.data is not None:
        data = _merged((), lower.data, upper.data)
    merged = Document(upper.file, upper.lines, data if upper.data is not None else None)
    merged.sources = {**lower.sources, **upper.sources}
    merged.partial = lower.partial or upper.partial
    merged.problems = [*lower.problems, *upper.problems]
    merged.keys = {**_kept(lower.keys, upper), **upper.keys}
    merged.values = {**_kept(lower.values, upper), **upper.values}
    merged.empty = [*(loc for loc in lower.empty if not _replaced(loc, upper)), *upper.empty]
    return merged


def _kept(marks: dict[Loc, Mark], upper: Document) -> dict[Loc, Mark]:
    return {loc: mark for loc, mark in marks.items() if not _replaced(loc, upper)}


def _replaced(loc: Loc, upper: Document) -> bool:
    """Tell whether the upper document replaces the whole that a place of the lower one belongs to."""
    depth = _depth(loc)
    return len(loc) >= depth and loc[:depth] in upper.values


def _depth(loc: Loc) -> int:
    if not loc or loc[0] in {"version", "crm"}:
        return 1
    return 3 if loc[:2] in _INNER else _DEPTH.get(str(loc[0]), 2)


def _merged(loc: Loc, lower: Any, upper: Any) -> Any:
    if loc and len(loc) >= _depth(loc):
        return upper
    if not isinstance(lower, dict) or not isinstance(upper, dict):
        return lower if upper is None else upper  # an empty section overrides nothing
    both = {**lower, **upper}
    return {
        key: _merged((*loc, key), lower[key], upper[key]) if key in lower and key in upper else value
        for key, value in both.items()
    }


def _take_out(upper: Document, lower: Document) -> None:
    listed = upper.data.get("without")
    for index, name in enumerate(listed if isinstance(listed, list) else ()):
        if not isinstance(name, str):
            continue
        loc = _find(lower.data or {}, name)
        if loc is None:
            known = list(_names(lower.data or {}, ()))
            hint = did_you_mean(name, known)
            said = f'"{name}" is not in the included files'
            upper.report(upper.value_mark(("without", index)), "MAP-062", said, hint)
            continue
        _drop(lower, loc)


def _drop(document: Document, loc: Loc) -> None:
    table = document.data
    for step in loc[:-1]:
        table = table[step]
    del table[loc[-1]]
    for marks in (document.keys, document.values):
        for each in [each for each in marks if each[: len(loc)] == loc]:
            del marks[each]
    document.empty = [each for each in document.empty if each[: len(loc)] != loc]


def _find(table: Any, name: str, loc: Loc = ()) -> Loc | None:
    """Return the place that a dotted name leads to; keys may hold points themselves."""
    if not isinstance(table, dict) or (loc and len(loc) >= _depth(loc)):
        return None
    if name in table:
        return (*loc, name)
    heads = (key for key in table if name.startswith(f"{key}."))
    found = (_find(table[key], name[len(key) + 1 :], (*loc, key)) for key in heads)
    return next((each for each in found if each is not None), None)


def _names(table: Any, loc: Loc) -> Iterable[str]:
    if loc:
        yield ".".join(str(part) for part in loc)
    if isinstance(table, dict) and not (loc and len(loc) >= _depth(loc)):
        for key, value in table.items():
            yield from _names(value, (*loc, key))


def _no_files(_: str) -> str | None:
    return None
