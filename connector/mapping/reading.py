"""Reading one record through one section of the mapping, and the notes taken on the way.

Notes are the issues for people, the place of every value (so that a later check can point at the field) and the trace
that `explain` prints. A slot is read once per scope.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from types import MappingProxyType

from connector.domain.issues import NOWHERE, Issue, IssueCode, Source, block, warn
from connector.mapping.conditions import culprit, holds
from connector.mapping.converters import is_empty
from connector.mapping.mapping_file import MappingFile, Section
from connector.mapping.raw import RawRecord, RawRecords
from connector.mapping.rules import Rule, Value, convert, evaluate_for
from connector.mapping.slots import SLOTS, Slot


@dataclass(frozen=True, slots=True)
class Traced:
    """One value and how it came about: `raw` stood in `field` of `record`, the rule is on `line` of the file.

    `path` led there from the record that was read; `file` is the included file that the rule stands in, if it does.
    """

    ref: str
    slot: str
    value: object
    raw: object
    record: str | None
    field: str | None
    line: int
    path: str = dataclasses.field(default="", compare=False)
    file: str = dataclasses.field(default="", compare=False)


@dataclass(slots=True)
class Notes:
    """What reading a contract collects."""

    issues: list[Issue] = field(default_factory=list)
    origins: dict[tuple[str, str], Source] = field(default_factory=dict)
    traced: list[Traced] = field(default_factory=list)

    def sorted_issues(self) -> tuple[Issue, ...]:
        """Return the issues, what blocks first, in an order that does not depend on the records'.

        Two slots may read one field: what is wrong with it is said once.
        """
        told: dict[tuple[str, str | None, str], Issue] = {}
        for issue in sorted(self.issues, key=_rank):
            told.setdefault((issue.code, issue.record, issue.field or issue.message), issue)
        return tuple(told.values())


def _rank(issue: Issue) -> tuple[bool, str, str, str, str]:
    return (not issue.blocks, issue.code, issue.record or "", issue.field or "", issue.message)


@dataclass(frozen=True, slots=True)
class Reader:
    """What every part of the reading needs: the rules, the records, the CRM's address for people, and the notes."""

    mapping: MappingFile
    records: RawRecords
    instance_url: str = ""
    notes: Notes = field(default_factory=Notes)
    revision: str = ""
    """Kind of the revision that is being read."""
    pages: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    advice: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def scope(self, section: str, record: RawRecord, *, ref: str | None = None) -> "Scope":
        """Return a record seen through a section. `ref` names the object its values belong to, if it is another."""
        return Scope(self, section, self.mapping.sections[section], record, ref or record.id)

    def table_scope(self, section: str, record: RawRecord) -> "Scope | None":
        """Return a record seen through the part of a section that its CRM object has; None when it has none."""
        rules = self.mapping.tables[section].get(record.object)
        return None if rules is None else Scope(self, section, rules, record, record.id)

    def skips_line(self, line: RawRecord) -> bool:
        """Tell whether the mapping leaves a line out; that it does is noted."""
        skip = self.mapping.gates.skip_line
        if skip is None or not holds(skip, line, self.records):
            return False
        source, said = culprit(skip, line, self.records)
        message, remedy = f"The line is not billed: {said}.", f"Clear {source.field} to bill it."
        self.notes.issues.append(warn(IssueCode.LINE_SKIPPED, source, message, remedy))
        return True

    def quiet(self) -> "Reader":
        """Return a reader whose notes nobody sees, for a second look at a record."""
        return replace(self, notes=Notes())

    def link(self, ref: str) -> str | None:
        """Return the address of a record for people; None for one without a page."""
        if not self.instance_url or not self.pages:
            return f"{self.instance_url}/{ref}" if self.instance_url else None
        record = self.records.get(ref)
        page = self.pages.get(record.object) if record else None
        return f"{self.instance_url}/{page}/{ref}" if page else None


class Scope:
    """One record seen through one section. `ref` names the domain object the values belong to."""

    __slots__ = ("_reader", "_rules", "_section", "_values", "record", "ref")

    def __init__(self, reader: Reader, section: str, rules: Section, record: RawRecord, ref: str) -> None:
        self._reader = reader
        self._section = section
        self._rules = rules
        self._values: dict[str, Value] = {}
        self.record = record
        self.ref = ref

    def has(self, slot: str) -> bool:
        """Tell whether the mapping has a rule for the slot."""
        return slot in self._rules

    def value(self, slot: str) -> object:
        """Return the slot's value, None when it is empty or cannot be read; the latter is an issue."""
        if slot not in self._rules:
            return None
        if slot not in self._values:
            self._values[slot] = self._read(SLOTS[self._section][slot], self._rules[slot])
        return self._values[slot].value

    def failed(self, slot: str) -> bool:
        """Tell whether the slot was filled but could not be read."""
        self.value(slot)
        return slot in self._values and self._values[slot].error is not None

    def source(self, *slots: str) -> Source:
        """Return where the first of these slots that is mapped stands, or should stand."""
        for slot in slots:
            if slot in self._rules:
                self.value(slot)
                source = self._values[slot].source
                return source if source != NOWHERE else Source(self.record.id, None)
        return Source(self.record.id, None)

    def date(self, slot: str) -> date | None:
        """Return the value of a date slot."""
        value = self.value(slot)
        return value if isinstance(value, date) else None

    def decimal(self, slot: str) -> Decimal | None:
        """Return the value of a number slot."""
        value = self.value(slot)
        return value if isinstance(value, Decimal) else None

    def whole(self, slot: str) -> int | None:
        """Return the value of a whole-number slot."""
        value = self.value(slot)
        return value if isinstance(value, int) else None

    def text(self, slot: str) -> str | None:
        """Return the value of a text slot."""
        value = self.value(slot)
        return value if isinstance(value, str) else None

    def flag(self, slot: str, *, default: bool = False) -> bool:
        """Return the value of a yes-or-no slot."""
        value = self.value(slot)
        return value if isinstance(value, bool) else default

    def missing(self, slot: str, code: IssueCode = IssueCode.FIELD_MISSING) -> None:
        """Note that a slot which is needed is empty; nothing when it is there but unreadable, that is noted already."""
        rule = self._rules.get(slot)
        if self.failed(slot) or (rule and rule.required and not SLOTS[self._section][slot].must):
            return
        source = self.source(slot)
        says = SLOTS[self._section][slot].says
        where = f"Fill in {source.field}." if source.field else f'Map "{slot}" in section "{self._section}".'
        remedy = self._reader.advice.get(source.field or "", where)
        self._reader.notes.issues.append(block(code, source, f"Missing: {says}.", remedy))

    def report(self, issue: Issue) -> None:
        """Note an issue."""
        self._reader.notes.issues.append(issue)

    def _read(self, slot: Slot, rule: Rule) -> Value:
        value = evaluate_for(self._reader.revision, rule, self.record, self._reader.records)
        value = convert(value, slot.read)
        note_value(self._reader.notes, slot, value, rule, self.ref)
        return value


def note_value(notes: Notes, slot: Slot, value: Value, rule: Rule, ref: str) -> None:
    """Record where a value came from, and the issue when it is unreadable or required and empty."""
    notes.origins[ref, slot.name] = value.source
    if value.error:
        where = f"Correct {value.source.field}" if value.source.field else "Correct the value"
        remedy = f"{where}, or let the mapping convert it ({_at(rule, value.line)})."
        message = f"{slot.says[0].upper()}{slot.says[1:]}: {value.error}."
        notes.issues.append(Issue(slot.code, slot.severity, message, remedy, value.source.record, value.source.field))
    elif is_empty(value.value):
        if rule.required and not slot.must and not value.idle:  # for those that must be there the reader asks itself
            where = f"Fill in {value.source.field}" if value.source.field else "Give it a value"
            remedy = f"{where}; the mapping requires it ({_at(rule, rule.line)})."
            notes.issues.append(block(IssueCode.FIELD_MISSING, value.source, f"Missing: {slot.says}.", remedy))
    else:
        source = value.source
        notes.traced.append(
            Traced(
                ref,
                slot.name,
                value.value,
                value.raw,
                source.record,
                source.field,
                value.line,
                value.path,
                rule.file,
            )
        )


def _at(rule: Rule, line: int) -> str:
    return f"{rule.file}, line {line}" if rule.file else f"line {line}"
