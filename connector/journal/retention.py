"""What may be forgotten: runs and plans that are old enough, and approvals that have expired.

Never forgotten: what a run last made of a contract, the latest plan of a contract, anything younger than the limit,
operations, links and the audit chain. Old rows are read out before they are removed, in portions, so that they can be
kept elsewhere; only what was read out is removed.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, Table, and_, exists, select

from connector.journal.chapter import Chapter
from connector.journal.tables import approvals, plans, run_contracts, runs

Rows = Sequence[dict[str, Any]]


class Retention(Chapter):
    """The chapter of what is forgotten."""

    def old_results(self, before: datetime, *, limit: int) -> Rows:
        """Return results of contracts in runs that ended before a moment, with a later result of the same contract."""
        later = run_contracts.alias()
        newer = exists().where(
            later.c.connection == run_contracts.c.connection,
            later.c.contract_key == run_contracts.c.contract_key,
            later.c.run_id > run_contracts.c.run_id,
        )
        old = and_(run_contracts.c.recorded_at < before, newer)
        order = (run_contracts.c.run_id, run_contracts.c.contract_key)
        return self._rows(select(run_contracts).where(old).order_by(*order).limit(limit))

    def old_runs(self, before: datetime, *, limit: int) -> Rows:
        """Return runs that began before a moment and hold no result any more."""
        held = exists().where(run_contracts.c.run_id == runs.c.id)
        return self._rows(select(runs).where(runs.c.started_at < before, ~held).order_by(runs.c.id).limit(limit))

    def old_plans(self, before: datetime, *, limit: int) -> Rows:
        """Return plans that were made last before a moment, with a later plan of the same contract."""
        later = plans.alias()
        newer = exists().where(
            later.c.connection == plans.c.connection,
            later.c.contract_key == plans.c.contract_key,
            later.c.seen_at > plans.c.seen_at,
        )
        order = (plans.c.connection, plans.c.contract_key, plans.c.fingerprint)
        return self._rows(select(plans).where(plans.c.seen_at < before, newer).order_by(*order).limit(limit))

    def remove_results(self, rows: Rows) -> int:
        """Remove results that were read out."""
        return self._remove(run_contracts, rows)

    def remove_runs(self, rows: Rows) -> int:
        """Remove runs that were read out; operations keep what they did, without the run's number."""
        return self._remove(runs, rows)

    def remove_plans(self, rows: Rows) -> int:
        """Remove plans that were read out, unless they were made again since."""
        return self._remove(plans, rows, same=("seen_at",))

    def remove_expired_approvals(self, before: datetime) -> int:
        """Remove approvals that expired before a moment; the audit chain keeps who gave them, and why."""
        with self._writing() as database:
            return database.execute(approvals.delete().where(approvals.c.expires_at < before)).rowcount

    def _rows(self, query: Select[Any]) -> Rows:
        with self._reading() as database:
            return [dict(row) for row in database.execute(query).mappings()]

    def _remove(self, table: Table, rows: Rows, same: Sequence[str] = ()) -> int:
        key = [column.name for column in table.primary_key]
        gone = 0
        with self._writing() as database:
            for row in rows:
                this = [table.c[name] == row[name] for name in (*key, *same)]
                gone += database.execute(table.delete().where(*this)).rowcount
        return gone
