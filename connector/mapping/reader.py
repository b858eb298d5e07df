"""Raw CRM records + mapping → the contract they mean, with every problem of the data at once.

Nothing is dropped without an issue that says so. The result depends on the records and the mapping alone, not on the
order in which records arrive.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from types import MappingProxyType

from connector.domain.contract import Contract, DatedSegment, Line, Revision, RevisionKind
from connector.domain.issues import Issue, IssueCode, Source, block, warn
from connector.mapping.conditions import culprit, holds
from connector.mapping.described import is_described, read_described
from connector.mapping.discounts import read_discounts
from connector.mapping.extras import read_extras
from connector.mapping.lines import Frame, read_line, read_total, shown_amount
from connector.mapping.mapping_file import MappingFile
from connector.mapping.parties import read_party
from connector.mapping.raw import RawContract, RawLine, RawRecord, RawRevision, SoldBefore, SoldFrom
from connector.mapping.reading import Notes, Reader, Scope, Traced
from connector.mapping.slots import CONTRACT_KINDS
from connector.mapping.terms import Terms, check_renewal, end_of, read_policies, read_terms, start_of

__all__ = ["Reading", "Traced", "read_contract"]


@dataclass(frozen=True, slots=True)
class Reading:
    """What the records mean. `contract` is None when too much is missing to speak of one; `issues` say what.

    `mapping` is the file and the hash of the mapping that read them; None for records that none has read. `sold` is
    what is to be kept of the first record once it is billed, where edits count from a day on (`mapping/edits.py`).
    """

    contract: Contract | None
    issues: tuple[Issue, ...]
    trace: tuple[Traced, ...]
    mapping: tuple[str, str] | None = None
    sold: tuple[SoldFrom, ...] = ()


def read_contract(raw: RawContract, mapping: MappingFile, before: SoldBefore | None = None) -> Reading:
    """Read a contract: what was sold, for how long, to whom, and what is wrong with the records.

    `before` is what was billed of it, for mappings by which an edit counts from a day on.
    """
    notes = Notes()
    reader = Reader(mapping, raw.records, raw.instance_url, notes, pages=raw.pages, advice=raw.advice)
    contract, sold = _contract(reader, raw, before)
    return Reading(contract, notes.sorted_issues(), tuple(notes.traced), (mapping.name, mapping.hash), sold)


def _contract(
    reader: Reader, raw: RawContract, before: SoldBefore | None
) -> tuple[Contract | None, tuple[SoldFrom, ...]]:
    reader = replace(reader, revision=_kind_of(raw, raw.root))
    scope = reader.scope("contract", raw.root)
    terms = read_terms(scope)
    _check_since(reader, scope, terms.start)
    party = read_party(reader, raw.root)
    active = [each for each in raw.revisions if _counts(reader, each.record, first=each.record.id == raw.root.id)]
    _check_elsewhere(reader, raw.root)
    _check_key(scope, raw.root)
    segments: tuple[DatedSegment, ...] = ()
    inputs: str | None = None
    sold: tuple[SoldFrom, ...] = ()
    if is_described(reader):
        described = read_described(reader, active, raw.root, terms, renews=raw.renews is not None, before=before)
        revisions, segments, inputs, sold = described.revisions, described.segments, described.inputs, described.sold
        start, end = start_of(scope, described.terms, revisions), described.terms.end
    else:
        framed = tuple(_in_terms(reader, active, raw.root, terms))
        revisions = tuple(found for each, frame in framed if (found := _revision(reader, each, raw.root, frame)))
        start, end = start_of(scope, terms, revisions), end_of(scope, _latest(terms, framed), revisions)
    policies = read_policies(reader, scope)
    extras = read_extras(reader, CONTRACT_KINDS, raw.root, ref=raw.root.id)
    if start is None or terms.currency is None or party is None:
        return None, ()
    contract = Contract(
        key=raw.key,
        crm=raw.crm,
        ref=raw.root.id,
        party=party,
        currency=terms.currency,
        start=start,
        end=end,
        revisions=revisions,
        policies=policies,
        stripe_id=scope.text("stripe_id"),
        billed_through=scope.date("billed_through"),
        other_currencies=_other_currencies(reader, raw.siblings, terms.currency),
        segments=segments,
        inputs=inputs,
        link=reader.link(raw.root.id),
        renews=raw.renews.id if raw.renews else None,
        renewed_by=_renewed_by(reader, raw.renewed_by),
        extras=extras,
        origins=MappingProxyType(reader.notes.origins),
    )
    return contract, sold


def _kind_of(raw: RawContract, record: RawRecord) -> str:
    return next((each.kind for each in raw.revisions if each.record.id == record.id), RevisionKind.INITIAL.value)


def _counts(reader: Reader, record: RawRecord, *, first: bool) -> bool:
    """Tell whether an order is part of the contract. An inactive first order blocks, a later one is left out."""
    when, hold = reader.mapping.gates.when, reader.mapping.gates.hold
    if when is not None and not holds(when, record, reader.records):
        source, said = culprit(when, record, reader.records)
        if not first:
            message = f"This change of the contract is left out until it is activated: {said}."
            reader.notes.issues.append(warn(IssueCode.REVISION_NOT_ACTIVE, source, message, _activate(reader, source)))
            return False
        message = f"The {reader.mapping.noun} does not count yet: {said}."
        reader.notes.issues.append(block(IssueCode.NOT_ACTIVE, source, message, _activate(reader, source)))
    if hold is not None and holds(hold, record, reader.records):
        source, said = culprit(hold, record, reader.records)
        message = f"Somebody has put the contract on hold: {said}."
        remedy = f"Clear {source.field} when it may be billed."
        reader.notes.issues.append(block(IssueCode.ON_HOLD, source, message, remedy))
    return True


def _activate(reader: Reader, source: Source) -> str:
    if reader.mapping.noun == "order":
        return "Activate the order."
    return f"Nothing to do until it is to be billed; then correct {source.field}."


def _check_elsewhere(reader: Reader, root: RawRecord) -> None:
    """Refuse what the CRM bills itself: the customer would pay twice."""
    elsewhere = reader.mapping.gates.billed_elsewhere
    if elsewhere is not None and holds(elsewhere, root, reader.records):
        source, said = culprit(elsewhere, root, reader.records)
        message = f"The CRM bills this contract itself: {said}. It would be billed twice."
        remedy = "Turn off billing and payments of the quote in the CRM, or leave this contract to the CRM."
        reader.notes.issues.append(block(IssueCode.BILLED_ELSEWHERE, source, message, remedy))


def _check_key(scope: Scope, root: RawRecord) -> None:
    """Refuse to begin a contract with what was billed as a part of another one: the customer would pay twice."""
    key = scope.text("key")
    if key is None or key == root.id:
        return
    source = scope.source("key")
    message = (
        f"It was billed as a part of contract {key}, and is no longer: it was merged or copied, or is no longer "
        "associated with what it changed."
    )
    remedy = f"Associate it again; or, to bill it on its own, make sure that {key} is ended and clear {source.field}."
    scope.report(block(IssueCode.OTHER_CONTRACT, source, message, remedy))


def _check_since(reader: Reader, scope: Scope, start: date | None) -> None:
    """Leave contracts alone that began before the day from which the mapping syncs."""
    since = reader.mapping.gates.since
    if since is not None and start is not None and start < since:
        message = f"The contract starts on {start}; the mapping syncs contracts that start on {since} or later."
        remedy = 'Nothing to do. To bill it here, set an earlier day at "from" in section "sync" of the mapping.'
        scope.report(block(IssueCode.NOT_ACTIVE, scope.source("start"), message, remedy))


def _in_terms(
    reader: Reader, revisions: Sequence[RawRevision], root: RawRecord, terms: Terms
) -> Iterator[tuple[RawRevision, Terms]]:
    """Yield each order with the terms that it was sold in: a renewal that continues the contract brings its own."""
    first = reader.scope("contract", root)
    for each in revisions:
        if each.kind == RevisionKind.RENEWAL and each.record.id != root.id:
            scope = reader.scope("contract", each.record)
            terms = read_terms(scope)
            check_renewal(scope, first)
        yield each, terms


def _latest(terms: Terms, framed: Sequence[tuple[RawRevision, Terms]]) -> Terms:
    """Return the terms of the contract as a whole: from its first start to its last end."""
    ends = [frame.end for _, frame in framed if frame.end is not None]
    return replace(terms, end=max(ends, default=terms.end))


def _renewed_by(reader: Reader, renewals: Sequence[RawRecord]) -> str | None:
    """Return the first renewal that counts; a draft may yet come to nothing."""
    when = reader.mapping.gates.when
    return next((one.id for one in renewals if when is None or holds(when, one, reader.records)), None)


def _revision(reader: Reader, raw: RawRevision, root: RawRecord, terms: Terms) -> Revision | None:
    reader = replace(reader, revision=raw.kind)
    scope = reader.scope("revision", raw.record)
    effective = _effective(scope, terms, first=raw.record.id == root.id)
    lines, totals = _lines(reader, raw.lines, Frame(effective, terms.end, terms.currency))
    value = scope.decimal("value")
    _check_value(scope, value, totals, terms.currency)
    discounts = read_discounts(reader, raw.discounts, terms.currency)
    if not raw.lines and raw.record.id == root.id:
        message, remedy = "The order has no lines.", "Add products to it, or check that the connector may read them."
        scope.report(block(IssueCode.NO_LINES, Source(root.id, None), message, remedy))
    if effective is None:
        return None
    kind = RevisionKind(raw.kind)
    return Revision(scope.ref, kind, effective, lines, value, discounts, reader.link(scope.ref))


def _effective(scope: Scope, terms: Terms, *, first: bool) -> date | None:
    effective = scope.date("effective")
    if effective is None and first:
        return terms.start
    if effective is None:
        scope.missing("effective")
    return effective


def _lines(
    reader: Reader, rows: Sequence[RawLine], frame: Frame
) -> tuple[tuple[Line, ...], tuple[Decimal | None, ...]]:
    """Return the lines that are billed, and the totals of all lines."""
    lines: list[Line] = []
    totals: list[Decimal | None] = []
    for row in rows:
        if reader.skips_line(row.record):
            totals.append(read_total(reader.quiet().scope("line", row.record)))
            continue
        line, total = read_line(reader, row, frame)
        totals.append(total)
        lines += [line] if line is not None else []
    return tuple(lines), tuple(totals)


def _check_value(scope: Scope, value: Decimal | None, totals: Sequence[Decimal | None], currency: str | None) -> None:
    """Compare the order's total with its lines, skipped ones included: a line that was not read would be lost money."""
    known = [total for total in totals if total is not None]
    added = sum(known, Decimal(0))
    if value is None or len(known) < len(totals) or added == value:
        return
    shown, sum_shown = shown_amount(value, currency), shown_amount(added, currency)
    message = f"The order's total is {shown}, but its lines add up to {sum_shown}."
    remedy = "Recalculate the order; if a line is missing, check that the connector may read it."
    scope.report(block(IssueCode.ORDER_TOTAL, scope.source("value"), message, remedy))


def _other_currencies(reader: Reader, siblings: Sequence[RawRecord], own: str) -> frozenset[str]:
    """Return the currencies in which the customer already has contracts in Stripe: Stripe allows one per customer."""
    scopes = [reader.quiet().scope("contract", sibling) for sibling in siblings]
    found = {scope.text("currency") for scope in scopes if scope.text("stripe_id")}
    return frozenset(currency for currency in found if currency is not None) - {own}
