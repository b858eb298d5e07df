"""What contracts cost that nobody touches: a poll that reads them all again, a sweep over them, and a reconcile.

    python -m benchmarks unchanged                    2,000 of them
    CONTRACTS=10000 python -m benchmarks unchanged    as many as the targets speak of, some minutes

The org and Stripe are emulators in a process of their own. Their schedules are made by the same call as the first one,
which is synced for real, and linked as applying them would have; time is that of the second of two rounds. Calls are
gates: a sweep asks Stripe nothing and the CRM once per 2,000 orders, a reconcile asks Stripe once per 100 schedules.
"""

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import requests

from benchmarks.company import order_id
from benchmarks.emulators import NOW, Emulators, emulators
from benchmarks.table import Row
from connector.billing.encode import encode
from connector.compile.resource import Key
from connector.crm.protocol import ContractRef
from connector.crm.salesforce.adapter import SalesforceCrm
from connector.journal import ContractState, open_journal
from connector.plan.operation import Create
from connector.poll import sync_refs
from connector.reconcile import reconcile
from connector.stamps import Handled, save_cursor
from connector.sweep import sweep
from connector.sync import Desk, plan_contracts

_SINCE_EVER = timedelta(days=20_000)  # an overlap that reads everything again
_OF_A_CUSTOMER = 400  # Stripe allows a customer 500
COUNT = int(os.environ.get("CONTRACTS", "2000"))
_COPIES = min(COUNT, 9_990)  # the seeded company has 20 orders of its own, and its ids room for so many


def unchanged() -> Iterator[Row]:
    """Yield calls and seconds of each."""
    with (
        tempfile.TemporaryDirectory() as folder,
        emulators(_COPIES, customers=True) as both,
        open_journal(f"sqlite:///{Path(folder) / 'journal.db'}", upgrade=True) as journal,
    ):
        desk = both.desk(journal)
        yield from _poll_and_sweep(both, desk)
        yield from _reconcile(both, desk)


def _poll_and_sweep(both: Emulators, desk: Desk) -> Iterator[Row]:
    _advance(both, minutes=2)
    assert isinstance(desk.crm, SalesforceCrm)
    crm = SalesforceCrm(desk.crm.client.settings, overlap=_SINCE_EVER)
    changed = crm.changed(None)
    orders, lines = len(changed.stamps), len(changed.cursor.seen["OrderItem"])
    handled = Handled(desk, changed.stamps)
    handled.save()
    save_cursor(desk, changed.cursor)
    for order in changed.stamps:
        desk.account.journal.save_contract(_state(desk, order))
    calls, seconds, _ = _measured(both, lambda: _nothing(crm.changed(changed.cursor).refs))
    name = f"{orders:,} orders and {lines:,} lines read again by the overlap of a poll"
    yield Row(name, calls["salesforce"], "CRM calls")
    yield Row("the same", seconds, "seconds")
    _measured(both, lambda: _nothing(sweep(desk, job="benchmark", config_hash="")))
    calls, seconds, cpu = _measured(both, lambda: _nothing(sweep(desk, job="benchmark", config_hash="")))
    assert (calls["salesforce"], calls["stripe"]) == (orders // 2_000 + 1, 0)
    yield Row(f"sweep over {orders:,} unchanged orders", calls["salesforce"], "CRM calls")
    yield Row("the same", calls["stripe"], "Stripe calls")
    yield Row("the same", seconds, "seconds")
    yield Row("the same", cpu * 1_000_000 / orders, "µs CPU per order")


def _reconcile(both: Emulators, desk: Desk) -> Iterator[Row]:
    _make_schedules(desk, COUNT)
    calls, seconds, cpu = _measured(both, lambda: _clean(desk, COUNT))
    assert calls == {"salesforce": 0, "stripe": -(-COUNT // 100)}
    yield Row(f"reconcile of {COUNT:,} contracts", calls["stripe"], "Stripe calls")
    yield Row("the same", calls["stripe"] * 100 / COUNT, "Stripe calls per 100")
    yield Row("the same", seconds, "seconds")
    yield Row("the same", cpu * 1_000 / COUNT, "ms CPU per contract")


def _make_schedules(desk: Desk, count: int) -> None:
    """Sync one contract, and let Stripe hold as many as wanted that are billed like it."""
    journal, api = desk.account.journal, desk.account.api
    refs = [ContractRef(desk.name, order_id(0))]
    (planned,) = plan_contracts(desk, refs)
    assert planned.plan is not None
    made = next(o for o in planned.plan.operations if isinstance(o, Create) and o.key.kind == "subscription_schedule")
    (result,) = sync_refs(desk, refs, job="benchmark", config_hash="")
    assert result.outcome == "applied", result.error

    def resolve(key: Key) -> str:
        link = journal.link(desk.name, key.kind, key.name)
        assert link is not None
        return link.stripe_id

    body = encode(made.params, resolve, desk.account.zone)
    links = journal.contract_links(desk.name, result.planned.raw.key)
    (first,) = (one for one in links if one.kind == "subscription_schedule")
    for number in range(1, count):
        if number % _OF_A_CUSTOMER == 1:
            key = f"customer-{number}"
            body["customer"] = api.post("/v1/customers", {"name": key}, idempotency_key=key)["id"]
        stripe_id = api.post("/v1/subscription_schedules", body, idempotency_key=f"copy-{number}")["id"]
        journal.save_link(
            desk.name,
            first.kind,
            f"copy-{number}",
            stripe_id=stripe_id,
            applied_hash=first.applied_hash,
            applied=first.applied,
            contract_key=f"copy-{number}",
            account_key=first.account_key,
            now=NOW,
        )


def _clean(desk: Desk, count: int) -> None:
    done = reconcile([desk])
    assert (done.schedules, done.suspects, done.findings[desk.name]) == (count, 0, ())


def _nothing(results: Any) -> None:
    assert list(results) == []


def _measured(both: Emulators, work: Callable[[], None]) -> tuple[dict[str, int], float, float]:
    before = both.counters()
    began, cpu = time.monotonic(), time.process_time()
    work()
    seconds, used = time.monotonic() - began, time.process_time() - cpu
    after = both.counters()
    return {vendor: after[vendor] - before[vendor] for vendor in after}, seconds, used


def _advance(both: Emulators, **by: float) -> None:
    order = {"advance_seconds": timedelta(**by).total_seconds()}
    requests.post(f"{both.salesforce}/_sandbox/clock", json=order, timeout=60).raise_for_status()


def _state(desk: Desk, order: str) -> ContractState:
    return ContractState(
        connection=desk.name,
        contract_key=order,
        record=order,
        account_key=order,
        source_hash="",
        outcome="nothing",
        status={},
        next_change=None,
        updated_at=NOW,
    )
