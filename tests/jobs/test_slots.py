"""Slots: the same for every process, whole days at night, no slot twice, none that was missed made up for."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from jobs.slots import SlotTrigger, slot_of

UTC_ZONE, BERLIN = ZoneInfo("UTC"), ZoneInfo("Europe/Berlin")
DAY = 86_400


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+00:00")


@pytest.mark.parametrize(
    ("now", "seconds", "slot"),
    [
        ("2026-11-24T09:30:59.9", 60, "2026-11-24T09:30:00"),
        ("2026-11-24T09:31:00", 60, "2026-11-24T09:31:00"),
        ("2026-11-24T09:30:59.9", 0.25, "2026-11-24T09:30:59.75"),
        ("2026-11-24T09:30:00", 6 * 3600, "2026-11-24T06:00:00"),
        ("2026-11-24T01:59:59", DAY, "2026-11-23T02:00:00"),
        ("2026-11-24T02:00:00", DAY, "2026-11-24T02:00:00"),
    ],
)
def test_when_a_slot_begins(now: str, seconds: float, slot: str):
    assert slot_of(at(now), seconds, UTC_ZONE, 2) == at(slot)


def test_whole_days_begin_at_the_night_hour_of_the_time_zone_in_summer_and_winter():
    assert slot_of(at("2026-11-24T12:00"), DAY, BERLIN, 2) == at("2026-11-24T01:00")
    assert slot_of(at("2026-07-24T12:00"), DAY, BERLIN, 2) == at("2026-07-24T00:00")


def test_several_days_make_one_slot():
    days = [at("2026-11-01T12:00") + timedelta(days=number) for number in range(28)]
    found = [slot_of(day, 7 * DAY, UTC_ZONE, 2) for day in days]
    assert len(set(found)) in {4, 5}
    assert all(timedelta(0) <= day - slot < timedelta(days=7) for day, slot in zip(days, found, strict=True))


def test_every_day_of_a_year_has_its_own_slot():
    days = [datetime(2026, 1, 1, 12, tzinfo=UTC) + timedelta(days=number) for number in range(365)]
    assert len({slot_of(day, DAY, BERLIN, 2) for day in days}) == 365


def test_the_trigger_fires_once_in_each_slot_with_some_jitter():
    trigger, now = SlotTrigger(30), at("2026-11-24T09:00:10")
    fired: list[datetime] = []
    for _ in range(20):
        now = trigger.get_next_fire_time(now if fired else None, now)
        fired.append(now)
    assert [slot_of(one, 30, UTC_ZONE, 0) for one in fired] == [
        at("2026-11-24T09:00:30") + timedelta(seconds=30 * number) for number in range(20)
    ]
    assert all(timedelta(0) <= one - slot_of(one, 30, UTC_ZONE, 0) <= timedelta(seconds=3) for one in fired)
    assert len({one.microsecond for one in fired}) > 10


def test_what_was_missed_is_left_out():
    trigger = SlotTrigger(60)
    after = trigger.get_next_fire_time(at("2026-11-24T09:00:01"), at("2026-11-24T14:10:30"))
    assert slot_of(after, 60, UTC_ZONE, 0) == at("2026-11-24T14:11:00")


def test_long_slots_are_looked_at_every_minute():
    after = SlotTrigger(DAY).get_next_fire_time(None, at("2026-11-24T09:00:30"))
    assert after - at("2026-11-24T09:00:30") <= timedelta(seconds=36)
