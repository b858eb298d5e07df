"""Contracts without an end by chance.

They are sold at a price per month, quarter or year; more is added, now or from a day to come, some of it is taken away,
and at last all of it.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from itertools import count

from connector.domain.contract import Charge, Line, Product, Revision, RevisionKind
from tests.builders import seeded
from tests.oracle.days import months_on
from tests.oracle.deals import STARTS, Book, contract_of, currency_of
from tests.oracle.goods import once
from tests.oracle.lives import Life, policies_of, visits_of


def open_life(seed: int) -> Life:
    """Return the life of a contract without an end that is canceled in the end."""
    chance = seeded(seed + 3 * 10**9)
    start = chance.choice(STARTS)
    frequency = chance.choice((1, 1, 3, 12))
    book = Book(chance, start, months_on(start, 30), frequency, policies_of(chance), currency_of(chance))
    first = Revision("R1", RevisionKind.INITIAL, start, tuple(_sold(book)))
    contract = contract_of(book, None, (first, *_later(book, first)))
    made = start + timedelta(days=chance.choice((-20, -1, 0, 1, 40)))
    return Life(seed, contract, tuple(visits_of(chance, contract, made)))


def _sold(book: Book) -> Iterator[Line]:
    for _ in range(book.chance.choice((1, 1, 2, 3, 5))):
        yield _line(book, book.units(), book.start, book.frequency)
    if book.chance.random() < 0.3:
        yield once(book.chance, book.ref(), book.start)


def _line(book: Book, units: int, start: date, interval: int, sold: Line | None = None) -> Line:
    """Return more (or less) of what was `sold`, or something new."""
    ref = book.ref()
    price = sold.unit_price if sold else Decimal(book.chance.randint(100, 90000)) / 100
    return Line(
        ref=ref,
        product=sold.product if sold else Product(f"P{ref}", f"Product P{ref}"),
        charge=Charge.RECURRING,
        quantity=Decimal(units),
        unit_price=price,
        total=price * units,
        start=start,
        end=None,
        interval=interval,
        price_term=sold.price_term if sold else Decimal(book.chance.choice((1, 12, interval))),
        revises=sold.ref if sold else None,
    )


def _later(book: Book, first: Revision) -> Iterator[Revision]:
    held = {line.ref: (line, int(line.quantity)) for line in first.lines if line.charge is Charge.RECURRING}
    days = sorted(book.any_day() for _ in range(book.chance.choice((0, 1, 2, 4, 6))))
    for number, day in enumerate(days, start=1):
        lines = list(_changes(book, held, day))
        if lines:
            yield Revision(f"A{number}", RevisionKind.AMENDMENT, day, tuple(lines))
    over = max([book.start, *days]) + timedelta(days=book.chance.choice((0, 1, 30, 95)))
    if book.chance.random() < 0.5:
        over = next(day for number in count() if (day := months_on(book.start, number)) >= over)
    rest = tuple(_line(book, -units, max(over, one.start), one.interval, one) for one, units in held.values() if units)
    if rest:
        yield Revision("AZ", RevisionKind.AMENDMENT, over, rest)


def _changes(book: Book, held: dict[str, tuple[Line, int]], day: date) -> Iterator[Line]:
    for ref, (line, units) in list(held.items()):
        kind = book.chance.random()
        if line.start <= day and kind < 0.6:
            more = -book.chance.randint(1, units) if kind < 0.3 and units else book.chance.choice((1, 3, 10))
            held[ref] = (line, units + more)
            yield _line(book, more, day, line.interval, line)
    if book.chance.random() < 0.3:
        start = day + timedelta(days=book.chance.choice((0, 0, 31)))
        fresh = _line(book, book.units(), start, book.frequency)
        held[fresh.ref] = (fresh, int(fresh.quantity))
        yield fresh
