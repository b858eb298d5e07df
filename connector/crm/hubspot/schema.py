"""Which properties the account has: asked for when something is written, checked or set up, and kept for an hour."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from connector.crm.hubspot.client import HubSpotClient
from connector.crm.hubspot.moments import moment

_KEEP = 3600.0  # seconds


@dataclass(frozen=True, slots=True)
class Property:
    """One property: its type, the values an enumeration takes, and whether it can be written."""

    name: str
    label: str
    type: str
    options: tuple[str, ...]
    writable: bool

    @classmethod
    def of(cls, definition: Mapping[str, Any]) -> "Property":
        """Read a definition as HubSpot gives it."""
        limits = definition.get("modificationMetadata") or {}
        return cls(
            definition["name"],
            definition.get("label") or definition["name"],
            definition.get("type") or "string",
            tuple(str(option["value"]) for option in definition.get("options") or ()),
            writable=not limits.get("readOnlyValue") and not definition.get("calculated"),
        )

    def text(self, value: object) -> str:
        """Return a value as HubSpot takes it: text in any case; nothing clears the property.

        An option is found by its letters and digits: "Needs review" is the option needs_review.
        """
        text = _plain(value)
        if self.type == "datetime" and (found := moment(text)) is not None:
            return _plain(found)
        if self.options and text not in self.options:
            return next((option for option in self.options if _letters(option) == _letters(text)), text)
        return text


class AccountSchema:
    """The account's properties by object and name, for all threads."""

    def __init__(self, client: HubSpotClient, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._clock = clock
        self._lock = threading.Lock()
        self._read: dict[str, tuple[float, Mapping[str, Property]]] = {}

    def of(self, name: str) -> Mapping[str, Property]:
        """Return the properties of an object."""
        with self._lock:
            read_at, found = self._read.get(name, (0.0, {}))
            if name not in self._read or self._clock() - read_at > _KEEP:
                found = {row["name"]: Property.of(row) for row in self._client.properties(name)}
                self._read[name] = (self._clock(), found)
            return found

    def forget(self) -> None:
        """Look at the account afresh from now on."""
        with self._lock:
            self._read.clear()


def _plain(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case datetime():
            return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        case date():
            return value.isoformat()
        case Decimal():
            return format(value, "f")
        case _:
            return str(value)


def _letters(text: str) -> str:
    return "".join(char for char in text.casefold() if char.isalnum())
