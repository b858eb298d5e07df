"""Contracts by chance: everything a rep can combine, seeded, so that a failed one can be made again."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import pairwise

from connector.domain.contract import Contract, Line, Party, Policies, Revision, RevisionKind, Segment
from tests.builders import seeded
from tests.oracle.changes import amendments
from tests.oracle.days import months_on
from tests.oracle.goods import Offer, offer, once

#: Days on which contracts begin, most of them at the end of a month.
STARTS = (
    date(2027, 1, 1),
    date(2027, 1, 15),
    date(2027, 1, 29),
    date(2027, 1, 30),
    date(2027, 1, 31),
    date(2027, 8, 31),
    date(2027, 11, 30),
    date(2028, 2, 28),
    date(2028, 2, 29),
    date(2027, 2, 28),
    date(2027, 12, 31),
    date(2028, 3, 17),
)
_TERMS = (1, 3, 6, 7, 11, 12, 12, 12, 18, 22, 24, 24, 30, 36, 36, 39)


@dataclass
class Book:
    """A deal in the making. `roots` are the lines that later orders can change, with what they were offered at."""

    chance: random.Random
    start: date
    end: date
    frequency: int
    policies: Policies
    currency: str
    roots: list[tuple[Line, Offer]] = field(default_factory=list)
    count: int = 0

    def ref(self) -> str:
        """Return the next id of a line."""
        self.count += 1
        return f"L{self.count:03}"

    def offer(self) -> Offer:
        """Return a new product, mostly billed as often as the others."""
        interval = self.chance.choice((1, 3, 6, 12)) if self.chance.random() < 0.12 else self.frequency
        name = f"P{self.count + 1:03}"
        return offer(self.chance, name, interval, self.policies.precision, self.currency)

    def sell(self, start: date, end: date) -> list[Line]:
        """Sell something for [start, end): flat, or in segments."""
        goods, sold = self.offer(), []
        if self.chance.random() < 0.65:
            sold.append((goods.line(self.ref(), self.units(), start, end), goods))
        else:
            key, cuts = f"key {self.count}", segments(self.chance, start, end)
            for index, (one, other) in enumerate(pairwise(cuts), start=1):
                segment = Segment(key, index, f"Year {index}")
                sold.append((goods.line(self.ref(), self.units(), one, other, segment=segment), goods))
        self.roots += sold
        return [line for line, _ in sold]

    def units(self) -> int:
        """Return how many are sold; rarely none."""
        return 0 if self.chance.random() < 0.01 else self.chance.choice((1, 2, 5, 10, self.chance.randint(1, 120)))

    def any_day(self) -> date:
        """Return a day of the contract after its first: a billing date, a monthly one, or any."""
        days = (self.end - self.start).days
        kind, step = self.chance.random(), self.frequency if self.chance.random() < 0.6 else 1
        if kind < 0.7:
            day = months_on(self.start, step * self.chance.randint(0 if kind < 0.03 else 1, 12))
            if day < self.end:
                return day
        return self.start + timedelta(days=self.chance.randint(0, max(days - 1, 0)))


def deal(seed: int, lines: int | None = None) -> Contract:
    """Return the contract of a seed; with as many lines in the first order as are asked for."""
    return deal_of(seed, lines=lines)[1]


def deal_of(
    seed: int,
    terms: Policies | None = None,
    later: Callable[[Book], tuple[Revision, ...]] = amendments,
    lines: int | None = None,
) -> tuple[Book, Contract]:
    """Return the contract of a seed and the book it was made in; perhaps under other policies, with other changes."""
    chance = seeded(seed)
    start = chance.choice(STARTS) if chance.random() < 0.7 else date(2027, 1, 1) + timedelta(chance.randint(0, 800))
    end = months_on(start, chance.choice(_TERMS))
    if chance.random() < 0.15:
        end += timedelta(chance.randint(-20, 20))
    end = max(end, start + timedelta(days=1))
    frequency = chance.choice((1, 1, 3, 6, 12, 12))
    own = policies(chance)
    book = Book(chance, start, end, frequency, terms or own, currency_of(chance))
    first = Revision("R1", RevisionKind.INITIAL, start, tuple(first_lines(book, lines)))
    return book, contract_of(book, end, (first, *later(book)))


def contract_of(book: Book, end: date | None, revisions: tuple[Revision, ...]) -> Contract:
    """Return the contract that the orders of a deal make, with an end or without one."""
    return Contract(
        key="R1",
        crm="salesforce",
        ref="R1",
        party=Party("ACC", "Example Ltd", email="pay@example.com"),
        currency=book.currency,
        start=book.start,
        end=end,
        revisions=revisions,
        policies=book.policies,
    )


def today_of(seed: int, contract: Contract) -> date:
    """Return the day of the first sync: mostly before the contract begins, sometimes in the midst of it."""
    chance = seeded(seed + 10**9)
    if chance.random() < 0.75 or contract.end is None:
        return contract.start - timedelta(days=chance.randint(1, 40))
    return contract.start + timedelta(days=chance.randint(0, (contract.end - contract.start).days - 1))


def policies(chance: random.Random) -> Policies:
    """Return policies by chance, mostly the usual ones."""
    return Policies(
        precision=chance.choice(("month_day",) * 6 + ("month", "day")),
        rounding=chance.choice(("report",) * 4 + ("adjust",)),
        stub=chance.choice(("last",) * 6 + ("first",)),
    )


def currency_of(chance: random.Random) -> str:
    """Return a currency of two, none or three decimals."""
    return chance.choice(("usd", "usd", "eur", "jpy", "kwd", "huf"))


def first_lines(book: Book, asked: int | None = None) -> list[Line]:
    """Return the lines of the first order, up to twenty unless more are asked for."""
    chance = book.chance
    wanted = asked or chance.choice((1, 1, 1, 2, 2, 3, 4, 6, 10, 20))
    if chance.random() < 0.01:
        return [once(chance, book.ref(), book.start) for _ in range(wanted)]
    lines = book.sell(book.start, book.end)
    while len(lines) < wanted:
        kind = chance.random()
        if kind < 0.12:
            lines.append(once(chance, book.ref(), chance.choice((book.start, book.any_day()))))
        elif kind < 0.3:
            lines += joining(book)
        else:
            lines += book.sell(book.start, book.end)
    return lines[: asked or 20]


def joining(book: Book) -> list[Line]:
    """Sell something that joins later, or leaves earlier."""
    one, other = sorted((book.any_day(), book.chance.choice((book.end, book.end, book.any_day()))))
    return book.sell(one, other) if one < other else []


def segments(chance: random.Random, start: date, end: date) -> list[date]:
    """Return where the segments of a ramp begin, and where the last one ends: up to ten of them."""
    by = chance.choice((1, 3, 6, 12, 12, 12))
    cuts = [start]
    for number in range(1, chance.randint(2, 10)):
        day = months_on(start, by * number)
        if chance.random() < 0.08:
            day += timedelta(days=chance.randint(1, 25))
        if cuts[-1] < day < end:
            cuts.append(day)
    return [*cuts, end]
