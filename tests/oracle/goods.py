"""What deals by chance are made of: products with prices, and lines priced as a CRM prices them."""

import random
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

from connector.domain.contract import Charge, Line, Product, Segment
from tests.oracle.days import length

_CENT = Decimal("0.01")


@dataclass(frozen=True)
class Offer:
    """A product at a price per `term` months. `shown`: its lines carry list price, multiplier and discount."""

    name: str
    price: Decimal
    term: int
    discount: Decimal
    shown: bool
    interval: int
    precision: str

    def line(
        self,
        ref: str,
        units: int,
        start: date,
        end: date,
        *,
        segment: Segment | None = None,
        revises: str | None = None,
    ) -> Line:
        """Return a line as a CRM prices it: the price per unit is rounded once, for the whole time of the line."""
        months = length(start, end, start, self.precision)
        multiplier = Decimal(repr(float(months / self.term)))
        exact = Fraction(self.price) * Fraction(multiplier) * (1 - Fraction(self.discount) / 100)
        unit = rounded(exact)
        return Line(
            ref=ref,
            product=Product(self.name, f"Product {self.name}"),
            charge=Charge.RECURRING,
            quantity=Decimal(units),
            unit_price=unit,
            total=unit * units,
            start=start,
            end=end,
            interval=self.interval,
            segment=segment,
            revises=revises,
            list_price=self.price if self.shown else None,
            list_term=self.term if self.shown else None,
            multiplier=multiplier if self.shown else None,
            discount_percent=self.discount if self.shown else None,
        )


def offer(chance: random.Random, name: str, interval: int, precision: str, currency: str) -> Offer:
    """Return a product at a price by chance: round ones, ones that do not divide, none at all."""
    price = chance.choice(("1200", "1000", "999.99", "100", "18.37", "0", "12345.67", "7777", None, None, None))
    scale = {"jpy": 100, "huf": 300}.get(currency, 1)
    amount = Decimal(price) * scale if price is not None else Decimal(chance.randint(500, 500000)) / 100 * scale
    term = chance.choice((12, 12, 1))
    discount = Decimal(chance.choice(("0", "0", "0", "10", "33.3", "7.5")))
    shown = chance.random() < 0.6
    return Offer(name, amount.quantize(_CENT), term, discount, shown, interval, precision)


def once(chance: random.Random, ref: str, start: date) -> Line:
    """Return a one-time line; now and then a credit."""
    unit = Decimal(chance.choice((4500, 120, 99.95, 0.01, 0, -250))).quantize(_CENT)
    units = chance.randint(1, 5)
    return Line(
        ref=ref,
        product=Product(ref, f"One-time {ref}"),
        charge=Charge.ONE_TIME,
        quantity=Decimal(units),
        unit_price=unit,
        total=unit * units,
        start=start,
        end=None,
        interval=1,
    )


def rounded(amount: Fraction) -> Decimal:
    """Return an amount as the CRM's price field holds it: two decimals, half up."""
    return (Decimal(amount.numerator) / Decimal(amount.denominator)).quantize(_CENT, rounding=ROUND_HALF_UP)
