"""The audit chain: who did what and when, each row sealed with the hash of the one before.

Rows are only ever added (the database refuses updates and deletes). Whoever changes one anyway, or takes one out,
breaks every hash that follows. Taking rows off the *end* leaves a shorter, valid chain: keep a copy of the head
elsewhere and give it to `verify_audit` to notice that as well.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, select, text

from connector.journal.canonical import canonical_json
from connector.journal.chapter import Chapter, columns_of
from connector.journal.tables import audit

GENESIS = "0" * 64
_CHAIN_LOCK = 0x61756469  # any number, the same for every writer of the chain
_BATCH = 1_000


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One row of the chain. `at` is UTC; `actor` is a person, a token, a run or a webhook event, never "system"."""

    seq: int
    at: datetime
    actor: str
    action: str
    detail: Mapping[str, Any]
    prev_hash: str
    hash: str


@dataclass(frozen=True, slots=True)
class AuditHead:
    """The end of the chain at some moment: everything up to it is pinned by this one hash."""

    seq: int
    hash: str


@dataclass(frozen=True, slots=True)
class AuditCheck:
    """What `verify_audit` found: how many rows hold, where the chain ends, and the first thing wrong with it."""

    entries: int
    head: AuditHead
    problem: str | None

    @property
    def intact(self) -> bool:
        """Whether nothing was changed, inserted or removed."""
        return self.problem is None


class Audit(Chapter):
    """The chapter of the audit chain."""

    def record_audit(self, actor: str, action: str, detail: Mapping[str, Any], now: datetime) -> AuditEntry:
        """Append one row."""
        with self._writing() as database:
            return append_audit(database, actor=actor, action=action, detail=detail, now=now)

    def audit_entries(self, *, after: int = 0, limit: int = 100) -> tuple[AuditEntry, ...]:
        """List a page of the chain, oldest first, starting behind row `after`."""
        query = select(*_COLUMNS).where(audit.c.seq > after).order_by(audit.c.seq).limit(limit)
        with self._reading() as database:
            return tuple(AuditEntry(**row) for row in database.execute(query).mappings())

    def audit_head(self) -> AuditHead:
        """Return the end of the chain, for keeping elsewhere; seq 0 if nothing has happened yet."""
        with self._reading() as database:
            return _head(database)

    def verify_audit(self, known: AuditHead | None = None) -> AuditCheck:
        """Walk the whole chain in pages; memory stays flat.

        `known` is a head that was kept elsewhere: it must lie on the chain, or rows were cut off its end.
        """
        head = AuditHead(0, GENESIS)
        known_found = known is None or known == head
        for entry in self._all_entries():
            problem = _problem(entry, head)
            if problem is not None:
                return AuditCheck(head.seq, head, problem)
            head = AuditHead(entry.seq, entry.hash)
            known_found = known_found or head == known
        missing = None if known_found or known is None else f"row {known.seq} is not the one that was known before"
        return AuditCheck(head.seq, head, missing)

    def _all_entries(self) -> Iterator[AuditEntry]:
        page = self.audit_entries(limit=_BATCH)
        while page:
            yield from page
            page = self.audit_entries(after=page[-1].seq, limit=_BATCH)


_COLUMNS = columns_of(audit, AuditEntry)
_LAST = select(audit.c.seq, audit.c.hash).order_by(audit.c.seq.desc()).limit(1)
_APPEND = audit.insert()


def append_audit(
    database: Connection, *, actor: str, action: str, detail: Mapping[str, Any], now: datetime
) -> AuditEntry:
    """Append a row inside a caller's transaction, so that the act and its record are one. Do it last: writers queue."""
    if database.dialect.name == "postgresql":  # SQLite's writers queue already
        database.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _CHAIN_LOCK})
    last = _head(database)
    at = now.astimezone(UTC)
    entry = AuditEntry(last.seq + 1, at, actor, action, detail, last.hash, "")
    sealed = _seal(entry)
    values = {name: getattr(entry, name) for name in AuditEntry.__dataclass_fields__}
    database.execute(_APPEND, values | {"hash": sealed})
    return AuditEntry(entry.seq, at, actor, action, detail, last.hash, sealed)


def _head(database: Connection) -> AuditHead:
    row = database.execute(_LAST).one_or_none()
    return AuditHead(0, GENESIS) if row is None else AuditHead(row.seq, row.hash)


def _seal(entry: AuditEntry) -> str:
    sealed = [entry.seq, entry.at, entry.actor, entry.action, entry.detail, entry.prev_hash]
    return sha256(canonical_json(sealed).encode()).hexdigest()


def _problem(entry: AuditEntry, before: AuditHead) -> str | None:
    if entry.seq != before.seq + 1:
        return f"row {before.seq + 1} is missing"
    if entry.prev_hash != before.hash:
        return f"row {entry.seq} does not follow row {before.seq}"
    if entry.hash != _seal(entry):
        return f"row {entry.seq} was changed"
    return None
