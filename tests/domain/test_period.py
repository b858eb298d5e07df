from datetime import date, timedelta

import pytest

from connector.domain.period import Period, Span, add_months, billing_dates, day_after, months_since, span
from tests.builders import seeded

JAN_31, FEB_29 = date(2027, 1, 31), date(2028, 2, 29)


@pytest.mark.parametrize(
    ("anchor", "months", "expected"),
    [
        (JAN_31, 1, date(2027, 2, 28)),
        (JAN_31, 2, date(2027, 3, 31)),
        (JAN_31, 3, date(2027, 4, 30)),
        (JAN_31, 13, date(2028, 2, 29)),
        (JAN_31, 0, JAN_31),
        (JAN_31, -2, date(2026, 11, 30)),
        (FEB_29, 12, date(2029, 2, 28)),
        (FEB_29, 48, date(2032, 2, 29)),
        (date(2027, 12, 15), 1, date(2028, 1, 15)),
        (date(2027, 1, 15), -1, date(2026, 12, 15)),
    ],
)
def test_months_are_counted_from_the_anchor(anchor, months, expected):
    assert add_months(anchor, months) == expected


@pytest.mark.parametrize(
    ("anchor", "day", "months"),
    [
        (JAN_31, date(2027, 2, 27), 0),
        (JAN_31, date(2027, 2, 28), 1),
        (JAN_31, date(2027, 3, 30), 1),
        (JAN_31, date(2027, 3, 31), 2),
        (JAN_31, date(2027, 1, 30), -1),
        (JAN_31, date(2026, 12, 31), -1),
        (JAN_31, date(2026, 12, 30), -2),
        (FEB_29, date(2029, 2, 28), 12),
    ],
)
def test_months_since_is_the_last_anniversary(anchor, day, months):
    assert months_since(anchor, day) == months


def test_months_since_undoes_add_months():
    chance = seeded(31)
    for _ in range(2000):
        anchor = date(2024, 1, 1) + timedelta(chance.randrange(1500))
        day = anchor + timedelta(chance.randrange(-900, 900))
        months = months_since(anchor, day)
        assert add_months(anchor, months) <= day < add_months(anchor, months + 1)


@pytest.mark.parametrize(
    ("start", "end", "anchor", "length", "words"),
    [
        (date(2027, 1, 1), date(2028, 7, 1), None, Span(18), "18 months"),
        (date(2025, 11, 17), date(2026, 11, 15), None, Span(11, 29), "11 months and 29 days"),
        (date(2027, 1, 1), date(2027, 1, 2), None, Span(0, 1), "1 day"),
        (date(2027, 1, 1), date(2027, 2, 2), None, Span(1, 1), "1 month and 1 day"),
        (date(2027, 2, 28), date(2027, 3, 31), None, Span(1, 3), "1 month and 3 days"),
        (date(2027, 2, 28), date(2027, 3, 31), JAN_31, Span(1), "1 month"),
        (date(2027, 2, 28), date(2027, 4, 15), JAN_31, Span(1, 15), "1 month and 15 days"),
        (date(2027, 2, 10), date(2027, 3, 31), JAN_31, Span(1, 21), "1 month and 21 days"),
        (date(2027, 1, 1), date(2027, 1, 1), None, Span(0), "0 days"),
    ],
)
def test_a_span_is_months_and_days_on_the_anchors_days(start, end, anchor, length, words):
    assert span(start, end, anchor) == length
    assert str(span(start, end, anchor)) == words


def dates(anchor, interval, start, end):
    return [day.isoformat() for day in billing_dates(anchor, interval, Period(start, end))]


@pytest.mark.parametrize(
    ("anchor", "interval", "start", "end", "expected"),
    [
        (JAN_31, 1, JAN_31, date(2027, 5, 1), ["2027-01-31", "2027-02-28", "2027-03-31", "2027-04-30"]),
        (date(2027, 1, 30), 1, date(2027, 2, 1), date(2027, 4, 1), ["2027-02-28", "2027-03-30"]),
        (date(2028, 1, 29), 1, date(2028, 2, 1), date(2028, 3, 30), ["2028-02-29", "2028-03-29"]),
        (FEB_29, 12, FEB_29, date(2032, 3, 1), ["2028-02-29", "2029-02-28", "2030-02-28", "2031-02-28", "2032-02-29"]),
        (date(2027, 1, 1), 3, date(2027, 1, 2), date(2027, 10, 1), ["2027-04-01", "2027-07-01"]),
        (date(2028, 7, 1), 12, date(2027, 1, 1), date(2028, 7, 1), ["2027-07-01"]),
        (date(2027, 5, 31), 1, date(2027, 2, 28), date(2027, 4, 1), ["2027-02-28", "2027-03-31"]),
        (date(2027, 1, 1), 12, date(2027, 1, 2), date(2027, 12, 31), []),
    ],
    ids=str,
)
def test_billing_dates_count_from_the_anchor_even_before_it(anchor, interval, start, end, expected):
    assert dates(anchor, interval, start, end) == expected


def test_billing_dates_are_every_anniversary_in_the_period():
    chance = seeded(7)
    for _ in range(500):
        anchor = date(2027, 1, 1) + timedelta(chance.randrange(800))
        start = anchor + timedelta(chance.randrange(-500, 500))
        within = Period(start, start + timedelta(chance.randrange(1, 700)))
        interval = chance.choice([1, 3, 6, 12])
        every = [add_months(anchor, n * interval) for n in range(-60, 60)]
        expected = [day for day in every if within.start <= day < within.end]
        assert list(billing_dates(anchor, interval, within)) == expected


def test_a_period_must_end_after_it_starts():
    with pytest.raises(ValueError, match=r"2027-01-31 \.\. 2027-01-31"):
        Period(JAN_31, JAN_31)


@pytest.mark.parametrize(
    ("start", "end", "covers", "overlaps"),
    [(1, 10, True, True), (3, 5, True, True), (1, 11, False, True), (10, 12, False, False), (9, 12, False, True)],
)
def test_periods_are_half_open(start, end, covers, overlaps):
    ten = Period(date(2027, 1, 1), date(2027, 1, 10))
    other = Period(date(2027, 1, start), date(2027, 1, end))
    assert ten.days == 9
    assert ten.covers(other) is covers
    assert ten.overlaps(other) is other.overlaps(ten) is overlaps
    assert str(ten) == "2027-01-01..2027-01-10"


def test_an_inclusive_end_becomes_the_day_after():
    assert day_after(date(2027, 12, 31)) == date(2028, 1, 1)
