"""What the emulated org knows about its objects: the shape behind describe, SOQL and every write.

The tables themselves are text (``schema_standard``, ``schema_cpq``, ``schema_stripe``): one field a line, read top to
bottom like an object manager page. A line is ``Name type[:argument] [flags]``:

==================  ==================================================================================================
``string:80``       text of at most 80 characters (also ``textarea``, ``url``, ``email``, ``phone``)
``picklist:A|B``    picklist; ``picklist!`` is a restricted one
``ref:Account``     lookup; ``ref:Account:Owner:Items`` also names the relationship and the list on the other side
``currency``        floats in JSON (also ``double``, ``percent``); ``int`` stays an integer
flags               ``req`` required on create, ``ro`` set by the platform, ``calc`` formula or roll-up, ``fixed``
                    only on create, ``ext`` external id, ``uniq`` unique, ``auto`` auto-number
==================  ==================================================================================================
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

TEXT_TYPES = frozenset({"string", "textarea", "url", "email", "phone", "picklist", "multipicklist"})
FLOAT_TYPES = frozenset({"double", "currency", "percent"})
LENGTHS = {"string": 255, "textarea": 32_768, "url": 255, "email": 80, "phone": 40, "picklist": 255, "reference": 18}
ADDRESS_PARTS = ("Street", "City", "State", "PostalCode", "Country")


@dataclass(frozen=True, slots=True)
class Field:
    """One column, with the properties a describe call reports and a write is checked against."""

    name: str
    type: str
    length: int = 0
    nillable: bool = True
    createable: bool = True
    updateable: bool = True
    calculated: bool = False
    external_id: bool = False
    unique: bool = False
    auto_number: bool = False
    restricted: bool = False
    values: tuple[str, ...] = ()
    reference_to: tuple[str, ...] = ()
    relationship: str | None = None
    child_relationship: str | None = None

    @property
    def custom(self) -> bool:
        """Custom fields are told apart by their suffix alone."""
        return self.name.endswith("__c")

    @property
    def required(self) -> bool:
        """Columns a new record must bring; checkboxes have a default."""
        return not self.nillable and self.createable and self.type != "boolean"

    @property
    def indexed(self) -> bool:
        """Columns the store finds rows by without looking at each."""
        return self.type == "reference" or self.external_id


@dataclass(slots=True)
class SObject:
    """One object with its fields by lower-case name, as the API takes names in any case."""

    name: str
    prefix: str
    label: str
    plural: str
    name_format: str = ""
    fields: dict[str, Field] = field(default_factory=dict)
    indexed: list[Field] = field(default_factory=list)
    defaulted: list[Field] = field(default_factory=list)

    def add(self, column: Field) -> None:
        """Add a column, unless there is one of that name."""
        if column.name.lower() in self.fields:
            return
        self.fields[column.name.lower()] = column
        if column.indexed:
            self.indexed.append(column)
        if column.type == "boolean" or column.auto_number:
            self.defaulted.append(column)

    def copy(self) -> SObject:
        """Return an object of its own with the same columns."""
        made = SObject(self.name, self.prefix, self.label, self.plural, self.name_format)
        for column in self.fields.values():
            made.add(column)
        return made

    @property
    def custom(self) -> bool:
        """Custom objects are told apart by their suffix alone."""
        return self.name.endswith("__c")

    def find(self, name: str) -> Field | None:
        """Return the field called ``name`` in any case."""
        return self.fields.get(name.lower())

    def parent(self, relationship: str) -> Field | None:
        """Return the lookup behind a relationship name such as ``Account`` or ``SBQQ__Quote__r``."""
        wanted = relationship.lower()
        return next((f for f in self.fields.values() if f.relationship and f.relationship.lower() == wanted), None)


class Schema:
    """All objects of one org. Each emulator has its own copy, since an org's fields can change while it runs."""

    def __init__(self, objects: Iterable[SObject], *, multi_currency: bool = False) -> None:
        self.objects = {o.name.lower(): o.copy() for o in objects}
        self.multi_currency = multi_currency
        self.unseen: dict[tuple[str, str], Field] = {}
        if multi_currency:
            for sobject in self.objects.values():
                sobject.add(parse_field("CurrencyIsoCode picklist:USD|EUR|GBP|JPY|KWD|CHF|CAD"))

    def find(self, name: str) -> SObject | None:
        """Return the object called ``name`` in any case."""
        return self.objects.get(name.lower())

    def by_id(self, record_id: str) -> SObject | None:
        """Return the object whose key prefix an id carries."""
        return next((o for o in self.objects.values() if o.prefix == record_id[:3]), None)

    def add_field(self, sobject: str, line: str) -> Field:
        """Add a field while the org runs, in the notation of the tables."""
        added = parse_field(line)
        self.objects[sobject.lower()].add(added)
        return added

    def show_field(self, sobject: str, name: str, *, editable: bool) -> None:
        """Let a permission set show a field that was deployed out of sight."""
        column = self.unseen.pop((sobject.lower(), name.lower()), None)
        if column is not None:
            self.objects[sobject.lower()].add(replace(column, updateable=column.updateable and editable))

    def remove_field(self, sobject: str, name: str) -> None:
        """Take a field away: a deleted field and a missing field permission look the same from outside."""
        self.objects[sobject.lower()].fields.pop(name.lower(), None)

    def children(self, sobject: SObject) -> list[tuple[SObject, Field]]:
        """Every lookup that points at ``sobject``."""
        return [
            (other, column)
            for other in self.objects.values()
            for column in other.fields.values()
            if sobject.name in column.reference_to
        ]

    def child(self, sobject: SObject, relationship: str) -> tuple[SObject, Field] | None:
        """Return the object and lookup behind a list such as ``OrderItems`` or ``SBQQ__LineItems__r``."""
        wanted = relationship.lower()
        for other, column in self.children(sobject):
            if column.child_relationship and column.child_relationship.lower() == wanted:
                return other, column
        return None

    def add_object(self, name: str, prefix: str) -> SObject:
        """Make room for an object that loaded records have and the tables lack."""
        made = self.objects[name.lower()] = sobject(name, prefix, "Name string:255")
        return made

    def learn(self, sobject: SObject, fields: Mapping[str, Any]) -> None:
        """Make room for fields that loaded records have and the tables lack, guessing the type from the value."""
        for name, value in fields.items():
            if name == "attributes" or sobject.find(name) is not None:
                continue
            sobject.add(parse_field(f"{name} {_guess(value)}"))


def _guess(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "double"
    return "address" if isinstance(value, dict) else "string:32768"


def sobject(name: str, prefix: str, table: str, *, plural: str = "", name_format: str = "") -> SObject:
    """Build an object from its table; every object gets the system fields."""
    label = name.removesuffix("__c").replace("SBQQ__", "").replace("_", " ")
    made = SObject(name, prefix, label, plural or label + "s", name_format)
    for line in (SYSTEM_FIELDS + table).splitlines():
        if text := line.split("#")[0].strip():
            for column in parse_lines(text):
                made.add(column)
    return made


def parse_lines(text: str) -> list[Field]:
    """One table line; an ``address`` line stands for the compound field and its five parts."""
    column = parse_field(text)
    if column.type != "address":
        return [column]
    stem = column.name.removesuffix("Address")
    parts = [
        parse_field(f"{stem}{part} {'textarea:255' if part == 'Street' else 'string:80'}") for part in ADDRESS_PARTS
    ]
    return [*parts, column]


def parse_field(text: str) -> Field:
    """Read ``Name type[:argument] flags``."""
    name, kind, *flags = text.split(maxsplit=2)
    words = set(flags[0].split()) if flags else set()
    kind, _, argument = kind.partition(":")
    restricted, kind = kind.endswith("!"), kind.rstrip("!")
    read_only = bool(words & {"ro", "calc", "auto"}) or kind in {"id", "address"}
    base = Field(
        name=name,
        type=kind,
        length=LENGTHS.get(kind, 18 if kind == "id" else 0),
        nillable="req" not in words and kind != "boolean",
        createable=not read_only,
        updateable=not read_only and "fixed" not in words,
        calculated="calc" in words,
        external_id="ext" in words,
        unique="uniq" in words,
        auto_number="auto" in words,
        restricted=restricted,
    )
    return _with_argument(base, argument)


def _with_argument(base: Field, argument: str) -> Field:
    if base.type == "ref":
        target, relationship, child = [*argument.split(":"), "", ""][:3]
        implied = base.name[:-1] + "r" if base.name.endswith("__c") else base.name.removesuffix("Id")
        return replace(
            base,
            type="reference",
            length=18,
            reference_to=tuple(target.split("|")),
            relationship=relationship or implied,
            child_relationship=child or None,
        )
    if base.type == "picklist":
        return replace(base, values=tuple(value.replace("_", " ") for value in argument.split("|") if value))
    return replace(base, length=int(argument)) if argument else base


SYSTEM_FIELDS = """
Id                  id                  req
IsDeleted           boolean             ro
CreatedDate         datetime            ro req
CreatedById         ref:User            ro
LastModifiedDate    datetime            ro req
LastModifiedById    ref:User            ro
SystemModstamp      datetime            ro req
"""
