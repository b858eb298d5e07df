"""Deals as they should be: ramps in every form people build them in, and flat ones beside them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from connector.sandbox.seed.hubspot.sales import Deal, Line, Quote, later, next_month, years

if TYPE_CHECKING:
    from datetime import date


def new_business(today: date) -> list[Deal]:
    """Return everything that was sold for the first time."""
    first = next_month(today)
    return [*ramps(first), *flat(today, first), *currencies(first), *quoted(first)]


def ramps(first: date) -> list[Deal]:
    """Return a three-year price and seat ramp, and the other ways to say the same."""
    hero = (*years("seat", first, [("20", "39"), ("35", "36"), ("50", "33")], key="seats"), Line("setup", "1"))
    indexed = tuple(
        Line(
            line.product, line.quantity, line.price, line.start, line.months, {**line.fields, "bsync_segment_index": n}
        )
        for n, line in zip("12", years("plus", first, [("12", "59"), ("18", "54")], key="plus"), strict=True)
    )
    steps = (
        Line("seat", "40", "35", first, 36, {"bsync_line_key": "base"}),
        Line("seat", "15", "35", later(first, 12), 24, {"bsync_line_key": "second-year"}),
        Line("seat", "25", "35", later(first, 24), 12, {"bsync_line_key": "third-year"}),
    )
    free = (
        Line("seat", "30", None, first, 3, {"hs_discount_percentage": "100", "bsync_line_key": "seats"}),
        Line("seat", "30", None, later(first, 3), 9, {"bsync_line_key": "seats"}),
        Line("archive", "1", None, first, 12),
    )
    delayed = (
        Line("seat", "10", "39", None, 12, {"bsync_line_key": "seats"}),
        Line("seat", "16", "38", None, 12, {"bsync_line_key": "seats", "hs_billing_start_delay_months": "12"}),
    )
    names = [f"Phase {n}" for n in (1, 2, 3)]
    native = tuple(
        Line(
            line.product, line.quantity, line.price, line.start, line.months, {**_native(), "hs_ramp_phase_name": name}
        )
        for name, line in zip(names, years("plus", first, [("8", "59"), ("8", "62"), ("8", "65")], key=""), strict=True)
    )
    start = {"bsync_contract_start_date": first.isoformat()}
    return [
        Deal("ramp", "mossgate", "Shared inbox, three years", hero, 1),
        Deal("indexed", "brightloom", "Inbox Plus, two years", indexed, 3),
        Deal("steps", "coldbrook", "Claims desk, growing by year", steps, 2),
        Deal("free_months", "ravensholt", "Event season, first quarter free", free, 4),
        Deal("delayed", "pinnock", "Practices join in year two", delayed, 6, fields=start),
        Deal("native_ramp", "oakhurst", "Tenant desk with HubSpot's own ramp", native, 5),
    ]


def _native() -> dict[str, str]:
    return {"bsync_line_key": "", "bsync_segment_label": "", "hs_ramp_key": _RAMP_KEY, "hs_ramp_group_name": "Seats"}


_RAMP_KEY = "5b1c8f9e-3d1f-4d4e-9c55-0c6f1f2a7d10"


def flat(today: date, first: date) -> list[Deal]:
    """Return a deal without an end, one paid by the year, mixed billing periods, discounts, tiers, a late signature."""
    tiers = {
        "price": "",
        "hs_pricing_model": "volume",
        "hs_tier_ranges": json.dumps([{"start": 0, "end": 999}, {"start": 1000, "end": 9999}, {"start": 10_000}]),
        "hs_tier_prices": json.dumps([{"index": n, "price": price} for n, price in enumerate((0.08, 0.06, 0.045))]),
    }
    mixed = (Line("seat", "25", None, first, 12), Line("support", "1", None, first, 12), Line("setup", "1", "1800"))
    discounts = (
        Line("plus", "14", None, first, 12, {"hs_discount_percentage": "15"}),
        Line("guest", "40", None, first, 12, {"discount": "2.5"}),
    )
    answers = (Line("seat", "10", None, first, 12), Line("answers", "4000", None, first, 12, tiers))
    invoice = {"bsync_collection_method": "send_invoice", "bsync_days_until_due": "30"}
    late = later(today.replace(day=1), -1)
    return [
        Deal("evergreen", "fernandina", "Monthly, until cancelled", (Line("seat", "6", None, first),), 2),
        Deal(
            "yearly",
            "lanternhill",
            "Platform by the year",
            (Line("platform", "1", None, first, 24),),
            7,
            fields=invoice,
        ),
        Deal("mixed", "pinnock", "Seats, support and setup", mixed, 8),
        Deal("discounts", "brightloom", "Plus with a discount", discounts, 9),
        Deal("tiers", "tessaly", "Seats and suggested answers", answers, 3),
        Deal("backdated", "fernandina", "Signed late", (Line("guest", "12", None, late, 12),), 2),
    ]


def currencies(first: date) -> list[Deal]:
    """Return deals in euros, pounds and yen."""
    euros = years("seat", first, [("22", "36.5"), ("30", "34.25")], key="seats")
    return [
        Deal("euros", "wiesengrund", "Versand, two years", euros, 4, "EUR"),
        Deal("pounds", "harrowby", "Booking desk", (Line("plus", "9", "47", first, 12),), 6, "GBP"),
        Deal("yen", "sakuragi", "Customer care", (Line("seat", "18", "5800", first, 12),), 5, "JPY"),
    ]


def quoted(first: date) -> list[Deal]:
    """Return a deal whose accepted quote holds the lines that count, and one that HubSpot bills itself."""
    lines = years("plus", first, [("30", "52"), ("45", "49")], key="plus")
    typed = (Line("plus", "30", "59", first, 12),)
    accepted = {"hs_status": "ACCEPTED", "hs_template_type": "CPQ_QUOTE", "hs_acceptance_method": "clickwrap"}
    start = {"hs_contract_effective_start_date": first.isoformat(), "hs_contract_effective_start_date_type": "CUSTOM"}
    billed = {"hs_billing_enabled": "true", "hs_payment_enabled": "true", "hs_collection_process": "AUTO_PAYMENTS"}
    seats = (Line("seat", "12", None, first, 12),)
    return [
        Deal("quoted", "coldbrook", "Agents on Plus", typed, 2, quote=Quote({**accepted, **start}, lines)),
        Deal("hubspot_billed", "tessaly", "Paid inside HubSpot", seats, 3, quote=Quote({**accepted, **billed}, seats)),
    ]
