"""Orders as a hurried rep leaves them: each breaks one thing that billing needs, and one is not closed at all."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from connector.sandbox.salesforce.terms import add_months, next_month
from connector.sandbox.seed.catalog import PRODUCTS
from connector.sandbox.seed.closing import Deal
from connector.sandbox.seed.lines import line, ramp

if TYPE_CHECKING:
    from datetime import date

    from connector.sandbox.seed.lines import Sold

P = PRODUCTS


def broken_deals(today: date) -> list[Deal]:
    """Return the mistakes, and the draft."""
    first = next_month(today)
    return [
        Deal("gap", "nordwind", "rollout with a hole", first, 36, _with_gap(first), 2, "EUR"),
        Deal("no_start", "corvo", "start to be agreed", None, 12, [_undated(first)], 1, "EUR"),
        Deal(
            "fractional",
            "maple",
            "two and a half dispatchers",
            first,
            12,
            [line(P["dispatcher"], "2.5", first, months=12), line(P["platform"], 1, first, months=12)],
            3,
        ),
        Deal(
            "metered_quantity",
            "ironbridge",
            "five times the API",
            first,
            12,
            [line(P["platform"], 1, first, months=12, frequency="Monthly"), line(P["api"], 5, first, months=12)],
            4,
            "GBP",
        ),
        Deal(
            "draft",
            "fjordline",
            "still negotiating",
            first,
            12,
            [line(P["platform"], 1, first, months=12)],
            1,
            "EUR",
            status="Draft",
        ),
    ]


def _with_gap(first: date) -> list[Sold]:
    """Sell a ramp whose second year starts a month late."""
    one, two, three = ramp(P["dispatcher"], first, [(8, None), (12, None), (16, None)], key=9)
    return [one, replace(two, start=add_months(first, 13), months=11), three]


def _undated(first: date) -> Sold:
    """Sell a line whose dates nobody filled in."""
    return replace(line(P["tracking"], 18, first, months=12), start=None, end=None)
