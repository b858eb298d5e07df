"""When a contract begins and ends, and the policies it is billed by."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from connector.domain.contract import Charge, Policies, Revision
from connector.domain.issues import Issue, IssueCode, block, warn
from connector.domain.period import add_months
from connector.mapping.converters import is_empty
from connector.mapping.reading import Reader, Scope
from connector.mapping.slots import POLICIES

LONGEST = 1200  # months; beyond that it is a typing error


@dataclass(frozen=True, slots=True)
class Terms:
    """The frame of a contract; `end` is exclusive and None when only the lines can tell."""

    start: date | None
    end: date | None
    currency: str | None


def read_terms(scope: Scope) -> Terms:
    """Read start, end and currency from the first order; what is wrong with them is noted."""
    start, currency = scope.date("start"), scope.text("currency")
    if currency is None:
        scope.missing("currency", IssueCode.CURRENCY_UNKNOWN)
    return Terms(start, _end(scope, start), currency)


def start_of(scope: Scope, terms: Terms, revisions: tuple[Revision, ...]) -> date | None:
    """Return the start of the contract. An order of one-time lines needs none: it starts with its first line."""
    if terms.start is not None:
        return terms.start
    lines = [line for revision in revisions for line in revision.lines]
    if lines and all(line.charge is Charge.ONE_TIME for line in lines) and not scope.failed("start"):
        return min(line.start for line in lines)
    scope.missing("start", IssueCode.START_MISSING)
    return None


def end_of(scope: Scope, terms: Terms, revisions: tuple[Revision, ...]) -> date | None:
    """Return the end of the contract: from the terms, else from the last line that ends; else it is missing.

    A contract of which something is evergreen has none; what its quote calls a term is the time that its price is for.
    """
    lines = [line for revision in revisions for line in revision.lines if line.charge is not Charge.ONE_TIME]
    if any(line.price_term is not None for line in lines):
        return None
    if terms.end is not None:
        return terms.end
    ends = [line.end for line in lines if line.end is not None]
    if lines and not ends and not _is_given(scope):
        scope.report(_term_missing(scope))
    return max(ends, default=None)


def check_renewal(scope: Scope, first: Scope) -> None:
    """Note a renewal that has a schedule of its own: continued on the first one it would be billed twice."""
    own = scope.text("stripe_id")
    if own and own != first.text("stripe_id"):
        message = f"The renewal is billed by {own} already, and would be billed again on the schedule of {first.ref}."
        remedy = (
            "End that schedule in Stripe and clear the id on the order, or set the policy renewal back to hand_over."
        )
        scope.report(block(IssueCode.RENEWAL, scope.source("stripe_id"), message, remedy))


def read_policies(reader: Reader, scope: Scope) -> Policies:
    """Return the policies of a contract: its own value, else the file's, else the default."""
    shared = reader.scope("policies", scope.record)
    chosen: dict[str, Any] = {}
    for slot in POLICIES:
        own = scope.value(slot.name)
        value = shared.value(slot.name) if is_empty(own) else own
        if not is_empty(value):
            chosen[slot.name] = value
    return Policies(**chosen)


def _end(scope: Scope, start: date | None) -> date | None:
    months, end = _term(scope), scope.date("end")
    if start is None:
        return None
    if end is not None and end <= start:
        message = f"The contract ends before it starts ({start} to {end}, the first day after it)."
        scope.report(block(IssueCode.TERM_INVALID, scope.source("end"), message, "Correct the start or the end."))
        end = None
    if months is None:
        return end
    by_term = add_months(start, months)
    if end is not None and end != by_term:
        message = f"The term of {months} months ends before {by_term}, the end date before {end}; the term counts."
        scope.report(warn(IssueCode.TERM_INVALID, scope.source("end"), message, "Correct the term or the end date."))
    return by_term


def _term(scope: Scope) -> int | None:
    months = scope.decimal("term_months")
    if months is None:
        return None
    if months != months.to_integral_value() or not 1 <= months <= LONGEST:
        message = f"The term of {months} months is not a whole number of at least one month."
        scope.report(block(IssueCode.TERM_INVALID, scope.source("term_months"), message, "Correct the term."))
        return None
    return int(months)


def _is_given(scope: Scope) -> bool:
    """Tell whether the CRM names a term or an end, right or wrong: what is wrong about it is reported elsewhere."""
    if scope.failed("term_months") or scope.failed("end"):
        return True
    return scope.decimal("term_months") is not None or scope.date("end") is not None


def _term_missing(scope: Scope) -> Issue:
    source = scope.source("term_months", "end")
    message = "Neither a term nor an end date is given, and no line ends."
    where = f"Fill in {source.field}" if source.field else 'Map "term_months" or "end" in section "contract"'
    return block(IssueCode.TERM_MISSING, source, message, f"{where}.")
