"""Lines on the billing grid: what recurs at which price, and what the parts at the edges are worth."""

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from connector.compile.grid import Grid, LineBilling, bill_line, grid_for
from connector.domain.contract import Line, Policies
from connector.domain.money import line_amount, unit_amount
from connector.domain.period import Period, add_months
from tests.builders import END, START, day, line, seeded

MONTH, YEAR = 1, 12


def billed(made: Line, *, anchor=START, currency: str = "usd", **policies) -> LineBilling:
    """Put a line on the grid of a schedule that begins on `anchor`."""
    chosen = Policies(**policies)
    assert made.end is not None
    grid = grid_for(anchor, made.end, made.interval, chosen)
    return bill_line(made, Period(made.start, made.end), grid, currency, chosen)


def told(found: LineBilling) -> tuple[str, int, list[tuple[str, int, bool]]]:
    """Tell a billing shortly: price of a period, periods, and (length, amount, on the grid) of each part."""
    parts = [(str(part.length), int(part.amount), part.on_grid) for part in found.parts]
    return str(unit_amount(found.unit)), found.periods, parts


LISTED: dict[str, Any] = {"list_price": Decimal(120), "list_term": 1, "multiplier": Decimal("11.953424657534246")}


@pytest.mark.parametrize(
    ("made", "anchor", "expected"),
    [
        (line(price=1200), START, ("120000", 1, [])),
        (line(price=2400, end=day(2029)), START, ("120000", 2, [])),
        (line(price=1200, interval=MONTH), START, ("10000", 12, [])),
        (line(price=1000, interval=MONTH), START, ("8333.333333333333", 12, [])),
        (line(price=1200, interval=3), START, ("30000", 4, [])),
        (line(price=1200, interval=6), START, ("60000", 2, [])),
        (line(price=180, end=day(2028, 7)), START, ("12000", 1, [("6 months", 6000, True)])),
        (line(price=90, end=day(2027, 10)), START, ("12000", 0, [("9 months", 9000, True)])),
        (line(price=4400, start=day(2027, 3), end=day(2029)), START, ("240000", 1, [("10 months", 200000, False)])),
        (line(price=100, start=day(2027, 7), end=day(2027, 9)), START, ("60000", 0, [("2 months", 10000, False)])),
        (
            line(price=120, start=day(2027, 7), end=day(2028, 7)),
            START,
            ("12000", 0, [("6 months", 6000, False), ("6 months", 6000, True)]),
        ),
        (
            line(price=240, quantity=-3, start=day(2027, 7), end=day(2029, 7)),
            START,
            ("12000", 1, [("6 months", -18000, False), ("6 months", -18000, True)]),
        ),
        (
            line(price="1434.41", start=day(2025, 11, 17), end=day(2026, 11, 15), interval=MONTH, **LISTED),
            day(2025, 11, 17),
            ("12000", 11, [("29 days", 11441, True)]),
        ),
        (
            line(price="1434.41", start=day(2025, 11, 17), end=day(2026, 11, 15), interval=MONTH),
            day(2025, 11, 17),
            ("11999.991977996791", 11, [("29 days", 11441, True)]),
        ),
        (line(price=0), START, ("0", 1, [])),
        (line(price=0, end=day(2028, 7)), START, ("0", 1, [("6 months", 0, True)])),
        (line(price=1200, quantity=0, end=day(2028, 7)), START, ("80000", 1, [("6 months", 0, True)])),
        (
            line(price=700, end=day(2027, 3, 31), start=day(2027, 1, 31), interval=MONTH),
            day(2027, 1, 31),
            ("35000", 2, []),
        ),
    ],
    ids=["year", "two years", "monthly", "monthly with a fraction of a cent", "quarterly", "half-yearly",
         "18 months yearly", "9 months yearly", "joining before the anniversary", "joining and leaving in one period",
         "across one billing date", "a reduction across two", "month and day precision by list price",
         "month and day precision without one", "free", "free with a stub", "nothing sold with a stub", "month ends"],
)  # fmt: skip
def test_lines_on_the_grid(made, anchor, expected):
    assert told(billed(made, anchor=anchor)) == expected


@pytest.mark.parametrize(
    ("currency", "price", "unit", "part"),
    [("jpy", 180001, "120000.666666666667", 60000), ("kwd", "180.010", "120006.666666666667", 60003)],
)
def test_parts_are_whole_minor_units_of_the_currency(currency, price, unit, part):
    found = billed(line(price=price, end=day(2028, 7)), currency=currency)
    assert told(found) == (unit, 1, [("6 months", part, True)])


def test_stubs_come_first_by_policy_and_begin_on_the_grid():
    found = billed(line(price=180, end=day(2028, 7)), stub="first")
    assert told(found) == ("12000", 1, [("6 months", 6000, True)])
    assert found.full == Period(day(2027, 7), day(2028, 7))


@pytest.mark.parametrize(("precision", "months"), [("month", Decimal(12)), ("month_day", 11 + Decimal(29 * 12) / 365)])
def test_precision_says_how_a_part_of_a_month_counts(precision, months):
    made = line(price=1200, start=day(2025, 11, 17), end=day(2026, 11, 15), interval=MONTH)
    found = billed(made, anchor=made.start, precision=precision)
    assert unit_amount(found.unit) == pytest.approx(Decimal(120000) / months)


def test_a_mapped_price_per_period_wins_over_the_crms():
    made = line(price=180, quantity=3, end=day(2028, 7), period_price=Decimal("99.99"))
    assert told(billed(made)) == ("9999", 1, [("6 months", 14999, True)])


@pytest.mark.parametrize(
    ("fields", "unit"),
    [
        ({"list_price": Decimal(120), "multiplier": Decimal("1.5")}, "12000"),
        ({"list_price": Decimal(150), "multiplier": Decimal("1.5"), "discount_percent": Decimal(20)}, "12000"),
        ({"list_price": Decimal(999), "multiplier": Decimal("1.5")}, "12000"),
        ({"list_price": Decimal(10), "list_term": 1, "multiplier": Decimal(18)}, "12000"),
        ({"list_price": Decimal(200), "multiplier": Decimal("0.9")}, "12000"),
        ({"list_price": Decimal(120)}, "12000"),
    ],
    ids=["list price", "less a discount", "by the multiplier alone", "list price a month", "too dear to be true",
         "no multiplier"],
)  # fmt: skip
def test_list_price_is_preferred_where_it_gives_the_crms_price(fields, unit):
    made = line(price=180, end=day(2028, 7), **fields)
    assert told(billed(made)) == (unit, 1, [("6 months", 6000, True)])


def test_a_part_is_found_by_a_stretch_inside_it():
    found = billed(line(price=180, end=day(2028, 7)))
    assert found.part_at(Period(day(2028, 2), day(2028, 3))) is found.parts[0]
    assert found.part_at(Period(day(2027, 12), day(2028, 2))) is None


@pytest.mark.parametrize(
    ("on", "expected"),
    [(START, True), (day(2028), True), (day(2027, 6), False), (day(2028, 1, 2), False), (day(2026), True)],
)
def test_the_grid_is_every_interval_from_the_anchor(on, expected):
    assert Grid(START, YEAR, START).on(on) is expected


def test_whole_periods_and_parts_always_add_up_to_the_line():
    chance = seeded(5)
    for _ in range(400):
        start = add_months(START, chance.randrange(0, 30)) if chance.random() < 0.8 else day(2027, 1, 20)
        end = add_months(start, chance.randrange(1, 40))
        made = line(quantity=chance.choice([1, 3, 50, -7]), price=chance.randrange(1, 10**6), start=start, end=end)
        made = replace(made, interval=chance.choice([1, 3, 6, 12]))
        found = billed(made, stub=chance.choice(["first", "last"]))
        quantity = int(made.quantity)
        whole = found.periods * line_amount(unit_amount(found.unit), quantity)
        parts = sum((part.amount for part in found.parts), Fraction(0))
        allowed = 0 if found.parts else found.periods / 2  # equal periods alone may miss half a cent each
        assert float(abs(whole + parts - int(made.total * 100))) <= allowed
        assert (
            sum(part.period.days for part in found.parts) + (found.full.days if found.full else 0) == (end - start).days
        )


def test_a_grid_may_end_where_the_schedule_ends():
    assert grid_for(START, END, YEAR, Policies()) == Grid(START, YEAR, START)
    later = day(2028, 7)
    assert grid_for(START, later, YEAR, Policies(stub="first")) == Grid(later, YEAR, START)
    assert grid_for(START, END, YEAR, Policies(stub="first")) == Grid(START, YEAR, START)  # there is no stub
