"""What a run has looked at, remembered once it is done: so a sweep knows what nobody has looked at.

A stamp is that of the read which told the record, never that of a later one: what was modified meanwhile differs.
"""

from collections.abc import Mapping
from datetime import datetime

from connector.crm.protocol import Cursor
from connector.desk import Desk, Result
from connector.journal import Stamp
from connector.mapping.mapping_file import MappingFile
from connector.plan.canonical import digest

#: The stream of the journal's cursors that polls go on from.
STREAM = "contracts"
#: Streams that keep the figures of the last sweep and the last reconcile, and since which run there has been work
#: without a break; not how far the CRM was read.
SWEEP, RECONCILE, WAVE = "sweep", "reconcile", "wave"


class Handled:
    """The records a run is told of, with their stamps; `save` when every one of them was looked at."""

    def __init__(self, desk: Desk, stamps: Mapping[str, datetime]) -> None:
        self._desk = desk
        self.stamps = dict(stamps)
        self._roots: dict[str, str] = {}

    def add(self, result: Result) -> None:
        """Take note of which contract the records of a result belong to."""
        raw = result.planned.raw
        for record in (raw.root, *(revision.record for revision in raw.revisions)):
            self._roots[record.id] = raw.root.id

    def save(self) -> None:
        """Remember the records as handled, by the mapping of this run; which contract they belong to, as far as known.

        Before the results are there (the records were only asked to be looked at) that is what was known before.
        """
        journal, mapping = self._desk.account.journal, self._desk.mapping.hash
        untold = [record for record in self.stamps if record not in self._roots]
        known = {one.record: one.root for one in journal.stamps(self._desk.name, untold).values()} if untold else {}
        self._roots = {**known, **self._roots}
        handled = (Stamp(key, self._roots.get(key, key), stamp, mapping) for key, stamp in self.stamps.items())
        journal.save_stamps(self._desk.name, handled, self._desk.clock())


def read_cursor(desk: Desk) -> Cursor | None:
    """Return how far the CRM was read; None before the first time."""
    stored = desk.account.journal.cursor(desk.name, STREAM)
    return cursor_of(stored.value) if stored else None


def save_cursor(desk: Desk, cursor: Cursor) -> None:
    """Remember how far the CRM was read, and by which filters."""
    more = {"filters": filters_hash(desk.mapping)}
    desk.account.journal.save_cursor(desk.name, STREAM, {**cursor_value(cursor), **more}, desk.clock())


def has_other_filters(desk: Desk) -> bool:
    """Tell whether the CRM was read by other filters than those of the mapping file now.

    A contract that was left out may be meant by them although nobody touches it any more.
    """
    stored = desk.account.journal.cursor(desk.name, STREAM)
    return stored is not None and stored.value.get("filters") not in {None, filters_hash(desk.mapping)}


def filters_hash(mapping: MappingFile) -> str:
    """Return a name of the conditions that decide which records are billed: it changes when they do."""
    return digest(repr(mapping.gates))


def cursor_value(cursor: Cursor) -> dict[str, object]:
    """Return a cursor as JSON."""
    return {
        "stamp": cursor.stamp.isoformat(),
        "id": cursor.id,
        "again": cursor.again.isoformat() if cursor.again else None,
        "seen": cursor.seen,
    }


def cursor_of(value: Mapping[str, object]) -> Cursor:
    """Return the cursor that JSON tells; one of an older version knows nothing of what was told."""
    again, seen = value.get("again"), value.get("seen")
    return Cursor(
        datetime.fromisoformat(str(value["stamp"])),
        str(value["id"]),
        datetime.fromisoformat(str(again)) if again else None,
        seen if isinstance(seen, Mapping) else {},
    )
