"""Values for the journal's tests, with defaults for what a test does not care about."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from connector.journal import ContractState, Intent, Journal, Link, RunContract

NOW = datetime(2026, 11, 24, 9, 30, 0, 123456, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
CRM = "salesforce"

_INTENT = Intent(
    run_id=None,
    connection=CRM,
    contract_key="order-1",
    account_key="acme",
    kind="subscription_schedule",
    key="order-1/0",
    verb="create",
    idempotency_key="order-1:create:abc:0",
    body_hash="body-1",
    applied_hash="desired-1",
    applied={"phases": [{"items": [{"price": "p", "quantity": 3}]}]},
    currency="eur",
)
_STATE = ContractState(
    connection=CRM,
    contract_key="order-1",
    record="Order/801",
    account_key="acme",
    source_hash="source-1",
    outcome="billing",
    status={"mrr": "83.33"},
    next_change=None,
    updated_at=NOW,
)
_RESULT = RunContract(
    run_id=1, connection=CRM, contract_key="order-1", outcome="applied", duration_ms=12, recorded_at=NOW
)

T = TypeVar("T")


def intent(**changes: Any) -> Intent:
    return replace(_INTENT, **changes)


def state(**changes: Any) -> ContractState:
    return replace(_STATE, **changes)


def result(**changes: Any) -> RunContract:
    return replace(_RESULT, **changes)


def save(journal: Journal, key: str = "p-1", **changes: Any) -> Link:
    values = {"stripe_id": f"price_{key}", "applied_hash": "h", "applied": {"unit_amount": 100}}
    owner = {"contract_key": "order-1", "account_key": "acme", "now": NOW}
    return journal.save_link(CRM, "price", key, **{**values, **owner, **changes})


def at_once(workers: int, work: Callable[[int], T]) -> list[T]:
    """Run `work(number)` in as many threads, all released at the same moment; the first error is raised."""
    gate = threading.Barrier(workers)

    def released(number: int) -> T:
        gate.wait(timeout=10)
        return work(number)

    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(released, range(workers), timeout=30))
