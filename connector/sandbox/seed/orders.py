"""Orders as they should be, one for each shape a sold contract takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connector.sandbox.salesforce.terms import add_months, next_month
from connector.sandbox.seed.catalog import PRODUCTS
from connector.sandbox.seed.closing import Coupon, Deal
from connector.sandbox.seed.lines import evergreen, line, once, ramp

if TYPE_CHECKING:
    from datetime import date

P = PRODUCTS


def sound_deals(today: date) -> list[Deal]:
    """All that end by themselves, the demo's hero first."""
    return [*segmented(today), *plain(today), *noteworthy(today), *priced_specially(today), *foreign(today)]


def segmented(today: date) -> list[Deal]:
    """Ramps: by year, quarter, month, and two products whose segments do not meet."""
    first = next_month(today)
    seats = ramp(P["dispatcher"], first, [(20, "1080"), (35, "1140"), (50, "1200")], key=1)
    vehicles = [(25, None), (60, None), (45, None), (80, None)]
    growing = [(10, None), (20, None), (35, None), (35, None), (50, None), (60, None)]
    return [
        Deal(
            "ramp",
            "everbright",
            "three-year rollout",
            first,
            36,
            [*seats, line(P["platform"], 1, first, months=36), once(P["onboarding"], 1, first)],
            closed_days_ago=1,
            po_number="PO-88120",
        ),
        Deal(
            "quarters",
            "alpenfracht",
            "seasonal fleet",
            first,
            12,
            ramp(P["tracking"], first, vehicles, by="Quarter", frequency="Quarterly", key=2),
            closed_days_ago=3,
            currency="EUR",
        ),
        Deal(
            "months",
            "heron",
            "six-month pilot",
            first,
            6,
            ramp(P["tracking"], first, growing, by="Month", key=3),
            closed_days_ago=2,
            currency="GBP",
            payment_terms="Net 15",
        ),
        two_ramps(first),
    ]


def two_ramps(first: date) -> Deal:
    """Two segmented products whose segments end on different days."""
    years = ramp(P["dispatcher"], first, [(10, None), (24, "1083")], frequency="Quarterly", key=4)
    depots = ramp(P["routing"], first, [(1, None), (3, "408"), (4, "391")], by="Custom", months=(6, 9, 9), key=5)
    return Deal("two_ramps", "kestrel", "planners and depots", first, 24, [*years, *depots], 5, currency="EUR")


def plain(today: date) -> list[Deal]:
    """Orders without segments: flat, sold once, and a term that is no multiple of its billing period."""
    middle = next_month(today).replace(day=15)
    return [
        Deal(
            "flat",
            "mesa",
            "live tracking",
            today,
            12,
            [line(P["tracking"], 40, today, months=12), line(P["routing"], 2, today, months=12, frequency="Monthly")],
            closed_days_ago=1,
        ),
        Deal(
            "one_time",
            "juniper",
            "migration project",
            today,
            None,
            [once(P["onboarding"], 1, today), once(P["training"], 3, today, price="1485")],
            closed_days_ago=1,
            payment_terms="Net 15",
            po_number="JFD-2207",
        ),
        Deal(
            "stub",
            "pinecrest",
            "eighteen months",
            middle,
            18,
            [line(P["platform"], 1, middle, months=18), line(P["support"], 1, middle, months=18)],
            closed_days_ago=6,
            payment_terms="Net 45",
        ),
    ]


def noteworthy(today: date) -> list[Deal]:
    """Return two to look at twice: a line that costs nothing, a contract signed two months late."""
    first, earlier = next_month(today), add_months(today.replace(day=1), -2)
    return [
        Deal(
            "free_line",
            "lumen",
            "dispatch with community support",
            first,
            12,
            [line(P["dispatcher"], 12, first, months=12), line(P["community"], 1, first, months=12)],
            closed_days_ago=4,
            currency="EUR",
        ),
        Deal(
            "backdated",
            "quayside",
            "signed late",
            earlier,
            12,
            [line(P["tracking"], 55, earlier, months=12)],
            closed_days_ago=1,
            currency="EUR",
        ),
    ]


def priced_specially(today: date) -> list[Deal]:
    """Usage, volume tiers and coupons."""
    first = next_month(today)
    tenth_off = Coupon("Ten percent off", {"Percent_Off__c": 10.0, "Duration__c": "forever"})
    welcome = Coupon("Welcome credit", {"Amount_Off__c": 500.0, "Duration__c": "once"}, line=2)
    return [
        Deal(
            "usage",
            "silverlake",
            "tracking API",
            first,
            12,
            [line(P["platform"], 1, first, months=12, frequency="Monthly"), line(P["api"], 1, first, months=12)],
            closed_days_ago=2,
        ),
        Deal("volume", "redwood", "label seats", first, 12, [line(P["labels"], 40, first, months=12, price="7.50")], 7),
        Deal(
            "coupons",
            "orchard",
            "launch offer",
            first,
            12,
            [line(P["platform"], 1, first, months=12), line(P["support"], 1, first, months=12)],
            closed_days_ago=3,
            coupons=(tenth_off, welcome),
        ),
    ]


def foreign(today: date) -> list[Deal]:
    """Currencies without decimals and with three."""
    first = next_month(today)
    lines = [line(P["platform"], 1, first, months=12)]
    return [
        Deal(
            "yen", "hanami", "Kanto network", first, 12, [*lines, line(P["dispatcher"], 5, first, months=12)], 8, "JPY"
        ),
        Deal(
            "dinar", "dunes", "Shuwaikh hub", first, 12, [*lines, line(P["dispatcher"], 5, first, months=12)], 9, "KWD"
        ),
    ]


def endless_deals(today: date) -> list[Deal]:
    """Return a contract that runs until it is ended, beside a year that ends by itself."""
    first = next_month(today)
    sold = [evergreen(P["tracking"], 25, first), evergreen(P["routing"], 1, first, frequency="Monthly")]
    sold.append(line(P["support"], 1, first, months=12, frequency="Monthly"))
    return [Deal("evergreen", "pinecrest", "tracking until further notice", first, 1, sold, 2)]
