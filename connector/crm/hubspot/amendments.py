"""Which deals name another one as their original: by a property, which only a search can turn around.

The association label says the same in both directions and is read with the deal. The property is for accounts without
the label. All deals that have it are asked for at once (a page of 200 for each call), and kept for a short while.
"""

import threading
import time
from collections import defaultdict
from collections.abc import Callable

from connector.crm.hubspot.client import HubSpotClient
from connector.crm.hubspot.schema import AccountSchema

_KEEP = 20.0  # seconds


class Amendments:
    """Original deal → deals that name it, for all threads."""

    def __init__(
        self, client: HubSpotClient, schema: AccountSchema, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._client = client
        self._schema = schema
        self._clock = clock
        self._lock = threading.Lock()
        self._read_at: float | None = None
        self._found: dict[str, list[str]] = {}

    def of(self, original: str) -> list[str]:
        """Return the deals that name this one in their property."""
        with self._lock:
            if self._read_at is None or self._clock() - self._read_at > _KEEP:
                self._found = self._read()
                self._read_at = self._clock()
            return self._found.get(original, [])

    def forget(self) -> None:
        """Ask again the next time."""
        with self._lock:
            self._read_at = None

    def _read(self) -> dict[str, list[str]]:
        name = f"{self._client.settings.prefix}original_deal"
        found: dict[str, list[str]] = defaultdict(list)
        if name not in self._schema.of("deals"):  # a search for what the account does not have is refused
            return {}
        for row in self._client.search_all("deals", [{"propertyName": name, "operator": "HAS_PROPERTY"}], [name]):
            original = str(row["properties"].get(name) or "").strip()
            if original:
                found[original].append(row["id"])
        return dict(found)
