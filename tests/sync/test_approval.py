"""A plan over a limit waits for a person's word on exactly that plan."""

from datetime import timedelta
from decimal import Decimal

import pytest

from connector.journal import Approval
from connector.plan.safety import Limits
from connector.sync import Desk, Result
from tests.wiring import World

SMALL = Limits(max_contract_amount={"usd": Decimal(1000)})


def sync(world: World, desk: Desk) -> Result:
    (result,) = world.sync(desk, "ramp")
    return result


def fingerprint(result: Result) -> str:
    assert result.planned.plan is not None
    return result.planned.plan.fingerprint


def approve(desk: Desk, result: Result, *, hours: float = 4) -> Approval:
    now = desk.clock()
    return desk.account.journal.approve(
        fingerprint(result), "ann@example.com", "checked with sales", now, now + timedelta(hours=hours)
    )


@pytest.fixture
def desk(world: World) -> Desk:
    return world.desk(limits=SMALL)


def test_pending_then_approved_then_applied(world: World, desk: Desk):
    result = sync(world, desk)
    assert (result.outcome, result.writes) == ("pending", 0)
    assert world.stripe_calls() == []
    order = world.salesforce.records("Order")[world.orders["ramp"]]
    assert order["Stripe_Sync_Status__c"] == "Pending"
    assert "the plan bills 162,000.00 USD, over the limit of 1,000.00 USD" in order["Stripe_Sync_Message__c"]
    assert order["Stripe_Sync_Remedy__c"] == "Ask the billing team to approve it."
    approve(desk, result)
    result = sync(world, desk)
    assert (result.outcome, result.writes) == ("applied", 6)
    order = world.salesforce.records("Order")[world.orders["ramp"]]
    assert order["Stripe_Sync_Status__c"] == "Synced"
    assert order.get("Stripe_Sync_Message__c") is None
    assert sync(world, desk).outcome == "nothing"


def test_asking_twice_asks_about_the_same_plan(world: World, desk: Desk):
    assert fingerprint(sync(world, desk)) == fingerprint(sync(world, desk))


def test_a_changed_plan_asks_again(world: World, desk: Desk):
    first = sync(world, desk)
    approve(desk, first)
    line = next(k for k, v in world.salesforce.records("OrderItem").items() if v["OrderId"] == world.orders["ramp"])
    world.salesforce.update("OrderItem", line, {"Quantity": 500.0})
    second = sync(world, desk)
    assert (second.outcome, second.writes) == ("pending", 0)
    assert fingerprint(second) != fingerprint(first)
    approve(desk, second)
    assert sync(world, desk).outcome == "applied"


def test_an_approval_runs_out(world: World, desk: Desk):
    approve(desk, sync(world, desk), hours=2)
    world.later(3)
    assert sync(world, desk).outcome == "pending"


def test_a_blocked_plan_is_never_approved_away(world: World, desk: Desk):
    approve(desk, sync(world, desk))
    world.salesforce.update("Order", world.orders["ramp"], {"CurrencyIsoCode": "XXX"})
    assert sync(world, desk).outcome == "refused"


def test_a_contract_that_began_long_ago_asks(world: World):
    desk = world.desk(limits=Limits(max_backdating_days=30))
    (result,) = world.sync(desk, "backdated")
    assert result.outcome == "pending"
    assert result.planned.judgement.reasons == ("the contract started 84 days ago, over the limit of 30",)


def test_a_run_that_changes_too_many_contracts_asks_about_each(world: World):
    desk = world.desk(limits=Limits(min_population=2, max_changed_share=Decimal("0.5")))
    names = ("ramp", "volume", "flat")
    world.sync(desk, *names)
    world.later(1)
    for name in names[:2]:
        world.salesforce.update("Order", world.orders[name], {"PoNumber": "PO-NEW"})
    results = world.sync(desk, *names)
    assert [result.outcome for result in results] == ["pending", "pending", "nothing"]
    assert results[0].planned.judgement.reasons == ("the run changes 2 of 3 contracts, over the limit of 50%",)
