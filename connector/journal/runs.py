"""Runs: each time a job went through contracts, with what came of every one of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, select

from connector import metrics
from connector.journal.chapter import Chapter, columns_of, row_of, upsert
from connector.journal.contracts import ContractState, write_contract
from connector.journal.errors import JournalError
from connector.journal.failures import FailureState, write_failure
from connector.journal.plans import PlanRecord, write_plan
from connector.journal.tables import run_contracts, runs


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a job. Times are UTC; without `finished_at` it still runs, or was killed."""

    id: int
    job: str
    connection: str
    started_at: datetime
    finished_at: datetime | None
    mapping_hash: str
    config_hash: str
    counts: Mapping[str, int] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunContract:
    """What a run made of a contract. `fingerprint` and `tie_out` are absent when no plan could be made."""

    run_id: int
    connection: str
    contract_key: str
    outcome: str
    issues: Sequence[Mapping[str, Any]] = ()
    fingerprint: str | None = None
    tie_out: Mapping[str, Any] | None = None
    duration_ms: int
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class ContractPage:
    """All that a run leaves of a contract: what it made of it, how it stands now, and the plan if there was one."""

    result: RunContract
    state: ContractState
    plan: PlanRecord | None = None
    failure: FailureState | None = None
    """Why the contract is not right; None ends a failure it had."""


class Runs(Chapter):
    """The chapter of runs."""

    def start_run(self, job: str, connection: str, now: datetime, *, mapping_hash: str, config_hash: str) -> Run:
        """Open a run."""
        values = {"job": job, "connection": connection, "mapping_hash": mapping_hash, "config_hash": config_hash}
        with self._writing() as database:
            statement = runs.insert().values(**values, started_at=now).returning(*_RUN)
            return Run(**database.execute(statement).mappings().one())

    def finish_run(self, run_id: int, counts: Mapping[str, int], now: datetime) -> None:
        """Close a run with its counts. Raises JournalError if there is no such run."""
        closing = runs.update().where(runs.c.id == run_id).values(counts=counts, finished_at=now).returning(*_RUN)
        with self._writing() as database:
            row = database.execute(closing).mappings().one_or_none()
        if row is None:
            raise JournalError(f"there is no run {run_id}")
        metrics.run_ended(row["connection"], row["job"], (now - row["started_at"]).total_seconds())

    def record_contract(
        self, result: RunContract, state: ContractState | None = None, failure: FailureState | None = None
    ) -> None:
        """Write what came of a contract, and what is now known of it, in one transaction.

        With a state and without a `failure`, the contract is right, and a failure it had is over. A contract that comes
        up twice in a run keeps the later row.
        """
        with self._writing() as database:
            upsert(database, run_contracts, row_of(result))
            if state is not None:
                write_contract(database, state)
                write_failure(database, state.connection, state.contract_key, state.record, failure)
        metrics.contract_ended(result.connection, result.outcome, result.duration_ms / 1_000)

    def record_batch(self, pages: Sequence[ContractPage]) -> None:
        """Write the pages of many contracts in one transaction."""
        with self._writing() as database:
            for page in pages:
                if page.plan is not None:
                    write_plan(database, page.plan)
                upsert(database, run_contracts, row_of(page.result))
                write_contract(database, page.state)
                write_failure(database, page.state.connection, page.state.contract_key, page.state.record, page.failure)
        for page in pages:
            metrics.contract_ended(page.result.connection, page.result.outcome, page.result.duration_ms / 1_000)

    def run(self, run_id: int) -> Run | None:
        """Return one run."""
        with self._reading() as database:
            row = database.execute(select(*_RUN).where(runs.c.id == run_id)).mappings().one_or_none()
        return None if row is None else Run(**row)

    def latest_runs(self, connection: str, *, job: str | None = None, limit: int = 20) -> tuple[Run, ...]:
        """List the latest runs, newest first."""
        query = select(*_RUN).where(runs.c.connection == connection)
        if job is not None:
            query = query.where(runs.c.job == job)
        with self._reading() as database:
            return tuple(
                Run(**row) for row in database.execute(query.order_by(runs.c.id.desc()).limit(limit)).mappings()
            )

    def run_contracts(self, run_id: int, *, after: str = "", limit: int = 100) -> tuple[RunContract, ...]:
        """List a page of a run's results by contract key, behind the key `after`."""
        of_run = (run_contracts.c.run_id == run_id, run_contracts.c.contract_key > after)
        query = select(*_RESULT).where(*of_run).order_by(run_contracts.c.contract_key).limit(limit)
        with self._reading() as database:
            return tuple(_result(row) for row in database.execute(query).mappings())

    def contract_history(self, connection: str, contract_key: str, *, limit: int = 20) -> tuple[RunContract, ...]:
        """List what the latest runs made of a contract, newest first."""
        this = (run_contracts.c.connection == connection, run_contracts.c.contract_key == contract_key)
        query = select(*_RESULT).where(*this).order_by(run_contracts.c.run_id.desc()).limit(limit)
        with self._reading() as database:
            return tuple(_result(row) for row in database.execute(query).mappings())

    def last_contract(self, connection: str, contract_key: str) -> RunContract | None:
        """Return what the last run that saw a contract made of it."""
        return next(iter(self.contract_history(connection, contract_key, limit=1)), None)


_RUN = columns_of(runs, Run)
_RESULT = columns_of(run_contracts, RunContract)


def _result(row: RowMapping) -> RunContract:
    return RunContract(**{**row, "issues": tuple(row["issues"])})
