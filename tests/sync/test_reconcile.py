"""Reconcile: what nobody of us made in Stripe is found in pages, told once, and dropped when it is put right."""

from collections.abc import Callable
from typing import Any

import pytest

from connector.billing import listing
from connector.crm.protocol import ContractRef
from connector.domain.errors import RetryableError
from connector.drift import ignore_drift
from connector.poll import sync_changed
from connector.reconcile import Reconciled, last_reconcile, reconcile
from connector.sandbox.http import FaultRule
from connector.sync import Desk, plan_contracts
from tests.by_hand import set_quantities
from tests.wiring import KEY, World

BEFORE_IT_BEGINS, WHILE_IT_RUNS = 0, 24 * 20


@pytest.fixture(params=[BEFORE_IT_BEGINS, WHILE_IT_RUNS], ids=["not begun", "running"])
def desk(request: pytest.FixtureRequest, world: World) -> Desk:
    desk = world.desk()
    list(sync_changed(desk, job="test", config_hash=""))
    if request.param:
        world.later(request.param)
    return desk


def schedule(desk: Desk, world: World, name: str = "ramp") -> str:
    links = desk.account.journal.contract_links(desk.name, world.orders[name])
    return next(link.stripe_id for link in links if link.kind == "subscription_schedule")


def schedules(world: World) -> Any:
    return world.stripe.client(KEY).v1.subscription_schedules


def found(done: Reconciled) -> list[tuple[str, str, str]]:
    return [(one.kind, one.subject, one.contract_key) for one in done.findings["salesforce"]]


def test_a_quiet_account_is_read_once_and_nothing_is_found(world: World, desk: Desk):
    before, crm = len(world.stripe_calls()), len(world.salesforce_calls())
    done = reconcile([desk])
    assert (done.schedules, done.links, done.suspects, found(done)) == (14, 14, 0, [])
    assert world.stripe_calls()[before:] == ["GET /v1/subscription_schedules"]
    assert len(world.salesforce_calls()) == crm
    assert last_reconcile(desk) == world.now


def test_pages_are_followed_to_the_end(world: World, desk: Desk, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(listing, "PAGE", 5)
    before = len(world.stripe_calls())
    done = reconcile([desk])
    assert (done.schedules, found(done)) == (14, [])
    assert len(world.stripe_calls()) - before == 3


@pytest.mark.parametrize(
    "edit",
    [
        lambda api, key: set_quantities(api, key, {1: 36}),
        lambda api, key: set_quantities(api, key, {2: 51}),
        lambda api, key: api.v1.subscription_schedules.update(key, {"metadata": {"salesforce_order_link": "x"}}),
        lambda api, key: api.v1.subscription_schedules.update(key, {"end_behavior": "release"}),
    ],
    ids=["a coming phase", "the last phase", "metadata", "what comes after"],
)
def test_an_edit_by_hand_is_found_confirmed_and_told_once(world: World, desk: Desk, edit: Callable[[Any, str], Any]):
    key = schedule(desk, world)
    edit(world.stripe.client(KEY), key)
    before = len(world.stripe_calls())
    done = reconcile([desk])
    assert found(done) == [("edited", key, world.orders["ramp"])]
    assert [one.subject for one in done.fresh["salesforce"]] == [key]
    assert "we had applied" in done.findings["salesforce"][0].detail
    assert len(world.stripe_calls()) - before == 2, "a page, and one look at the contract"
    world.later(24)
    again = reconcile([desk])
    assert found(again) == [("edited", key, world.orders["ramp"])]
    assert again.fresh["salesforce"] == ()
    (one,) = again.findings["salesforce"]
    assert one.found_at < one.seen_at == world.now


def test_what_is_put_right_is_dropped(world: World, desk: Desk):
    key = schedule(desk, world)
    set_quantities(world.stripe.client(KEY), key, {1: 36})
    assert len(found(reconcile([desk]))) == 1
    set_quantities(world.stripe.client(KEY), key, {1: 35})
    assert found(reconcile([desk])) == []


def test_nothing_is_repaired(world: World, desk: Desk):
    set_quantities(world.stripe.client(KEY), schedule(desk, world), {1: 36})
    before = len(world.stripe_calls())
    crm = world.salesforce.state
    reconcile([desk])
    assert {call.split()[0] for call in world.stripe_calls()[before:]} == {"GET"}
    assert world.salesforce.state == crm


def test_an_edit_that_is_ignored_is_no_finding_and_costs_no_look(world: World, desk: Desk):
    set_quantities(world.stripe.client(KEY), schedule(desk, world), {1: 36})
    (one,) = plan_contracts(desk, [ContractRef("salesforce", world.orders["ramp"])], live=True)
    assert one.plan is not None
    ignore_drift(desk, one.plan, by="ann@example.com", reason="promised by mail")
    done = reconcile([desk])
    assert (done.suspects, found(done)) == (1, [])
    before = len(world.stripe_calls())
    assert reconcile([desk]).suspects == 0
    assert len(world.stripe_calls()) - before == 1
    set_quantities(world.stripe.client(KEY), schedule(desk, world), {1: 37})
    assert len(found(reconcile([desk]))) == 1


@pytest.mark.parametrize(("end", "word"), [("cancel", "canceled"), ("release", "released")])
def test_a_schedule_that_was_ended_by_hand_is_found(world: World, end: str, word: str):
    desk = world.desk()
    list(sync_changed(desk, job="test", config_hash=""))
    world.later(WHILE_IT_RUNS)
    key = schedule(desk, world, "volume")
    getattr(schedules(world), end)(key)
    done = reconcile([desk])
    assert found(done) == [("ended", key, world.orders["volume"])]
    assert word in done.findings["salesforce"][0].detail


def test_what_was_ended_before_it_began_is_found_too(world: World):
    desk = world.desk()
    list(sync_changed(desk, job="test", config_hash=""))
    key = schedule(desk, world)
    schedules(world).cancel(key)
    assert ("ended", key, world.orders["ramp"]) in found(reconcile([desk]))


def test_a_schedule_that_stripe_has_not_is_found(world: World, desk: Desk):
    key = schedule(desk, world)
    del world.stripe.state[KEY].objects["subscription_schedule"][key]
    done = reconcile([desk])
    assert found(done) == [("missing", key, world.orders["ramp"])]


def test_a_schedule_of_ours_that_no_contract_knows_is_found(world: World, desk: Desk):
    key = schedule(desk, world)
    journal = desk.account.journal
    (link,) = [one for one in journal.contract_links(desk.name, world.orders["ramp"]) if one.stripe_id == key]
    journal.forget_link(desk.name, link.kind, link.key)
    done = reconcile([desk])
    assert found(done) == [("unknown", key, "")]
    assert world.orders["ramp"] in done.findings["salesforce"][0].detail


def test_somebody_elses_schedule_is_not_ours(world: World, desk: Desk):
    journal = desk.account.journal
    key = schedule(desk, world)
    (link,) = [one for one in journal.contract_links(desk.name, world.orders["ramp"]) if one.stripe_id == key]
    journal.forget_link(desk.name, link.kind, link.key)
    world.stripe.state[KEY].objects["subscription_schedule"][key]["metadata"] = {"their": "own"}
    assert found(reconcile([desk])) == []


def test_a_vendor_that_is_away_changes_no_finding(world: World, desk: Desk):
    set_quantities(world.stripe.client(KEY), schedule(desk, world), {1: 36})
    first = found(reconcile([desk]))
    at = last_reconcile(desk)
    world.later(24)
    world.stripe.inject(FaultRule("GET", "/v1/subscription_schedules", status=503, times=None))
    with pytest.raises(RetryableError):
        reconcile([desk])
    assert [(one.kind, one.subject, one.contract_key) for one in desk.account.journal.findings(desk.name)] == first
    assert last_reconcile(desk) == at


def test_a_change_that_is_not_applied_yet_is_no_finding(world: World, desk: Desk):
    line = next(
        key
        for key, row in world.salesforce.records("OrderItem").items()
        if row["OrderId"] == world.orders["ramp"] and row.get("SBQQ__SegmentIndex__c") == 3
    )
    world.salesforce.update("OrderItem", line, {"Quantity": 60.0})
    assert found(reconcile([desk])) == []
