"""When jobs run: time is cut into slots, the same for every process, and a job is due once in each.

The scheduler only wakes up often enough; whether a slot is still to be done is asked of the journal. So a slot that was
missed while nothing ran is made up for once, and what was missed before it is not.
"""

import random
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from apscheduler.triggers.base import BaseTrigger

_DAY = 86_400
#: Seconds between two looks at the journal for jobs that run less often.
_LOOK_EVERY = 60.0
_MOST_JITTER = 5.0


def slot_of(now: datetime, seconds: float, zone: ZoneInfo, night_hour: int) -> datetime:
    """Return when the present slot began (UTC). Slots of whole days begin at the night hour of the time zone."""
    if seconds >= _DAY and seconds % _DAY == 0:
        days = int(seconds // _DAY)
        day = (now.astimezone(zone) - timedelta(hours=night_hour)).date()
        first = day - timedelta(days=day.toordinal() % days)
        return datetime.combine(first, time(night_hour), zone).astimezone(UTC)
    step = round(seconds * 1_000_000)
    since = (now - datetime.fromtimestamp(0, UTC)) // timedelta(microseconds=1)
    return datetime.fromtimestamp(0, UTC) + timedelta(microseconds=since - since % step)


class SlotTrigger(BaseTrigger):  # type: ignore[misc]  # the library has no types
    """Fires at the beginning of each slot plus some jitter, and within long slots once a minute."""

    def __init__(self, seconds: float) -> None:
        self.seconds = min(seconds, _LOOK_EVERY)

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:
        """Return the next moment after the last one; those that were missed are left out."""
        after = max(previous_fire_time or now, now)
        begin = slot_of(after, self.seconds, ZoneInfo("UTC"), 0) + timedelta(seconds=self.seconds)
        jitter = random.uniform(0, min(self.seconds / 10, _MOST_JITTER))  # noqa: S311 -- no secret
        return begin + timedelta(seconds=jitter)
