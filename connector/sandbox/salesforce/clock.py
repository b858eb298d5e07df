"""The org's clock: every timestamp the emulator hands out comes from it."""

from __future__ import annotations

from datetime import UTC, datetime

from connector.sandbox import clock
from connector.sandbox.clock import parse_moment

__all__ = ["Clock", "format_moment", "parse_moment"]


class Clock(clock.Clock):
    """Server time, written as the API writes it; the org's time zone is UTC."""

    def stamp(self) -> str:
        """Return the present as the API writes it."""
        return format_moment(self.now())


def format_moment(moment: datetime) -> str:
    """``2023-11-14T19:52:14.000+0000``: whole seconds, always UTC, no colon in the offset (recorded traffic)."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")
