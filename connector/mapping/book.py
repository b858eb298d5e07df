"""What a contract holds, and what a description of it changes: descriptions in, signed lines out. Pure.

The one timeline algebra adds and takes away signed lines. A CRM that describes how things are to be (the lines of a
change as they shall be from a day on) is brought to the same form here: what is held and what is described are laid
side by side over time, and only the difference is added or taken away, from the newest first.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from itertools import pairwise

from connector.domain.contract import Charge, Line
from connector.domain.period import FOREVER
from connector.mapping.cycles import priced


@dataclass(frozen=True, slots=True)
class Holding:
    """How much of a line is held over a stretch of time; `series` is the key of the thing, `base` without a place.

    What has no end is held up to FOREVER.
    """

    line: Line
    series: str
    base: str
    quantity: Decimal
    start: date
    end: date


@dataclass(slots=True)
class Book:
    """What is held, changed by one revision after the other."""

    holdings: list[Holding]

    def add(self, line: Line, series: str, base: str, end: date) -> None:
        """Hold another line."""
        self.holdings.append(Holding(line, series, base, line.quantity, line.start, end))

    def series_of(self, key: str) -> set[str]:
        """Return the series that a key may mean, of what is held."""
        return {each.series for each in self.holdings if key in {each.series, each.base}}

    def change(
        self, targets: Iterable[Holding], since: date, revision: str, *, of: Callable[[Holding], bool]
    ) -> list[Line]:
        """Return the lines that turn what is held from a day on into the targets; only holdings of `of` are touched."""
        refs = _Refs(revision)
        wanted: dict[object, list[Holding]] = defaultdict(list)
        for target in targets:
            if target.end > since:
                wanted[terms_of(target.line)].append(replace(target, start=max(target.start, since)))
        held = (terms_of(each.line) for each in self.holdings if of(each) and each.end > since)
        lines: list[Line] = []
        for terms in dict.fromkeys((*held, *wanted)):

            def mine(each: Holding, terms: object = terms) -> bool:
                return of(each) and terms_of(each.line) == terms

            lines += self._reconcile(wanted.get(terms, []), since, refs, of=mine)
        return lines

    def end(self, day_of: Callable[[Holding], date], revision: str) -> list[Line]:
        """Return the lines that take everything away, each from the day on which it ends."""
        refs = _Refs(revision)
        lines: list[Line] = []
        for holding in list(self.holdings):
            day = max(day_of(holding), holding.start)
            if day < holding.end:
                lines += self._take([holding], holding.quantity, day, holding.end, refs)
        return lines

    def _reconcile(
        self, wanted: list[Holding], since: date, refs: "_Refs", *, of: Callable[[Holding], bool]
    ) -> list[Line]:
        """Compare stretch by stretch; what is counted in tiers is exchanged whole, since a part has no price."""
        held = [each for each in self.holdings if of(each) and each.end > since]
        cuts = sorted({max(day, since) for each in (*held, *wanted) for day in (each.start, each.end)})
        lines: list[Line] = []
        for start, end in pairwise(cuts):
            mine = [each for each in self.holdings if of(each) and each.start <= start < each.end]
            theirs = [each for each in wanted if each.start <= start < each.end]
            has, shall = (sum((each.quantity for each in some), Decimal(0)) for some in (mine, theirs))
            rated = any(each.line.rated for each in (*mine, *theirs))
            if has == shall:
                continue
            if shall < has or (rated and mine):
                lines += self._take(mine, has if rated else has - shall, start, end, refs)
            if shall > has or (rated and theirs):
                lines += self._give(theirs, shall if rated else shall - has, start, end, refs)
        return lines

    def _give(self, theirs: list[Holding], quantity: Decimal, start: date, end: date, refs: "_Refs") -> Iterator[Line]:
        """Add to what is held; the target that begins last gives the line."""
        target = max(theirs, key=lambda each: (each.start, each.line.ref))
        ref = refs.of(target.line.ref)
        line = priced(replace(target.line, ref=ref, quantity=quantity, start=start, end=_told(end)))
        self.holdings.append(Holding(line, target.series, target.base, quantity, start, end))
        yield line

    def _take(self, mine: list[Holding], quantity: Decimal, start: date, end: date, refs: "_Refs") -> Iterator[Line]:
        """Take away from the newest holding first."""
        left = quantity
        for holding in sorted(mine, key=self.holdings.index, reverse=True):
            taken = min(left, holding.quantity)
            if taken <= 0:
                continue
            left -= taken
            self._split(holding, taken, start, end)
            cut = replace(holding.line, ref=refs.of(), quantity=-taken, start=start, end=_told(end))
            yield priced(replace(cut, revises=holding.line.ref))

    def _split(self, holding: Holding, taken: Decimal, start: date, end: date) -> None:
        place = self.holdings.index(holding)
        pieces = (
            replace(holding, end=start),
            replace(holding, start=start, end=end, quantity=holding.quantity - taken),
            replace(holding, start=end),
        )
        self.holdings[place : place + 1] = [each for each in pieces if each.start < each.end and each.quantity > 0]


class _Refs:
    """Names for the lines of one revision: a record's own id once, then numbered ones; nothing depends on them."""

    def __init__(self, revision: str) -> None:
        self._revision = revision
        self._given: set[str] = set()

    def of(self, ref: str | None = None) -> str:
        base = ref or f"{self._revision}-"
        name, number = ref or f"{base}1", 1
        while name in self._given:
            number += 1
            name = f"{base}.{number}" if ref else f"{base}{number}"
        self._given.add(name)
        return name


def _told(end: date) -> date | None:
    return None if end == FOREVER else end


def terms_of(line: Line) -> object:
    """Return on what terms a line is sold: lines of equal terms can be counted together."""
    price = line.list_price if line.list_price is not None else line.unit_price
    rates = (line.tiers, line.tiers_mode)
    return (line.product.ref, line.charge, line.interval, price.normalize(), rates, line.discounts, line.currency)


def is_recurring(line: Line) -> bool:
    """Tell whether a line is held over time; one that is charged once is not."""
    return line.charge is not Charge.ONE_TIME
