"""Findings: what the last reconcile found in Stripe that nobody of us made. People decide; nothing is repaired."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from connector.journal.chapter import Chapter, columns_of, in_chunks, is_one_of, upsert
from connector.journal.tables import cleared, findings


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One difference. `subject` is Stripe's id of what it is about; `contract_key` is "" when no contract is known.

    Kinds: edited (by hand), ended (canceled, or released from its subscription, by hand), missing (no such schedule),
    unknown (it says that it is ours, and no contract knows it).
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

    def replace_findings(self, connection: str, found: Iterable[Finding]) -> tuple[Finding, ...]:
        """Keep exactly these as standing, and return those that are new.

        What is not met again was put right; what is met again keeps the moment at which it was found first.
        """
        wanted = {(one.kind, one.subject): one for one in found}
        with self._writing() as database:
            rows = database.execute(select(*_COLUMNS).where(findings.c.connection == connection)).mappings()
            known = {(row["kind"], row["subject"]): Finding(**row) for row in rows}
            for kind, subject in known.keys() - wanted.keys():
                this = (findings.c.connection == connection, findings.c.kind == kind, findings.c.subject == subject)
                database.execute(findings.delete().where(*this))
            for key, one in wanted.items():
                first = known[key].found_at if key in known else one.found_at
                values = {name: getattr(one, name) for name in Finding.__dataclass_fields__}
                upsert(database, findings, {**values, "found_at": first})
        return tuple(one for key, one in wanted.items() if key not in known)

    def findings(self, connection: str, *, limit: int = 1_000) -> tuple[Finding, ...]:
        """List what stands, oldest first."""
        query = select(*_COLUMNS).where(findings.c.connection == connection)
        order = (findings.c.found_at, findings.c.kind, findings.c.subject)
        with self._reading() as database:
            return tuple(Finding(**row) for row in database.execute(query.order_by(*order).limit(limit)).mappings())

    def cleared(self, connection: str, subjects: Iterable[str]) -> dict[str, str]:
        """Return the marks of schedules whose differences a look at the contract has explained."""
        found: dict[str, str] = {}
        with self._reading() as database:
            for chunk in in_chunks(subjects):
                named = is_one_of(database, cleared.c.subject, chunk)
                query = select(cleared.c.subject, cleared.c.mark).where(cleared.c.connection == connection, named)
                found |= {row.subject: row.mark for row in database.execute(query)}
        return found

    def save_cleared(self, connection: str, marks: Mapping[str, str]) -> None:
        """Remember that what differs on these schedules is explained, as long as they have these marks."""
        with self._writing() as database:
            for subject, mark in marks.items():
                upsert(database, cleared, {"connection": connection, "subject": subject, "mark": mark})


_COLUMNS = columns_of(findings, Finding)
