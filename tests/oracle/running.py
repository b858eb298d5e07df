"""One subscription schedule as Stripe would run it, moment by moment: the other half of the oracle of living contracts.

It is told what the connector sends, in canonical form, and knows nothing else of it:

    a phase bills at midnight of each billing date in it, in advance; what it bills once waits for the next invoice
    an update takes the running phase, which may end now, and those to come; nothing that is over changes
    a schedule made late bills the time since its start at once, at the terms of its first phase
    the months of a coupon count from the moment at which its phase began (for a late schedule: was made)

Sources: stripe.md B.5, B.10, B.11; recorded traffic.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from tests.oracle.days import months_on

#: What a price named on an item costs for some units, in minor units before rounding.
Rate = Callable[[Any, int], Fraction]
#: A coupon's parameters, by what names it.
Coupons = Callable[[Any], Any]


class RefusedError(Exception):
    """Stripe would answer an error; the text says what was wrong."""


@dataclass
class Phase:
    """A phase: [start, end), what was sent for it, and since when its coupons count. `met`: it was invoiced."""

    start: datetime
    end: datetime
    said: Any
    attached: datetime
    met: bool = False

    @property
    def interval(self) -> tuple[str, int]:
        """Return the billing interval, in days or months."""
        found = {(r["interval"], r["interval_count"]) for item in self.said["items"] for r in [item["_recurring"]]}
        if len(found) != 1:
            msg = f"items of several intervals in one phase: {found}"
            raise RefusedError(msg)
        unit, count = found.pop()
        return ("month", count * 12) if unit == "year" else (unit, count)


@dataclass(frozen=True)
class Billed:
    """A line of an invoice: minor units after coupons, by the ids of the line and product it was sent with."""

    day: date
    line: str
    product: str
    amount: int
    recurring: bool


@dataclass
class Running:
    """A schedule. `waiting` goes on the next invoice; `lost` waited when it was canceled without an invoice."""

    id: str
    made: datetime
    phases: list[Phase]
    anchor: datetime
    rate: Rate
    coupon: Coupons
    classic: bool
    status: str = "not_started"
    ended: datetime | None = None
    waiting: list[tuple[Any, datetime]] = field(default_factory=list)
    lost: list[Any] = field(default_factory=list)
    billed: list[Billed] = field(default_factory=list)

    def at(self, moment: datetime) -> Phase:
        """Return the phase that runs."""
        return next(phase for phase in reversed(self.phases) if phase.start <= moment < phase.end)

    def begin(self, now: datetime) -> None:
        """Begin a schedule that is made on or after its start."""
        if self.phases[-1].end <= now:
            msg = "the schedule is over before it is made"
            raise RefusedError(msg)
        self.status = "active"
        first = self.at(now)
        if first is not self.phases[0]:
            msg = "the first phase is over: Stripe would bill the time since then at the terms of the phase that runs"
            raise RefusedError(msg)
        first.attached = now
        self._take(first, now)
        if first.said.get("proration_behavior") == "none":
            return
        late = len(self._dates(first, now.date()))
        self._invoice(first, now, list(self._late(first, late, now.date())))

    def midnight(self, day: date) -> None:
        """Let a day begin."""
        moment = datetime.combine(day, time())
        if self.status == "not_started" and self.phases[0].start <= moment:
            self.status = "active"
            self.anchor = self.phases[0].start
        if self.status != "active":
            return
        if moment >= self.phases[-1].end:
            self.status, self.ended = "completed", moment
            if self.waiting:  # what waits is on a last invoice (API reference, cancel a subscription)
                self._invoice(self.phases[-1], moment, [])
            return
        phase = self.at(moment)
        if phase.start == moment:
            before = self.phases[max(self.phases.index(phase) - 1, 0)]
            if phase.said.get("billing_cycle_anchor") == "phase_start" or phase.interval != before.interval:
                self.anchor = moment
            self._take(phase, moment)
        if day in self._dates(phase, day):
            self._invoice(phase, moment, [self._item(phase, item, moment) for item in phase.said["items"]])

    def replace(self, sent: Sequence[Phase], now: datetime) -> None:
        """Take the phases of an update; `sent` begin with the running one."""
        if self.status == "not_started":
            self.phases = list(sent)
            self.anchor = self.phases[0].start
            return
        running = self.at(now)
        kept, coming = sent[0], list(sent[1:])
        if kept.start != running.start or kept.end < now:
            msg = f"the running phase began at {running.start} and cannot begin at {kept.start}, or end at {kept.end}"
            raise RefusedError(msg)
        if _substance(kept) != _substance(running):
            msg = "what runs was changed in place: Stripe would prorate it or leave it to the next period"
            raise RefusedError(msg)
        once = running.said.get("add_invoice_items", [])  # billed when it began; repeated, they are the same
        running.end, running.said = kept.end, {**kept.said, "add_invoice_items": once}
        past = self.phases[: self.phases.index(running)]
        self.phases = [*past, running, *coming]
        if coming and coming[0].start == now:
            if coming[0].interval != running.interval:
                msg = "another billing interval begins the cycle anew"
                raise RefusedError(msg)
            self._take(coming[0], now)

    def cancel(self, now: datetime, *, invoice_now: bool) -> None:
        """End it; what waits is billed if asked for, else lost."""
        if self.status == "active" and invoice_now and self.waiting:
            self._invoice(self.at(now), now, [])
        self.lost += [entry for entry, _ in self.waiting]
        self.waiting = []
        self.status, self.ended = "canceled", now

    def owing(self) -> Iterator[Billed]:
        """Yield what waits for the next invoice: a billing date, or the end."""
        for entry, since in self.waiting:
            yield self._once(entry, since.date())

    def _take(self, phase: Phase, now: datetime) -> None:
        self.waiting += [(entry, now) for entry in phase.said.get("add_invoice_items", [])]

    def _dates(self, phase: Phase, until: date) -> list[date]:
        unit, count = phase.interval
        anchor, step = self.anchor.date(), 0
        found: list[date] = []
        while True:
            day = anchor + timedelta(days=count * step) if unit == "day" else months_on(anchor, count * step)
            if day > until:
                return found
            found.append(day)
            step += 1

    def _invoice(self, phase: Phase, moment: datetime, lines: list[Billed]) -> None:
        once = [(self._once(entry, moment.date()), entry) for entry, _ in self.waiting]
        self.waiting = []
        both = [*((line, True) for line in lines), *((line, entry.get("discountable", True)) for line, entry in once)]
        nets = [line.amount for line, _ in both]
        for given in phase.said.get("discounts", []):
            coupon = self.coupon(given["coupon"])
            if _holds(coupon, phase, moment):
                nets = take_off(nets, [able for _, able in both], coupon)
        self.billed += [
            Billed(line.day, line.line, line.product, net, line.recurring)
            for (line, _), net in zip(both, nets, strict=True)
        ]
        phase.met = True

    def _item(self, phase: Phase, item: Any, moment: datetime, periods: int = 1) -> Billed:
        amount = half_up(self.rate(item, item.get("quantity") or 0) * periods)
        for given in item.get("discounts", []):
            coupon = self.coupon(given["coupon"])
            if _holds(coupon, phase, moment):
                (amount,) = take_off([amount], [True], coupon)
        return Billed(moment.date(), _line(item), item["_product"], amount, recurring=True)

    def _late(self, phase: Phase, count: int, day: date) -> Iterator[Billed]:
        """Yield what a late schedule is billed at once: a line for each period, or one for all in classic mode."""
        moment = datetime.combine(day, time())
        for item in phase.said["items"]:
            if self.classic:
                yield self._item(phase, item, moment, count)
            else:
                yield from (self._item(phase, item, moment) for _ in range(count))

    def _once(self, entry: Any, day: date) -> Billed:
        data = entry["price_data"]
        amount = half_up(Fraction(Decimal(data["unit_amount_decimal"])) * (entry.get("quantity") or 1))
        for given in entry.get("discounts", []):
            (amount,) = take_off([amount], [True], self.coupon(given["coupon"]))
        return Billed(day, _line(entry), _bare(data["product"]), amount, recurring=False)


def half_up(amount: Fraction) -> int:
    """Return whole minor units, halves away from nothing."""
    whole = int(abs(amount) + Fraction(1, 2))
    return whole if amount >= 0 else -whole


def _holds(coupon: Any, phase: Phase, moment: datetime) -> bool:
    if coupon["duration"] == "forever":
        return True
    if coupon["duration"] == "once":
        return not phase.met
    end = months_on(phase.attached.date(), coupon["duration_in_months"])
    return moment < datetime.combine(end, phase.attached.time())


def take_off(amounts: list[int], able: list[bool], coupon: Any) -> list[int]:
    """Take a coupon off the amounts that it can be taken off."""
    if coupon.get("percent_off") is not None:
        share = Fraction(Decimal(str(coupon["percent_off"]))) / 100
        return [a - half_up(a * share) if ok else a for a, ok in zip(amounts, able, strict=True)]
    costing = [index for index, amount in enumerate(amounts) if amount > 0 and able[index]]
    base = sum(amounts[index] for index in costing)
    rest = total = min(coupon["amount_off"], base)
    left = list(amounts)
    for index in costing:
        part = rest if index == costing[-1] else total * amounts[index] // base
        left[index] -= part
        rest -= part
    return left


def _substance(phase: Phase) -> Any:
    items = [(item["_price"], item.get("quantity"), _coupons(item)) for item in phase.said["items"]]
    return sorted(map(repr, items)), _coupons(phase.said)


def _coupons(holder: Any) -> list[str]:
    return [_bare(given["coupon"]) for given in holder.get("discounts", [])]


def _line(entry: Any) -> str:
    return next((str(v) for k, v in entry.get("metadata", {}).items() if k.endswith("order_item_id")), "")


def _bare(reference: Any) -> str:
    return str(reference["$ref"].partition("/")[2] if isinstance(reference, dict) else reference)
