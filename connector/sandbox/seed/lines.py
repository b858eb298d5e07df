"""What was sold, in the words of a quote: lines, ramps of segments, one-time items.

line(platform, 1, start, months=12)
evergreen(tracking, 25, start)                                   # without an end
ramp(seat, start, [(20, "1080"), (35, "1140"), (50, "1200")])    # one segment a year
once(onboarding, 1, start)
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

from connector.sandbox.salesforce.terms import add_months, last_day, months_between, rounded

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from connector.sandbox.seed.catalog import Product

SEGMENT_MONTHS = {"Year": 12, "Quarter": 3, "Month": 1}


@dataclass(frozen=True, slots=True)
class Sold:
    """One quote line and its order line; ``price`` is the net price per unit and product term."""

    product: Product
    quantity: Decimal
    start: date | None
    end: date | None
    months: int | None
    price: Decimal | None = None
    frequency: str | None = None
    dimension: str | None = None
    segment: int | None = None
    label: str | None = None
    key: str | None = None
    evergreen: bool = False

    def length(self) -> Fraction:
        """Months sold: the term when there is one, else what the dates give."""
        if self.months is not None:
            return Fraction(self.months)
        return months_between(self.start, self.end) if self.start and self.end else Fraction(0)

    def multiplier(self) -> Fraction:
        """Return the line's time in product terms; 1 for what is sold once."""
        return self.length() / self.product.term if self.product.term else Fraction(1)

    def list_price(self, currency: str) -> Decimal:
        """Return the catalogue price per product term."""
        return self.product.prices[currency]

    def net(self, currency: str) -> Decimal:
        """Return the price per product term after discount."""
        return self.list_price(currency) if self.price is None else self.price

    def unit_price(self, currency: str) -> Decimal:
        """Return the price per unit for the whole line."""
        return rounded(Fraction(self.net(currency)) * self.multiplier(), currency)

    def total(self, currency: str) -> Decimal:
        """Return what the line comes to."""
        return self.unit_price(currency) * self.quantity


def line(
    product: Product,
    quantity: int | str,
    start: date,
    *,
    months: int,
    price: str | None = None,
    frequency: str | None = None,
) -> Sold:
    """Sell a subscription for a whole number of months."""
    net = Decimal(price) if price is not None else None
    return Sold(product, Decimal(quantity), start, last_day(start, months), months, net, frequency)


def evergreen(
    product: Product, quantity: int | str, start: date, *, price: str | None = None, frequency: str | None = None
) -> Sold:
    """Sell a subscription without an end: it is priced for one term of the product."""
    net = Decimal(price) if price is not None else None
    return Sold(product, Decimal(quantity), start, None, product.term, net, frequency, evergreen=True)


def once(product: Product, quantity: int | str, start: date, *, price: str | None = None) -> Sold:
    """Sell something that is billed once: it has a day and no end."""
    return Sold(product, Decimal(quantity), start, None, None, Decimal(price) if price is not None else None)


def ramp(
    product: Product,
    start: date,
    segments: Sequence[tuple[int | str, str | None]],
    *,
    by: str = "Year",
    months: Sequence[int] | None = None,
    frequency: str | None = None,
    key: int = 0,
) -> list[Sold]:
    """Sell a segmented product: (quantity, price) a segment, each starting where the one before ends.

    All segments share one key, which the package takes from the clock; ``by="Custom"`` takes ``months`` as lengths.
    """
    lengths = list(months) if months else [SEGMENT_MONTHS[by]] * len(segments)
    sold, offset = [], 0
    for index, ((quantity, price), length) in enumerate(zip(segments, lengths, strict=True), start=1):
        first = add_months(start, offset)
        offset += length
        end = last_day(start, offset)
        base = Sold(product, Decimal(quantity), first, end, length, Decimal(price) if price else None, frequency)
        shared = str(1_760_000_000_000 + key * 60_013)
        sold.append(replace(base, dimension=by, segment=index, label=f"{by} {index}", key=shared))
    return sold
