"""More lines than a schedule holds: they are dealt out to linked schedules of one contract, each a lot of lines.

Stripe takes 20 items in a phase and 20 one-off amounts (docs.stripe.com/api/subscription_schedules). Lines are dealt
first fit, in the order of the revisions and after what each of them takes away, so a later order never moves a line
that is billed elsewhere already. The segments of a ramp stay together, and a change stays with what it changes, where
there is room.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import pairwise

from connector.compile.grid import LineBilling
from connector.compile.limits import ITEMS, ONE_OFFS
from connector.domain.contract import Contract, Line, Revision
from connector.domain.timeline import Timeline, timeline

#: The references of the lines of one linked schedule.
Lot = frozenset[str]


def deal(contract: Contract, interval: int, billing: Mapping[str, LineBilling]) -> tuple[Lot, ...]:
    """Return the lines of a billing frequency as lots; `billing` tells how each line falls on the grid."""
    lines = [line for line in contract.lines if line.ref in billing]
    if len(lines) <= min(ITEMS, ONE_OFFS):
        return (frozenset(line.ref for line in lines),)
    table = _Table(interval, {line.ref: tuple(one_off_days(line, billing[line.ref], contract)) for line in lines})
    for number, revision in enumerate(contract.revisions, start=1):
        mine = [line for line in revision.lines if line.ref in billing]
        if mine:
            so_far = replace(contract, revisions=contract.revisions[:number])
            table.deal(mine, timeline(so_far)[0])
    return tuple(frozenset(line.ref for line in lot) for lot in table.lots)


def revision_numbers(contract: Contract) -> Mapping[str, int]:
    """Return the number of the revision that each line belongs to."""
    return {line.ref: number for number, revision in enumerate(contract.revisions) for line in revision.lines}


def shaped_by(contract: Contract, refs: Iterable[str]) -> Contract:
    """Return the contract without the revisions that have no line in a lot: they do not change its schedule."""
    first, *later = contract.revisions
    held = set(refs)

    def concerns(revision: Revision) -> bool:
        return any(line.ref in held for line in revision.lines)

    return replace(contract, revisions=(first, *(revision for revision in later if concerns(revision))))


def one_off_days(line: Line, billing: LineBilling, contract: Contract) -> Iterator[date]:
    """Yield the days on which a line may be billed once: its parts, the cents that equal periods cannot express."""
    for part in billing.parts:
        if line.quantity >= 0 or not part.on_grid:
            yield part.period.start
    if contract.policies.rounding != "report" and line.quantity >= 0 and not billing.parts:
        yield line.start


@dataclass(slots=True)
class _Table:
    """The lots as far as they are dealt."""

    interval: int
    one_offs: Mapping[str, tuple[date, ...]]
    lots: list[list[Line]] = field(default_factory=list)

    def deal(self, lines: Iterable[Line], so_far: Timeline) -> None:
        """Deal the lines of one revision; the timeline is of everything up to it."""
        stage = _Stage(so_far, self.interval, self.one_offs)
        added = [line for line in lines if line.quantity >= 0]
        for strand in _strands(added, stage):
            candidates = [*self._homes(strand[0]), *self.lots]
            lot = next((lot for lot in candidates if stage.fits([*lot, *strand])), None)
            if lot is None:
                self.lots.append(lot := [])
            lot += strand
        for line in sorted((line for line in lines if line.quantity < 0), key=_order):
            self._credit(line, stage)

    def _homes(self, line: Line) -> list[list[Line]]:
        """Return the lots in which what a line changes, or an earlier part of its ramp, is billed."""
        key = line.segment.key if line.segment else None
        return [lot for lot in self.lots if any(_is_kin(line, key, each) for each in lot)]

    def _credit(self, line: Line, stage: "_Stage") -> None:
        """Put what a line gives back on a schedule that goes on; what it takes away counts wherever that is."""
        homes = self._homes(line) or self.lots[:1]
        days = self.one_offs[line.ref]
        candidates = [lot for lot in (*homes, *self.lots) if all(stage.runs_across(lot, day) for day in days)]
        lot = next((lot for lot in candidates if stage.has_room([*lot, line])), None)
        if lot is not None or homes:
            (lot if lot is not None else homes[0]).append(line)
        else:
            self.lots.append([line])


def _is_kin(line: Line, key: str | None, other: Line) -> bool:
    return other.ref == line.revises or (key is not None and other.segment is not None and other.segment.key == key)


def _strands(lines: Iterable[Line], stage: "_Stage") -> Iterator[list[Line]]:
    """Yield lines with the other segments of their ramp, in an order that does not depend on the CRM's."""
    strands: dict[str, list[Line]] = defaultdict(list)
    for line in sorted(lines, key=_order):
        strands[f"key {line.segment.key}" if line.segment else line.ref].append(line)
    for strand in strands.values():
        yield from [strand] if stage.fits(strand) else [[line] for line in strand]


def _order(line: Line) -> tuple[date, str]:
    return line.start, line.ref


class _Stage:
    """What is in force at one revision, to try lots against."""

    def __init__(self, so_far: Timeline, interval: int, one_offs: Mapping[str, Sequence[date]]) -> None:
        self._slices = [
            (piece.period, {entry.line.ref for entry in piece.in_force if entry.line.interval == interval})
            for piece in so_far
        ]
        self._one_offs = one_offs

    def fits(self, lines: Sequence[Line]) -> bool:
        """Tell whether one schedule can hold the lines: neither too many at once nor a time without any."""
        refs = {line.ref for line in lines}
        held = [(period, len(refs & in_force)) for period, in_force in self._slices if refs & in_force]
        joined = all(one.end == other.start for (one, _), (other, _) in pairwise(held))
        return joined and all(count <= ITEMS for _, count in held) and self.has_room(lines)

    def has_room(self, lines: Iterable[Line]) -> bool:
        """Tell whether one schedule can take the one-off amounts of the lines."""
        days = Counter(day for line in lines for day in self._one_offs[line.ref])
        return all(count <= ONE_OFFS for count in days.values())

    def runs_across(self, lines: Iterable[Line], day: date) -> bool:
        """Tell whether a schedule with the lines has begun before a day and goes on with it."""
        refs = {line.ref for line in lines}
        held = [period for period, in_force in self._slices if refs & in_force]
        return bool(held) and held[0].start < day < held[-1].end
