"""Pass-through values: whatever Stripe parameter the mapping fills from the CRM, without the core knowing its name."""

from collections.abc import Iterable, Iterator
from types import MappingProxyType

from connector.domain.contract import Extras
from connector.domain.issues import IssueCode
from connector.mapping.converters import as_text, is_empty
from connector.mapping.raw import RawRecord
from connector.mapping.reading import Reader, note_value
from connector.mapping.rules import Rule, Value, convert, evaluate_for
from connector.mapping.slots import Slot
from connector.mapping.targets import OPEN

Target = tuple[str, ...]

#: Posted to Stripe, an empty text unsets what is there (docs.stripe.com/api/metadata).
CLEARED = ""


def read_extras(reader: Reader, kinds: Iterable[str], record: RawRecord, *, ref: str) -> Extras:
    """Return the filled pass-through values of some kinds of objects; empty ones are left out."""
    read = {kind: tuple(_values(reader, kind, record, ref)) for kind in kinds}
    return MappingProxyType({kind: values for kind, values in read.items() if values})


def _values(reader: Reader, kind: str, record: RawRecord, ref: str) -> Iterator[tuple[Target, object]]:
    for target, rule in reader.mapping.stripe.get(kind, ()):
        value = _read(reader, (kind, *target), rule, record, ref)
        if not is_empty(value.value):
            yield target, value.value
        elif rule.clear and not value.idle and not value.error:
            yield target, CLEARED


def _read(reader: Reader, target: Target, rule: Rule, record: RawRecord, ref: str) -> Value:
    """Read one value; `target` begins with the kind of object."""
    name = ".".join(target[1:])
    terms = target[-1] == "days_until_due"
    code, says = (IssueCode.PAYMENT_TERMS, "payment terms") if terms else (IssueCode.FIELD_INVALID, f"{name} in Stripe")
    value = evaluate_for(reader.revision, rule, record, reader.records)
    if target[-2] in OPEN:
        value = convert(value, as_text)
    note_value(reader.notes, Slot(f"stripe.{'.'.join(target)}", "text", says, code), value, rule, ref)
    return value
