"""HubSpot's moments and days: ISO 8601 with Z, or milliseconds since 1970, as text. Pure."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo


def moment(value: object) -> datetime | None:
    """Return a moment: `2026-11-24T08:00:00.123Z` or 1795507200123; None for what is neither."""
    text = str(value).strip()
    try:
        if text.lstrip("-").isdigit():
            return datetime.fromtimestamp(int(text) / 1000, UTC)
        found = datetime.fromisoformat(text)
    except (ValueError, OverflowError, OSError):
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def millis(when: datetime) -> str:
    """Return a moment as search filters want it."""
    return str(round(when.timestamp() * 1000))


def day_in(zone: str, value: object) -> str | None:
    """Return the day on which a moment falls in a time zone: 23:30Z is the next day in Rome."""
    found = moment(value)
    return found.astimezone(ZoneInfo(zone)).date().isoformat() if found else None
