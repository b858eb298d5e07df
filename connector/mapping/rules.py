"""Rules of a mapping file, compiled: where a value comes from and what is done to it.

Order: the source (a path, the first filled of several rules, a constant), then `when`, `value_map`, the converters of
`as`, the type of the slot; `default` stands in where the source is empty.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from connector.domain.issues import NOWHERE, Source
from connector.mapping.conditions import Condition, holds, paths_in
from connector.mapping.converters import CONVERTERS, UnreadableError, as_text, is_empty
from connector.mapping.document import key_text
from connector.mapping.paths import Found, Path, look_up
from connector.mapping.raw import RawRecord, RawRecords


@dataclass(frozen=True, slots=True)
class Const:
    """A value that stands in the file."""

    value: object


@dataclass(frozen=True, slots=True)
class Step:
    """One converter with its argument."""

    name: str
    argument: object = None

    def __call__(self, value: object) -> object:
        """Convert a filled value. Raises UnreadableError."""
        converter = CONVERTERS[self.name]
        return converter.convert(value) if converter.argument is None else converter.convert(value, self.argument)


@dataclass(frozen=True, slots=True)
class Rule:
    """One compiled rule. `line` is where it stands in `file`, which is empty for the mapping file itself.

    `on` are the kinds of revisions for which it counts (none: all); `clear` empties Stripe's value with the CRM's.
    """

    origin: "Path | Const | tuple[Rule, ...]"
    steps: tuple[Step, ...] = ()
    default: object = None
    value_map: Mapping[str, object] | None = None
    when: Condition | None = None
    required: bool = False
    line: int = 0
    file: str = ""
    clear: bool = False
    on: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Value:
    """What a rule gave: the value, the raw one it was made from, its place, the rule's line, and what went wrong.

    `path` leads from the record to the place; `idle` says that the rule did not count here.
    """

    value: object
    raw: object
    source: Source
    line: int
    error: str | None = None
    path: str = ""
    idle: bool = False


def evaluate(rule: Rule, record: RawRecord, records: RawRecords) -> Value:
    """Apply a rule to a record; problems of the data come back in `error`, they never raise."""
    if rule.when is not None and not holds(rule.when, record, records):
        return Value(None, None, _place(rule, record, records), rule.line, idle=True)
    if isinstance(rule.origin, tuple):
        inner = _first(rule.origin, record, records)
    elif isinstance(rule.origin, Const):
        inner = Value(rule.origin.value, None, NOWHERE, rule.line)
    else:
        found = look_up(rule.origin, record, records)
        inner = Value(found.value, found.value, found.source, rule.line, path=str(rule.origin))
    if inner.error:
        return inner
    if is_empty(inner.value):
        return Value(rule.default, inner.raw, inner.source, rule.line, path=inner.path)
    return _converted(rule, inner)


def evaluate_for(kind: str, rule: Rule, record: RawRecord, records: RawRecords) -> Value:
    """Apply a rule to a record of a revision of some kind (initial, amendment, renewal)."""
    if rule.on and kind not in rule.on:
        return Value(None, None, _place(rule, record, records), rule.line, idle=True)
    return evaluate(rule, record, records)


def convert(value: Value, step: Callable[[object], object]) -> Value:
    """Apply one more conversion to a filled value without an error."""
    if value.error or is_empty(value.value):
        return value
    try:
        return Value(step(value.value), value.raw, value.source, value.line, None, value.path)
    except UnreadableError as error:
        shown = value.value if value.raw is None else value.raw
        return replace(value, value=None, error=f"{_quoted(shown)} {error}")


def rule_paths(rule: Rule) -> Iterator[Path]:
    """Yield every path the rule can read."""
    if isinstance(rule.origin, Path):
        yield rule.origin
    elif isinstance(rule.origin, tuple):
        for inner in rule.origin:
            yield from rule_paths(inner)
    if rule.when is not None:
        yield from paths_in(rule.when)


def _converted(rule: Rule, value: Value) -> Value:
    if rule.value_map is not None:
        word = key_text(value.value)
        if word not in rule.value_map:
            known = ", ".join(rule.value_map)
            return replace(value, value=None, error=f"{_quoted(value.value)} is none of: {known}")
        value = Value(rule.value_map[word], value.raw, value.source, value.line, None, value.path)
    for step in rule.steps:
        value = convert(value, step)
    return value


def _first(rules: tuple[Rule, ...], record: RawRecord, records: RawRecords) -> Value:
    """Return the first filled (or unreadable) value; when all are empty, the place of the first."""
    values = [evaluate(rule, record, records) for rule in rules]
    return next((value for value in values if value.error or not is_empty(value.value)), values[0])


def _place(rule: Rule, record: RawRecord, records: RawRecords) -> Source:
    for path in rule_paths(rule):
        found: Found = look_up(path, record, records)
        return found.source
    return NOWHERE


def _quoted(value: object) -> str:
    try:
        text = as_text(value)
    except UnreadableError:
        text = str(value)
    return f'"{text[:60]}…"' if len(text) > 60 else f'"{text}"'
