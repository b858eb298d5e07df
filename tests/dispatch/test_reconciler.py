"""The one task, against the emulators: which contracts of an account are looked at, and what comes of each outcome."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from connector.dispatch import Failure, Item, Outcome, Reconciler, submissions
from connector.dispatch.lease_table import LeaseTableDispatcher
from connector.dispatch.reconciler import outcome_of
from connector.journal import Journal, WorkState, open_journal
from connector.plan.safety import Limits
from connector.sandbox.http import FaultRule
from connector.sync import Desk
from tests.dispatch.engines import wish
from tests.wiring import World


@pytest.fixture
def journal() -> Iterator[Journal]:
    with open_journal("sqlite://", upgrade=True) as opened:
        yield opened


@pytest.fixture
def take(world: World, journal: Journal) -> Callable[..., tuple[Item, ...]]:
    """Submit the named orders, and claim what is due."""
    dispatcher = LeaseTableDispatcher(journal, lambda: world.now)

    def taken(desk: Desk, *names: str) -> tuple[Item, ...]:
        dispatcher.submit(submissions(desk, [world.orders.get(name, name) for name in names], reason="test"))
        return dispatcher._blocks.take(100)

    return taken


Take = Callable[..., tuple[Item, ...]]


def reconcile(desk: Desk, items: tuple[Item, ...]) -> dict[str, Outcome]:
    return {item.account: outcome for item, outcome in Reconciler({desk.name: desk}, "hash")(items)}


def test_a_new_order_goes_by_its_record_and_a_known_one_by_its_customer(world: World, journal: Journal, take: Take):
    desk, ramp = world.desk(journal), world.orders["ramp"]
    new = take(desk, "ramp")
    assert [(item.account, item.records) for item in new] == [(f"record:{ramp}", (ramp,))]
    assert reconcile(desk, new) == {f"record:{ramp}": Outcome()}
    account = world.salesforce.records("Order")[ramp]["AccountId"]
    (known,) = take(desk, "ramp")
    assert (known.account, known.records) == (f"account:{account}", (ramp,))


def test_a_block_is_read_together_and_each_account_gets_its_own_answer(world: World, journal: Journal, take: Take):
    desk = world.desk(journal)
    items = take(desk, *world.orders)
    outcomes = reconcile(desk, items)
    failures = {name: outcomes[f"record:{order}"].failure for name, order in world.orders.items()}
    refused = {name for name, failure in failures.items() if failure is Failure.FIX_DATA}
    assert refused == {"gap", "no_start", "fractional", "metered_quantity"}
    assert {failure for name, failure in failures.items() if name not in refused} == {None}
    assert outcomes[f"record:{world.orders['gap']}"].message
    (run,) = journal.latest_runs(desk.name, job="work")
    assert sum((run.counts or {}).values()) == len(world.orders)
    before = len(world.salesforce_calls())
    reconcile(desk, take(desk, *world.orders))
    assert len(world.salesforce_calls()) - before <= 4, "nothing is written back, and one batch is read"


def test_all_contracts_of_the_customer_are_looked_at_and_the_hint(world: World, journal: Journal, take: Take):
    account = world.salesforce.records("Order")[world.orders["ramp"]]["AccountId"]
    for name in ("one_time", "flat"):
        world.salesforce.update("Order", world.orders[name], {"AccountId": account})
    desk = world.desk(journal)
    reconcile(desk, take(desk, "ramp", "one_time"))
    hint = wish(f"account:{account}", world.orders["flat"], connection=desk.name)
    journal.submit_work([replace(hint, due_at=world.now)], world.now)
    (item,) = LeaseTableDispatcher(journal, lambda: world.now)._blocks.take(10)
    assert reconcile(desk, (item,)) == {item.account: Outcome()}
    run = journal.latest_runs(desk.name, job="work")[0]
    looked_at = {result.contract_key: result.outcome for result in journal.run_contracts(run.id)}
    assert set(looked_at) == {world.orders[name] for name in ("ramp", "one_time", "flat")}
    assert looked_at[world.orders["flat"]] == "applied"


def test_one_contract_that_must_be_fixed_parks_the_customer(world: World, journal: Journal, take: Take):
    """The records of a contract lead to its customer's other orders: what comes of one is not said of another."""
    account = world.salesforce.records("Order")[world.orders["ramp"]]["AccountId"]
    world.salesforce.update("Order", world.orders["quarters"], {"AccountId": account})  # in another currency
    desk = world.desk(journal)
    reconcile(desk, take(desk, "ramp"))
    both = take(desk, "ramp", "quarters")
    outcomes = reconcile(desk, both)
    assert outcomes.pop(f"record:{world.orders['quarters']}").failure is Failure.FIX_DATA
    assert outcomes == {f"account:{account}": Outcome()}
    parked = reconcile(desk, both)[f"account:{account}"]  # by now the journal knows the other contract
    assert parked.failure is Failure.FIX_DATA
    assert "currency" in str(parked.message)


def test_a_record_that_is_gone_is_settled(world: World, journal: Journal, take: Take):
    desk = world.desk(journal)
    world.salesforce.delete("Order", world.orders["flat"])
    assert reconcile(desk, take(desk, "flat")) == {f"record:{world.orders['flat']}": Outcome()}


def test_a_plan_over_a_limit_waits_for_approval(world: World, journal: Journal, take: Take):
    desk = world.desk(journal, limits=Limits(max_backdating_days=1))
    (outcome,) = reconcile(desk, take(desk, "backdated")).values()
    assert outcome.failure is Failure.APPROVE
    assert outcome.message


def test_a_customer_that_somebody_holds_is_busy(world: World, journal: Journal, take: Take):
    desk = world.desk(journal)
    account = world.salesforce.records("Order")[world.orders["flat"]]["AccountId"]
    assert journal.acquire_lease(f"{desk.name}:{account}", "another", world.now, timedelta(minutes=5))
    (outcome,) = reconcile(desk, take(desk, "flat")).values()
    assert outcome.failure is Failure.BUSY


@pytest.mark.parametrize(("status", "failure"), [(500, Failure.WAIT), (400, Failure.FIX_DATA)])
def test_stripe_away_and_stripe_refusing(world: World, journal: Journal, take: Take, status: int, failure: Failure):
    desk = world.desk(journal)
    world.stripe.inject(FaultRule("POST", "/v1/subscription_schedules", status=status, times=None))
    (outcome,) = reconcile(desk, take(desk, "flat")).values()
    assert outcome.failure is failure
    assert outcome.message


def test_a_crm_that_is_away_lets_all_wait(world: World, journal: Journal, take: Take):
    desk = world.desk(journal)
    items = take(desk, "ramp", "flat")
    world.salesforce.stop()
    outcomes = reconcile(desk, items)
    world.salesforce.start()
    assert {outcome.failure for outcome in outcomes.values()} == {Failure.WAIT}


def test_a_question_that_the_crm_refuses_is_for_the_mapping(world: World, journal: Journal, take: Take):
    desk, items = world.desk(journal), take(world.desk(journal), "flat", "ramp")
    said = [{"errorCode": "INVALID_FIELD", "message": "No such column 'Nowhere__c' on entity 'Order'."}]
    world.salesforce.inject(FaultRule("POST", "/composite", status=400, body=said, times=None))
    outcomes = reconcile(desk, items)
    assert {outcome.failure for outcome in outcomes.values()} == {Failure.FIX_MAPPING}
    assert all("Nowhere__c" in str(outcome.message) for outcome in outcomes.values())


def test_a_connection_that_is_not_here_waits(world: World, journal: Journal, take: Take):
    desk = world.desk(journal)
    items = take(desk, "flat")
    ((_, outcome),) = Reconciler({}, "hash")(items)
    assert outcome.failure is Failure.WAIT
    assert "salesforce is not configured here" in str(outcome.message)


def test_a_status_that_the_crm_was_not_told_is_told_again(world: World, journal: Journal):
    desk = world.desk(journal)
    (applied,) = world.sync(desk, "flat")
    untold = replace(applied, error="billing is done, but the CRM could not be told: away")
    assert outcome_of(untold) == Outcome(Failure.WAIT, untold.error)
    assert outcome_of(replace(applied, outcome="failed", error="does not hold what was sent")) == Outcome(
        Failure.BUG, "does not hold what was sent"
    )


def test_through_the_dispatcher(world: World, journal: Journal):
    desk = world.desk(journal)
    dispatcher = LeaseTableDispatcher(journal, lambda: world.now, poll=0.01)
    dispatcher.submit(submissions(desk, world.orders.values(), reason="first look"))
    stop = threading.Event()
    thread = threading.Thread(
        target=dispatcher.run,
        args=[Reconciler({desk.name: desk}, "hash")],
        kwargs={"threads": 1, "block": desk.crm.batch, "stop": stop},
    )
    thread.start()
    for _ in range(600):
        counts = journal.work_counts()
        if not {WorkState.DUE, WorkState.RUNNING} & set(counts):
            break
        stop.wait(0.05)
    stop.set()
    thread.join()
    assert counts == {WorkState.IDLE: len(world.orders) - 4, WorkState.PARKED: 4}
