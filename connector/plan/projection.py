"""What Stripe will bill and when: the money side of a plan.

What was due before the schedules are made is invoiced on the day they are made, on one invoice.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import date

from connector.compile.bills import Bill, Charge, discounted, one_off_charge, schedule_bills
from connector.compile.resource import DesiredState, Key
from connector.compile.schedule import schedule_key
from connector.compile.spec import InvoiceSpec, ScheduleSpec

__all__ = ["Bill", "Charge", "project"]


def project(
    desired: DesiredState, today: date, begun: Mapping[Key, tuple[Bill, ...]] | None = None
) -> tuple[Bill, ...]:
    """Return every bill of the contract, from its first day to its last, in order of time.

    `begun` are the bills of schedules as Stripe holds them and will go on.
    """
    made = desired.made or today
    told = {schedule_key(spec): (spec, desired.fresh.get(spec.key, made)) for spec in desired.schedules}
    bills: list[Bill] = [*desired.elsewhere]
    known = begun or {}
    every = [*known.values(), *(tuple(_schedule_bills(*one)) for key, one in told.items() if key not in known)]
    bills += [bill for each in every for bill in _ours(each, desired.billed_through)]
    bills += [_invoice_bill(invoice, today) for invoice in desired.invoices]
    return tuple(sorted(bills, key=lambda bill: bill.day))


def _ours(bills: Iterable[Bill], first: date | None) -> Iterator[Bill]:
    """Leave out what was due before the day on which the contract was taken over: `elsewhere` has it as it was sold."""
    for bill in bills:
        charges = tuple(charge for charge in bill.charges if first is None or charge.owed_from >= first)
        if charges:
            yield replace(bill, charges=charges)


def _schedule_bills(schedule: ScheduleSpec, made: date) -> Iterator[Bill]:
    bills = schedule_bills(schedule, made)
    late = [bill for bill in bills if bill.day <= made and not bill.skipped]
    if late:
        yield Bill(made, schedule.currency, tuple(charge for bill in late for charge in bill.charges))
    yield from (bill for bill in bills if bill not in late)


def _invoice_bill(invoice: InvoiceSpec, today: date) -> Bill:
    starts = [one_off.line.start for one_off in invoice.lines]
    day = max(today, min(starts, default=today))
    charges = [one_off_charge(one_off, day, invoice.currency) for one_off in invoice.lines]
    return Bill(day, invoice.currency, discounted(charges, invoice.discounts, invoice.currency))
