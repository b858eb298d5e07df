"""Our parameters on Stripe's wire: days in several zones, amounts, references, and what is left out."""

from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from connector.billing.encode import day_of, encode, timestamp
from connector.compile.resource import Key, Params, Ref

BERLIN = ZoneInfo("Europe/Berlin")

DAYS = [
    ("UTC", date(2027, 1, 1), "2027-01-01T00:00:00Z"),
    ("Europe/Berlin", date(2027, 1, 1), "2026-12-31T23:00:00Z"),
    ("Europe/Berlin", date(2027, 7, 1), "2027-06-30T22:00:00Z"),
    ("Europe/Berlin", date(2027, 3, 28), "2027-03-27T23:00:00Z"),  # the clocks go forward in that night
    ("Europe/Berlin", date(2027, 3, 29), "2027-03-28T22:00:00Z"),
    ("Europe/Berlin", date(2027, 10, 31), "2027-10-30T22:00:00Z"),
    ("Europe/Berlin", date(2027, 11, 1), "2027-10-31T23:00:00Z"),
    ("America/New_York", date(2027, 3, 14), "2027-03-14T05:00:00Z"),
    ("America/New_York", date(2027, 3, 15), "2027-03-15T04:00:00Z"),
    ("Asia/Kolkata", date(2027, 5, 1), "2027-04-30T18:30:00Z"),
    ("Pacific/Auckland", date(2027, 1, 1), "2026-12-31T11:00:00Z"),
    ("Pacific/Kiritimati", date(2027, 1, 1), "2026-12-31T10:00:00Z"),
]


@pytest.mark.parametrize(("zone", "day", "moment"), DAYS, ids=[f"{zone} {day}" for zone, day, _ in DAYS])
def test_a_day_begins_at_midnight_in_the_accounts_zone_and_comes_back(zone: str, day: date, moment: str):
    place = ZoneInfo(zone)
    sent = timestamp(day, place)
    assert datetime.fromtimestamp(sent, UTC).isoformat().replace("+00:00", "Z") == moment
    assert day_of(sent, place) == day.isoformat()


@pytest.mark.parametrize("zone", ["America/Santiago", "Africa/Cairo", "Asia/Beirut"])
def test_a_day_that_has_no_midnight_comes_back_as_the_day(zone: str):
    """Where the clocks go forward at midnight the day begins at one o'clock."""
    place = ZoneInfo(zone)
    for ordinal in range(date(2027, 1, 1).toordinal(), date(2028, 1, 1).toordinal()):
        day = date.fromordinal(ordinal)
        assert day_of(timestamp(day, place), place) == day.isoformat()


def test_a_moment_inside_a_day_stays_a_moment():
    assert day_of(timestamp(date(2027, 1, 1), BERLIN) + 90, BERLIN) == "2027-01-01T00:01:30+01:00"


@pytest.mark.parametrize(
    ("amount", "sent"),
    [
        ("1000", "1000"),
        ("1E+3", "1000"),
        ("1.2E+6", "1200000"),
        ("0", "0"),
        ("0E+2", "0"),
        ("83.3300", "83.33"),
        ("0.000000000001", "0.000000000001"),
        ("-12.50", "-12.5"),
    ],
)
def test_amounts_are_plain_digits(amount: str, sent: str):
    assert encode({"unit_amount_decimal": Decimal(amount)}, str, BERLIN) == {"unit_amount_decimal": sent}


def test_references_become_ids_at_any_depth():
    ids = {Key("price", "cn_1"): "price_1", Key("customer", "A"): "cus_1"}
    params: Params = {
        "customer": Ref(Key("customer", "A")),
        "phases": [{"items": [{"price": Ref(Key("price", "cn_1")), "quantity": 3}]}],
    }
    assert encode(params, ids.__getitem__, BERLIN) == {
        "customer": "cus_1",
        "phases": [{"items": [{"price": "price_1", "quantity": 3}]}],
    }


def test_what_is_none_is_left_out_and_what_is_empty_is_sent():
    params: Params = {"a": None, "b": "", "c": [], "d": {}, "e": False, "f": 0, "g": {"h": None, "i": "x"}}
    assert encode(params, str, BERLIN) == {"b": "", "c": [], "d": {}, "e": False, "f": 0, "g": {"i": "x"}}


def test_days_become_timestamps_at_any_depth():
    params: Params = {"phases": [{"start_date": date(2027, 1, 1), "end_date": date(2028, 1, 1)}]}
    assert encode(params, str, ZoneInfo("UTC")) == {"phases": [{"start_date": 1798761600, "end_date": 1830297600}]}
