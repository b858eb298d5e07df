"""The portal's clock: milliseconds since 1970 inside, ``2026-11-24T08:00:00.000Z`` on the wire."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from connector.sandbox import clock

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


class Clock(clock.Clock):
    """Server time in milliseconds; ``advanced`` is all the time that was skipped, for rate limit windows."""

    def __init__(self, frozen: datetime | None = None) -> None:
        super().__init__(frozen)
        self.advanced = timedelta()

    def advance(self, by: timedelta) -> datetime:
        """Let time pass without waiting."""
        self.advanced += by
        return super().advance(by)

    def ms(self) -> int:
        """Return the present."""
        return to_ms(self.now())


def to_ms(moment: datetime) -> int:
    """Return a moment as epoch milliseconds."""
    return (moment - _EPOCH) // _MILLISECOND


def stamp(ms: int) -> str:
    """Return epoch milliseconds as the API writes moments."""
    moment = _EPOCH + timedelta(milliseconds=ms)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def parse_stamp(text: str) -> int | None:
    """Read a moment: epoch milliseconds, or ISO with or without an offset; None when it is neither."""
    if text.lstrip("-").isdigit():
        return int(text)
    try:
        moment = clock.parse_moment(text)
    except ValueError:
        return None
    return to_ms(moment)
