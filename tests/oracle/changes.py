"""Later orders by chance: more, less, none left, something new; on billing dates and between them, several on a day."""

import random
from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from typing import Protocol

from connector.domain.contract import Line, Revision, RevisionKind
from tests.oracle.goods import Offer, once


class Selling(Protocol):
    """A deal in the making, as later orders see it."""

    chance: random.Random
    end: date
    roots: list[tuple[Line, Offer]]

    def ref(self) -> str: ...
    def any_day(self) -> date: ...
    def sell(self, start: date, end: date) -> list[Line]: ...


def amendments(book: Selling) -> tuple[Revision, ...]:
    """Return later orders in order of their days."""
    chance = book.chance
    count = chance.choice((0, 0, 0, 1, 1, 1, 2, 2, 3, 5, 8))
    if not book.roots:
        return ()
    days = [book.any_day() for _ in range(count)]
    for index in range(1, count):
        if chance.random() < 0.2:
            days[index] = days[index - 1]
    held: dict[str, int] = defaultdict(int)
    for line, _ in book.roots:
        held[line.ref] = int(line.quantity)
    found = []
    for number, day in enumerate(sorted(days), start=1):
        lines = tuple(_lines(book, day, held))
        if lines:
            found.append(Revision(f"A{number}", RevisionKind.AMENDMENT, day, lines))
    return tuple(found)


def _lines(book: Selling, day: date, held: dict[str, int]) -> Iterator[Line]:
    chance = book.chance
    if chance.random() < 0.03:
        for line, offer in [each for each in book.roots if _ends(each[0]) > day and held[each[0].ref]]:
            yield _change(book, (line, offer), day, -held[line.ref], held)
        return
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        kind = chance.random()
        if kind < 0.15:
            for line in book.sell(day, book.end):
                held[line.ref] = int(line.quantity)
                yield line
        elif kind < 0.2:
            yield once(chance, book.ref(), day)
        else:
            yield from _changes(book, day, held)


def _changes(book: Selling, day: date, held: dict[str, int]) -> Iterator[Line]:
    """Change a product: its line, or one, some or all of the segments that are not over."""
    chance = book.chance
    running = [(line, offer) for line, offer in book.roots if _ends(line) > day]
    if not running:
        return
    name = chance.choice(running)[0].product.ref
    mine = [(line, offer) for line, offer in running if line.product.ref == name]
    some = mine if chance.random() < 0.5 else chance.sample(mine, chance.randint(1, len(mine)))
    less, all_of_it, share = chance.random() < 0.5, chance.random() < 0.2, chance.random()
    for line, offer in some:
        have = held[line.ref]
        units = -have if all_of_it and less else -int(have * share) if less else chance.choice((1, 3, 10, 40))
        if chance.random() < 0.003:
            units = -have - 1
        if units:
            yield _change(book, (line, offer), day, units, held)


def _change(book: Selling, root: tuple[Line, Offer], day: date, units: int, held: dict[str, int]) -> Line:
    line, offer = root
    held[line.ref] += units
    start = max(day, line.start)
    return offer.line(book.ref(), units, start, _ends(line), segment=line.segment, revises=line.ref)


def _ends(line: Line) -> date:
    assert line.end is not None
    return line.end
