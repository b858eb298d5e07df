"""Many contracts beside each other: the same outcome as one after the other, in fewer calls, and nothing lost."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from connector import batches, sync
from connector.crm.protocol import ContractRef, WriteBack, WriteResult
from connector.crm.salesforce.adapter import SalesforceCrm
from connector.desk import Desk, Result
from connector.holds import LEASE, Holds
from connector.plan.safety import Limits
from connector.poll import sync_refs
from connector.retry import retry_policy
from connector.sandbox.http import FaultRule
from connector.sandbox.salesforce.faults import unavailable
from tests.sync.stripe_state import stripe_state
from tests.sync.test_calls import RAMP, _many, _twin
from tests.wiring import KEY, World

COUNT = 12


def refs(count: int = COUNT) -> list[ContractRef]:
    return [ContractRef("salesforce", _twin(RAMP, number)) for number in range(count)]


def synced(desk: Desk, wanted: list[ContractRef], **options: Any) -> list[Result]:
    return list(sync_refs(desk, wanted, job="test", config_hash="", **options))


def until(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline, "it never came to be"
        time.sleep(0.02)


def order(world: World, number: int) -> Any:
    wanted = _twin(RAMP, number)
    (row,) = (row for key, row in world.salesforce.records("Order").items() if key.startswith(wanted))
    return row


def told_statuses(world: World) -> list[str | None]:
    return [order(world, number).get("Stripe_Sync_Status__c") for number in range(COUNT)]


def own_customers(count: int) -> Any:
    """Return the company with copies of the ramp order, each for a customer of its own."""
    tables: Any = _many(count)
    account = tables["Order"][RAMP]["AccountId"]
    for number in range(count):
        copied = f"0018Z{number:04d}990000QAA"
        tables["Account"][copied] = {**tables["Account"][account], "Id": copied, "Name": f"Customer {number}"}
        tables["Order"][_twin(RAMP, number)]["AccountId"] = copied
    return tables


@pytest.fixture
def many():
    with World(records=own_customers(COUNT)) as world:
        yield world


class Counted:
    """A CRM that counts the calls to write back, and lets somebody act before them."""

    def __init__(self, crm: Any, before: Any = lambda: None) -> None:
        self._crm, self._before = crm, before
        self.told: list[list[WriteBack]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._crm, name)

    def write_back(self, writes: Any) -> tuple[WriteResult, ...]:
        self._before()
        self.told.append(list(writes))
        return tuple(self._crm.write_back(self.told[-1]))


def test_what_a_batch_shares_is_made_once_and_before(many: World):
    results = synced(many.desk(), refs())
    assert [result.outcome for result in results] == ["applied"] * COUNT
    calls = Counter(many.stripe_calls())
    assert calls["POST /v1/products"] == 3
    assert calls["POST /v1/prices"] == 1
    assert calls["POST /v1/customers"] == calls["POST /v1/subscription_schedules"] == COUNT
    assert sum(result.writes for result in results) == sum(calls.values()), "what is shared is counted once"
    assert [one.planned.raw.root.id[:15] for one in results] == [ref.id for ref in refs()], "in the order asked for"
    first = many.stripe_calls().index("POST /v1/customers")
    assert set(many.stripe_calls()[:first]) == {"POST /v1/products", "POST /v1/prices"}


def test_one_thread_and_many_end_alike(many: World):
    def state(threads: int) -> tuple[Any, ...]:
        many.reset()
        desk = replace(many.desk(), threads=threads)
        synced(desk, refs())
        synced(desk, refs())
        return stripe_state(many.api()), told_statuses(many)

    first = state(1)
    assert many.journal is not None
    many.journal.close()
    many.journal = None
    assert state(32) == first


def test_the_crm_is_told_of_a_batch_in_one_call_each_record_once(many: World):
    desk = many.desk()
    crm = Counted(desk.crm)
    results = synced(replace(desk, crm=crm), refs())
    assert {result.error for result in results} == {None}
    (told,) = crm.told
    places = Counter((write.object, write.id) for write in told)
    assert set(places.values()) == {1}, "the products are of every order, and written once"
    assert {name for name, _ in places} >= {"Order", "Account", "Product2"}


def test_a_crm_that_is_away_for_a_batch_is_told_of_all_of_it_by_the_next_run(many: World):
    desk = many.desk()
    synced(desk, refs(1))
    impatient = SalesforceCrm(many.settings(), policy=retry_policy(attempts=1))
    away = Counted(impatient, lambda: many.salesforce.inject(replace(unavailable("/composite"), times=None)))
    results = synced(replace(desk, crm=away), refs())
    assert all((result.error or "").startswith("billing is done, but the CRM ") for result in results[1:])
    many.salesforce.clear_faults()
    before = len(many.stripe_calls())
    again = synced(desk, refs())
    assert {(result.outcome, result.error) for result in again} == {("nothing", None)}
    assert many.stripe_calls()[before:] == []
    assert set(told_statuses(many)) == {"Synced"}


def test_contracts_of_one_customer_stay_in_order_and_never_overlap():
    """A dozen orders of one customer, beside each other with others': Stripe sees one at a time."""
    with World(records=_many(COUNT)) as world:
        world.stripe.inject(FaultRule("POST", "=/v1/subscription_schedules", action="delay", delay=0.02, times=None))
        results = synced(world.desk(), refs())
        assert [result.outcome for result in results] == ["applied"] * COUNT
        made = [one["metadata"]["salesforce_order_id"][:15] for one in schedules(world)]
        assert made == [ref.id for ref in refs()]
        assert world.stripe_calls().count("POST /v1/customers") == 1


def schedules(world: World) -> list[dict[str, Any]]:
    return list(world.stripe.state[KEY].objects["subscription_schedule"].values())


def test_a_run_of_small_batches_is_held_to_the_limits_as_a_whole(many: World, monkeypatch: pytest.MonkeyPatch):
    """A tenth of the contracts in each of many batches is still all of them."""
    desk = many.desk(limits=Limits(max_changed_share=Decimal("0.3"), min_population=5))
    monkeypatch.setattr(batches, "BATCH", 2)
    synced(desk, refs())
    for number in range(COUNT):
        many.salesforce.update("Order", order(many, number)["Id"], {"PoNumber": "PO-NEW"})
    outcomes = [result.outcome for result in synced(desk, refs())]
    assert outcomes.count("pending") >= COUNT - 5
    assert 0 < outcomes.count("applied") <= Decimal("0.3") * COUNT


def test_a_customer_somebody_else_took_over_is_not_told_by_us(many: World, monkeypatch: pytest.MonkeyPatch):
    """It hung for so long that its leases ran out, and another worker took one of the customers."""
    desk = many.desk()

    def hangs() -> None:
        many.later(LEASE.total_seconds() / 3600 + 0.01)
        account = order(many, 0)["AccountId"]
        assert desk.account.journal.acquire_lease(f"salesforce:{account}", "other", desk.clock(), timedelta(hours=1))

    held = Holds.held

    def lost(self: Any, accounts: Any) -> Any:
        if threading.current_thread() is threading.main_thread():
            hangs()
        return held(self, accounts)

    monkeypatch.setattr(Holds, "held", lost)
    (result,) = synced(desk, refs(1))
    assert "took the customer over" in (result.error or "")
    assert "Stripe_Schedule_Id__c" not in order(many, 0)


def test_leases_are_renewed_while_the_work_goes_on_and_given_back(many: World, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("connector.holds.BEAT", 0.05)
    held = FaultRule("POST", "=/v1/subscription_schedules", action="delay", delay=60)
    many.stripe.inject(held)
    desk = many.desk()
    seen: list[bool] = []

    def ends() -> datetime:
        (lease,) = desk.account.journal.held_leases(many.now)
        return lease.expires_at

    def watch() -> None:
        until(lambda: held.seen)
        for _ in range(2):
            many.now += LEASE * 0.7
            until(lambda: ends() == many.now + LEASE)
        seen.append(bool(desk.account.journal.held_leases(many.now)))
        many.stripe.clear_faults()

    watching = threading.Thread(target=watch)
    watching.start()
    (result,) = synced(desk, refs(1))
    watching.join()
    assert (result.outcome, result.error, seen) == ("applied", None, [True])
    assert desk.account.journal.held_leases(many.now) == ()


def test_a_bug_in_one_contract_stays_with_it(many: World, monkeypatch: pytest.MonkeyPatch):
    applied = sync._applied

    def broken(desk: Desk, asked: Any, one: Any, turn: Any) -> Result:
        if one.raw.root.id.startswith(refs()[3].id):
            raise ZeroDivisionError
        return applied(desk, asked, one, turn)

    monkeypatch.setattr(sync, "_applied", broken)
    results = synced(many.desk(), refs())
    assert [one.outcome for one in results] == ["failed" if n == 3 else "applied" for n in range(COUNT)]
    assert [one.planned.bug is not None for one in results] == [n == 3 for n in range(COUNT)]
    assert told_statuses(many).count("Synced") == COUNT - 1
