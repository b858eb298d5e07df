"""What Stripe will invoice and when, read off the phases of a schedule.

Recurring items are billed on their dates, in advance. A one-off waits for the next invoice of the subscription: the
same day when its phase begins on a billing date, else the next billing date. One that no invoice follows, or that is
not to wait, is billed apart on the day its phase begins. Item discounts come before phase discounts, each in order
(seen on real invoices: 25 % of 120.00, then 50.00 off, is 40.00). Usage is not known.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal

from connector.compile.cycle import cycle_dates, latest_start
from connector.compile.rating import rated_amount
from connector.compile.reductions import holds, off_invoice, reduce
from connector.compile.spec import ItemSpec, OneOffSpec, PhaseSpec, ScheduleSpec
from connector.domain.contract import Discount
from connector.domain.money import line_amount, round_minor
from connector.domain.period import day_after


@dataclass(frozen=True, slots=True)
class Charge:
    """One invoice line to come: minor units before and after discounts; negative is a credit.

    `due` is the day from which it is owed, where that is not the day of the invoice: a one-off waits for the next one.
    """

    day: date
    line: str
    text: str
    gross: int
    net: int
    recurring: bool
    due: date | None = field(default=None, compare=False)

    @property
    def owed_from(self) -> date:
        """Return the day from which the amount is owed."""
        return self.due or self.day


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


def schedule_bills(schedule: ScheduleSpec, made: date) -> tuple[Bill, ...]:
    """Return the bills of a schedule that is made on a day, each on the day on which it is due.

    What waits on the day on which a late schedule is made is invoiced with the period that runs then.
    """
    lines: dict[date, list[Charge]] = defaultdict(list)
    for due, day, one_off in one_off_days(schedule, made):
        if one_off.way != "waived":
            lines[day].append(one_off_charge(one_off, day, schedule.currency, due))
    for day, charges in _recurring(schedule).items():
        lines[day] += charges
    first = _billed_from(schedule, made)
    return tuple(
        Bill(day, schedule.currency, charges, skipped=day < first) for day, charges in _discounted(schedule, lines)
    )


def one_off_days(schedule: ScheduleSpec, made: date) -> tuple[tuple[date, date, OneOffSpec], ...]:
    """Return every one-off with the day from which it is owed, and the day on which it is invoiced."""
    cycle = recurring_days(schedule)
    return tuple(
        (one_off.due or phase.period.start, _billed_on(one_off, phase, cycle, schedule, made), one_off)
        for phase in schedule.phases
        for one_off in phase.one_offs
    )


def _billed_from(schedule: ScheduleSpec, made: date) -> date:
    """Return the first day that is billed. By policy it is the day on which a late schedule is made, or the next."""
    late = schedule.start < made < schedule.end
    if schedule.phases[0].bills_from_start or not late:
        return schedule.start
    return made if latest_start(schedule, made) == made else day_after(made)


def _recurring(schedule: ScheduleSpec) -> dict[date, list[Charge]]:
    days: dict[date, list[Charge]] = defaultdict(list)
    for phase, item, dates in _cycles(schedule):
        gross, text = item_amount(item), _item_text(item)
        began = max(item.line.start, phase.period.start)
        for day in dates:
            holding = [d for d in item.discounts if holds(d, began, day, first=day == began)]
            net = reduce(gross, holding, schedule.currency) if holding else gross
            days[day].append(Charge(day, item.line.ref, text, gross, net, recurring=True))
    return days


def _cycles(schedule: ScheduleSpec) -> Iterator[tuple[PhaseSpec, ItemSpec, tuple[date, ...]]]:
    """Yield the items of every phase with the days on which they are invoiced."""
    anchor = schedule.start
    for phase in schedule.phases:
        anchor = phase.period.start if phase.restarts_cycle else anchor
        intervals = {item.terms.interval for item in phase.items}
        dates = {each: tuple(cycle_dates(each, anchor, phase.period)) for each in intervals}
        yield from ((phase, item, dates[item.terms.interval]) for item in phase.items)


def bills_after(schedule: ScheduleSpec, day: date) -> bool:
    """Tell whether a schedule still invoices recurring items after a day."""
    return any(each > day for each in recurring_days(schedule)[-1:])


def recurring_days(schedule: ScheduleSpec) -> tuple[date, ...]:
    """Return the days on which recurring items are invoiced, in order."""
    return tuple(sorted({day for _, _, dates in _cycles(schedule) for day in dates}))


def _billed_on(
    one_off: OneOffSpec, phase: PhaseSpec, cycle: Sequence[date], schedule: ScheduleSpec, made: date
) -> date:
    start = max(phase.period.start, one_off.due or phase.period.start)
    return start if one_off.way == "apart" else _invoiced_on(start, cycle, schedule, made)


def _invoiced_on(start: date, cycle: Sequence[date], schedule: ScheduleSpec, made: date) -> date:
    later = bisect_left(cycle, start)
    day = cycle[later] if later < len(cycle) else schedule.end
    late = schedule.phases[0].bills_from_start and start <= made < day
    return cycle[bisect_right(cycle, made) - 1] if late else day


def _discounted(schedule: ScheduleSpec, lines: dict[date, list[Charge]]) -> Iterator[tuple[date, tuple[Charge, ...]]]:
    met: set[date] = set()
    for day in sorted(lines):
        phase = next((p for p in schedule.phases if p.period.start <= day < p.period.end), schedule.phases[-1])
        first = phase.period.start not in met
        met.add(phase.period.start)
        holding = [d for d in phase.discounts if holds(d, phase.period.start, day, first=first)]
        yield day, discounted(lines[day], holding, schedule.currency)


def discounted(charges: Sequence[Charge], discounts: Iterable[Discount], currency: str) -> tuple[Charge, ...]:
    """Take invoice discounts off the charges of one invoice."""
    nets = off_invoice([charge.net for charge in charges], discounts, currency)
    return tuple(replace(charge, net=net) for charge, net in zip(charges, nets, strict=True))


def item_amount(item: ItemSpec, periods: int = 1) -> int:
    """Return what an item costs for some periods on one invoice line, before discounts; usage counts nothing."""
    if item.terms.usage or item.quantity is None:
        return 0
    if item.terms.tiers:
        return round_minor(rated_amount(item.terms.tiers, item.terms.tiers_mode, item.quantity) * periods)
    return line_amount(item.terms.unit_amount or Decimal(0), item.quantity * periods)


def _item_text(item: ItemSpec) -> str:
    name = item.line.product.name
    return f"{name}: usage" if item.quantity is None or item.terms.usage else f"{item.quantity} x {name}"


def one_off_charge(one_off: OneOffSpec, day: date, currency: str, due: date | None = None) -> Charge:
    """Return the invoice line of a one-off."""
    gross = line_amount(one_off.unit_amount, one_off.quantity)
    text = f"{one_off.line.product.name}: {one_off.reason}"
    net = reduce(gross, one_off.discounts, currency)
    return Charge(day, one_off.line.ref, text, gross, net, recurring=False, due=due)
