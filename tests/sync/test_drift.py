"""Schedules edited in Stripe by hand: told, asked about, restored, ignored, or taken over by the order."""

from typing import Any

import pytest

from connector.crm.protocol import ContractRef
from connector.drift import ignore_drift, ignored_by, restore_drift
from connector.plan.safety import Verdict
from connector.sync import Desk, Planned, Result, plan_contracts
from tests.by_hand import set_quantities
from tests.wiring import KEY, World

BEFORE_IT_BEGINS, WHILE_IT_RUNS = 0, 24 * 20


def schedule(world: World) -> dict[str, Any]:
    (held,) = world.stripe.state[KEY].objects["subscription_schedule"].values()
    return held


def quantities(world: World) -> list[int]:
    return [max(item["quantity"] for item in phase["items"]) for phase in schedule(world)["phases"]]


def edit(world: World, changed: dict[int, int]) -> None:
    set_quantities(world.stripe.client(KEY), schedule(world)["id"], changed)


def look(world: World, desk: Desk, *, live: bool = True) -> Planned:
    (one,) = plan_contracts(desk, [ContractRef("salesforce", world.orders["ramp"])], live=live)
    return one


def told(one: Planned) -> list[tuple[str, Any, Any, Any]]:
    assert one.plan is not None
    return [(edit.path, edit.desired, edit.applied, edit.live) for edit in one.plan.edits]


def sync(world: World, desk: Desk) -> Result:
    (result,) = world.sync(desk, "ramp")
    return result


def sell(world: World, index: int, quantity: float) -> None:
    rows = world.salesforce.records("OrderItem").items()
    ours = [k for k, v in rows if v["OrderId"] == world.orders["ramp"] and v.get("SBQQ__SegmentIndex__c") == index]
    world.salesforce.update("OrderItem", ours[0], {"Quantity": quantity})


def restore(desk: Desk, one: Planned) -> Result:
    (result,) = restore_drift(desk, one, by="ann@example.com", reason=None, config_hash="")
    return result


def ignore(desk: Desk, one: Planned) -> None:
    assert one.plan is not None
    ignore_drift(desk, one.plan, by="ann@example.com", reason="promised by mail")


@pytest.fixture(params=[BEFORE_IT_BEGINS, WHILE_IT_RUNS], ids=["not begun", "running"])
def desk(request: pytest.FixtureRequest, world: World) -> Desk:
    desk = world.desk()
    world.sync(desk, "ramp")
    assert quantities(world) == [20, 35, 50]
    if request.param:
        world.later(request.param)
        assert schedule(world)["status"] == "active"
    return desk


def test_what_nobody_edited_is_no_drift(world: World, desk: Desk):
    one = look(world, desk)
    assert told(one) == []
    assert one.judgement.verdict is Verdict.NOTHING


def test_a_change_of_the_contract_alone_is_no_drift(world: World, desk: Desk):
    sell(world, 3, 60.0)
    assert told(look(world, desk)) == []
    assert sync(world, desk).outcome == "applied"
    assert quantities(world) == [20, 35, 60]


def test_an_edit_is_told_and_asked_about(world: World, desk: Desk):
    edit(world, {1: 36})
    one = look(world, desk)
    assert told(one) == [("phases.1.items.0.quantity", 35, 35, 36)]
    assert one.judgement.verdict is Verdict.NEEDS_APPROVAL
    assert one.judgement.reasons == ("edited in Stripe by hand: phases.1.items.0.quantity is 36, we had applied 35",)
    assert [issue.code.value for issue in one.issues] == ["DRIFT"]


def test_a_change_elsewhere_does_not_undo_an_edit_silently(world: World, desk: Desk):
    edit(world, {1: 36})
    sell(world, 3, 60.0)
    result = sync(world, desk)
    assert (result.outcome, result.writes) == ("pending", 0)
    assert told(result.planned) == [("phases.1.items.0.quantity", 35, 35, 36)]
    assert quantities(world) == [20, 36, 50]
    order = world.salesforce.records("Order")[world.orders["ramp"]]
    assert order["Stripe_Sync_Status__c"] == "Pending"
    assert "edited in Stripe by hand" in order["Stripe_Sync_Message__c"]
    assert result.status is not None
    assert result.status.values["code"] == "DRIFT"


def test_contract_and_hand_on_the_same_value_are_told_apart(world: World, desk: Desk):
    edit(world, {2: 51})
    sell(world, 3, 60.0)
    assert told(look(world, desk)) == [("phases.2.items.0.quantity", 60, 50, 51)]


def test_restore_makes_stripe_say_what_the_contract_says(world: World, desk: Desk):
    edit(world, {1: 36})
    assert restore(desk, look(world, desk)).outcome == "applied"
    assert quantities(world) == [20, 35, 50]
    assert look(world, desk).judgement.verdict is Verdict.NOTHING
    actions = [(entry.actor, entry.action) for entry in desk.account.journal.audit_entries()]
    assert ("ann@example.com", "plan.approved") in actions


def test_restore_applies_only_the_plan_that_was_shown(world: World, desk: Desk):
    edit(world, {1: 36})
    shown = look(world, desk)
    edit(world, {1: 37})
    result = restore(desk, shown)
    assert (result.outcome, result.writes) == ("waiting", 0)
    assert quantities(world) == [20, 37, 50]


def test_an_ignored_edit_stays_and_another_one_is_told_again(world: World, desk: Desk):
    edit(world, {1: 36})
    ignore(desk, look(world, desk))
    assert sync(world, desk).outcome == "nothing"
    one = look(world, desk)
    assert one.plan is not None
    found = ignored_by(desk, one.plan)
    assert found is not None
    assert (found.approved_by, found.reason) == ("ann@example.com", "promised by mail")
    (entry,) = [entry for entry in desk.account.journal.audit_entries() if entry.action == "drift.ignored"]
    assert entry.detail["edits"] == "phases.1.items.0.quantity is 36, we had applied 35"
    edit(world, {1: 37})
    other = look(world, desk)
    assert other.plan is not None
    assert ignored_by(desk, other.plan) is None


def test_a_change_that_would_undo_an_ignored_edit_asks_and_says_so(world: World, desk: Desk):
    edit(world, {1: 36})
    ignore(desk, look(world, desk))
    sell(world, 3, 60.0)
    result = sync(world, desk)
    assert result.outcome == "pending"
    (reason,) = result.planned.judgement.reasons
    assert reason.startswith(
        "undoes what was edited in Stripe by hand and is ignored (by ann@example.com: promised by mail): phases.1"
    )
    assert quantities(world) == [20, 36, 50]


def test_an_order_that_says_what_stripe_holds_takes_the_edit_over(world: World, desk: Desk):
    edit(world, {1: 36})
    sell(world, 2, 36.0)
    result = sync(world, desk)
    assert (result.outcome, result.writes) == ("nothing", 0)
    assert told(look(world, desk)) == []
    sell(world, 3, 60.0)
    assert sync(world, desk).outcome == "applied"
    assert quantities(world) == [20, 36, 60]


def test_an_edit_of_the_phase_that_runs_is_told(world: World):
    desk = world.desk()
    world.sync(desk, "ramp")
    world.later(WHILE_IT_RUNS)
    edit(world, {0: 22})
    assert told(look(world, desk)) == [("phases.0.items.0.quantity", 20, 20, 22)]


def test_without_the_journals_word_nothing_is_called_an_edit(world: World, desk: Desk):
    edit(world, {1: 36})
    journal = desk.account.journal
    (link,) = [one for one in journal.contract_links(desk.name, look(world, desk).raw.key) if "schedule" in one.kind]
    assert journal.forget_link(desk.name, link.kind, link.key)
    one = look(world, desk)
    assert one.plan is not None
    assert one.plan.operations
    assert told(one) == []
