"""An emulated service's clock: real, or frozen and moved by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime


class Clock:
    """Server time; ``Clock(None)`` follows the host, ``Clock(moment)`` stands still until told otherwise."""

    def __init__(self, frozen: datetime | None = None) -> None:
        self._frozen = frozen.astimezone(UTC) if frozen else None
        self._offset = timedelta()

    def now(self) -> datetime:
        """Return the service's present."""
        return (self._frozen or datetime.now(UTC)) + self._offset

    def today(self) -> date:
        """Return the service's date in UTC."""
        return self.now().date()

    def advance(self, by: timedelta) -> datetime:
        """Let time pass without waiting."""
        self._offset += by
        return self.now()

    def set(self, moment: datetime) -> datetime:
        """Freeze the clock at a moment."""
        self._frozen, self._offset = moment.astimezone(UTC), timedelta()
        return self.now()

    def http_date(self) -> str:
        """Return the present for the ``Date`` header, by which clients learn the server's clock."""
        return format_datetime(self.now().replace(microsecond=0), usegmt=True)


def parse_moment(text: str) -> datetime:
    """Read a timestamp; one without an offset is UTC."""
    moment = datetime.fromisoformat(text)
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
