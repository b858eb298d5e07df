"""Slices → phases: what recurs, what is billed once, and where a stub needs a billing interval of its own.

Every line has a grid billing (`grid.py`). Between two cuts a line is either in its whole periods (an ordinary item), or
in a part:
  a part that begins off the grid   the item is there, Stripe bills nothing for it before the next billing date, and the
                                    part is a one-off (a joining line, an upsell in the middle of a period)
  a part that begins on the grid    a stub. Alone in its phase it is an ordinary item with a shorter interval; beside
                                    whole periods it is a one-off with its own service period
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import Literal

from connector.compile.carry import Carried, carriers, carry
from connector.compile.discounts import for_phase
from connector.compile.grid import Part
from connector.compile.group import Group, groups_of
from connector.compile.horizon import Horizon
from connector.compile.one_offs import (
    credits_at_the_end,
    last_invoice,
    one_time_spec,
    part_one_off,
    reductions,
    settle_rounding,
    share_of_part,
)
from connector.compile.parts import parts_of
from connector.compile.rating import scaled_tiers, tier_specs
from connector.compile.segments import phase_segment
from connector.compile.spec import Interval, ItemSpec, OneOffSpec, PhaseSpec, ScheduleSpec, Terms
from connector.compile.tail import coupon_cuts, goes_on, once_apart
from connector.domain.contract import Charge, Contract, Discount, Line
from connector.domain.money import unit_amount
from connector.domain.period import Period, add_months, billing_dates, day_after
from connector.domain.timeline import InForce, Slice, Timeline, line_end, revision_on


def schedules(contract: Contract, timeline: Timeline, horizon: Horizon | None = None) -> tuple[ScheduleSpec, ...]:
    """Return one schedule per billing frequency and lot of lines; one-time lines go with the first that has room.

    The frequency that was sold first keeps the contract's own key: an amendment that brings another one adds a
    schedule, and the one that runs stays what it is. So does its key when the other ones are taken away.
    """
    parts = parts_of(contract, timeline)
    grouped = [_groups(part.contract, part.pieces, horizon) for part in parts]
    frame = next(groups for groups in grouped if groups)
    return tuple(
        part.named(spec)
        for part, groups in zip(parts, grouped, strict=True)
        for spec in _linked(part.contract, groups, frame)
    )


def _groups(contract: Contract, timeline: Timeline, horizon: Horizon | None) -> list[Group]:
    """Return the groups, the one first whose schedule has the contract's own key."""
    intervals = sorted({entry.line.interval for piece in timeline for entry in piece.in_force})
    groups = [group for interval in intervals for group in groups_of(contract, timeline, interval, horizon)]
    own = _own_interval(contract, intervals)
    return sorted(groups, key=lambda g: (g.period.start, g.grid.interval != own, -_weight(g), g.key))


def _linked(contract: Contract, groups: Sequence[Group], frame: Sequence[Group]) -> tuple[ScheduleSpec, ...]:
    """Return the schedules of groups; one-time lines without any group are put into the time of the `frame`."""
    own = _own_interval(contract, sorted({group.grid.interval for group in groups}))
    carried = carry(groups, _one_time(contract))
    terms: dict[tuple[int, int], list[Group]] = defaultdict(list)
    for group in groups:
        terms[group.grid.interval, group.number].append(group)
    specs = tuple(_schedule(mine, carried, own) for mine in terms.values())
    return (*specs, *carriers(contract, groups or frame, carried.left))


def _own_interval(contract: Contract, intervals: Sequence[int]) -> int | None:
    """Return the billing frequency of the first order; None when it has several, or none while later ones do."""
    first = {line.interval for line in contract.revisions[0].lines if line.charge is not Charge.ONE_TIME}
    first = first or set(intervals)
    return first.pop() if len(first) == 1 else None


def _one_time(contract: Contract) -> tuple[Line, ...]:
    return tuple(line for line in contract.lines if line.charge is Charge.ONE_TIME and line.quantity)


def _weight(group: Group) -> int:
    """Return how many ramps the first order has in a frequency. A later order must not move one-time lines about."""
    first = group.contract.revisions[0].lines
    return len({line.segment.key for line in first if line.segment and line.interval == group.grid.interval})


def _schedule(terms: Sequence[Group], carried: Carried, own: int | None) -> ScheduleSpec:
    """Return the schedule of groups that follow each other; with each of them the billing dates begin anew."""
    head, last = terms[0], terms[-1]
    phases = [*_phases(head, carried.by_group[head.key])]
    for term in terms[1:]:
        first, *others = _phases(term, carried.by_group[term.key])
        phases += [replace(first, restarts_cycle=True, bills_from_start=False), *others]
    contract, interval = head.contract, head.grid.interval
    return ScheduleSpec(_key(head, own), contract.currency, interval, tuple(phases), last.told, _after(last))


def _phases(group: Group, one_time: tuple[Line, ...]) -> tuple[PhaseSpec, ...]:
    cuts = _cuts(group, one_time)
    phases = [_phase(group, Period(start, end), one_time) for start, end in pairwise(cuts)]
    if apart := once_apart(group, phases[-1]):
        cuts = [*cuts[:-1], apart, cuts[-1]]
        phases[-1:] = [_phase(group, Period(start, end), one_time) for start, end in pairwise(cuts[-3:])]
    return _mark_cycles(group, _merge(settle_rounding(group, phases), group))


def _key(group: Group, own: int | None) -> str:
    """Return the key of a schedule: the order's, with the frequency and the number that tell linked ones apart."""
    ref, interval = group.contract.ref, group.grid.interval
    if group.number > 1:
        return f"{ref}:{interval}m:{group.number}"
    return ref if interval == own else f"{ref}:{interval}m"


def _after(group: Group) -> Literal["cancel", "release"]:
    """Return what becomes of the subscription: what has no end goes on, what was taken away before its end does not."""
    if goes_on(group):
        return "release"
    ends = (line_end(line, group.contract) for line in group.lines)
    return group.contract.policies.end_behavior if max(ends) == group.period.end else "cancel"


def _cuts(group: Group, one_time: Iterable[Line]) -> list[date]:
    days = {day for piece in group.slices for day in (piece.period.start, piece.period.end)}
    for line in group.lines:
        days |= {day for part in group.billing[line.ref].parts for day in (part.period.start, part.period.end)}
    first, last = group.period.start, group.period.end
    days |= {line.start for line in one_time if first < line.start < last}
    days |= {last_invoice(group)} if credits_at_the_end(group) else set()
    days |= {last - timedelta(days=1)} if any(line.start >= last for line in one_time) else set()
    days |= {group.grid.counted_from, *(day for whole in group.uneven for day in (whole.start, whole.end))}
    days |= coupon_cuts(group)
    return sorted(day for day in days if first <= day <= last)


def _phase(group: Group, period: Period, one_time: tuple[Line, ...]) -> PhaseSpec:
    contract = group.contract
    piece = next(s for s in group.slices if s.period.covers(period))
    items: list[ItemSpec] = []
    one_offs: list[OneOffSpec] = []
    stub = _stub_interval(group, piece, period)
    for entry in piece.in_force:
        item, extra = _bill(group, entry, period, stub)
        items += item
        one_offs += extra
    items = items or list(_carried(group, piece, period, stub))
    one_offs += reductions(group, piece, period)
    one_offs += credits_at_the_end(group) if period.start == last_invoice(group) else ()
    one_offs += [one_time_spec(line, contract) for line in one_time if _billed_in(line, period, group)]
    index, label = phase_segment((entry.line for entry in piece.in_force), contract.segments, period.start)
    first = period.start == group.period.start
    return PhaseSpec(
        period=period,
        revision=revision_on(group.shaping(one_time), period.start).ref,
        segment_index=index,
        segment_label=label,
        items=tuple(items),
        one_offs=tuple(one_offs),
        discounts=_of_orders(group, period),
        bills_from_start=first and contract.policies.backdated_start == "bill",
    )


def _of_orders(group: Group, period: Period) -> tuple[Discount, ...]:
    """Return the orders' coupons of a phase. An amount off an invoice is given once, on the first linked schedule."""
    found = for_phase(group.contract, period, group.since, group.grid.anchor)
    return found if group.number == 1 else tuple(discount for discount in found if discount.amount is None)


def _billed_in(line: Line, period: Period, group: Group) -> bool:
    if line.start < group.period.start:
        return period.start == group.period.start
    if line.start >= group.period.end:
        return period.end == group.period.end
    return period.start <= line.start < period.end


def _stub_interval(group: Group, piece: Slice, period: Period) -> Interval | None:
    """Return the interval of the stub when the phase holds nothing but stubs, and lines that joined them on the way.

    The longest running stub decides, where it is the edge of the schedule. Elsewhere something outlives it, and another
    interval would start Stripe's cycle anew: the stub is then billed once, on its first day, in the ordinary interval.
    """
    counted = [entry.line for entry in piece.in_force if entry.line.charge is not Charge.USAGE]
    parts = [part for line in counted if (part := group.billing[line.ref].part_at(period)) is not None]
    stubs = [part for part in parts if part.on_grid]
    if len(parts) < len(counted) or not parts:
        return None
    if not stubs:  # everything was exchanged in mid-period: the interval goes on in which that period began
        return _interval_before(group, period.start)
    longest = max(stubs, key=lambda part: part.period.end)
    if longest.period.start < period.start:  # the interval in which a stub began goes on, whoever has left since
        return _interval_on(group, longest.period.start)
    if longest.period.end == group.period.end or group.grid.on(longest.period.end):
        return _interval(longest)
    return group.interval_on(period.start)


def _interval_before(group: Group, day: date) -> Interval | None:
    days = [*billing_dates(group.grid.anchor, group.grid.interval, Period(group.period.start, day_after(day)))]
    began = max(days, default=group.period.start)
    return _interval_on(group, began) if began < day else None


def _interval_on(group: Group, began: date) -> Interval | None:
    before = next(piece for piece in group.slices if piece.period.start <= began < piece.period.end)
    return _stub_interval(group, before, Period(began, day_after(began)))


def _interval(part: Part) -> Interval:
    """Return the interval of a stub. Stripe counts it from the stub's own first day: 28 Feb + 6 months is 28 Aug.

    So months that end later, on the 29th to 31st of the schedule's start, must be days: else the last days are billed
    as a period of their own.
    """
    if part.length.days or add_months(part.period.start, part.length.months) < part.period.end:
        return Interval("day", part.period.days)
    return Interval("month", part.length.months)


def _bill(
    group: Group, entry: InForce, period: Period, stub: Interval | None
) -> tuple[list[ItemSpec], list[OneOffSpec]]:
    line, billing = entry.line, group.billing[entry.line.ref]
    whole = group.interval_on(period.start)
    if line.charge is Charge.USAGE:
        return [_item(group, entry, stub or whole, Fraction(1), period)], []
    part = billing.part_at(period)
    if part is None:
        return [_item(group, entry, whole, Fraction(1), period)], []
    if part.on_grid and stub in {whole, _interval(part)}:
        return [_stub_item(group, entry, part, period, stub or whole)], []
    share = stub.months / group.grid.interval if stub else Fraction(1)
    carried = [] if part.on_grid else [_item(group, entry, stub or whole, share, period)]
    if period.start != part.period.start:
        return carried, []
    return carried, [part_one_off(group, line, part, entry.quantity if part.on_grid else line.quantity)]


def _carried(group: Group, piece: Slice, period: Period, stub: Interval | None) -> Iterable[ItemSpec]:
    """Yield stubs that were billed once, as items: nothing else is left, and Stripe has no phase without items."""
    for entry in piece.in_force:
        part = group.billing[entry.line.ref].part_at(period)
        if part is not None:
            yield _stub_item(group, entry, part, period, stub or group.interval_on(period.start))


def _item(group: Group, entry: InForce, interval: Interval, share: Fraction, period: Period) -> ItemSpec:
    line = entry.line
    unit = unit_amount(group.billing[line.ref].unit * share)
    terms = Terms(
        product=line.product.ref,
        currency=group.contract.currency,
        interval=interval,
        usage=line.charge is Charge.USAGE,
        unit_amount=None if line.tiers else unit,
        tiers=scaled_tiers(tier_specs(line, group.contract.currency), share),
        tiers_mode=line.tiers_mode if line.tiers else None,
    )
    quantity = None if line.charge is Charge.USAGE else int(entry.quantity)
    return ItemSpec(line, terms, quantity, for_phase(line, period, line.start, group.grid.anchor))


def _stub_item(group: Group, entry: InForce, part: Part, period: Period, interval: Interval) -> ItemSpec:
    """Return a stub as an item; its price is the part, shared over the line's units."""
    line = entry.line
    share = Fraction(part.length.months, group.grid.interval) if not part.length.days else share_of_part(part, group)
    item = _item(group, entry, interval, share, period)
    if line.tiers:
        return item
    per_unit = part.amount / int(line.quantity) if line.quantity else Fraction(0)
    return replace(item, terms=replace(item.terms, unit_amount=unit_amount(per_unit)))


def _merge(phases: list[PhaseSpec], group: Group) -> list[PhaseSpec]:
    """Join neighbours that say the same: a cut that changed nothing of this schedule is no phase.

    The day from which billing dates are counted begins a phase in any case, since the cycle starts anew with it. The
    last phase of what has no end takes nothing in that is billed once.
    """
    merged: list[PhaseSpec] = []
    for phase in phases:
        tail = goes_on(group) and phase is phases[-1]
        apart = phase.period.start == group.grid.counted_from or (tail and merged and merged[-1].one_offs)
        if merged and not apart and _same(merged[-1], phase):
            merged[-1] = replace(merged[-1], period=Period(merged[-1].period.start, phase.period.end))
        else:
            merged.append(phase)
    return merged


def _same(one: PhaseSpec, other: PhaseSpec) -> bool:
    return (
        not other.one_offs
        and one.items == other.items
        and one.discounts == other.discounts
        and one.revision == other.revision
        and (one.segment_index, one.segment_label) == (other.segment_index, other.segment_label)
    )


def _mark_cycles(group: Group, phases: list[PhaseSpec]) -> tuple[PhaseSpec, ...]:
    """Say where the billing cycle starts anew: a stub's shorter interval does not lie on the schedule's own dates.

    A first stub that several lines share has no interval of its own; the dates after it are counted from its end too.
    """
    marked = []
    anchor, intervals = group.period.start, None
    for phase in phases:
        now = {item.terms.interval for item in phase.items}
        counted = now != intervals or phase.period.start == group.grid.counted_from
        restarts = intervals is not None and counted and phase.period.start != anchor
        marked.append(replace(phase, restarts_cycle=restarts))
        intervals = now
    return tuple(marked)
