"""The oracle: what a contract's customer must be billed, on which day, worked out a second time and without phases.

Every line, also one that takes away, is worth what the CRM says; that is shared over the billing periods it runs in:

    whole periods cost the price per period, pieces of periods share what the whole ones leave, by their length
    what runs on a billing date is due on it, for the rest of its period
    what begins between two billing dates is due on its first day, and goes on the next invoice (so do credits)

Nothing is asked of the code under test. A sum has some slack where more than one cent is right: see `slack.py`.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

from connector.domain.contract import Charge, Contract, Line
from tests.oracle.calendars import Dates, Stretch, calendars, dates_of, end_of, paid_alike, recurring, root_of
from tests.oracle.days import length

#: Decimals of the currencies that deals are made in.
DECIMALS = {"usd": 2, "eur": 2, "jpy": 0, "kwd": 3, "huf": 2}
HALF = Fraction(1, 2)


@dataclass(frozen=True)
class Piece:
    """What a line is worth in a stretch of a period, in minor units."""

    at: Stretch
    worth: Fraction


@dataclass(frozen=True)
class Sale:
    """A recurring line in pieces. `field` is what half a cent of the CRM's price field makes, per whole period."""

    line: Line
    root: str
    dates: Dates
    pieces: tuple[Piece, ...]
    field: Fraction

    @property
    def wholes(self) -> int:
        """Return the number of whole periods."""
        return sum(piece.at.whole for piece in self.pieces)

    def at(self, stretch: Stretch) -> Piece | None:
        """Return the piece that is exactly a stretch."""
        return next((piece for piece in self.pieces if piece.at == stretch), None)


@dataclass(frozen=True)
class Once:
    """A one-time line, and the days of which one must be its invoice."""

    line: Line
    worth: Fraction
    days: tuple[date, ...]


def minor(amount: Decimal, contract: Contract) -> Fraction:
    """Return an amount in minor units."""
    return Fraction(amount) * Fraction(10) ** DECIMALS[contract.currency]


def half_a_cent(line: Line, contract: Contract) -> Fraction:
    """Return how far a price of the CRM may be from the exact one: its field has two decimals, or what it shows."""
    places = max(2, -int(line.unit_price.as_tuple().exponent))
    return HALF * Fraction(10 ** DECIMALS[contract.currency], 10**places)


def sales(contract: Contract) -> list[Sale]:
    """Return every recurring line with what each of its pieces is worth."""
    every = calendars(contract)
    found = ((line, dates_of(line, every, contract)) for line in recurring(contract))
    return [_sale(line, contract, dates) for line, dates in found if dates]


def one_time(contract: Contract) -> list[Once]:
    """Return the one-time lines: they go with the frequency that begins first of those that still run on their day.

    Only those count that are paid as they are, if there are any. After all have ended they go with the last day of the
    last one, without any on an invoice of their own.
    """
    lines = [line for line in contract.lines if line.charge is Charge.ONE_TIME and line.quantity]
    frequencies = calendars(contract)
    if not frequencies:
        day = min((line.start for line in lines), default=contract.start)
        return [Once(line, minor(line.total, contract), (day,)) for line in lines]
    found = []
    for line in lines:
        alike = paid_alike(line, frequencies, contract)
        latest = max(dates.end for dates in alike)
        running = [dates for dates in alike if line.start < dates.end or dates.end == latest <= line.start]
        first = [dates for dates in running if dates.first == min(other.first for other in running)]
        days = tuple(dates.invoice_on(min(line.start, dates.end - timedelta(days=1))) for dates in first)
        found.append(Once(line, minor(line.total, contract), days))
    return found


def _sale(line: Line, contract: Contract, dates: Dates) -> Sale:
    stretches = dates.stretches(line.start, end_of(line, contract))
    weights = {
        each: length(each.start, each.end, dates.anchor, contract.policies.precision)
        for each in stretches
        if not each.whole
    }
    if line.price_term is not None:
        monthly = minor(line.unit_price, contract) * Fraction(line.quantity) / Fraction(line.price_term)
        pieces = tuple(Piece(each, monthly * (dates.interval if each.whole else weights[each])) for each in stretches)
        return Sale(line, root_of(line, contract).ref, dates, pieces, Fraction(0))
    wholes = len(stretches) - len(weights)
    months, field = _months(line, contract, wholes * dates.interval, sum(weights.values(), Fraction(0)))
    per_period = minor(line.unit_price, contract) * Fraction(line.quantity) * dates.interval / months
    left = minor(line.total, contract) - wholes * per_period
    parts = sum(weights.values(), Fraction(0))
    pieces = tuple(Piece(each, per_period if each.whole else left * weights[each] / parts) for each in stretches)
    return Sale(line, root_of(line, contract).ref, dates, pieces, field * abs(Fraction(line.quantity)) * dates.interval)


def _months(line: Line, contract: Contract, whole: int, parts: Fraction) -> tuple[Fraction, Fraction]:
    """Return for how many months the price of a line is, and how far the price per month may be off.

    The CRM's multiplier tells how many it counted, where it shows it. It counts a line as one; piece by piece it may be
    a day more or less, and then the pieces take the difference.
    """
    if not parts:
        return Fraction(whole), Fraction(0)
    if line.list_price is None or not line.multiplier:
        return whole + parts, Fraction(0)
    months = Fraction(line.multiplier) * (line.list_term or 12)
    close = half_a_cent(line, contract) / months
    if abs(months - whole) < Fraction(1, 10**6):  # counted as whole periods: whether days are left is a matter of cents
        price = minor(line.unit_price, contract)
        return months, close + price / whole - price / (whole + parts)
    return (months, close) if months > whole else (whole + parts, Fraction(0))
