"""What is held and what is described, laid side by side: only the difference is added or taken away."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from connector.domain.contract import Charge, Line, Product, Tier, TiersMode
from connector.mapping.book import Book, Holding
from connector.mapping.cycles import priced

START, YEAR, TWO, THREE = date(2026, 1, 1), date(2027, 1, 1), date(2028, 1, 1), date(2029, 1, 1)


def line(ref: str, quantity: int, start: date, end: date, price: str = "10", **more: object) -> Line:
    made = Line(
        ref=ref,
        product=Product("seat", "Seat"),
        charge=Charge.RECURRING,
        quantity=Decimal(quantity),
        unit_price=Decimal(0),
        total=Decimal(0),
        start=start,
        end=end,
        interval=1,
        **more,  # type: ignore[arg-type]
    )
    return made if "tiers" in more else priced(made, Decimal(price))


def held(*lines: Line) -> Book:
    book = Book([])
    for each in lines:
        assert each.end is not None
        book.add(each, "seat", "seat", each.end)
    return book


def wanted(*lines: Line) -> list[Holding]:
    return [Holding(each, "seat", "seat", each.quantity, each.start, each.end or THREE) for each in lines]


def told(lines: list[Line]) -> list[tuple[str, int, str, str]]:
    return [(each.revises or "new", int(each.quantity), str(each.start), str(each.end)) for each in lines]


CASES = {
    "nothing changes": ([line("a", 10, START, TWO)], [line("b", 10, START, TWO)], []),
    "more from a day on": (
        [line("a", 10, START, TWO)],
        [line("b", 15, START, TWO)],
        [("new", 5, "2027-01-01", "2028-01-01")],
    ),
    "less from a day on": (
        [line("a", 10, START, TWO)],
        [line("b", 4, START, TWO)],
        [("a", -6, "2027-01-01", "2028-01-01")],
    ),
    "gone": ([line("a", 10, START, TWO)], [], [("a", -10, "2027-01-01", "2028-01-01")]),
    "another price": (
        [line("a", 10, START, TWO)],
        [line("b", 10, START, TWO, "12")],
        [("a", -10, "2027-01-01", "2028-01-01"), ("new", 10, "2027-01-01", "2028-01-01")],
    ),
    "longer": (
        [line("a", 10, START, TWO)],
        [line("b", 10, START, THREE)],
        [("new", 10, "2028-01-01", "2029-01-01")],
    ),
    "shorter": (
        [line("a", 10, START, THREE)],
        [line("b", 10, START, TWO)],
        [("a", -10, "2028-01-01", "2029-01-01")],
    ),
    "the past is left alone": ([line("a", 10, START, YEAR)], [line("b", 5, START, YEAR)], []),
    "the newest is taken first": (
        [line("a", 10, START, TWO), line("b", 5, START, TWO)],
        [line("c", 8, START, TWO)],
        [("b", -5, "2027-01-01", "2028-01-01"), ("a", -2, "2027-01-01", "2028-01-01")],
    ),
    "a ramp restated": (
        [line("a", 10, START, TWO), line("b", 20, TWO, THREE)],
        [line("c", 12, START, TWO), line("d", 20, TWO, THREE)],
        [("new", 2, "2027-01-01", "2028-01-01")],
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_difference(case: tuple[list[Line], list[Line], list[tuple[str, int, str, str]]]) -> None:
    before, after, expected = case
    book = held(*before)
    lines = book.change(wanted(*after), YEAR, "r1", of=lambda _: True)
    assert told(lines) == expected
    assert len({each.ref for each in lines}) == len(lines)
    assert told(book.change(wanted(*after), YEAR, "r2", of=lambda _: True)) == [], "said again, nothing changes"


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_book_holds_what_was_described(case: tuple[list[Line], list[Line], object]) -> None:
    before, after, _ = case
    book = held(*before)
    book.change(wanted(*after), YEAR, "r1", of=lambda _: True)
    for day in (YEAR, TWO):
        holds = sum(each.quantity for each in book.holdings if each.start <= day < each.end)
        shall = sum(each.quantity for each in after if each.start <= day and each.end is not None and day < each.end)
        assert holds == shall


def test_a_piece_is_priced_for_its_own_time() -> None:
    (cut,) = held(line("a", 10, START, TWO)).change([], YEAR, "r1", of=lambda _: True)
    assert (cut.unit_price, cut.total, cut.list_price) == (Decimal("120.00"), Decimal("-1200.00"), Decimal(10))


def test_what_is_counted_in_tiers_is_exchanged_whole() -> None:
    tiers: dict[str, Any] = {"tiers": (Tier(None, unit_price=Decimal(2)),), "tiers_mode": TiersMode.VOLUME}
    book = held(line("a", 10, START, TWO, **tiers))
    lines = book.change(wanted(line("b", 15, START, TWO, **tiers)), YEAR, "r1", of=lambda _: True)
    assert [int(each.quantity) for each in lines] == [-10, 15]


def test_only_the_holdings_in_question_are_touched() -> None:
    book = held(line("a", 10, START, TWO))
    book.add(line("b", 5, START, TWO, "3"), "other", "other", TWO)
    lines = book.change([], YEAR, "r1", of=lambda each: each.series == "other")
    assert told(lines) == [("b", -5, "2027-01-01", "2028-01-01")]


def test_everything_ends_on_its_own_day() -> None:
    book = held(line("a", 10, START, TWO), line("b", 5, TWO, THREE))
    lines = book.end(lambda _: YEAR, "r1")
    assert told(lines) == [("a", -10, "2027-01-01", "2028-01-01"), ("b", -5, "2028-01-01", "2029-01-01")]
    assert [each for each in book.holdings if each.end > YEAR] == []


PRICES = [
    ("10", 12, 1, "120.00", "12"),
    ("100", 18, 12, "150.0000", "1.5"),
    ("33.33", 3, 1, "99.99", "3"),
    ("0.125", 12, 1, "1.500", "12"),
]


@pytest.mark.parametrize(("price", "months", "interval", "unit", "number"), PRICES)
def test_the_price_of_the_whole_time(price: str, months: int, interval: int, unit: str, number: str) -> None:
    end = date(2026 + (months // 12), 1 + months % 12, 1)
    made = priced(
        Line("a", Product("p", "P"), Charge.RECURRING, Decimal(2), Decimal(0), Decimal(0), START, end, interval),
        Decimal(price),
    )
    assert (made.unit_price, made.multiplier, made.total) == (Decimal(unit), Decimal(number), 2 * Decimal(unit))
    assert (made.list_price, made.list_term) == (Decimal(price), interval)
