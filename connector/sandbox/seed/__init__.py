"""The data of Harbourline, a small invented company that sells a logistics platform.

``seed(today)`` gives every record of its CPQ org as the API shows it, object by object, id by id; the same day gives
the same records. ``ORDERS`` names the orders by what is special about them.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from connector.sandbox.salesforce.ids import make_id
from connector.sandbox.seed.book import Book
from connector.sandbox.seed.closing import Deal, order
from connector.sandbox.seed.mistakes import broken_deals
from connector.sandbox.seed.orders import endless_deals, sound_deals

__all__ = ["MISTAKES", "ORDERS", "seed"]

_ANY_DAY = date(2026, 1, 1)


def _deals(today: date) -> list[Deal]:
    return [*sound_deals(today), *broken_deals(today), *endless_deals(today)]


ORDERS: dict[str, str] = {deal.key: make_id("801", n) for n, deal in enumerate(_deals(_ANY_DAY), start=1)}
"""Order ids by shape: ramp, quarters, months, two_ramps, flat, one_time, stub, free_line, backdated, usage, volume,
coupons, yen, dinar; then the mistakes; last evergreen."""

MISTAKES: dict[str, str] = {deal.key: ORDERS[deal.key] for deal in broken_deals(_ANY_DAY)}
"""The orders that cannot be billed as they are: gap, no_start, fractional, metered_quantity; and the draft."""


def seed(today: date) -> dict[str, dict[str, dict[str, Any]]]:
    """All records, as of a day on which the newest order was closed the day before."""
    book = Book(today)
    book.stock()
    for deal in _deals(today):
        made = order(book, deal)
        if made != ORDERS[deal.key]:
            raise AssertionError(deal.key)
    return {name: dict(rows) for name, rows in book.records.items()}
