"""The shape of a deal before it becomes records: its lines, what it says to billing, what it amends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from connector.sandbox.hubspot.arithmetic import Period
from connector.sandbox.seed.hubspot.catalog import PRODUCTS

if TYPE_CHECKING:
    from datetime import date

Fields = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Line:
    """A product sold; ``start`` and ``months`` none leave start and term open, ``fields`` are set over all else."""

    product: str
    quantity: str
    price: str | None = None
    start: date | None = None
    months: int | None = None
    fields: Fields = field(default_factory=dict)

    def values(self, currency: str, position: int) -> dict[str, str]:
        """Return the line's properties as the editor saves them."""
        product = PRODUCTS[self.product]
        values = {
            "name": product.name,
            "hs_sku": product.sku,
            "quantity": self.quantity,
            "price": self.price or product.price,
            "hs_line_item_currency_code": currency,
            "hs_position_on_quote": str(position),
        }
        if product.frequency:
            values["recurringbillingfrequency"] = product.frequency
        if self.start:
            values["hs_recurring_billing_start_date"] = self.start.isoformat()
        if self.months:
            values["hs_recurring_billing_period"] = period(self.months)
        return {name: value for name, value in {**values, **self.fields}.items() if value}


@dataclass(frozen=True, slots=True)
class Quote:
    """A quote of a deal with lines of its own; ``fields`` say how it was accepted and who bills it."""

    fields: Fields
    lines: tuple[Line, ...] = ()


@dataclass(frozen=True, slots=True)
class Deal:
    """A deal; ``amends`` names the deal that its association label leads to."""

    key: str
    customer: str | None
    title: str
    lines: tuple[Line, ...] = ()
    closed_days_ago: int = 5
    currency: str = "USD"
    fields: Fields = field(default_factory=dict)
    amends: str | None = None
    stage: str = "closedwon"
    pipeline: str = "default"
    quote: Quote | None = None


def period(months: int) -> str:
    """Return a term as the editor writes it."""
    return f"P{months // 12}Y" if months % 12 == 0 else f"P{months}M"


def later(day: date, months: int) -> date:
    """Return the same day some months on, or the month's last."""
    return Period(months=months).after(day)


def next_month(today: date) -> date:
    """Return the first of the month after."""
    return later(today.replace(day=1), 1)


def years(product: str, first: date, steps: list[tuple[str, str]], *, key: str, label: bool = True) -> tuple[Line, ...]:
    """Return a ramp as reps build it: a line per year with quantity and price, starting when the last one ends."""
    return tuple(
        Line(
            product,
            quantity,
            price,
            later(first, 12 * n),
            12,
            {"bsync_line_key": key} | ({"bsync_segment_label": f"Year {n + 1}"} if label else {}),
        )
        for n, (quantity, price) in enumerate(steps)
    )
