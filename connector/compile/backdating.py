"""Schedules that are made after they began: what Stripe is sent, so that it bills what was sold.

Stripe begins a late schedule in the phase that runs, bills the time since the schedule's start at that phase's terms,
and counts a coupon's months from today. So phases that are over are not sent, the first phase sent begins on a billing
date, and one correction per line makes up the difference:

    correction = what should have been billed by now - what Stripe bills for the first phase sent

"Made" is the day on which the schedule is, or was, made. What is sent depends on it and on the contract alone.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date

from connector.compile.bills import Charge, discounted, item_amount, one_off_charge, one_off_days, schedule_bills
from connector.compile.cycle import anchor_on, dates_until, latest_start, running_phase
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
        return self._with(replace(first, one_offs=(*first.one_offs, *self._corrections(first))))

    def skipping(self) -> ScheduleSpec:
        """Leave the past unbilled: Stripe bills from the next billing date on, or from today if it is one."""
        start = latest_start(self.spec, self.made)
        first = self._first(start, bills=start == self.made)
        if self._index == 0 and start != self.made:
            first = replace(first, period=Period(self.spec.start, first.period.end))
        begun = [phase.period.start for phase in self.spec.phases[: self._index + 1]]
        due = one_off_days(self.spec, self.made)
        waiting = (one_off for began, day, one_off in due if began in begun and day >= self.made)
        return self._with(replace(first, one_offs=tuple(waiting)))

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
            bills_from_start=bills,
            restarts_cycle=False,
        )

    def _left(self, given: Iterable[Discount], began: date, start: date, bills: bool) -> tuple[Discount, ...]:  # noqa: FBT001
        """Return discounts as they must be given today: Stripe counts their months from now, not from their start."""
        found = (self._rest(discount, began, start if bills else day_after(self.made)) for discount in given)
        return tuple(discount for discount in found if discount is not None)

    def _rest(self, discount: Discount, began: date, start: date) -> Discount | None:
        if discount.duration == "forever":
            return discount
        if discount.duration == "once" or discount.months is None:
            return discount if start <= began else None
        end = add_months(began, discount.months)
        tomorrow, anchor = day_after(self.made), anchor_on(self.spec, self.made)
        coming = len(list(billing_dates(anchor, 1, Period(tomorrow, end)))) if end > tomorrow else 0
        if coming:
            return replace(discount, months=coming)
        return replace(discount, duration="once", months=None) if start < end and start <= self.made else None

    def _unclear(self, first: PhaseSpec) -> bool:
        """Tell whether an amount is taken off several late periods at once; Stripe may mean each, or all together."""
        given = [*first.discounts, *(discount for item in first.items for discount in item.discounts)]
        late = len(dates_until(self.spec, first.period.start, self.made)) > 1
        return late and any(discount.amount is not None for discount in given)

    def _corrections(self, first: PhaseSpec) -> tuple[OneOffSpec, ...]:
        bills = schedule_bills(self.spec, self.made)
        owed = _by_line(charge for bill in bills if bill.day <= self.made for charge in bill.charges)
        billed = _by_line(self._first_invoice(first))
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

    def _first_invoice(self, first: PhaseSpec) -> tuple[Charge, ...]:
        """Return what Stripe invoices at once: a line for each period, or one for all in classic mode."""
        late = len(dates_until(self.spec, first.period.start, self.made))
        classic = self.contract.policies.billing_mode == "classic"
        charges = [one_off_charge(one_off, self.made, self.spec.currency) for one_off in first.one_offs]
        for item in first.items:
            charges += [self._charge(item, late)] if classic else [self._charge(item, 1)] * late
        return discounted(charges, first.discounts, self.spec.currency)

    def _charge(self, item: ItemSpec, periods: int) -> Charge:
        gross = item_amount(item, periods)
        net = reduce(gross, item.discounts, self.spec.currency)
        return Charge(self.made, item.line.ref, item.line.product.name, gross, net, recurring=True)


def _by_line(charges: Iterable[Charge]) -> Mapping[str, int]:
    sums: dict[str, int] = defaultdict(int)
    for charge in charges:
        sums[charge.line] += charge.net
    return sums
