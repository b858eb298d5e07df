"""Contracts that were billed elsewhere until a day (`billed_through`): we bill what is due from that day on.

The told schedule begins on the first billing date from that day on. What became due in between and is billed once waits
for it; what was due before is `elsewhere`: neither billed nor made up for later. All of it follows from the contract,
not from the clock.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date

from connector.compile.bills import Bill, Charge, one_off_charge, recurring_days, schedule_bills
from connector.compile.cycle import anchor_on, latest_start, running_phase
from connector.compile.discounts import left_on
from connector.compile.spec import InvoiceSpec, OneOffSpec, PhaseSpec, ScheduleSpec
from connector.domain.contract import Contract, Discount
from connector.domain.issues import Issue, IssueCode, block
from connector.domain.period import Period


@dataclass(frozen=True, slots=True)
class Taken:
    """What is left for us of schedules and invoices, what was billed elsewhere, and what cannot be taken over."""

    specs: tuple[ScheduleSpec, ...]
    invoices: tuple[InvoiceSpec, ...]
    elsewhere: tuple[Bill, ...] = ()
    issues: tuple[Issue, ...] = ()


def taken_over(contract: Contract, specs: Sequence[ScheduleSpec], invoices: Sequence[InvoiceSpec]) -> Taken:
    """Return what is left to bill from the day `billed_through` on; everything, where the contract names none."""
    first = contract.billed_through
    if first is None:
        return Taken(tuple(specs), tuple(invoices))
    left, issues = [], []
    for spec in specs:
        found = _rest(spec, first)
        left += [found] if isinstance(found, ScheduleSpec) else []
        issues += [_issue(contract, found)] if isinstance(found, str) else []
    later = [replace(one, lines=tuple(each for each in one.lines if each.line.start >= first)) for one in invoices]
    kept = tuple(one for one in later if one.lines)
    if not left and not kept and not issues:
        issues.append(_issue(contract, "nothing of the contract is due from that day on"))
    elsewhere = [bill for spec in specs for bill in _before(spec, first)]
    elsewhere += [bill for one in invoices for bill in _invoiced_before(one, first)]
    return Taken(tuple(left), kept, tuple(sorted(elsewhere, key=lambda bill: bill.day)), tuple(issues))


def _rest(spec: ScheduleSpec, first: date) -> ScheduleSpec | str | None:
    """Return a schedule from its first billing date on or after a day, None without one, or what stands in the way."""
    if first <= spec.start:
        return spec
    start = next((day for day in recurring_days(spec) if day >= first), None)
    waiting = tuple(_waiting(spec, first, start or spec.end))
    if start is None:
        return "what is due after that day is billed once, and no invoice of the contract follows" if waiting else None
    if latest_start(spec, start) != start:
        return f"later billing dates cannot be counted from {start}, the first one that is left (a shorter month)"
    index = running_phase(spec, start)
    begun = begun_on(spec, spec.phases[index], start, waiting)
    return replace(spec, phases=(begun, *spec.phases[index + 1 :]), whole=spec)


def _waiting(spec: ScheduleSpec, first: date, start: date) -> Iterator[OneOffSpec]:
    """Yield what becomes due in [first, start) and is billed once: it goes on the first invoice."""
    for phase in spec.phases:
        for one in phase.one_offs:
            due = one.due or phase.period.start
            if first <= due < start:
                yield replace(one, due=due, way="invoice" if one.way == "apart" else one.way)


def begun_on(spec: ScheduleSpec, phase: PhaseSpec, start: date, waiting: tuple[OneOffSpec, ...]) -> PhaseSpec:
    """Return a phase from one of its billing dates on, as the first of the schedule."""
    begins = phase.period.start == start
    anchor = start if begins else anchor_on(spec, start)

    def left(given: tuple[Discount, ...], began: date) -> tuple[Discount, ...]:
        return tuple(rest for one in given if (rest := left_on(start, one, began, anchor)) is not None)

    items = (
        replace(one, discounts=left(one.discounts, max(one.line.start, phase.period.start))) for one in phase.items
    )
    return replace(
        phase,
        period=Period(start, phase.period.end),
        items=tuple(items),
        one_offs=(*waiting, *(phase.one_offs if begins else ())),
        discounts=left(phase.discounts, phase.period.start),
        bills_from_start=spec.phases[0].bills_from_start,
        restarts_cycle=False,
        prorates=spec.phases[0].prorates,
    )


def _before(spec: ScheduleSpec, first: date) -> Iterator[Bill]:
    """Yield what was due before a day, by day."""
    for bill in schedule_bills(spec, spec.start):
        yield from _bill(bill.day, spec.currency, (one for one in bill.charges if one.owed_from < first))
    for phase in spec.phases:
        day = phase.period.start
        given_up = (one for one in phase.one_offs if one.way == "waived" and (one.due or day) < first)
        yield from _bill(day, spec.currency, (one_off_charge(one, day, spec.currency) for one in given_up))


def _invoiced_before(invoice: InvoiceSpec, first: date) -> Iterator[Bill]:
    for one in invoice.lines:
        day = one.line.start
        if day < first:
            yield from _bill(day, invoice.currency, [one_off_charge(one, day, invoice.currency)])


def _bill(day: date, currency: str, charges: Iterable[Charge]) -> Iterator[Bill]:
    found = tuple(charges)
    if found:
        yield Bill(day, currency, found, skipped=True)


def _issue(contract: Contract, words: str) -> Issue:
    return block(
        IssueCode.SCHEDULE_OVER,
        contract.source(contract.ref, "billed_through"),
        f"the contract was billed elsewhere until {contract.billed_through}, and {words}",
        "Correct the day, bill what is left by a new order, or leave the contract out of the sync.",
    )
