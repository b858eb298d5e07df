"""YAML text → plain values that remember where they stand in the file.

YAML 1.2 without its dangers: no tags, few aliases, bounded size and depth, no duplicate keys. Numbers with a point are
exact decimals, dates stay text, keys are always text.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any, cast

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import AliasEvent, CollectionEndEvent, CollectionStartEvent, NodeEvent
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from connector.mapping.converters import LARGEST
from connector.mapping.problems import Mark, Problem, excerpt
from connector.mapping.remedies import remedy

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 20
MAX_ALIASES = 100
MAX_NODES = 20_000

#: Steps from the root of a document to a value: section and slot names, list positions.
Loc = tuple[str | int, ...]
_CORE = "tag:yaml.org,2002:"


@dataclass(slots=True)
class Document:
    """A parsed file: its values, where each key and value stands, and the problems found on the way."""

    file: str
    lines: tuple[str, ...]
    data: Any = None
    keys: dict[Loc, Mark] = field(default_factory=dict)
    values: dict[Loc, Mark] = field(default_factory=dict)
    empty: list[Loc] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    sources: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Lines of the files that this one includes, by name."""
    partial: bool = False
    """Whether an included file could not be read, so that nothing can be said to be missing."""

    def report(self, mark: Mark, code: str, message: str, hint: str = "") -> None:
        """Note a problem at a place."""
        self.problems.append(self.problem(mark, code, message, hint))

    def problem(self, mark: Mark, code: str, message: str, hint: str = "", *, warning: bool = False) -> Problem:
        """Return a problem at a place, with the text that stands there."""
        shown = excerpt(self.sources.get(mark.file, ()) if mark.file else self.lines, mark)
        name, severity = mark.file or self.file, "warning" if warning else "error"
        says = hint or remedy(code, message)
        return Problem(name, mark.line, mark.column, code, message, shown, says, cast("Any", severity))

    def value_mark(self, loc: Loc) -> Mark:
        """Return where a value stands, or the nearest value around it."""
        return next((self.values[loc[:n]] for n in range(len(loc), -1, -1) if loc[:n] in self.values), Mark(1, 1))

    def key_mark(self, loc: Loc) -> Mark:
        """Return where the key of a value stands, or the nearest value around it."""
        return self.keys.get(loc) or self.value_mark(loc)


def read_document(text: str, file: str) -> Document:
    """Parse a mapping file; `data` is None when it cannot be read at all, and `problems` says why."""
    document = Document(file, tuple(text.splitlines()))
    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        document.report(Mark(1, 1), "MAP-003", "the file is larger than 1 MiB")
        return document
    try:
        if not _within_limits(document, text):
            return document
        root = YAML(typ="rt", pure=True).compose(text)
    except MarkedYAMLError as error:
        _report_syntax(document, error)
        return document
    except (YAMLError, ValueError) as error:
        document.report(Mark(1, 1), "MAP-001", f"not readable as YAML: {str(error).splitlines()[0]}")
        return document
    if not isinstance(root, MappingNode):
        document.report(Mark(1, 1), "MAP-005", "a mapping file is a table of sections, and this one has none")
        return document
    walk = _Walk(document)
    data = walk.value(root, ())
    document.data = None if walk.endless else data
    return document


def _report_syntax(document: Document, error: MarkedYAMLError) -> None:
    mark = error.problem_mark or error.context_mark
    place = Mark(min(mark.line + 1, max(1, len(document.lines))), mark.column + 1) if mark else Mark(1, 1)
    said = " ".join(str(part) for part in (error.context, error.problem) if part)
    document.report(place, "MAP-001", f"not valid YAML: {' '.join(said.split())}")


def _within_limits(document: Document, text: str) -> bool:
    """Read the events only, which needs no recursion, and report depth, aliases and tags."""
    depth = aliases = nodes = 0
    anchors: set[str] = set()
    for event in YAML(typ="rt", pure=True).parse(text):
        nodes += isinstance(event, NodeEvent)
        aliases += isinstance(event, AliasEvent)
        depth += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)
        if depth > MAX_DEPTH or aliases > MAX_ALIASES or nodes > MAX_NODES:
            limit = (
                f"nested deeper than {MAX_DEPTH} levels"
                if depth > MAX_DEPTH
                else f"more than {MAX_ALIASES} aliases"
                if aliases > MAX_ALIASES
                else f"more than {MAX_NODES} values"
            )
            document.report(_mark_of(event), "MAP-003", limit)
            return False
        name = None if isinstance(event, AliasEvent) else getattr(event, "anchor", None)
        if name in anchors:
            document.report(_mark_of(event), "MAP-002", f'the anchor "{name}" is given twice')
            return False
        anchors |= {name} if name else set()
        if getattr(event, "tag", None):
            document.report(_mark_of(event), "MAP-004", f"YAML tags such as {event.tag} are not allowed")
    return not document.problems


class _Walk:
    """Turns nodes into values; counts what it visits, because aliases can multiply a small file."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._visited = 0
        self.endless = False

    def value(self, node: Node, loc: Loc) -> Any:
        self._visited += 1
        self._document.values.setdefault(loc, _mark_of(node))
        if self.endless or len(loc) > MAX_DEPTH or self._visited > MAX_NODES:
            if not self.endless:
                self._document.report(_mark_of(node), "MAP-003", "aliases make the file endless or too large")
            self.endless = True
            return None
        if isinstance(node, MappingNode):
            return dict(self._pairs(node, loc))
        if isinstance(node, SequenceNode):
            return [self.value(item, (*loc, index)) for index, item in enumerate(node.value)]
        found = _scalar(node) if isinstance(node, ScalarNode) else None
        if found is None:
            self._document.empty.append(loc)
        return found

    def _pairs(self, node: MappingNode, loc: Loc) -> Iterator[tuple[str, Any]]:
        seen: dict[str, Mark] = {}
        for key, value in node.value:
            mark = _mark_of(key)
            if not isinstance(key, ScalarNode):
                self._document.report(mark, "MAP-014", "a key must be text")
                continue
            name = key_text(_scalar(key))
            if name in seen:
                self._document.report(mark, "MAP-002", f'"{name}" is given twice', f"First on line {seen[name].line}.")
                continue
            seen[name] = mark
            self._document.keys[(*loc, name)] = mark
            yield name, self.value(value, (*loc, name))


def key_text(value: object) -> str:
    """Return a scalar as the text that `value_map` looks up: true, 12, Net 30."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        value = Decimal(str(value))
    if isinstance(value, Decimal):
        small = value.is_finite() and abs(value.adjusted()) <= LARGEST
        return format(value.normalize(), "f") if small else str(value)
    return "" if value is None else str(value).strip()


def _scalar(node: ScalarNode) -> object:
    text = node.value
    match str(node.tag).removeprefix(_CORE):
        case "null":
            return None
        case "bool":
            return text.casefold() == "true"
        case "int" | "float":
            return _number(text)
        case _:
            return text


def _number(text: str) -> object:
    plain = text.replace("_", "")
    try:
        return int(plain, 0) if plain.lower().startswith(("0x", "0o")) else int(plain)
    except ValueError:
        pass
    try:
        number = Decimal(plain)
    except InvalidOperation:
        return text
    return number if number.is_finite() and abs(number.adjusted()) <= LARGEST else text


def _mark_of(thing: Any) -> Mark:
    start, end = thing.start_mark, thing.end_mark
    width = end.column - start.column if end and end.line == start.line else 1
    return Mark(start.line + 1, start.column + 1, max(1, width))
