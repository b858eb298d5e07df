"""What Stripe will bill and when, read off the compiled phases: the money side of a plan.

Recurring items are billed on their dates in advance, one-offs when their phase begins. Item discounts come before
phase discounts, each in order (seen on real invoices: 25 % of 120.00, then 50.00 off, is 40.00). Usage is not known.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

from connector.compile.rating import rated_amount
from connector.compile.resource import DesiredState
from connector.compile.spec import InvoiceSpec, ItemSpec, OneOffSpec, PhaseSpec, ScheduleSpec
from connector.domain.contract import Discount
from connector.domain.money import line_amount, round_minor, to_minor
from connector.domain.period import Period, add_months, billing_dates


@dataclass(frozen=True, slots=True)
class Charge:
    """One invoice line to come: minor units before and after discounts; negative is a credit."""

    day: date
    line: str
    text: str
    gross: int
    net: int
    recurring: bool


@dataclass(frozen=True, slots=True)
class Bill:
    """What is invoiced on one day. `skipped`: the policy says the past is not billed."""

    day: date
    currency: str
    charges: tuple[Charge, ...]
    skipped: bool = False

    @property
    def amount(self) -> int:
        """Return the sum in minor units after discounts."""
        return sum(charge.net for charge in self.charges)


def project(desired: DesiredState, today: date) -> tuple[Bill, ...]:
    """Return every bill of the contract, from its first day to its last, in order of time."""
    bills: list[Bill] = []
    for schedule in desired.schedules:
        bills += _schedule_bills(schedule, today)
    bills += [_invoice_bill(invoice, today) for invoice in desired.invoices]
    return tuple(sorted(bills, key=lambda bill: bill.day))


def _schedule_bills(schedule: ScheduleSpec, today: date) -> Iterator[Bill]:
    skipping = not schedule.phases[0].bills_from_start and schedule.start < today
    anchor = schedule.start
    for phase in schedule.phases:
        if phase.restarts_cycle:
            anchor = phase.period.start
        days: dict[date, list[Charge]] = defaultdict(list)
        for item in phase.items:
            for day in _dates(item, anchor, phase.period):
                days[day].append(_item_charge(item, day, schedule.currency, phase))
        for one_off in phase.one_offs:
            days[phase.period.start].append(_one_off_charge(one_off, phase.period.start, schedule.currency))
        for index, day in enumerate(sorted(days)):
            holding = [d for d in phase.discounts if _holds(d, phase.period.start, day, first=index == 0)]
            charges = _invoice_discounts(days[day], holding, schedule.currency)
            yield Bill(day, schedule.currency, charges, skipped=skipping and day < today)


def _dates(item: ItemSpec, anchor: date, period: Period) -> Iterator[date]:
    interval = item.terms.interval
    if interval.unit == "month":
        yield from billing_dates(anchor, interval.count, period)
        return
    day = anchor
    while day < period.end:
        if day >= period.start:
            yield day
        day += timedelta(days=interval.count)


def _item_charge(item: ItemSpec, day: date, currency: str, phase: PhaseSpec) -> Charge:
    name = item.line.product.name
    if item.terms.usage or item.quantity is None:
        return Charge(day, item.line.ref, f"{name}: usage", 0, 0, recurring=True)
    if item.terms.tiers:
        gross = round_minor(rated_amount(item.terms.tiers, item.terms.tiers_mode, item.quantity))
    else:
        gross = line_amount(item.terms.unit_amount or Decimal(0), item.quantity)
    began = max(item.line.start, phase.period.start)
    net = gross
    for discount in item.discounts:
        if _holds(discount, began, day, first=day == began):
            net = _reduce(net, discount, currency)
    return Charge(day, item.line.ref, f"{item.quantity} x {name}", gross, net, recurring=True)


def _one_off_charge(one_off: OneOffSpec, day: date, currency: str) -> Charge:
    gross = net = line_amount(one_off.unit_amount, one_off.quantity)
    for discount in one_off.discounts:
        net = _reduce(net, discount, currency)
    return Charge(day, one_off.line.ref, f"{one_off.line.product.name}: {one_off.reason}", gross, net, recurring=False)


def _invoice_bill(invoice: InvoiceSpec, today: date) -> Bill:
    starts = [one_off.line.start for one_off in invoice.lines]
    day = max(today, min(starts, default=today))
    charges = [_one_off_charge(one_off, day, invoice.currency) for one_off in invoice.lines]
    return Bill(day, invoice.currency, _invoice_discounts(charges, list(invoice.discounts), invoice.currency))


def _holds(discount: Discount, began: date, day: date, *, first: bool) -> bool:
    if discount.duration == "forever":
        return True
    if discount.duration == "once" or discount.months is None:
        return first
    return day < add_months(began, discount.months)


def _reduce(amount: int, discount: Discount, currency: str) -> int:
    if discount.percent is not None:
        return amount - round_minor(Fraction(amount) * Fraction(discount.percent) / 100)
    off = round_minor(to_minor(discount.amount or 0, currency))
    return max(amount - off, 0) if amount > 0 else amount


def _invoice_discounts(charges: list[Charge], discounts: list[Discount], currency: str) -> tuple[Charge, ...]:
    """Take invoice discounts off the sum and share each over the lines; the last line takes the odd cent."""
    for discount in discounts:
        total = sum(charge.net for charge in charges)
        off = total - _reduce(total, discount, currency)
        charges = _share(charges, off, total)
    return tuple(charges)


def _share(charges: list[Charge], off: int, total: int) -> list[Charge]:
    if not off or not total:
        return charges
    left, shared = off, []
    for index, charge in enumerate(charges):
        last = index == len(charges) - 1
        part = left if last else round_minor(Fraction(off) * charge.net / total)
        left -= part
        shared.append(Charge(charge.day, charge.line, charge.text, charge.gross, charge.net - part, charge.recurring))
    return shared
