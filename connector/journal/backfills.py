"""Back-fills: what was selected, what the dry run showed, who approved and started it, and whether it is paused.

Every change of phase is one compare-and-set statement, so that several processes may work on one back-fill.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice
from typing import Any

from sqlalchemy import Connection, select

from connector.journal.audit import append_audit
from connector.journal.chapter import Chapter, columns_of, insert_into
from connector.journal.errors import JournalError
from connector.journal.tables import backfill_items, backfills

_CHUNK = 1_000

#: A record to be looked at, and from which day on it is ours to bill, where that was told for it alone.
Listed = tuple[str, date | None]


@dataclass(frozen=True, slots=True)
class Backfill:
    """One back-fill. Times are UTC.

    `phase` is selecting, planning, planned, applying or done. `calls` counts what reading took so far
    ({"stripe": 3, "crm": 4}) and what applying will write ({"write": {"/v1/customers": 2}}). `digest` names all that
    the dry run showed; `approved` ({digest, by, reason, at}) and `paused` ({by, reason, at}) are None mostly.
    """

    id: int
    connection: str
    phase: str
    selection: Mapping[str, Any]
    cursor: str
    billed_through: date | None
    mapping_hash: str
    config_hash: str
    started_by: str
    started_at: datetime
    calls: Mapping[str, Any]
    digest: str | None
    verdict: str | None
    reasons: tuple[str, ...]
    planned_at: datetime | None
    approved: Mapping[str, Any] | None
    applied_by: str | None
    applied_at: datetime | None
    paused: Mapping[str, Any] | None
    finished_at: datetime | None

    @property
    def job(self) -> str:
        """Return the name of its runs in the journal."""
        return f"backfill-{self.id}"

    @property
    def is_approved(self) -> bool:
        """Tell whether somebody approved exactly what the dry run showed."""
        return self.approved is not None and self.approved["digest"] == self.digest


class Backfills(Chapter):
    """The chapter of back-fills."""

    def create_backfill(
        self,
        connection: str,
        *,
        selection: Mapping[str, Any],
        billed_through: date | None,
        mapping_hash: str,
        config_hash: str,
        by: str,
        now: datetime,
        records: Iterable[Listed] | None = None,
    ) -> Backfill:
        """Open a back-fill; with `records` they are all of it, else they are listed page by page.

        The records are stored in the same transaction: none is lost, and memory stays flat.
        """
        values = {
            "connection": connection,
            "phase": "selecting" if records is None else "planning",
            "selection": selection,
            "cursor": "",
            "billed_through": billed_through,
            "mapping_hash": mapping_hash,
            "config_hash": config_hash,
            "started_by": by,
            "started_at": now,
            "calls": {},
        }
        with self._writing() as database:
            made = database.execute(backfills.insert().values(values).returning(*_BACKFILL)).mappings().one()
            found = _backfill(made)
            _insert(database, found, records or ())
            detail = {"backfill": found.id, "connection": connection, "selection": selection}
            append_audit(database, actor=by, action="backfill.started", detail=detail, now=now)
            return found

    def backfill(self, backfill_id: int) -> Backfill:
        """Return a back-fill. Raises JournalError if there is none of that number."""
        with self._reading() as database:
            row = database.execute(select(*_BACKFILL).where(backfills.c.id == backfill_id)).mappings().one_or_none()
        if row is None:
            raise JournalError(f"there is no back-fill {backfill_id}; `connector backfill list` shows all")
        return _backfill(row)

    def backfills(self, connection: str, *, limit: int = 100) -> tuple[Backfill, ...]:
        """List the latest back-fills of a connection, newest first."""
        query = select(*_BACKFILL).where(backfills.c.connection == connection)
        with self._reading() as database:
            rows = database.execute(query.order_by(backfills.c.id.desc()).limit(limit)).mappings()
            return tuple(_backfill(row) for row in rows)

    def add_page(self, backfill: Backfill, records: Iterable[str]) -> bool:
        """Store the records listed behind `backfill.cursor`; without any, the list is complete.

        False when another process stored that page a moment ago.
        """
        page = list(records)
        values = {"cursor": page[-1]} if page else {"phase": "planning"}
        here = (backfills.c.phase == "selecting", backfills.c.cursor == backfill.cursor)
        with self._writing() as database:
            moved = database.execute(backfills.update().where(backfills.c.id == backfill.id, *here).values(values))
            if moved.rowcount == 1:
                _insert(database, backfill, ((record, None) for record in page))
            return moved.rowcount == 1

    def count_calls(self, backfill_id: int, counted: Mapping[str, Any]) -> None:
        """Add to the calls of a back-fill: numbers are added, level by level."""
        this = backfills.c.id == backfill_id
        with self._writing() as database:
            known = database.execute(select(backfills.c.calls).where(this).with_for_update()).scalar_one()
            database.execute(backfills.update().where(this).values(calls=_added(known, counted)))

    def end_dry_run(
        self, backfill_id: int, *, digest: str, verdict: str, reasons: Iterable[str], now: datetime
    ) -> bool:
        """Close the dry run with what it showed in all; False when another process did."""
        values = {"digest": digest, "verdict": verdict, "reasons": list(reasons), "planned_at": now}
        return self._moves(backfill_id, "planning", {**values, "phase": "planned"})

    def begin_apply(self, backfill_id: int, by: str, now: datetime) -> bool:
        """Begin to apply; False when another process has begun already, which does no harm."""
        detail = {"backfill": backfill_id}
        values = {"phase": "applying", "applied_by": by, "applied_at": now}
        with self._writing() as database:
            planned = (backfills.c.id == backfill_id, backfills.c.phase == "planned")
            begun = database.execute(backfills.update().where(*planned).values(values)).rowcount == 1
            if begun:
                append_audit(database, actor=by, action="backfill.applied", detail=detail, now=now)
            return begun

    def end_apply(self, backfill_id: int, now: datetime) -> bool:
        """Close a back-fill of which nothing is left to do; False when another process did."""
        return self._moves(backfill_id, "applying", {"phase": "done", "finished_at": now})

    def pause_backfill(self, backfill_id: int, by: str, reason: str, now: datetime) -> None:
        """Ask every process that works on it to stop after the contract in hand."""
        self._note(backfill_id, "backfill.paused", "paused", {"by": by, "reason": reason, "at": now}, now)

    def unpause_backfill(self, backfill_id: int, by: str, now: datetime) -> None:
        """Let processes work on it again."""
        with self._writing() as database:
            paused = (backfills.c.id == backfill_id, backfills.c.paused.is_not(None))
            if database.execute(backfills.update().where(*paused).values(paused=None)).rowcount == 1:
                detail = {"backfill": backfill_id}
                append_audit(database, actor=by, action="backfill.resumed", detail=detail, now=now)

    def approve_backfill(self, backfill: Backfill, by: str, reason: str, now: datetime) -> None:
        """Approve exactly what the dry run showed. Raises JournalError before it has ended."""
        if backfill.digest is None:
            raise JournalError(f"the dry run of back-fill {backfill.id} has not ended; there is nothing to approve yet")
        said = {"digest": backfill.digest, "by": by, "reason": reason, "at": now}
        self._note(backfill.id, "backfill.approved", "approved", said, now)

    def reopen_backfill(self, backfill_id: int) -> None:
        """Go on with a back-fill that was done: contracts that waited are tried again."""
        self._moves(backfill_id, "done", {"phase": "applying", "finished_at": None})

    def _moves(self, backfill_id: int, phase: str, values: Mapping[str, Any]) -> bool:
        here = (backfills.c.id == backfill_id, backfills.c.phase == phase)
        with self._writing() as database:
            return database.execute(backfills.update().where(*here).values(**values)).rowcount == 1

    def _note(self, backfill_id: int, action: str, column: str, said: Mapping[str, Any], now: datetime) -> None:
        with self._writing() as database:
            database.execute(backfills.update().where(backfills.c.id == backfill_id).values({column: said}))
            detail = {"backfill": backfill_id, **{key: value for key, value in said.items() if key != "by"}}
            append_audit(database, actor=str(said["by"]), action=action, detail=detail, now=now)


_BACKFILL = columns_of(backfills, Backfill)


def _backfill(row: Any) -> Backfill:
    return Backfill(**{**row, "reasons": tuple(row["reasons"] or ())})


def _insert(database: Connection, backfill: Backfill, records: Iterable[Listed]) -> None:
    source = iter(records)
    while chunk := list(islice(source, _CHUNK)):
        rows = [
            {
                "backfill_id": backfill.id,
                "record": record,
                "state": "selected",
                "billed_through": day or backfill.billed_through,
                "writes": 0,
            }
            for record, day in dict(chunk).items()
        ]
        database.execute(insert_into(database, backfill_items).on_conflict_do_nothing(), rows)


def _added(known: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    total = dict(known)
    for key, value in more.items():
        total[key] = _added(total.get(key, {}), value) if isinstance(value, Mapping) else total.get(key, 0) + value
    return total
