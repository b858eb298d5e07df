"""What the CRM is told: only what differs, ids where they belong, and its refusals never touch the billing."""

from dataclasses import replace
from typing import Any

import pytest

from connector.crm.protocol import ContractRef
from connector.crm.salesforce.adapter import SalesforceCrm
from connector.poll import sync_changed
from connector.retry import retry_policy
from connector.sandbox.http import FaultRule
from connector.sandbox.salesforce.faults import apex_error, unavailable
from connector.sync import Desk, Result, plan_contracts
from tests.wiring import KEY, World


def order(world: World, name: str = "ramp") -> dict[str, Any]:
    return world.salesforce.records("Order")[world.orders[name]]


def lines(world: World, name: str = "ramp") -> list[dict[str, Any]]:
    rows = world.salesforce.records("OrderItem").values()
    return [row for row in rows if row["OrderId"] == world.orders[name]]


def poll(desk: Desk) -> list[Result]:
    return list(sync_changed(desk, job="test", config_hash=""))


def saved(world: World) -> dict[str, set[str]]:
    """Return which records were changed, by their stamps: record id and stamp."""
    return {
        name: {f"{key} {row['SystemModstamp']}" for key, row in world.salesforce.records(name).items()}
        for name in ("Order", "OrderItem", "Account", "Product2")
    }


def test_ids_go_where_people_look_for_them(world: World):
    world.sync(world.desk(), "ramp")
    state = world.stripe.state[KEY].objects
    told = order(world)
    assert told["Stripe_Schedule_Id__c"] in state["subscription_schedule"]
    assert told["Stripe_Link__c"].endswith(f"/test/subscription_schedules/{told['Stripe_Schedule_Id__c']}")
    assert (told["Stripe_Sync_Status__c"], told["Stripe_Segment_Count__c"]) == ("Synced", 3)
    assert (told["Stripe_Next_Change__c"], told["Stripe_MRR__c"]) == ("2026-12-01", 2800.0)
    assert world.salesforce.records("Account")[told["AccountId"]]["Stripe_Customer_Id__c"] in state["customer"]
    products = world.salesforce.records("Product2")
    assert {products[line["Product2Id"]]["Stripe_Product_Id__c"] for line in lines(world)} == set(state["product"])
    shared = {line.get("Stripe_Price_Id__c") for line in lines(world)} - {None}
    assert shared == set(state["price"]) & shared
    assert len(shared) == 1, "the platform's price is an object; prices of single phases travel inline"


def test_a_running_contract_names_its_segment_and_its_subscription(world: World):
    desk = world.desk()
    world.sync(desk, "ramp")
    world.later(24 * 30)
    world.salesforce.update("Order", world.orders["ramp"], {"PoNumber": "PO-2"})
    world.sync(desk, "ramp")
    told = order(world)
    assert told["Stripe_Subscription_Id__c"] in world.stripe.state[KEY].objects["subscription"]
    assert told["Stripe_Current_Segment__c"] == "Year 1"
    assert told["Stripe_Next_Change__c"] == "2027-12-01"


def test_an_order_sold_once_names_its_invoice(world: World):
    world.sync(world.desk(), "one_time")
    told = order(world, "one_time")
    assert told["Stripe_Invoice_Id__c"] in world.stripe.state[KEY].objects["invoice"]
    assert told["Stripe_Link__c"].endswith(f"/test/invoices/{told['Stripe_Invoice_Id__c']}")


def test_our_own_write_is_no_change(world: World):
    desk = world.desk()
    first = poll(desk)
    assert {result.outcome for result in first} == {"applied", "refused", "skipped"}
    before, stripe = saved(world), len(world.stripe_calls())
    for _ in range(2):
        again = poll(desk)
        assert {result.outcome for result in again} <= {"nothing", "refused", "skipped"}
    assert saved(world) == before
    assert world.stripe_calls()[stripe:] == []


def test_only_what_differs_is_written(world: World):
    desk = world.desk()
    world.sync(desk, "ramp", "quarters")
    world.salesforce.update("Order", world.orders["ramp"], {"Stripe_Sync_Status__c": "Blocked"})
    world.later(1)
    world.salesforce.clock.set(world.now)
    world.sync(desk, "ramp", "quarters")
    assert order(world)["Stripe_Sync_Status__c"] == "Synced"
    assert order(world)["Stripe_Synced_At__c"] == "2026-11-24T10:00:00.000+0000"
    assert order(world, "quarters")["Stripe_Synced_At__c"] == "2026-11-24T09:00:00.000+0000"


def test_drafts_and_held_orders_are_left_alone(world: World):
    world.salesforce.update("Order", world.orders["ramp"], {"Stripe_Hold_Sync__c": True})
    before = saved(world)
    results = world.sync(world.desk(), "ramp", "draft")
    assert [result.outcome for result in results] == ["skipped", "skipped"]
    assert saved(world) == before
    assert world.stripe_calls() == []


def test_an_order_put_on_hold_after_billing_began_keeps_what_it_has(world: World):
    desk = world.desk()
    world.sync(desk, "ramp")
    held = dict(order(world))
    world.salesforce.update("Order", world.orders["ramp"], {"Stripe_Hold_Sync__c": True, "PoNumber": "NEW"})
    before = len(world.stripe_calls())
    (result,) = world.sync(desk, "ramp")
    assert (result.outcome, result.writes) == ("skipped", 0)
    assert not any(call.startswith("POST") for call in world.stripe_calls()[before:])
    assert order(world)["Stripe_Schedule_Id__c"] == held["Stripe_Schedule_Id__c"]
    world.salesforce.update("Order", world.orders["ramp"], {"Stripe_Hold_Sync__c": False})
    (result,) = world.sync(desk, "ramp")
    assert (result.outcome, result.writes) == ("applied", 1)


def test_a_row_the_crm_refuses_is_said_the_others_are_stored_and_billing_stands(world: World):
    world.salesforce.remove_field("Order", "Stripe_Link__c")
    world.salesforce.add_field("Order", "Stripe_Link__c string:20")  # somebody made the field too short
    desk = world.desk()
    (result,) = world.sync(desk, "ramp")
    assert (result.outcome, result.writes) == ("applied", 6)
    assert result.error is not None
    assert result.error.startswith(
        f"billing is done, but the CRM refused to store the status: Order {world.orders['ramp']}: STRING_TOO_LONG: "
    )
    assert len(world.stripe.state[KEY].objects["subscription_schedule"]) == 1
    assert "Stripe_Sync_Status__c" not in order(world)
    assert world.salesforce.records("Account")[order(world)["AccountId"]]["Stripe_Customer_Id__c"].startswith("cus_")
    state = desk.account.journal.contract(desk.name, result.planned.raw.key)
    assert state is not None
    assert state.status["error"] == result.error
    before = len(world.stripe_calls())
    (result,) = world.sync(desk, "ramp")
    assert (result.outcome, world.stripe_calls()[before:]) == ("nothing", [])
    assert result.error is not None


TROUBLE = [apex_error("OrderTrigger: A PO number is needed.", "/composite"), unavailable("/composite")]


@pytest.mark.parametrize("fault", TROUBLE, ids=["a trigger fails", "the CRM is away"])
def test_a_crm_that_cannot_be_told_is_told_by_the_next_run(world: World, fault: FaultRule):
    desk = _impatient(world)
    world.salesforce.inject(replace(fault, nth=_reads(world, desk) + 1))  # the first call after reading
    (result,) = world.sync(desk, "ramp")
    assert (result.outcome, result.writes) == ("applied", 6)
    assert result.error is not None
    assert result.error.startswith("billing is done, but the CRM ")
    assert "Stripe_Schedule_Id__c" not in order(world)
    before = len(world.stripe_calls())
    (result,) = world.sync(desk, "ramp")
    assert (result.outcome, result.error) == ("nothing", None)
    assert world.stripe_calls()[before:] == []
    assert order(world)["Stripe_Schedule_Id__c"] in world.stripe.state[KEY].objects["subscription_schedule"]


def _reads(world: World, desk: Desk) -> int:
    """Return how many calls read the order, once the columns that the org lacks are known."""
    for _ in range(2):
        before = len(world.salesforce_calls())
        assert list(plan_contracts(desk, [ContractRef("salesforce", world.orders["ramp"])]))
    return len(world.salesforce_calls()) - before


def _impatient(world: World) -> Desk:
    """Return a desk whose CRM gives up at the first failure."""
    return replace(world.desk(), crm=SalesforceCrm(world.settings(), policy=retry_policy(attempts=1)))
