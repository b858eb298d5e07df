"""Pass-through values: whatever Stripe parameter the mapping fills from the CRM, without the core knowing its name."""

from collections.abc import Iterable
from types import MappingProxyType

from connector.domain.contract import Extras
from connector.domain.issues import IssueCode
from connector.mapping.converters import as_text, is_empty
from connector.mapping.mapping_file import MappingFile
from connector.mapping.raw import RawRecord, RawRecords
from connector.mapping.reading import Notes, note_value
from connector.mapping.rules import Rule, Value, convert, evaluate
from connector.mapping.slots import Slot


def read_extras(
    notes: Notes, mapping: MappingFile, kinds: Iterable[str], record: RawRecord, records: RawRecords, ref: str
) -> Extras:
    """Return the filled pass-through values of some kinds of objects; empty ones are left out."""
    read = {kind: _values(notes, kind, mapping.stripe.get(kind, ()), record, records, ref) for kind in kinds}
    return MappingProxyType({kind: values for kind, values in read.items() if values})


def _values(
    notes: Notes,
    kind: str,
    entries: Iterable[tuple[tuple[str, ...], Rule]],
    record: RawRecord,
    records: RawRecords,
    ref: str,
) -> tuple[tuple[tuple[str, ...], object], ...]:
    plain: list[tuple[tuple[str, ...], object]] = []
    lists: dict[tuple[str, ...], list[object]] = {}
    for path, rule in entries:
        value = _read(notes, kind, path, rule, record, records, ref)
        if is_empty(value):
            continue
        if len(path) > 1 and path[-2] == "custom_fields":
            lists.setdefault(path[:-1], []).append(MappingProxyType({"name": path[-1], "value": value}))
        else:
            plain.append((path, value))
    return (*plain, *((path, tuple(items)) for path, items in lists.items()))


def _read(
    notes: Notes, kind: str, path: tuple[str, ...], rule: Rule, record: RawRecord, records: RawRecords, ref: str
) -> object:
    code = IssueCode.PAYMENT_TERMS if path[-1] == "days_until_due" else IssueCode.FIELD_INVALID
    slot = Slot(f"stripe.{kind}.{'.'.join(path)}", "text", f"value for {'.'.join(path)} in Stripe", code)
    value: Value = evaluate(rule, record, records)
    if len(path) > 1 and path[-2] in {"metadata", "custom_fields"}:
        value = convert(value, as_text)
    note_value(notes, slot, value, rule, ref)
    return value.value
