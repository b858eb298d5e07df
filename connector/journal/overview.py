"""Looks over the whole journal, for reports, metrics and health: counts and ages, each one statement.

None reads a contract's status as a whole, so that a scrape of a hundred thousand contracts stays cheap.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Text, func, select, type_coerce

from connector.journal.chapter import Chapter, columns_of, in_chunks, is_one_of
from connector.journal.contracts import ContractState
from connector.journal.cursors import Cursor
from connector.journal.schema import require_head
from connector.journal.tables import contracts, cursors, links, operations, runs

_BILLING = ("subscription_schedule", "invoice")


@dataclass(frozen=True, slots=True)
class OpenIntents:
    """Writes to Stripe without an answer: how many, and when the oldest was begun (UTC)."""

    count: int
    oldest: datetime | None


class Overview(Chapter):
    """The chapter of looks over everything."""

    def check(self) -> None:
        """Raise JournalSchemaError, or the database's own error, unless the journal answers and is of this version."""
        require_head(self._engine)

    def billed_keys(self, connection: str, contract_keys: Iterable[str]) -> frozenset[str]:
        """Return which of these contracts have a schedule or an invoice in Stripe that was not ended by us."""
        found: set[str] = set()
        held = (links.c.connection == connection, links.c.kind.in_(_BILLING), links.c.retired_at.is_(None))
        with self._reading() as database:
            for chunk in in_chunks(contract_keys):
                named = is_one_of(database, links.c.contract_key, chunk)
                found |= set(database.execute(select(links.c.contract_key).where(*held, named)).scalars())
        return frozenset(found)

    def long_contracts(self, connection: str, *, after: str = "", limit: int = 1_000) -> tuple[ContractState, ...]:
        """List a page of the contracts of which Stripe holds only a window, by contract key."""
        windowed = type_coerce(contracts.c.status, Text).like('%"windows":[{%')
        these = (contracts.c.connection == connection, contracts.c.contract_key > after, windowed)
        query = select(*columns_of(contracts, ContractState)).where(*these)
        with self._reading() as database:
            rows = database.execute(query.order_by(contracts.c.contract_key).limit(limit)).mappings()
            return tuple(ContractState(**row) for row in rows)

    def oldest_since(self, connection: str, outcomes: Collection[str]) -> datetime | None:
        """Return since when the oldest of the contracts with these outcomes stands as it does."""
        query = select(func.min(contracts.c.since)).where(
            contracts.c.connection == connection, contracts.c.outcome.in_(sorted(outcomes))
        )
        with self._reading() as database:
            found: datetime | None = database.execute(query).scalar_one()
        return found

    def open_intents(self, connection: str) -> OpenIntents:
        """Count the writes without an answer."""
        query = select(func.count(), func.min(operations.c.started_at)).where(
            operations.c.connection == connection, operations.c.state == "intent"
        )
        with self._reading() as database:
            count, oldest = database.execute(query).one()
        return OpenIntents(count, oldest)

    def cursors(self, connection: str) -> tuple[Cursor, ...]:
        """List how far each stream of a connection was read."""
        query = select(*columns_of(cursors, Cursor)).where(cursors.c.connection == connection)
        with self._reading() as database:
            return tuple(Cursor(**row) for row in database.execute(query.order_by(cursors.c.stream)).mappings())

    def last_ends(self, connection: str) -> dict[str, datetime]:
        """Return when each job last ended a run on a connection."""
        latest = select(func.max(runs.c.id)).where(runs.c.connection == connection, runs.c.finished_at.is_not(None))
        query = select(runs.c.job, runs.c.finished_at).where(runs.c.id.in_(latest.group_by(runs.c.job)))
        with self._reading() as database:
            return {row.job: row.finished_at for row in database.execute(query)}
