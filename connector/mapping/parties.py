"""Who pays, and what is sold: the CRM's account and products."""

from connector.domain.contract import Address, Party, Product, TaxId
from connector.domain.issues import IssueCode, warn
from connector.mapping.extras import read_extras
from connector.mapping.raw import RawRecord
from connector.mapping.reading import Reader, Scope
from connector.mapping.rules import evaluate


def read_party(reader: Reader, root: RawRecord) -> Party | None:
    """Return who pays for the contract, None when the order names nobody."""
    scope = _named_scope(reader, "party", root)
    ref = scope.text("ref")
    if ref is None:
        scope.missing("ref")
        return None
    return Party(
        ref=scope.ref,
        name=scope.text("name"),
        email=scope.text("email"),
        phone=scope.text("phone"),
        description=scope.text("description"),
        address=_address(scope, "address"),
        shipping=_address(scope, "shipping"),
        tax_ids=_tax_ids(scope),
        stripe_id=scope.text("stripe_id"),
        link=reader.link(scope.ref),
    )


def read_product(reader: Reader, line: RawRecord) -> Product | None:
    """Return the product of a line, None when the line names none or the product has no name."""
    scope = _named_scope(reader, "product", line)
    ref, name = scope.text("ref"), scope.text("name")
    for slot, value in (("ref", ref), ("name", name)):
        if value is None:
            scope.missing(slot)
    if ref is None or name is None:
        return None
    return Product(
        ref=scope.ref,
        name=name,
        description=scope.text("description"),
        stripe_id=scope.text("stripe_id"),
        link=reader.link(scope.ref),
        extras=read_extras(reader, ("product",), line, ref=scope.ref),
    )


def _named_scope(reader: Reader, section: str, record: RawRecord) -> Scope:
    """Return a scope whose values belong to the object that slot `ref` names, under the id of its record."""
    named = evaluate(reader.mapping.sections[section]["ref"], record, reader.records).value
    known = reader.records.get(named)
    ref = known.id if known else named.strip() if isinstance(named, str) else None
    return reader.scope(section, record, ref=ref)


def _address(scope: Scope, prefix: str) -> Address | None:
    parts = {
        name: scope.text(f"{prefix}.{name}") for name in ("line1", "line2", "city", "state", "postal_code", "country")
    }
    return Address(**parts) if any(parts.values()) else None


def _tax_ids(scope: Scope) -> tuple[TaxId, ...]:
    value, kind = scope.text("tax_id"), scope.text("tax_id_type")
    if value and kind:
        return (TaxId(kind, value),)
    if value and not scope.failed("tax_id_type"):
        message = f'The tax number "{value}" is left out: its type is not known.'
        remedy = "Fill in the country of the customer, or map the type of the tax number."
        scope.report(warn(IssueCode.FIELD_MISSING, scope.source("tax_id_type", "tax_id"), message, remedy))
    return ()
