"""Schedules that are made after they began: what Stripe is sent, so that it bills what was sold.

Stripe begins a late schedule in the phase that runs, bills the time since the schedule's start at that phase's terms,
and counts a coupon's months from today. So phases that are over are not sent, the first phase sent begins on a billing
date, and one correction per line makes up the difference:

    correction = what should have been billed by now - what Stripe bills for the first phase sent

"Made" is the day on which the schedule is, or was, made. What is sent depends on it and on the contract alone.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from itertools import count

from connector.compile.bills import Bill, Charge, discounted, item_amount, one_off_charge, one_off_days, schedule_bills
from connector.compile.cycle import anchor_on, dates_until, latest_start, running_phase
from connector.compile.limits import ONE_OFFS
from connector.compile.reductions import reduce
from connector.compile.spec import ItemSpec, OneOffSpec, PhaseSpec, ScheduleSpec
from connector.domain.contract import Contract, Discount, Line
from connector.domain.money import unit_amount
from connector.domain.period import Period, add_months, billing_dates, day_after


def as_sent(spec: ScheduleSpec, contract: Contract, made: date | None) -> ScheduleSpec:
    """Return the schedule as Stripe is sent it on the day it is made; one that begins later is sent as it is."""
    if made is None or made < spec.start or made >= spec.end:
        return spec
    late = _Late(spec, contract, made)
    if made > spec.start and contract.policies.backdated_start == "skip":
        return late.skipping()
    return late.billing()


def running_from(spec: ScheduleSpec, contract: Contract, today: date) -> PhaseSpec:
    """Return the phase that runs today as it is begun within the day: billed from tomorrow, coupons with their rest."""
    return _Late(spec, contract, today).going_on()


def discounts_left(given: Iterable[Discount], began: date, today: date, anchor: date) -> tuple[Discount, ...]:
    """Return what is left after today of discounts that began on a day; their months are counted from `anchor`."""
    tomorrow = day_after(today)
    found = (_rest(discount, began, tomorrow, (today, anchor)) for discount in given)
    return tuple(discount for discount in found if discount is not None)


def bills_as_sent(spec: ScheduleSpec, contract: Contract, made: date) -> tuple[Bill, ...]:
    """Return the bills of a schedule as Stripe holds it, made on a day.

    One that was late has a first invoice of its own kind: every coupon of its first phase counts for all late periods.
    """
    bills = schedule_bills(spec, made) if spec.phases else ()
    if not bills or made <= spec.start or not spec.phases[0].bills_from_start:
        return bills
    first, *others = spec.phases
    invoice = Bill(made, spec.currency, _Late(spec, contract, made).first_invoice(first))
    rest = schedule_bills(replace(spec, phases=(replace(first, one_offs=()), *others)), made)
    later = (replace(b, charges=tuple(c for c in b.charges if not c.recurring or c.day > made)) for b in rest)
    return (invoice, *(bill for bill in later if bill.charges))


@dataclass(frozen=True, slots=True)
class _Late:
    """A schedule that has begun on the day it is made."""

    spec: ScheduleSpec
    contract: Contract
    made: date

    @property
    def _index(self) -> int:
        return running_phase(self.spec, self.made)

    def billing(self) -> ScheduleSpec:
        """Bill the past: from the schedule's own start where Stripe gets it right by itself, else with corrections."""
        if self._index == 0:
            whole = self._first(self.spec.start, bills=True)
            if not self._corrections(whole) and not self._unclear(whole):
                return self._with(whole)
        first = self._first(latest_start(self.spec, self.made), bills=True)
        return self._with(replace(first, one_offs=fitting(first.one_offs, self._corrections(first))))

    def skipping(self) -> ScheduleSpec:
        """Leave the past unbilled: Stripe bills from the next billing date on, or from today if it is one."""
        start = latest_start(self.spec, self.made)
        first = self._first(start, bills=start == self.made)
        if self._index == 0 and start != self.made:
            first = replace(first, period=Period(self.spec.start, first.period.end))
        found = one_off_days(self.spec, self.made)
        billed = self.made if start == self.made else day_after(self.made)
        waiting = (one_off for due, day, one_off in found if due <= self.made and billed <= day)
        return self._with(replace(first, one_offs=tuple(waiting)))

    def going_on(self) -> PhaseSpec:
        """Go on from within the day on which it is made; what is owed up to then is the caller's matter."""
        return replace(self._first(self.made, bills=False), one_offs=())

    def _with(self, first: PhaseSpec) -> ScheduleSpec:
        return replace(self.spec, phases=(first, *self.spec.phases[self._index + 1 :]))

    def _first(self, start: date, *, bills: bool) -> PhaseSpec:
        phase = self.spec.phases[self._index]
        items = tuple(
            replace(item, discounts=self._left(item.discounts, max(item.line.start, phase.period.start), start, bills))
            for item in phase.items
        )
        return replace(
            phase,
            period=Period(start, phase.period.end),
            items=items,
            discounts=self._left(phase.discounts, phase.period.start, start, bills),
            one_offs=tuple(_on_first_invoice(one_off) for one_off in phase.one_offs) if bills else phase.one_offs,
            bills_from_start=bills,
            restarts_cycle=False,
        )

    def _left(self, given: Iterable[Discount], began: date, start: date, bills: bool) -> tuple[Discount, ...]:  # noqa: FBT001
        """Return discounts as they must be given today: Stripe counts their months from now, not from their start."""
        counted = (self.made, anchor_on(self.spec, self.made))
        found = (_rest(discount, began, start if bills else day_after(self.made), counted) for discount in given)
        return tuple(discount for discount in found if discount is not None)

    def _unclear(self, first: PhaseSpec) -> bool:
        """Tell whether an amount is taken off several late periods at once; Stripe may mean each, or all together."""
        given = [*first.discounts, *(discount for item in first.items for discount in item.discounts)]
        late = len(dates_until(self.spec, first.period.start, self.made)) > 1
        return late and any(discount.amount is not None for discount in given)

    def _corrections(self, first: PhaseSpec) -> tuple[OneOffSpec, ...]:
        bills = schedule_bills(self.spec, self.made)
        owed = _by_line(charge for bill in bills if bill.day <= self.made for charge in bill.charges)
        billed = _by_line(self.first_invoice(first))
        lines = {line.ref: line for line in self.contract.lines}
        return tuple(
            self._correction(line, owed[ref] - billed[ref], first)
            for ref, line in lines.items()
            if owed[ref] != billed[ref]
        )

    def _correction(self, line: Line, amount: int, first: PhaseSpec) -> OneOffSpec:
        began, start = max(line.start, self.spec.start), first.period.start
        period = Period(began, start if began < start else day_after(max(self.made, began)))
        return OneOffSpec(line, "correction", 1, unit_amount(amount), period, discountable=False)

    def first_invoice(self, first: PhaseSpec) -> tuple[Charge, ...]:
        """Return what Stripe invoices at once: a line for each period, or one for all in classic mode."""
        late = len(dates_until(self.spec, first.period.start, self.made))
        classic = self.contract.policies.billing_mode == "classic"
        sent = [one_off for one_off in first.one_offs if one_off.way == "invoice"]
        charges = [one_off_charge(one_off, self.made, self.spec.currency) for one_off in sent]
        for item in first.items:
            charges += [self._charge(item, late)] if classic else [self._charge(item, 1)] * late
        return discounted(charges, first.discounts, self.spec.currency)

    def _charge(self, item: ItemSpec, periods: int) -> Charge:
        gross = item_amount(item, periods)
        net = reduce(gross, item.discounts, self.spec.currency)
        return Charge(self.made, item.line.ref, item.line.product.name, gross, net, recurring=True)


def fitting(one_offs: Sequence[OneOffSpec], corrections: Sequence[OneOffSpec]) -> tuple[OneOffSpec, ...]:
    """Return both, corrections one for each product where Stripe has no room for one of each line (a long ramp)."""
    if len(one_offs) + len(corrections) <= ONE_OFFS:
        return (*one_offs, *corrections)
    products: dict[str, list[OneOffSpec]] = defaultdict(list)
    for one in corrections:
        products[one.line.product.ref].append(one)
    folded = (_folded(mine) for mine in products.values())
    return (*one_offs, *(one for one in folded if one.unit_amount))


def _folded(corrections: Sequence[OneOffSpec]) -> OneOffSpec:
    latest = max(corrections, key=lambda one: (one.line.start, one.line.ref))
    periods = [one.period for one in corrections if one.period]
    whole = Period(min(p.start for p in periods), max(p.end for p in periods)) if periods else None
    total = sum((one.unit_amount for one in corrections), Decimal(0))
    return replace(latest, unit_amount=unit_amount(total), period=whole)


def _on_first_invoice(one_off: OneOffSpec) -> OneOffSpec:
    return replace(one_off, way="invoice") if one_off.way == "apart" else one_off


def _rest(discount: Discount, began: date, start: date, counted: tuple[date, date]) -> Discount | None:
    """Return a discount as it is given again on a day; `counted` are that day and the anchor of the billing dates."""
    made, anchor = counted
    if discount.duration == "forever":
        return discount
    if discount.duration == "once" or discount.months is None:
        return discount if start <= began else None
    end = discount.until or add_months(began, discount.months)
    tomorrow = day_after(made)
    coming = list(billing_dates(anchor, 1, Period(tomorrow, end))) if end > tomorrow else []
    if coming:
        months = next(number for number in count(1) if add_months(made, number) >= coming[-1])
        return replace(discount, months=months, until=day_after(add_months(made, months)))
    if start < end and start <= made:
        return replace(discount, duration="once", months=None, until=None)
    return None


def _by_line(charges: Iterable[Charge]) -> Mapping[str, int]:
    sums: dict[str, int] = defaultdict(int)
    for charge in charges:
        sums[charge.line] += charge.net
    return sums
