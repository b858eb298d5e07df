"""Findings: what the last reconcile found in Stripe that nobody of us made. People decide; nothing is repaired."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from connector.journal.chapter import Chapter, columns_of, insert_into
from connector.journal.tables import findings


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One difference. `subject` is Stripe's id of what it is about; `contract_key` is "" when no contract is known.

    Kinds: edited (by hand), ended (canceled, or released from its subscription, by hand), missing (no such schedule),
    unknown (it says that it is ours, and no contract knows it), invoiced (another amount than was told).
    """

    connection: str
    kind: str
    subject: str
    contract_key: str
    detail: str
    found_at: datetime
    seen_at: datetime


class Findings(Chapter):
    """The chapter of findings."""

    def save_findings(self, found: Iterable[Finding]) -> None:
        """Remember findings; one that is met again keeps the day on which it was found first."""
        with self._writing() as database:
            for one in found:
                statement = insert_into(database, findings).values(
                    {name: getattr(one, name) for name in Finding.__dataclass_fields__}
                )
                changed = {name: statement.excluded[name] for name in ("contract_key", "detail", "seen_at")}
                key = [column.name for column in findings.primary_key]
                database.execute(statement.on_conflict_do_update(index_elements=key, set_=changed))

    def findings(self, connection: str, *, limit: int = 1_000) -> tuple[Finding, ...]:
        """List what stands, oldest first."""
        query = select(*_COLUMNS).where(findings.c.connection == connection)
        order = (findings.c.found_at, findings.c.kind, findings.c.subject)
        with self._reading() as database:
            return tuple(Finding(**row) for row in database.execute(query.order_by(*order).limit(limit)).mappings())

    def drop_findings(self, connection: str, before: datetime) -> int:
        """Forget what no reconcile has met since a moment: it was put right. Return how many."""
        gone = findings.delete().where(findings.c.connection == connection, findings.c.seen_at < before)
        with self._writing() as database:
            return database.execute(gone).rowcount


_COLUMNS = columns_of(findings, Finding)
