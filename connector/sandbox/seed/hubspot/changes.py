"""Deals that change earlier ones: expansion, downgrade, removal, restatement, renewal, termination; and open ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connector.sandbox.seed.hubspot.sales import Deal, Line, later, next_month, years

if TYPE_CHECKING:
    from datetime import date

    from connector.sandbox.seed.hubspot.sales import Fields

SIGNED, EXPANSION = "214883074", "214883071"


def changed(today: date) -> list[Deal]:
    """Return the deals that get changed, each followed by the deal that changes it."""
    first = next_month(today)
    return [*amended(first), *ended(first), *unbilled(first)]


def amended(first: date) -> list[Deal]:
    """Return expansion, downgrade, removal and restatement."""
    middle, second = later(first, 6), later(first, 12)
    seats = (Line("seat", "24", "38", first, 24, {"bsync_line_key": "seats"}),)
    pair = (
        Line("plus", "20", None, first, 12, {"bsync_line_key": "plus"}),
        Line("guest", "60", None, first, 12, {"bsync_line_key": "guests"}),
    )
    more = Line("seat", "15", "38", middle, 18, {"bsync_line_key": "more-seats", "bsync_change": "add"})
    fewer = Line("plus", "14", None, middle, 6, {"bsync_line_key": "plus", "bsync_change": "update"})
    gone = Line("guest", "60", None, middle, 6, {"bsync_line_key": "guests", "bsync_change": "remove"})
    ramp = years("seat", first, [("10", "39"), ("15", "37")], key="seats")
    restated = (Line("seat", "26", "36", second, 12, {"bsync_line_key": "seats"}),)
    restate = _change(second, bsync_amendment_mode="restate")
    return [
        Deal("team", "harrowby", "Agency desk, two years", seats, 12, "GBP"),
        _signed(
            "expansion", "harrowby", "15 more seats", (more,), 1, amends="team", fields=_change(middle), currency="GBP"
        ),
        Deal("guests", "lanternhill", "Staff and guests", pair, 14),
        _signed("downgrade", "lanternhill", "Fewer Plus seats", (fewer,), 2, amends="guests", fields=_change(middle)),
        Deal("clinic", "oakhurst", "Leasing desk", pair, 13),
        _signed("removal", "oakhurst", "No guests any more", (gone,), 3, amends="clinic", fields=_change(middle)),
        Deal("studio", "tessaly", "Player support", ramp, 11),
        _signed("restatement", "tessaly", "Year two as it is now", restated, 2, amends="studio", fields=restate),
    ]


def _signed(
    key: str,
    customer: str,
    title: str,
    lines: tuple[Line, ...],
    days_ago: int,
    *,
    amends: str,
    fields: Fields,
    currency: str = "USD",
) -> Deal:
    """Return a deal won in the expansion pipeline, whose won stage has an id and a name of its own."""
    return Deal(key, customer, title, lines, days_ago, currency, fields, amends, SIGNED, EXPANSION)


def _change(day: date, **more: str) -> Fields:
    return {"bsync_effective_date": day.isoformat(), "dealtype": "existingbusiness", **more}


def ended(first: date) -> list[Deal]:
    """Return a renewal, and terminations at the end of the period and on a day."""
    six, year = later(first, 6), later(first, 12)
    seats = (Line("seat", "16", None, first, 12, {"bsync_line_key": "seats"}),)
    again = (Line("seat", "18", "40", year, 12, {"bsync_line_key": "seats"}),)
    stop = {"bsync_action": "terminate", "bsync_effective_date": six.isoformat(), "dealtype": "existingbusiness"}
    on_day = {**stop, "bsync_effective_date": six.replace(day=16).isoformat(), "bsync_termination_mode": "on_date"}
    renew = {"bsync_action": "renew", "dealtype": "existingbusiness"}
    return [
        Deal("first_year", "mossgate", "Store desks", seats, 15),
        Deal("renewal", "mossgate", "Store desks, second year", again, 2, "USD", renew, "first_year"),
        Deal("leaving", "pinnock", "Front desk", seats, 16),
        _signed("termination", "pinnock", "Front desk ends early", (), 1, amends="leaving", fields=stop),
        Deal("moving_out", "ravensholt", "Box office", seats, 17),
        _signed("termination_on_day", "ravensholt", "Box office ends", (), 1, amends="moving_out", fields=on_day),
    ]


def unbilled(first: date) -> list[Deal]:
    """Return deals that are nobody's bill: still open, lost, won but to be left alone, and won but held back."""
    seats = (Line("seat", "9", None, first, 12),)
    return [
        Deal("open", "fernandina", "Second office", seats, 4, stage="contractsent"),
        Deal("lost", "brightloom", "Lost to spreadsheets", seats, 5, stage="closedlost"),
        Deal("skipped", "mossgate", "Swap, billed elsewhere", seats, 6, fields={"bsync_action": "skip"}),
        Deal("held", "coldbrook", "Waiting for legal", seats, 3, fields={"bsync_release": "false"}),
    ]
