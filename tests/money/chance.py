"""Orders made by chance: everything a rep can combine in a quote, seeded, so that a failed case can be made again."""

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta

from connector.sandbox.salesforce.terms import add_months
from connector.sandbox.seed.catalog import Product
from connector.sandbox.seed.closing import Coupon, Deal
from connector.sandbox.seed.lines import Sold, line, once, ramp
from tests.builders import seeded
from tests.money.goods import CURRENCIES, CUSTOMERS, FREE, FREQUENCIES, SEAT, SETUP, SITE, UNIT
from tests.money.world import Amended, Case
from tests.wiring import TODAY

_STARTS = (
    date(2026, 12, 1),
    date(2026, 12, 15),
    date(2027, 1, 29),
    date(2027, 1, 30),
    date(2027, 1, 31),
    date(2028, 2, 29),
    TODAY,
    TODAY + timedelta(1),
)
_SHAPES = (
    ("Year", (12, 12)),
    ("Year", (12, 12, 12)),
    ("Quarter", (3, 3, 3, 3)),
    ("Month", (1, 1, 1, 1, 1, 1)),
    ("Custom", (6, 9, 9)),
    ("Custom", (4, 12, 8)),
    ("Custom", (3, 12, 12)),  # a short front end
)


def cases(seed: int, count: int) -> Iterator[Case]:
    """Yield cases; each depends on its number and the seed alone."""
    for number in range(count):
        yield _case(f"{seed}-{number}", seeded(seed * 100_003 + number))


def _case(name: str, chance: random.Random) -> Case:
    currency = chance.choice((*CURRENCIES, "USD", "EUR"))
    start = chance.choice(_STARTS)
    if chance.random() < 0.15:
        start = add_months(TODAY, -chance.randint(1, 8)).replace(day=chance.choice((1, 10, 24, 28)))
    months = chance.choice((12, 12, 12, 24, 36, 18, 22, 7, 3))
    frequency = chance.choice(FREQUENCIES)
    lines = list(_lines(chance, start, months, frequency))
    if chance.random() < 0.4:
        lines.append(once(SETUP, chance.randint(1, 3), start))
    if chance.random() < 0.2 and months > 3:
        lines.append(once(SETUP, 1, add_months(start, chance.randint(1, months - 1))))
    deal = Deal(
        name,
        chance.choice(CUSTOMERS),
        name,
        start,
        months,
        lines,
        closed_days_ago=1,
        currency=currency,
        coupons=tuple(_coupons(chance, lines, currency)),
    )
    return Case(deal, tuple(_amendments(chance, start, months, lines)), dict(_policies(chance)))


def _lines(chance: random.Random, start: date, months: int, frequency: str) -> Iterator[Sold]:
    kinds = chance.choice(("flat", "flat", "ramp", "ramp", "two_ramps", "ramp_flat", "odd_dates", "mixed"))
    product = chance.choice((SEAT, SITE, UNIT))
    if kinds in {"ramp", "two_ramps", "ramp_flat"}:
        yield from _ramp(chance, product, start, frequency, key=1)
    if kinds == "two_ramps":
        other = chance.choice([p for p in (SEAT, SITE, UNIT) if p is not product])
        yield from _ramp(chance, other, start, frequency, key=2)
    if kinds in {"flat", "mixed", "odd_dates"}:
        price, quantity = _price(chance, product), chance.randint(1, 60)
        yield line(product, quantity, start, months=months, price=price, frequency=frequency)
    if kinds in {"flat", "ramp_flat"}:
        yield line(SITE, chance.randint(1, 3), start, months=months, frequency=frequency)
    if kinds == "flat" and chance.random() < 0.3:
        yield line(FREE, 1, start, months=months, frequency=frequency)
    if kinds == "mixed":
        yield line(SEAT, chance.randint(1, 9), start, months=months, frequency=chance.choice(FREQUENCIES))
    if kinds == "odd_dates":
        yield _odd(chance, start, months, frequency)


def _ramp(chance: random.Random, product: Product, start: date, frequency: str, key: int) -> list[Sold]:
    by, lengths = chance.choice(_SHAPES)
    rows = [(chance.randint(1, 80), _price(chance, product)) for _ in lengths]
    return ramp(product, start, rows, by=by, months=lengths, frequency=frequency, key=key)


def _price(chance: random.Random, product: Product) -> str | None:
    """Return a price of two or no decimals, so that many do not divide evenly."""
    if chance.random() < 0.4:
        return None
    return str(chance.randint(11, 99) * (1 if product is UNIT else 13))


def _odd(chance: random.Random, start: date, months: int, frequency: str) -> Sold:
    """Sell something that joins later, or ends on a day of its own."""
    sold = line(SITE, chance.randint(1, 5), start, months=months, frequency=frequency)
    joins = start + timedelta(chance.choice((0, 17, 31, 45)))
    end = (sold.end or start) - timedelta(chance.choice((0, 0, 5, 20)))
    if chance.random() < 0.5:
        joins = add_months(start, chance.randint(1, max(1, months - 2)))
    return replace(sold, start=joins, end=end, months=None) if joins < end else sold


def _coupons(chance: random.Random, lines: list[Sold], currency: str) -> Iterator[Coupon]:
    if chance.random() > 0.35:
        return
    duration = chance.choice(("once", "forever", "repeating"))
    terms: dict[str, object] = {"Duration__c": duration}
    if duration == "repeating":
        terms["Duration_In_Months__c"] = chance.choice((1.0, 2.0, 3.0, 12.0, 14.0))
    if chance.random() < 0.6:
        terms["Percent_Off__c"] = chance.choice((10.0, 12.5, 33.0))
    else:
        terms["Amount_Off__c"] = {"JPY": 5000.0, "HUF": 10000.0}.get(currency, 20.0)
    yield Coupon("Some off", terms, line=chance.choice((None, chance.randint(1, len(lines)))))


def _amendments(chance: random.Random, start: date, months: int, lines: list[Sold]) -> Iterator[Amended]:
    if chance.random() > 0.25:
        return
    day = start
    for _ in range(chance.choice((1, 1, 2))):
        day = add_months(start, chance.randint(1, max(1, months - 2))) + timedelta(chance.choice((0, 0, 0, 9)))
        running = [n for n, sold in enumerate(lines, start=1) if sold.end and sold.end > day]
        if running:
            number = chance.choice(running)
            now = int(lines[number - 1].quantity)
            yield Amended(day, {number: max(0, now + chance.choice((-now, -2, -1, 3, 10)))})


def _policies(chance: random.Random) -> Iterator[tuple[str, str]]:
    if chance.random() < 0.3:
        yield "rounding", "adjust"
    if chance.random() < 0.25:
        yield "stub", "first"
    if chance.random() < 0.15:
        yield "backdated_start", "skip"
    if chance.random() < 0.15:
        yield "billing_mode", "classic"
