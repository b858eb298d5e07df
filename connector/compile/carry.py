"""Which schedule bills a one-time line: the first that still runs on its day and has room for one more amount.

What none has room for gets schedules of its own. Stripe has no phase without an item, so each holds one that costs
nothing, and runs as long as the contract does: one that is made late is then treated as the others are. Where the
contract has no end it runs for a year, since a phase whose end moves on would bill once more what it bills once.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from connector.compile.deal import one_off_days, revision_numbers
from connector.compile.discounts import for_phase
from connector.compile.group import Group, Place
from connector.compile.limits import ONE_OFFS
from connector.compile.one_offs import one_time_spec
from connector.compile.spec import Interval, ItemSpec, PhaseSpec, ScheduleSpec, Terms
from connector.domain.contract import Contract, Line
from connector.domain.period import Period, add_months
from connector.domain.timeline import revision_on

_YEAR = Interval("month", 12)


@dataclass(frozen=True, slots=True)
class Carried:
    """One-time lines by the schedule that bills them (Group.key), and those that no schedule has room for."""

    by_group: Mapping[Place, tuple[Line, ...]]
    left: tuple[Line, ...]


def carry(groups: Sequence[Group], lines: Iterable[Line]) -> Carried:
    """Deal one-time lines out; what a later order adds to a day counts only for lines of that order and after it."""
    every = tuple(lines)
    if not groups:
        return Carried({}, every)
    numbers = revision_numbers(groups[0].contract)
    taken = {group.key: [*_own(group, numbers)] for group in groups}
    found: dict[str, Place] = {}
    last = max(groups, key=lambda group: group.period.end)
    for line in sorted(every, key=lambda line: (numbers[line.ref], line.start, line.ref)):
        runs = [group for group in groups if line.start < group.period.end] or [last]
        number = numbers[line.ref]
        for group in runs:
            days = Counter(day for by, day in taken[group.key] if by <= number)
            if days[_day(line, group)] < ONE_OFFS:
                taken[group.key].append((number, _day(line, group)))
                found[line.ref] = group.key
                break
    by_group = {group.key: tuple(line for line in every if found.get(line.ref) == group.key) for group in groups}
    return Carried(by_group, tuple(line for line in every if line.ref not in found))


def carriers(contract: Contract, groups: Sequence[Group], left: Iterable[Line]) -> Iterator[ScheduleSpec]:
    """Yield the schedules of one-time lines that no other has room for: at most twenty of one day and order each."""
    numbers = revision_numbers(contract)
    days: dict[tuple[int, date], list[Line]] = defaultdict(list)
    for line in sorted(left, key=lambda line: (numbers[line.ref], line.start, line.ref)):
        days[numbers[line.ref], max(line.start, groups[0].period.start)].append(line)
    chunks = [(day, mine[n : n + ONE_OFFS]) for (_, day), mine in days.items() for n in range(0, len(mine), ONE_OFFS)]
    end, opened = max(group.period.end for group in groups), any(group.told for group in groups)
    for number, (day, lines) in enumerate(chunks, start=1):
        period = Period(day, end if day < end and not opened else add_months(day, _YEAR.count))
        phase = _carrier(contract, lines, period, groups[0])
        yield ScheduleSpec(f"{contract.ref}:once:{number}", contract.currency, _YEAR.count, (phase,))


def _carrier(contract: Contract, lines: Sequence[Line], period: Period, first: Group) -> PhaseSpec:
    head = lines[0]
    free = Terms(head.product.ref, contract.currency, _YEAR, unit_amount=Decimal(0))
    coupons = for_phase(contract, period, first.since, first.grid.anchor)
    return PhaseSpec(
        period=period,
        revision=revision_on(contract, period.start).ref,
        segment_index=None,
        segment_label=None,
        items=(ItemSpec(head, free, 1),),
        one_offs=tuple(one_time_spec(line, contract) for line in lines),
        discounts=tuple(discount for discount in coupons if discount.amount is None),
        bills_from_start=contract.policies.backdated_start == "bill",
    )


def _own(group: Group, numbers: Mapping[str, int]) -> Iterator[tuple[int, date]]:
    for line in group.lines:
        yield from ((numbers[line.ref], day) for day in one_off_days(line, group.billing[line.ref], group.contract))


def _day(line: Line, group: Group) -> date:
    """Return the first day of the phase that bills the line; what comes after the end is billed on the last day."""
    return max(group.period.start, min(line.start, group.period.end - timedelta(days=1)))
