"""Which deals may have changed: a poll that loses nothing and knows no limit of 10,000 results.

Deals, line items, quotes and companies are asked for what was modified since the last poll: editing a line need not
touch its deal. HubSpot's index shows a change "after a few moments" and gives no bound, so every poll reads the last
minutes again and leaves out what it has told already. Rows come by id and each page begins after the last id: a bulk
edit that gives many thousand records one moment is read once, and a record that changes meanwhile comes again in the
next poll. Archived records and associations are not seen this way: that is what the daily sweep is for.
"""

import threading
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta

from connector.crm.hubspot.client import HubSpotClient, Row
from connector.crm.hubspot.moments import millis, moment

#: Objects that are polled; changes of all but the first are led back to deals.
POLLED = ("deals", "line_items", "quotes", "companies")
MODIFIED = "hs_lastmodifieddate"

Seen = dict[tuple[str, str], str]


#: Records whose date is remembered from reading to writing; what is forgotten costs another look.
_REMEMBERED = 50_000


class OwnWrites:
    """What we have written ourselves: record → the modification date that our write gave it.

    A record with exactly that date has not been touched by anybody since; a date that is lost only costs another look.
    Our write also covers the date of an edit that somebody made after we had read the record. So the dates at reading
    are remembered, and a record that was no longer as it was read when we wrote is not taken for our own.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._dates: Seen = {}
        self._read: Seen = {}

    def was_read(self, name: str, rows: Iterable[Row]) -> None:
        """Remember records as they were read."""
        with self._lock:
            for row in rows:
                key = (name, str(row["id"]))
                self._read.pop(key, None)
                self._read[key] = updated(row)
            for key in list(self._read)[: max(0, len(self._read) - _REMEMBERED)]:
                del self._read[key]

    def untouched(self, name: str, rows: Iterable[Row]) -> frozenset[str]:
        """Return the ids of those records, read again before a write, that nobody has edited since they were read."""
        with self._lock:
            return frozenset(str(row["id"]) for row in rows if self._read.get((name, str(row["id"]))) == updated(row))

    def note(self, name: str, rows: Iterable[Row], untouched: frozenset[str] | None = None) -> None:
        """Take note of the answer to a write: of all its records, or of those that nobody else had edited."""
        with self._lock:
            for row in rows:
                date, key = modified(row), (name, str(row["id"]))
                if date and (untouched is None or key[1] in untouched):
                    self._dates[key], self._read[key] = date, updated(row)

    def made(self, name: str, row: Row) -> bool:
        """Tell whether the last modification of a record was ours."""
        with self._lock:
            return modified(row) is not None and self._dates.get((name, str(row["id"]))) == modified(row)

    def forget_before(self, start: datetime) -> None:
        """Forget what no poll can meet again."""
        with self._lock:
            self._dates = {key: date for key, date in self._dates.items() if not _older(date, start)}


class Poll:
    """One poll: the moment it reads from, and what the last one has told."""

    def __init__(
        self, client: HubSpotClient, own: OwnWrites, *, since: datetime | None, told: Mapping[tuple[str, str], str]
    ) -> None:
        """`since` is None for the first poll, which is told every deal."""
        self._client = client
        self._own = own
        self._since = since
        self._told = told
        self.found: Seen = {}

    def deals(self) -> Iterator[str]:
        """Yield ids of deals that may have changed, with repeats; `found` then holds what the next poll reads again."""
        if self._since is None:
            yield from (row["id"] for row in self._client.search_all("deals", [], [MODIFIED]))
            return
        for name in POLLED:
            changed = [row["id"] for row in self._rows(name, self._since)]
            if name == "deals":
                yield from changed
            elif changed:
                ties = self._client.ties(name, "deals", changed)
                yield from (tie.to for key in changed for tie in ties.get(key, ()))

    def _rows(self, name: str, since: datetime) -> Iterator[Row]:
        recent = {"propertyName": MODIFIED, "operator": "GTE", "value": millis(since)}
        for row in self._client.search_all(name, [recent], [MODIFIED]):
            key, date = (name, str(row["id"])), modified(row) or ""
            self.found[key] = date
            if self._told.get(key) != date and not self._own.made(name, row):
                yield row


def updated(row: Row) -> str:
    """Return when a record was last changed, as HubSpot says it beside the properties."""
    found = moment(row["updatedAt"]) if row.get("updatedAt") else None
    return found.isoformat(timespec="milliseconds") if found else ""


def modified(row: Row) -> str | None:
    """Return a record's modification date: the property where it was asked for, else the record's own."""
    value = (row.get("properties") or {}).get(MODIFIED) or row.get("updatedAt")
    found = moment(value) if value else None
    return found.isoformat(timespec="milliseconds") if found else None


def still_read(found: Mapping[tuple[str, str], str], start: datetime) -> Seen:
    """Keep what a poll from `start` on can meet again."""
    return {key: date for key, date in found.items() if not _older(date, start)}


def _older(date: str, start: datetime) -> bool:
    stamp = moment(date)
    return stamp is not None and stamp < start - timedelta(seconds=1)
