"""Our parameters ↔ Stripe's wire: days become timestamps of midnight in the account's time zone, and back."""

from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from connector.compile.resource import Key, Ref, Value
from connector.domain.money import plain


def encode(value: Value | Mapping[str, Value], resolve: Callable[[Key], str], zone: ZoneInfo) -> Any:
    """Return parameters as the SDK takes them. Decimals are sent as plain text: the SDK would send 1E+3 as it is."""
    if isinstance(value, Mapping):
        return {key: encode(entry, resolve, zone) for key, entry in value.items() if entry is not None}
    if isinstance(value, list):
        return [encode(entry, resolve, zone) for entry in value]
    if isinstance(value, Ref):
        return resolve(value.key)
    if isinstance(value, Decimal):
        return format(plain(value), "f")
    if isinstance(value, date):
        return int(value.timestamp()) if isinstance(value, datetime) else timestamp(value, zone)
    return value


def timestamp(day: date, zone: ZoneInfo) -> int:
    """Return the moment at which `day` begins in `zone`, in Unix seconds."""
    return int(datetime.combine(day, time.min, zone).timestamp())


def day_of(moment: int, zone: ZoneInfo) -> str:
    """Return a Stripe timestamp as an ISO day, or as an ISO moment in `zone` when no day begins with it there.

    Days mostly begin at midnight; where the clocks go forward at midnight, one day a year begins at one o'clock.
    """
    day = datetime.fromtimestamp(moment, zone).date()
    if timestamp(day, zone) == moment:
        return day.isoformat()
    return datetime.fromtimestamp(moment, zone).isoformat()
