"""Orders that change in the CRM after they were billed: the smallest write that makes Stripe right again."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from connector.domain.issues import IssueCode
from connector.sandbox.http import FaultRule
from connector.sync import Desk, Result
from tests.wiring import KEY, World

UPDATE = "POST /v1/subscription_schedules/{id}"


@pytest.fixture
def desk(world: World) -> Desk:
    desk = world.desk()
    world.sync(desk, "ramp")
    return desk


def segment(world: World, index: int) -> str:
    rows = world.salesforce.records("OrderItem").items()
    return next(k for k, v in rows if v["OrderId"] == world.orders["ramp"] and v.get("SBQQ__SegmentIndex__c") == index)


def schedule(world: World) -> dict[str, Any]:
    (held,) = world.stripe.state[KEY].objects["subscription_schedule"].values()
    return held


def quantities(world: World) -> list[int]:
    return [max(item["quantity"] for item in phase["items"]) for phase in schedule(world)["phases"]]


def sync(world: World, desk: Desk) -> tuple[Result, list[str]]:
    """Return the result and the writes it took."""
    before = len(world.stripe_calls())
    (result,) = world.sync(desk, "ramp")
    posts = [call for call in world.stripe_calls()[before:] if call.startswith("POST")]
    return result, [call.replace(str(schedule(world)["id"]), "{id}") for call in posts]


@pytest.mark.parametrize("index", [1, 2, 3])
def test_a_new_quantity_before_the_start_is_one_update(world: World, desk: Desk, index: int):
    held = schedule(world)["id"]
    world.salesforce.update("OrderItem", segment(world, index), {"Quantity": 77.0})
    result, writes = sync(world, desk)
    assert (result.outcome, writes) == ("applied", [UPDATE])
    assert schedule(world)["id"] == held
    wanted = [20, 35, 50]
    wanted[index - 1] = 77
    assert quantities(world) == wanted


def test_prices_of_what_did_not_change_are_kept(world: World, desk: Desk):
    before = [[item["price"] for item in phase["items"]] for phase in schedule(world)["phases"]]
    world.salesforce.update("OrderItem", segment(world, 2), {"Quantity": 40.0})
    sync(world, desk)
    assert [[item["price"] for item in phase["items"]] for phase in schedule(world)["phases"]] == before


def test_a_change_of_a_coming_segment_keeps_the_running_one(world: World, desk: Desk):
    world.later(24 * 30)
    running = schedule(world)["phases"][0]
    kept = (running["start_date"], [item["price"] for item in running["items"]])
    invoices = len(world.stripe.state[KEY].objects["invoice"])
    world.salesforce.update("OrderItem", segment(world, 3), {"Quantity": 60.0})
    result, writes = sync(world, desk)
    assert (result.outcome, writes) == ("applied", [UPDATE])
    assert quantities(world) == [20, 35, 60]
    first = schedule(world)["phases"][0]
    assert (first["start_date"], [item["price"] for item in first["items"]]) == kept
    assert len(world.stripe.state[KEY].objects["invoice"]) == invoices


def test_a_change_of_the_running_segment_is_made_up_for_at_once(world: World, desk: Desk):
    """One seat more for all of the year that was billed in advance: nothing of it comes with a later invoice."""
    world.later(24 * 30)
    line = world.salesforce.records("OrderItem")[segment(world, 1)]
    more = {"Quantity": 21.0, "TotalPrice": 21 * line["UnitPrice"]}
    world.salesforce.update("OrderItem", segment(world, 1), more)
    world.salesforce.update("Order", world.orders["ramp"], {"TotalAmount": None})
    result, writes = sync(world, desk)
    assert (result.outcome, writes) == ("applied", [UPDATE])
    assert quantities(world) == [20, 21, 35, 50]
    first, second, *_ = schedule(world)["phases"]
    assert first["end_date"] == second["start_date"] == int(desk.clock().timestamp())
    (correction,) = second["add_invoice_items"]
    price = world.stripe.state[KEY].objects["price"][correction["price"]]
    assert price["unit_amount"] * correction["quantity"] == line["UnitPrice"] * 100
    assert sync(world, desk) == (result, []) or sync(world, desk)[1] == []


def test_metadata_alone_is_one_update_that_moves_no_money(world: World, desk: Desk):
    world.later(24 * 30)
    invoices = world.stripe.state[KEY].objects["invoice"].copy()
    world.salesforce.update("Order", world.orders["ramp"], {"PoNumber": "PO-NEW"})
    result, writes = sync(world, desk)
    assert (result.outcome, writes) == ("applied", [UPDATE])
    settings = schedule(world)["default_settings"]["invoice_settings"]
    assert settings["custom_fields"] == [{"name": "PO number", "value": "PO-NEW"}]
    assert world.stripe.state[KEY].objects["invoice"] == invoices


def _label(world: World, index: int, label: str) -> None:
    line = world.salesforce.records("OrderItem")[segment(world, index)]["SBQQ__QuoteLine__c"]
    world.salesforce.update("SBQQ__QuoteLine__c", line, {"SBQQ__SegmentLabel__c": label})
    world.salesforce.update("Order", world.orders["ramp"], {"PoNumber": f"for {label}"})


def test_the_metadata_of_a_segment_that_is_over_stays_and_stops_nothing(world: World, desk: Desk):
    """Stripe keeps phases that are over as they were; what else changed still arrives."""
    world.later(24 * 400)
    _label(world, 1, "First year")
    assert sync(world, desk)[0].outcome == "applied"
    _label(world, 3, "Last year")
    assert sync(world, desk)[0].outcome == "applied"
    labels = [phase["metadata"]["salesforce_segment_label"] for phase in schedule(world)["phases"]]
    assert labels == ["Year 1", "Year 2", "Last year"]
    result, writes = sync(world, desk)
    assert (result.outcome, writes) == ("nothing", [])


def test_a_new_address_is_one_update_of_the_customer(world: World, desk: Desk):
    account = world.salesforce.records("Order")[world.orders["ramp"]]["AccountId"]
    world.salesforce.update("Account", account, {"BillingCity": "Evanston"})
    result, writes = sync(world, desk)
    (customer,) = world.stripe.state[KEY].objects["customer"].values()
    assert (result.outcome, writes) == ("applied", [f"POST /v1/customers/{customer['id']}"])
    assert customer["address"]["city"] == "Evanston"


def test_back_and_forth_ends_where_it_was(world: World, desk: Desk):
    """The third write has the body of the first; Stripe must not answer it from memory."""
    for quantity in (40.0, 35.0, 40.0, 35.0):
        world.salesforce.update("OrderItem", segment(world, 2), {"Quantity": quantity})
        result, _ = sync(world, desk)
        assert result.outcome == "applied"
        assert quantities(world) == [20, quantity, 50]


def test_a_schedule_ended_by_hand_is_not_started_again(world: World, desk: Desk):
    world.stripe.client(KEY).v1.subscription_schedules.cancel(schedule(world)["id"])
    world.salesforce.update("OrderItem", segment(world, 2), {"Quantity": 40.0})
    result, writes = sync(world, desk)
    assert (result.outcome, writes) == ("refused", [])
    assert [issue.code for issue in result.planned.issues] == [IssueCode.SCHEDULE_OVER]


FAULTS = [
    (FaultRule("POST", "=/v1/customers", status=400), "failed"),
    (FaultRule("POST", "=/v1/customers", status=503), "waiting"),
    (FaultRule("POST", "=/v1/customers", action="drop_after"), "waiting"),
    (FaultRule("POST", "=/v1/prices", status=429), "waiting"),
]


@pytest.mark.parametrize(("fault", "outcome"), FAULTS, ids=["refused", "busy", "cut", "limited"])
def test_one_that_fails_never_stops_the_others(world: World, fault: FaultRule, outcome: str):
    desk = world.desk()
    world.stripe.inject(FaultRule(fault.method, fault.route, action=fault.action, status=fault.status))
    names = ("ramp", "gap", "quarters", "draft", "months")
    results = [result.outcome for result in world.sync(desk, *names)]
    assert (results[1], results[3]) == ("refused", "skipped")
    assert sorted(results[::2]) == sorted([outcome, "applied", "applied"]), "whichever of the three was first"
    again = [result.outcome for result in world.sync(desk, *names)]
    assert again == ["applied" if one == outcome else "nothing" if one == "applied" else one for one in results]


@pytest.mark.parametrize("status", [400, 503])
def test_one_that_cannot_be_looked_at_never_stops_the_others(world: World, desk: Desk, status: int):
    world.sync(desk, "quarters")
    world.salesforce.update("OrderItem", segment(world, 2), {"Quantity": 40.0})
    world.stripe.inject(FaultRule("GET", "/v1/subscription_schedules/", status=status, times=None))
    results = world.sync(desk, "ramp", "quarters", "months")
    assert [result.outcome for result in results][1:] == ["nothing", "applied"]
    assert results[0].outcome in {"failed", "waiting"}
    assert results[0].planned.raw.root.id == world.orders["ramp"]


def test_a_lease_that_runs_out_in_the_middle_is_busy_and_the_others_go_on(world: World):
    """The worker hung after its first write for longer than the lease lasts; whatever it had in hand is left alone."""

    def clock() -> datetime:
        begun = any(call == "POST /v1/customers" for call in world.stripe_calls())
        return world.now + timedelta(minutes=6 if begun else 0)

    one_by_one = replace(world.desk(clock=clock), threads=1)
    results = world.sync(one_by_one, "ramp", "months")
    assert [result.outcome for result in results] == ["busy", "applied"]
    assert "POST /v1/subscription_schedules" in world.stripe_calls()
