"""Deals as a hurried rep leaves them: each breaks one thing that billing needs, and one breaks them all."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from connector.sandbox.seed.hubspot.sales import Deal, Line, later, next_month

if TYPE_CHECKING:
    from datetime import date

    from connector.sandbox.seed.hubspot.sales import Fields

KEY: Fields = {"bsync_line_key": "seats"}


def broken(today: date) -> list[Deal]:
    """Return the mistakes."""
    first = next_month(today)
    return [*wrong_dates(first), *wrong_money(first), *wrong_ties(first), everything(first)]


def wrong_dates(first: date) -> list[Deal]:
    """Return a hole, an overlap, a wrong segment number, and a term that is no whole number of cycles."""
    gap = (Line("seat", "10", None, first, 12, KEY), Line("seat", "12", None, later(first, 13), 11, KEY))
    overlap = (Line("seat", "10", None, first, 12, KEY), Line("seat", "12", None, later(first, 11), 12, KEY))
    index = tuple(
        Line("seat", "10", None, later(first, 12 * n), 12, {**KEY, "bsync_segment_index": number})
        for n, number in enumerate(("1", "3"))
    )
    stub = (Line("platform", "1", None, first, 18),)
    return [
        Deal("gap", "mossgate", "Month thirteen missing", gap, 2),
        Deal("overlap", "brightloom", "Year two too early", overlap, 3),
        Deal("wrong_index", "coldbrook", "Segments one and three", index, 2),
        Deal("stub", "lanternhill", "Eighteen months by the year", stub, 4),
    ]


def wrong_money(first: date) -> list[Deal]:
    """Return a frequency nobody can bill, two currencies, both discounts, and tiers beside a price."""
    forever = (Line("platform", "1", "19000", first, 60, {"recurringbillingfrequency": "per_five_years"}),)
    currencies = (
        Line("seat", "10", None, first, 12),
        Line("archive", "1", None, first, 12, {"hs_line_item_currency_code": "EUR"}),
    )
    discounts = (Line("seat", "10", None, first, 12, {"hs_discount_percentage": "10", "discount": "3"}),)
    tiers = {
        "hs_pricing_model": "graduated",
        "hs_tier_ranges": json.dumps([{"start": 0, "end": 99}, {"start": 100}]),
        "hs_tier_prices": json.dumps([{"index": 0, "price": 3}, {"index": 1, "price": 2}]),
    }
    return [
        Deal("five_years", "oakhurst", "Paid every five years", forever, 5),
        Deal("two_currencies", "wiesengrund", "Dollars and euros", currencies, 3),
        Deal("both_discounts", "pinnock", "Discounted twice", discounts, 2),
        Deal("tiers_and_price", "tessaly", "Tiers and a price", (Line("answers", "500", None, first, 12, tiers),), 2),
    ]


def wrong_ties(first: date) -> list[Deal]:
    """Return a deal of nobody, one without lines, and an amendment of nothing."""
    seats = (Line("seat", "5", None, first, 12),)
    orphan = {"bsync_action": "amend", "bsync_effective_date": later(first, 3).isoformat()}
    return [
        Deal("no_company", None, "Who is this for?", seats, 1),
        Deal("no_lines", "harrowby", "Lines to follow", (), 1, "GBP"),
        Deal("orphan", "fernandina", "More of what?", seats, 2, fields=orphan),
    ]


def everything(first: date) -> Deal:
    """Return the deal with every mistake a rep can make on one screen."""
    lines = (
        Line("seat", "10.5", None, first, 12, {**KEY, "bsync_segment_index": "2", "hs_sku": "QM-SAET"}),
        Line("seat", "12", None, later(first, 11), 12, {**KEY, "bsync_segment_index": "2"}),
        Line("plus", "4", None, later(first, 30), 6, {"hs_discount_percentage": "10", "discount": "3"}),
        Line("archive", "1", None, first, 12, {"hs_line_item_currency_code": "EUR"}),
        Line("platform", "1", None, first, 18),
        Line("support", "1", "30000", first, 60, {"recurringbillingfrequency": "per_five_years"}),
        Line("guest", "3", "0", None, None, {"name": "", "hs_sku": ""}),
    )
    fields = {"dealtype": "existingbusiness", "bsync_action": "amend", "bsync_days_until_due": "-5"}
    return Deal("everything", None, "Deal (1) FINAL final", lines, 1, fields=fields)
