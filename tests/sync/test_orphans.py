"""What a contract no longer says does not go on billing: it is ended before it begins, or stops the plan."""

from datetime import date
from typing import Any

import pytest

from connector.plan.safety import Limits
from connector.sync import Desk, Result
from tests.wiring import KEY, World


@pytest.fixture
def desk(world: World) -> Desk:
    desk = world.desk(limits=Limits(min_population=100, max_terminations=5))
    world.sync(desk, "yen", "flat", "one_time")
    return desk


def lines(world: World, name: str) -> dict[str, dict[str, Any]]:
    records = world.salesforce.records("OrderItem")
    return {key: row for key, row in records.items() if row["OrderId"] == world.orders[name]}


def take_everything_away(world: World, name: str) -> None:
    """Amend the order on its first day, so that nothing of it is left."""
    quote = world.salesforce.records("Order")[world.orders[name]]["SBQQ__Quote__c"]
    start = date.fromisoformat(world.salesforce.records("SBQQ__Quote__c")[quote]["SBQQ__StartDate__c"])
    world.salesforce.amend(world.orders[name], start, dict.fromkeys(lines(world, name), 0))


def schedules(world: World, name: str) -> list[Any]:
    held = world.stripe.state[KEY].objects["subscription_schedule"].values()
    return [one for one in held if one["metadata"]["salesforce_order_id"] == world.orders[name]]


def statuses(world: World, name: str) -> list[str]:
    return [one["status"] for one in schedules(world, name)]


def cancel(world: World, path: str) -> None:
    world.api().post(path, {}, idempotency_key=path)


def sync(world: World, desk: Desk, name: str) -> Result:
    (result,) = world.sync(desk, name)
    return result


def test_everything_taken_away_before_the_start_cancels_the_schedule(world: World, desk: Desk):
    take_everything_away(world, "yen")
    result = sync(world, desk, "yen")
    assert (result.outcome, result.writes, statuses(world, "yen")) == ("applied", 1, ["canceled"])
    before = len(world.stripe_calls())
    assert sync(world, desk, "yen").outcome == "nothing"
    assert len(world.stripe_calls()) == before


def test_many_ended_at_once_wait_for_approval(world: World):
    desk = world.desk(limits=Limits(min_population=100, max_terminations=0))
    world.sync(desk, "yen")
    take_everything_away(world, "yen")
    assert sync(world, desk, "yen").outcome == "pending"
    assert statuses(world, "yen") == ["not_started"]


def test_while_it_runs_it_is_ended_and_what_it_billed_is_given_back(world: World, desk: Desk):
    (schedule,) = (one for one in schedules(world, "flat") if one["current_phase"])
    invoices = world.stripe.state[KEY].objects["invoice"].values()
    own = [one for one in invoices if one["parent"] and schedule["subscription"] in str(one["parent"])]
    billed = sum(invoice["total"] for invoice in own)
    take_everything_away(world, "flat")
    result = sync(world, desk, "flat")
    assert (result.outcome, result.writes, statuses(world, "flat")) == ("applied", 2, ["canceled"])
    given_back = world.stripe.state[KEY].objects["customer_balance_transaction"].values()
    assert billed > 0
    assert [credit["amount"] for credit in given_back] == [-billed]
    before = len(world.stripe_calls())
    assert sync(world, desk, "flat").outcome == "nothing"
    assert len(world.stripe_calls()) == before


def test_an_invoice_that_was_sent_is_a_matter_for_people(world: World, desk: Desk):
    for line in lines(world, "one_time"):
        world.salesforce.update("OrderItem", line, {"Quantity": 0.0, "TotalPrice": 0.0})
    world.salesforce.update("Order", world.orders["one_time"], {"TotalAmount": 0.0})
    result = sync(world, desk, "one_time")
    assert (result.outcome, result.writes) == ("refused", 0)
    assert any("invoice in_" in issue.message for issue in result.planned.issues)
    (invoice,) = (k for k, v in world.stripe.state[KEY].objects["invoice"].items() if not v["parent"])
    cancel(world, f"/v1/invoices/{invoice}/void")
    assert sync(world, desk, "one_time").outcome == "nothing"


@pytest.mark.parametrize("name", ["yen", "flat"])
def test_another_frequency_never_bills_beside_the_old_one(world: World, desk: Desk, name: str):
    first, *_ = lines(world, name)
    world.salesforce.update("OrderItem", first, {"SBQQ__BillingFrequency__c": "Quarterly"})
    result = sync(world, desk, name)
    assert result.planned.plan is not None
    assert result.planned.plan.desired is not None
    assert result.outcome == "applied"
    alive = [status for status in statuses(world, name) if status != "canceled"]
    wanted = len(list(result.planned.plan.desired.of("subscription_schedule")))
    assert len(alive) == wanted
