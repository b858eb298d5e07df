"""The org's clock: real, or frozen and moved by hand. Every timestamp the emulator hands out comes from it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime


class Clock:
    """Server time; ``Clock(None)`` follows the host, ``Clock(moment)`` stands still until told otherwise."""

    def __init__(self, frozen: datetime | None = None) -> None:
        self._frozen = frozen.astimezone(UTC) if frozen else None
        self._offset = timedelta()

    def now(self) -> datetime:
        """Return the org's present."""
        return (self._frozen or datetime.now(UTC)) + self._offset

    def today(self) -> date:
        """Return the org's date; its time zone is UTC."""
        return self.now().date()

    def advance(self, by: timedelta) -> datetime:
        """Let time pass without waiting."""
        self._offset += by
        return self.now()

    def set(self, moment: datetime) -> datetime:
        """Freeze the clock at a moment."""
        self._frozen, self._offset = moment.astimezone(UTC), timedelta()
        return self.now()

    def stamp(self) -> str:
        """Return the present as the API writes it."""
        return format_moment(self.now())

    def http_date(self) -> str:
        """Return the present for the ``Date`` header, by which clients learn the server's clock."""
        return format_datetime(self.now().replace(microsecond=0), usegmt=True)


def format_moment(moment: datetime) -> str:
    """``2023-11-14T19:52:14.000+0000``: whole seconds, always UTC, no colon in the offset (recorded traffic)."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")


def parse_moment(text: str) -> datetime:
    """Read a timestamp; one without an offset is UTC."""
    moment = datetime.fromisoformat(text)
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
