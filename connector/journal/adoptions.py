"""Adopted edits: values that somebody edited in Stripe by hand and somebody adopted, until they are taken back.

A row is one value of one contract: plain JSON for whoever plans. Each decision, and its end, is in the audit chain.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, select

from connector.journal.audit import append_audit
from connector.journal.chapter import Chapter, columns_of
from connector.journal.tables import adopted_edits


@dataclass(frozen=True, slots=True)
class AdoptedRow:
    """One adopted value: `edit` says which and what, the rest who, when (UTC) and why."""

    id: int
    connection: str
    contract_key: str
    edit: Mapping[str, Any]
    adopted_by: str
    adopted_at: datetime
    reason: str


class Adoptions(Chapter):
    """The chapter of adopted edits."""

    def adopt_edits(
        self,
        connection: str,
        contract_key: str,
        edits: Sequence[Mapping[str, Any]],
        *,
        instead_of: Collection[int] = (),
        by: str,
        reason: str,
        now: datetime,
    ) -> None:
        """Keep edits as adopted; those with the ids `instead_of` end with it. One transaction, with the audit chain."""
        decision = {"connection": connection, "contract_key": contract_key, "reason": reason, "edits": list(edits)}
        rows = [
            {
                "connection": connection,
                "contract_key": contract_key,
                "edit": edit,
                "adopted_by": by,
                "adopted_at": now,
                "reason": reason,
            }
            for edit in edits
        ]
        with self._writing() as database:
            _end(database, instead_of, now)
            if rows:
                database.execute(adopted_edits.insert(), rows)
            append_audit(
                database,
                actor=by,
                action="drift.adopted",
                detail={**decision, "instead_of": sorted(instead_of)},
                now=now,
            )

    def adopted_edits(self, connection: str, contract_key: str) -> tuple[AdoptedRow, ...]:
        """List the edits that are adopted for a contract, oldest first."""
        named = {"connection": connection, "contract_key": contract_key}
        with self._reading() as database:
            return tuple(AdoptedRow(**row) for row in database.execute(_OPEN, named).mappings())

    def end_adopted(
        self, connection: str, contract_key: str, ids: Collection[int], *, by: str, reason: str, now: datetime
    ) -> None:
        """End adopted edits: somebody takes them back, or a plan that undoes them was applied."""
        detail = {"connection": connection, "contract_key": contract_key, "reason": reason, "ids": sorted(ids)}
        with self._writing() as database:
            if _end(database, ids, now):
                append_audit(database, actor=by, action="drift.forgotten", detail=detail, now=now)


def _end(database: Connection, ids: Collection[int], now: datetime) -> int:
    if not ids:
        return 0
    open_ones = (adopted_edits.c.id.in_(sorted(ids)), adopted_edits.c.ended_at.is_(None))
    return database.execute(adopted_edits.update().where(*open_ones).values(ended_at=now)).rowcount


_ROW = columns_of(adopted_edits, AdoptedRow)
_OPEN = (
    select(*_ROW)
    .where(
        adopted_edits.c.connection == bindparam("connection"),
        adopted_edits.c.contract_key == bindparam("contract_key"),
        adopted_edits.c.ended_at.is_(None),
    )
    .order_by(adopted_edits.c.id)
)
