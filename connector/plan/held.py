"""A schedule as Stripe holds it, read back into the words of a ScheduleSpec: what it has billed, and what it will.

A phase that was begun `now` began within a day, after the invoice of that day: for billing it counts from the next day.
What cannot be read back (a tiered price that we did not make) has no figure: UnreadableError.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal

from connector.compile.spec import Interval, IntervalUnit, ItemSpec, OneOffSpec, PhaseSpec, ScheduleSpec, Terms
from connector.domain.contract import Charge, Contract, Discount, Line, Product
from connector.domain.period import Period, add_months, day_after
from connector.plan.canonical import Json
from connector.plan.existing import ExistingObject

_UNITS: Mapping[str, tuple[IntervalUnit, int]] = {
    "month": ("month", 1),
    "year": ("month", 12),
    "day": ("day", 1),
    "week": ("day", 7),
}


class UnreadableError(Exception):
    """A schedule in Stripe says something that we cannot put a figure on; the text says what."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What the names on a schedule stand for: lines by CRM id, counted prices and coupons by our own names."""

    contract: Contract
    prices: Mapping[str, Terms]
    coupons: Mapping[str, Discount]


@dataclass(frozen=True, slots=True)
class Stretch:
    """A phase with its whole days [start, end); one that was cut short on the day it began has none."""

    start: date
    end: date
    items: tuple[ItemSpec, ...]
    one_offs: tuple[OneOffSpec, ...]
    discounts: tuple[Discount, ...]
    bills_from_start: bool = False
    restarts_cycle: bool = False


@dataclass(frozen=True, slots=True)
class Held:
    """A schedule that runs, or ran. `phases` are canonical, `stretches` the same read back, in the same order.

    `running` is the index of the phase that runs, or ran last; `made` the day on which the schedule was made; `ended`
    the day on which somebody ended it.
    """

    id: str
    key: str
    currency: str
    phases: Sequence[Json]
    stretches: tuple[Stretch, ...]
    running: int
    made: date
    ended: date | None = None

    @property
    def current(self) -> Json:
        """Return the phase that runs, in canonical form."""
        return self.phases[self.running]

    @property
    def coming(self) -> Sequence[Json]:
        """Return the phases after it, in canonical form."""
        return self.phases[self.running + 1 :]

    @property
    def spec(self) -> ScheduleSpec:
        """Return the schedule for billing."""
        return spec_of(self.key, self.currency, self.stretches)


def read_held(key: str, existing: ExistingObject, words: Vocabulary) -> Held | None:
    """Return a schedule that has begun; None for one that has not. Raises UnreadableError."""
    phases: Sequence[Json] = existing.params.get("phases", [])
    if existing.status in {None, "not_started"} or not phases:
        return None
    stretches = tuple(_stretch(phase, words) for phase in phases)
    made = existing.made or stretches[0].start
    first = _counted_from(stretches[0], made)
    return Held(
        id=existing.id,
        key=key,
        currency=words.contract.currency,
        phases=phases,
        stretches=(first, *stretches[1:]),
        running=_running(phases, existing),
        made=made,
        ended=existing.ended,
    )


def spec_of(key: str, currency: str, stretches: Iterable[Stretch]) -> ScheduleSpec:
    """Return stretches as a schedule. The one-offs of a stretch without days go on with the next one that has some."""
    phases: list[PhaseSpec] = []
    waiting: tuple[OneOffSpec, ...] = ()
    for stretch in stretches:
        if stretch.end <= stretch.start:
            waiting += stretch.one_offs
            continue
        phases.append(_phase(stretch, (*waiting, *stretch.one_offs)))
        waiting = ()
    if waiting and phases:
        phases[-1] = replace(phases[-1], one_offs=(*phases[-1].one_offs, *waiting))
    interval = min((item.terms.interval for phase in phases for item in phase.items), default=Interval("month", 1))
    return ScheduleSpec(key, currency, interval.count, tuple(phases))


def stretch_of(phase: PhaseSpec, start: date | None = None) -> Stretch:
    """Return a phase of a schedule as a stretch, perhaps begun later."""
    return Stretch(
        start or phase.period.start,
        phase.period.end,
        phase.items,
        phase.one_offs,
        phase.discounts,
        phase.bills_from_start,
        phase.restarts_cycle,
    )


def first_whole_day(moment: str) -> date:
    """Return the first day that does not begin before a moment; an ISO day is one itself."""
    return date.fromisoformat(moment) if _is_day(moment) else day_after(date.fromisoformat(moment[:10]))


def as_sent_back(moment: str) -> date:
    """Return an ISO day or moment as parameters hold it, so that Stripe gets exactly what it said."""
    return date.fromisoformat(moment) if _is_day(moment) else datetime.fromisoformat(moment)


def _is_day(moment: str) -> bool:
    return len(moment) == len("2027-01-01")


def _phase(stretch: Stretch, one_offs: tuple[OneOffSpec, ...]) -> PhaseSpec:
    return PhaseSpec(
        period=Period(stretch.start, stretch.end),
        revision="",
        segment_index=None,
        segment_label=None,
        items=stretch.items,
        one_offs=one_offs,
        discounts=stretch.discounts,
        bills_from_start=stretch.bills_from_start,
        restarts_cycle=stretch.restarts_cycle,
    )


def _running(phases: Sequence[Json], existing: ExistingObject) -> int:
    since = existing.current_start
    found = (index for index, phase in enumerate(phases) if since and phase["start_date"][:10] == since.isoformat())
    last = [*found]
    return last[-1] if last else len(phases) - 1


def _stretch(phase: Json, words: Vocabulary) -> Stretch:
    due = date.fromisoformat(phase["start_date"][:10])
    within = not _is_day(phase["start_date"])
    stretch = Stretch(
        start=first_whole_day(phase["start_date"]),
        end=first_whole_day(phase["end_date"]),
        items=tuple(_item(item, words) for item in phase.get("items", [])),
        one_offs=tuple(_one_off(entry, due, words) for entry in phase.get("add_invoice_items", [])),
        discounts=_discounts(phase, words),
        bills_from_start=phase.get("proration_behavior") != "none",
        restarts_cycle=phase.get("billing_cycle_anchor") == "phase_start",
    )
    return _coupons_counted(stretch, due, within=within)


def _coupons_counted(stretch: Stretch, given: date, *, within: bool) -> Stretch:
    """Say until when coupons hold that were given on a day: `within` it, they hold on the day on which they end."""

    def counted(discounts: Iterable[Discount]) -> tuple[Discount, ...]:
        ends = ((d, add_months(given, d.months) if d.months else None) for d in discounts)
        return tuple(replace(d, until=day_after(end) if end and within else end) for d, end in ends)

    items = tuple(replace(item, discounts=counted(item.discounts)) for item in stretch.items)
    return replace(stretch, items=items, discounts=counted(stretch.discounts))


def _counted_from(first: Stretch, made: date) -> Stretch:
    """Return the first phase of a late schedule: Stripe counts its coupons from its making, not from its start.

    If it was made without an invoice, what is billed once waits for the next one.
    """
    if made < first.start:
        return first
    if not first.bills_from_start:
        first = replace(first, one_offs=tuple(replace(one, due=made) for one in first.one_offs))
    return _coupons_counted(first, made, within=True)


def _item(item: Json, words: Vocabulary) -> ItemSpec:
    terms = _terms(item, words)
    line = _line(item, terms.product, words)
    return ItemSpec(line, terms, item.get("quantity"), _discounts(item, words))


def _terms(item: Json, words: Vocabulary) -> Terms:
    data = item.get("price_data")
    if data is None:
        name = _name(item["price"])
        if name not in words.prices:
            raise UnreadableError(f"the price {name} is not one that the connector made")
        return words.prices[name]
    unit, times = _UNITS[data["recurring"]["interval"]]
    return Terms(
        product=_name(data["product"]),
        currency=data["currency"],
        interval=Interval(unit, data["recurring"]["interval_count"] * times),
        unit_amount=Decimal(data["unit_amount_decimal"]),
    )


def _one_off(entry: Json, due: date, words: Vocabulary) -> OneOffSpec:
    data = entry["price_data"]
    return OneOffSpec(
        line=_line(entry, _name(data["product"]), words),
        reason="correction",
        quantity=entry.get("quantity") or 1,
        unit_amount=Decimal(data["unit_amount_decimal"]),
        period=None,
        discounts=_discounts(entry, words),
        discountable=entry.get("discountable", True),
        due=due,
    )


def _line(entry: Json, product: str, words: Vocabulary) -> Line:
    """Return the contract's line that an entry names, else one that stands for what only Stripe knows."""
    contract = words.contract
    ref = entry.get("metadata", {}).get(f"{contract.policies.metadata_prefix}order_item_id", "")
    known = {line.ref: line for line in contract.lines}
    if ref in known:
        return known[ref]
    products = {line.product.ref: line.product for line in contract.lines}
    return Line(
        ref=ref or product,
        product=products.get(product, Product(product, product)),
        charge=Charge.RECURRING,
        quantity=Decimal(1),
        unit_price=Decimal(0),
        total=Decimal(0),
        start=contract.start - timedelta(days=1),
        end=None,
        interval=1,
    )


def _discounts(holder: Json, words: Vocabulary) -> tuple[Discount, ...]:
    names = [_name(given["coupon"]) for given in holder.get("discounts", [])]
    unknown = next((name for name in names if name not in words.coupons), None)
    if unknown:
        raise UnreadableError(f"the coupon {unknown} is not one that the connector made")
    return tuple(words.coupons[name] for name in names)


def _name(reference: Json) -> str:
    """Return the bare name of a reference: of one of our keys, or a Stripe id."""
    return reference["$ref"].partition("/")[2] if isinstance(reference, Mapping) else str(reference)
