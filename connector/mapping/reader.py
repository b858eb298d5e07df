"""Raw CRM records + mapping → the contract they mean, with every problem of the data at once.

Nothing is dropped without an issue that says so. The result depends on the records and the mapping alone, not on the
order in which records arrive.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from types import MappingProxyType

from connector.domain.contract import Contract, Line, Party, Revision, RevisionKind
from connector.domain.issues import Issue, IssueCode, Source, block, warn
from connector.mapping.conditions import culprit, holds
from connector.mapping.discounts import read_discounts
from connector.mapping.extras import read_extras
from connector.mapping.lines import LineContext, Total, line_scope, read_line, read_total
from connector.mapping.mapping_file import MappingFile
from connector.mapping.parties import link, read_party
from connector.mapping.raw import RawContract, RawLine, RawRevision
from connector.mapping.reading import Notes, Scope, Traced
from connector.mapping.slots import CONTRACT_KINDS
from connector.mapping.terms import Terms, end_of, read_policies, read_terms

__all__ = ["Reading", "Traced", "read_contract"]


@dataclass(frozen=True, slots=True)
class Reading:
    """What the records mean. `contract` is None when too much is missing to speak of one; `issues` say what."""

    contract: Contract | None
    issues: tuple[Issue, ...]
    trace: tuple[Traced, ...]


def read_contract(raw: RawContract, mapping: MappingFile) -> Reading:
    """Read a contract: what it is worth, when, for whom, and what is wrong with it."""
    notes = Notes()
    scope = Scope(notes, "contract", mapping.sections["contract"], raw.root, raw.records)
    terms = read_terms(scope)
    party = read_party(notes, mapping, raw.root, raw.records, raw.instance_url)
    active = _active(notes, raw, mapping)
    revisions = tuple(found for each in active if (found := _revision(notes, each, raw, mapping, terms)))
    _check_lines(notes, raw, revisions)
    contract = _contract(notes, scope, raw, mapping, terms, party, revisions)
    return Reading(contract, notes.sorted_issues(), tuple(notes.traced))


def _contract(
    notes: Notes,
    scope: Scope,
    raw: RawContract,
    mapping: MappingFile,
    terms: Terms,
    party: Party | None,
    revisions: tuple[Revision, ...],
) -> Contract | None:
    end = end_of(scope, terms, revisions)
    policies = read_policies(notes, mapping, scope, raw.root, raw.records)
    extras = read_extras(notes, mapping, CONTRACT_KINDS, raw.root, raw.records, raw.root.id)
    if terms.start is None or terms.currency is None or party is None:
        return None
    return Contract(
        key=raw.key,
        crm=raw.crm,
        ref=raw.root.id,
        party=party,
        currency=terms.currency,
        start=terms.start,
        end=end,
        revisions=revisions,
        policies=policies,
        stripe_id=scope.text("stripe_id"),
        other_currencies=_other_currencies(raw, mapping, terms.currency),
        link=link(raw.instance_url, raw.root.id),
        extras=extras,
        origins=MappingProxyType(notes.origins),
    )


def _active(notes: Notes, raw: RawContract, mapping: MappingFile) -> tuple[RawRevision, ...]:
    """Return the revisions that count. A first order that does not count blocks, a later one is left out."""
    gates = mapping.gates
    kept: list[RawRevision] = []
    for revision in raw.revisions:
        record = revision.record
        if gates.when is not None and not holds(gates.when, record, raw.records):
            source, said = culprit(gates.when, record, raw.records)
            if record.id != raw.root.id:
                message = f"This change of the contract is left out until it is activated: {said}."
                notes.issues.append(warn(IssueCode.REVISION_NOT_ACTIVE, source, message, "Activate the order."))
                continue
            message = f"The order does not count yet: {said}."
            notes.issues.append(block(IssueCode.NOT_ACTIVE, source, message, "Activate the order."))
        if gates.hold is not None and holds(gates.hold, record, raw.records):
            source, said = culprit(gates.hold, record, raw.records)
            message = f"Somebody has put the contract on hold: {said}."
            notes.issues.append(
                block(IssueCode.ON_HOLD, source, message, f"Clear {source.field} when it may be billed.")
            )
        kept.append(revision)
    return tuple(kept)


def _revision(
    notes: Notes, revision: RawRevision, raw: RawContract, mapping: MappingFile, terms: Terms
) -> Revision | None:
    scope = Scope(notes, "revision", mapping.sections["revision"], revision.record, raw.records)
    effective = _effective(scope, revision, raw, terms)
    context = LineContext(mapping, raw.records, raw.instance_url, effective, terms.end, terms.currency)
    lines: list[Line] = []
    totals: list[Total] = []
    for each in revision.lines:
        if _skipped(notes, each, context):
            totals.append(Total(read_total(line_scope(Notes(), each, context))))
            continue
        line, total = read_line(notes, each, context)
        totals.append(total)
        if line is not None:
            lines.append(line)
    value = scope.decimal("value")
    _check_value(scope, value, totals, terms.currency)
    discounts = read_discounts(notes, mapping, revision.discounts, raw.records, terms.currency)
    if effective is None:
        return None
    return Revision(
        ref=scope.ref,
        kind=RevisionKind(revision.kind),
        effective=effective,
        lines=tuple(lines),
        value=value,
        discounts=discounts,
        link=link(raw.instance_url, scope.ref),
    )


def _effective(scope: Scope, revision: RawRevision, raw: RawContract, terms: Terms) -> date | None:
    effective = scope.date("effective")
    if effective is not None or scope.failed("effective"):
        return effective
    if revision.record.id == raw.root.id:
        return terms.start
    scope.missing("effective")
    return None


def _skipped(notes: Notes, line: RawLine, context: LineContext) -> bool:
    skip = context.mapping.gates.skip_line
    if skip is None or not holds(skip, line.record, context.records):
        return False
    source, said = culprit(skip, line.record, context.records)
    message = f"The line is not billed: {said}."
    notes.issues.append(warn(IssueCode.LINE_SKIPPED, source, message, f"Clear {source.field} to bill it."))
    return True


def _check_lines(notes: Notes, raw: RawContract, revisions: tuple[Revision, ...]) -> None:
    """Note a first order without lines; one whose lines could not be read has issues of its own."""
    first = next((revision for revision in revisions if revision.ref == raw.root.id), None)
    if first is not None and not first.lines and not any(line for each in raw.revisions[:1] for line in each.lines):
        message = "The order has no lines."
        remedy = "Add products to the order, or check that the connector may read them."
        notes.issues.append(block(IssueCode.NO_LINES, Source(raw.root.id, None), message, remedy))


def _check_value(scope: Scope, value: Decimal | None, totals: list[Total], currency: str | None) -> None:
    """Compare the order's total with its lines, skipped ones included: a line that was not read would be lost money."""
    amounts = [total.amount for total in totals]
    known = [amount for amount in amounts if amount is not None]
    if value is None or len(known) < len(amounts) or sum(known, Decimal(0)) == value:
        return
    unit = f" {currency.upper()}" if currency else ""
    message = f"The order's total is {value:,}{unit}, but its lines add up to {sum(known, Decimal(0)):,}{unit}."
    remedy = "Recalculate the order; if a line is missing, check that the connector may read it."
    scope.report(block(IssueCode.ORDER_TOTAL, scope.source("value"), message, remedy))


def _other_currencies(raw: RawContract, mapping: MappingFile, own: str) -> frozenset[str]:
    """Return the currencies in which the customer already has contracts in Stripe: Stripe allows one per customer."""
    found: set[str] = set()
    for sibling in raw.siblings:
        scope = Scope(Notes(), "contract", mapping.sections["contract"], sibling, raw.records)
        currency = scope.text("currency")
        if scope.text("stripe_id") and currency:
            found.add(currency)
    return frozenset(found - {own})
