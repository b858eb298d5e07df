"""Contracts: the last known state of each, for the status page and for the question "is there anything to do?"."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, func, select

from connector.journal.chapter import Chapter, columns_of, in_chunks, is_one_of, upsert
from connector.journal.tables import contracts


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractState:
    """What we last knew of a contract.

    `record` is the CRM's own reference; `source_hash` is of everything that was compiled (contract, mapping, policies),
    so an equal hash means nothing to do; `next_change` is the first date on which waiting alone changes something;
    `since` is the moment since which it is settled, or is not (`connector/stake.py`).
    """

    connection: str
    contract_key: str
    record: str
    account_key: str
    source_hash: str
    outcome: str
    status: Mapping[str, Any]
    next_change: date | None
    updated_at: datetime
    since: datetime | None = None


class Contracts(Chapter):
    """The chapter of contract states."""

    def save_contract(self, state: ContractState) -> None:
        """Replace what is known of a contract (`record_contract` does it together with the run's row)."""
        with self._writing() as database:
            write_contract(database, state)

    def contract(self, connection: str, contract_key: str) -> ContractState | None:
        """Return the state of one contract."""
        return self.contracts(connection, [contract_key]).get(contract_key)

    def contracts(self, connection: str, contract_keys: Iterable[str]) -> dict[str, ContractState]:
        """Look up the states of many contracts at once; unknown ones are absent."""
        found: dict[str, ContractState] = {}
        with self._reading() as database:
            for chunk in in_chunks(contract_keys):
                named = is_one_of(database, contracts.c.contract_key, chunk)
                query = select(*_COLUMNS).where(contracts.c.connection == connection, named)
                found |= {row["contract_key"]: ContractState(**row) for row in database.execute(query).mappings()}
        return found

    def contract_states(
        self,
        connection: str,
        *,
        outcome: str | None = None,
        account_key: str | None = None,
        after: str = "",
        limit: int = 100,
    ) -> tuple[ContractState, ...]:
        """List a page of states by contract key, behind the key `after`."""
        query = select(*_COLUMNS).where(contracts.c.connection == connection, contracts.c.contract_key > after)
        if outcome is not None:
            query = query.where(contracts.c.outcome == outcome)
        if account_key is not None:
            query = query.where(contracts.c.account_key == account_key)
        with self._reading() as database:
            rows = database.execute(query.order_by(contracts.c.contract_key).limit(limit)).mappings()
            return tuple(ContractState(**row) for row in rows)

    def accounts_of(self, connection: str, records: Iterable[str]) -> dict[str, str]:
        """Say whose contract records are: their customer by record, for those that name a known contract."""
        found: dict[str, str] = {}
        with self._reading() as database:
            for chunk in in_chunks(records):
                named = is_one_of(database, contracts.c.record, chunk)
                query = select(contracts.c.record, contracts.c.account_key)
                query = query.where(contracts.c.connection == connection, named, contracts.c.account_key != "")
                found |= {row.record: row.account_key for row in database.execute(query)}
        return found

    def account_records(self, connection: str, accounts: Iterable[str]) -> dict[str, tuple[str, ...]]:
        """List the records of the contracts of customers, by customer; what was skipped last is left out."""
        found: dict[str, tuple[str, ...]] = {}
        with self._reading() as database:
            for chunk in in_chunks(accounts):
                named = is_one_of(database, contracts.c.account_key, chunk)
                query = select(contracts.c.account_key, contracts.c.record)
                query = query.where(contracts.c.connection == connection, contracts.c.outcome != "skipped", named)
                for row in database.execute(query.order_by(contracts.c.record)):
                    found[row.account_key] = (*found.get(row.account_key, ()), row.record)
        return found

    def due_contracts(self, connection: str, until: date, *, limit: int = 1_000) -> tuple[ContractState, ...]:
        """Contracts whose next change falls on or before a date, the earliest first."""
        due = (contracts.c.connection == connection, contracts.c.next_change <= until)
        query = select(*_COLUMNS).where(*due).order_by(contracts.c.next_change, contracts.c.contract_key).limit(limit)
        with self._reading() as database:
            return tuple(ContractState(**row) for row in database.execute(query).mappings())

    def contract_counts(self, connection: str) -> dict[str, int]:
        """How many contracts stand at each outcome."""
        query = select(contracts.c.outcome, func.count()).where(contracts.c.connection == connection)
        with self._reading() as database:
            rows = database.execute(query.group_by(contracts.c.outcome).order_by(contracts.c.outcome))
            return {row.outcome: row[1] for row in rows}

    def forget_contract(self, connection: str, contract_key: str) -> bool:
        """Forget a state, so that the contract is compiled again. False if there was none."""
        this = (contracts.c.connection == connection, contracts.c.contract_key == contract_key)
        with self._writing() as database:
            return database.execute(contracts.delete().where(*this)).rowcount == 1


_COLUMNS = columns_of(contracts, ContractState)


def write_contract(database: Connection, state: ContractState) -> None:
    """Upsert a state inside a caller's transaction."""
    upsert(database, contracts, {name: getattr(state, name) for name in ContractState.__dataclass_fields__})
