"""The business scenarios that every CRM must bring to the same Stripe state."""

from dataclasses import replace
from datetime import date

from connector.domain.period import add_months
from tests.scenarios.shared.sales import ONCE, Customer, Ended, Item, More, Product, Quantities, Renewed, Sale

START = date(2026, 12, 1)
SEAT = Product("seat", "1200", 12)
SITE = Product("site", "365", 1)  # a day of it is 12.00, so that no CRM has to round a part of a month
UNIT = Product("unit", "36.5", 1)
DEPOT = Product("depot", "900", 3)
SETUP = Product("setup", "4500", ONCE)
API = Product("api", "", 1, tiers=((1000, "0.02"), (None, "0.01")), metered=True)
LABELS = Product("labels", "", 1, tiers=((25, "10"), (None, "8")))


def later(months: int, days: int = 0) -> date:
    """Return a day after the start."""
    return date.fromordinal(add_months(START, months).toordinal() + days)


def year(key: str, product: Product, quantity: str, number: int = 1, **more: str) -> Item:
    """Return one year of a ramp, or of a flat line."""
    return Item(key, product, quantity, later(12 * (number - 1)), 12, **more)  # type: ignore[arg-type]


RAMP = [
    year("seats", SEAT, "20", 1, percent="10"),
    year("seats", SEAT, "35", 2, percent="5"),
    year("seats", SEAT, "50", 3),
]
YEAR = [Item("site", SITE, "10", START, 12)]
TWO = [Item("site", SITE, "10", START, 12), Item("units", UNIT, "30", START, 12)]
ENDLESS = [Item("site", SITE, "4", START), Item("units", UNIT, "25", START)]

GOOD = [
    Sale("ramp by year", START, RAMP, 36),
    Sale(
        "ramp of uneven steps",
        START,
        [
            Item("depots", DEPOT, "2", START, 6, label="Pilot"),
            Item("depots", DEPOT, "5", later(6), 9, label="Rollout"),
            Item("depots", DEPOT, "8", later(15), 9, label="Everywhere"),
        ],
        24,
    ),
    Sale("ramp beside a flat line", START, [*RAMP, Item("support", DEPOT, "1", START, 36)], 36),
    Sale(
        "ramp beside a flat line of its frequency",
        START,
        [*RAMP, Item("care", replace(SEAT, key="care"), "1", START, 36)],
        36,
    ),
    Sale("upsell on a billing date", START, YEAR, changes=[Quantities(later(5), {"site": "14"})]),
    Sale(
        "upsell in the current period",
        START,
        YEAR,
        changes=[Quantities(later(2, 14), {"site": "14"}, heard=later(2, 14))],
    ),
    Sale(
        "upsell in a year billed in advance",
        START,
        [Item("seats", SEAT, "10", START, 24)],
        24,
        changes=[Quantities(later(5), {"seats": "16"}, heard=later(5))],
    ),
    Sale("upsell heard of late", START, YEAR, changes=[Quantities(later(2), {"site": "12"}, heard=later(4, 9))]),
    Sale("upsell later", START, YEAR, changes=[Quantities(later(9), {"site": "14"}, heard=later(2))]),
    Sale("all segments amended", START, RAMP, 36, changes=[Quantities(later(3), {"seats": "60"}, heard=later(2))]),
    Sale("partial removal", START, TWO, changes=[Quantities(later(4), {"site": "6"}, heard=later(3, 5))]),
    Sale(
        "partial removal in the current period",
        START,
        TWO,
        changes=[Quantities(later(4, 10), {"site": "6"}, heard=later(4, 10))],
    ),
    Sale("a product removed", START, TWO, changes=[Quantities(later(4), {"units": "0"}, heard=later(3, 5))]),
    Sale("another product", START, YEAR, changes=[More(later(3), (Item("units", UNIT, "5", later(3), 9),))]),
    Sale("ended now", START, TWO, changes=[Ended(later(3, 9), "now", heard=later(3, 9))]),
    Sale("ended on a date", START, TWO, changes=[Ended(later(7, 15), "on_date", heard=later(3, 9))]),
    Sale("ended with the period", START, TWO, changes=[Ended(later(4), "period_end", later(3, 9), heard=later(3, 9))]),
    Sale("ended back-dated", START, TWO, changes=[Ended(later(2), "on_date", heard=later(4, 9))]),
    Sale("renewed by hand-over", START, YEAR, changes=[Renewed(12, "5", heard=later(11))]),
    Sale(
        "renewed on the same schedule",
        START,
        YEAR,
        changes=[Renewed(12, "5", heard=later(11))],
        policies={"renewal": "append"},
    ),
    Sale(
        "amended, then renewed",
        START,
        YEAR,
        changes=[Quantities(later(6), {"site": "12"}, heard=later(5)), Renewed(12, heard=later(11))],
        policies={"renewal": "append"},
    ),
    Sale("renewed apart", START, YEAR, changes=[Renewed(12, heard=later(11))], policies={"renewal": "separate"}),
    Sale("extended", START, YEAR, changes=[More(later(12), (Item("site", SITE, "10", later(12), 6),), heard=later(8))]),
    Sale("goes on by itself", START, YEAR, policies={"auto_renew": "same_price"}),
    Sale("without an end", START, ENDLESS, None),
    Sale(
        "without an end, with an add-on",
        START,
        ENDLESS,
        None,
        changes=[Quantities(later(3), {"units": "40"}, heard=later(2, 20))],
    ),
    Sale(
        "without an end, and ended",
        START,
        ENDLESS,
        None,
        changes=[Ended(later(6), "on_date", heard=later(5, 3))],
    ),
    Sale("one-time only", START, [Item("setup", SETUP, "2", START)], None),
    Sale("one-time beside a year", START, [*YEAR, Item("setup", SETUP, "1", START)]),
    Sale("one-time in mid-term", START, [*YEAR, Item("setup", SETUP, "1", later(5))]),
    Sale("usage", START, [Item("api", API, "1", START, 12)]),
    Sale("tiers by quantity", START, [Item("labels", LABELS, "40", START, 12)]),
    Sale("percent off", START, [Item("site", SITE, "10", START, 12, percent="12.5")]),
    Sale("amount off each", START, [Item("site", SITE, "10", START, 12, off="15")]),
    Sale(
        "mixed frequencies",
        START,
        [
            Item("seats", SEAT, "3", START, 12),
            Item("depots", DEPOT, "2", START, 12),
            Item("units", UNIT, "9", START, 12),
        ],
    ),
    Sale(
        "wide",
        START,
        [Item(f"w{n}", Product(f"wide{n:02}", str(100 + n), 1), str(n), START, 12) for n in range(1, 27)],
    ),
    Sale(
        "long",
        START,
        [Item("units", UNIT, str(n), later(n - 1), 1, label=f"Month {n}") for n in range(1, 15)],
        14,
    ),
    Sale(
        "three changes on one day",
        START,
        TWO,
        changes=[
            Quantities(later(2), {"site": "12"}, heard=later(1)),
            Quantities(later(2), {"units": "20"}),
            Quantities(later(2), {"site": "15"}),
        ],
    ),
    Sale("eighteen months billed yearly", START, [Item("seats", SEAT, "4", START, 18)], 18),
    Sale("signed after it began", date(2026, 9, 1), [Item("site", SITE, "10", date(2026, 9, 1), 12)]),
    Sale("in yen", START, [Item("seats", replace(SEAT, key="yen", price="180000"), "5", START, 12)], currency="JPY"),
    Sale("without a currency", START, YEAR, currency=None),
    Sale("without an e-mail", START, YEAR, customer=Customer(email=None)),
]


def bad(name: str, *codes: str, **how: object) -> Sale:
    """Return a mistake and the codes of its issues; `how` is what is different about a good sale."""
    sale = Sale(name, START, YEAR, codes=frozenset(codes))
    return replace(sale, **how)  # type: ignore[arg-type]


ITEM = YEAR[0]
MISTAKES = [
    bad("not won yet", "NOT_ACTIVE", won=False),
    bad("a line in another currency", "CURRENCY_MIXED", items=[replace(ITEM, currency="EUR")]),
    bad("a line that ends before it starts", "LINE_DATES", items=[replace(ITEM, ends=date(2026, 11, 1))]),
    bad("a line without a product", "FIELD_MISSING", items=[replace(ITEM, product=None, price="100")]),
    bad("a line without a price", "FIELD_MISSING", items=[replace(ITEM, product=replace(SITE, price=""))]),
    bad("no lines", "NO_LINES", items=[]),
    bad("nobody pays", "FIELD_MISSING", customer=None),
    bad("billed weekly", "BILLING_FREQUENCY", items=[replace(ITEM, weekly=True)]),
    bad("half a seat", "QUANTITY_FRACTION", items=[replace(ITEM, quantity="2.5")]),
    bad("a gap", "SEGMENT_GAP", items=[Item("site", SITE, "1", START, 3), Item("site", SITE, "2", later(5), 7)]),
    bad(
        "a renewal that begins too early",
        "RENEWAL",
        changes=[Renewed(12, starts=later(9), heard=later(8))],
        policies={"renewal": "append"},
    ),
    bad(
        "segments that overlap",
        "SEGMENT_OVERLAP",
        items=[year("seats", SEAT, "5"), replace(year("seats", SEAT, "9", 2), start=later(9), months=15)],
    ),
]
