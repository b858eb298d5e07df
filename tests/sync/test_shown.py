"""What was shown is what is applied: a plan that became another one waits for another look."""

from connector.crm.protocol import ContractRef
from connector.sync import Desk, plan_contracts
from tests.wiring import World


def shown(world: World, desk: Desk, *names: str) -> frozenset[str]:
    refs = [ContractRef("salesforce", world.orders[name]) for name in names]
    return frozenset(one.plan.fingerprint for one in plan_contracts(desk, refs) if one.plan)


def test_what_was_shown_is_applied_although_the_first_makes_what_the_second_needs(world: World):
    desk = world.desk()
    orders = world.salesforce.records("Order")
    account = orders[world.orders["ramp"]]["AccountId"]
    world.salesforce.update("Order", world.orders["flat"], {"AccountId": account})
    seen = shown(world, desk, "ramp", "flat")
    assert [result.outcome for result in world.sync(desk, "ramp", "flat", shown=seen)] == ["applied", "applied"]
    assert world.stripe_calls().count("POST /v1/customers") == 1


def test_what_changed_meanwhile_waits(world: World):
    desk = world.desk()
    seen = shown(world, desk, "ramp")
    lines = world.salesforce.records("OrderItem")
    line = next(key for key, row in lines.items() if row["OrderId"] == world.orders["ramp"])
    world.salesforce.update("OrderItem", line, {"Quantity": 40.0})
    (result,) = world.sync(desk, "ramp", shown=seen)
    assert (result.outcome, result.writes) == ("waiting", 0)
    assert result.error is not None
    assert "another one than was shown" in result.error
    assert not any(call.startswith("POST") for call in world.stripe_calls())
