"""Passing a contract over is the same as looking at it: the same outcome, nothing written, Stripe not asked."""

import copy
import random
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from connector.crm.protocol import ContractRef
from connector.plan.safety import Limits
from connector.poll import sync_refs
from connector.sync import Desk, Result, plan_contract
from connector.unchanged import PassedOver
from tests.builders import seeded
from tests.wiring import World

RAMP = "ramp"
#: What is refused is looked at again, and so is what has an invoice only: nothing says on which day it was made.
NOT_PASSED = {"one_time", "gap", "no_start", "fractional", "metered_quantity"}


def sync(world: World, desk: Desk, *orders: str, pass_over: bool = False) -> list[Result]:
    refs = [ContractRef(desk.name, order) for order in orders or world.orders.values()]
    return list(sync_refs(desk, refs, job="test", config_hash="", pass_over=pass_over))


def passed_over(world: World, desk: Desk) -> dict[str, str]:
    refs = [ContractRef(desk.name, order) for order in world.orders.values()]
    short = PassedOver(desk, partial(plan_contract, desk))
    found = {raw.root.id: short.planned(raw) for raw in desk.crm.fetch(refs, desk.mapping.paths)}
    return {order: planned.unchanged for order, planned in found.items() if planned.unchanged}


@pytest.fixture
def settled(world: World) -> Desk:
    """A desk that has synced everything until nothing is written any more."""
    desk = world.desk(limits=Limits(max_terminations=100, max_changed_share=Decimal(1)))
    for _ in range(3):
        sync(world, desk)
    return desk


def test_what_is_settled_is_passed_over_and_not_written_down_again(world: World, settled: Desk):
    known = settled.account.journal.contract_states(settled.name)
    stripe = len(world.stripe_calls())
    outcomes = [result.outcome for result in sync(world, settled, pass_over=True)]
    assert outcomes.count("nothing") == 15
    assert outcomes.count("skipped") == 1
    expected = {world.orders[name] for name in world.orders.keys() - NOT_PASSED}
    assert set(passed_over(world, settled)) == expected
    assert len(world.stripe_calls()) == stripe
    run = settled.account.journal.latest_runs(settled.name)[0]
    assert (run.counts or {})["nothing"] == 15
    after = settled.account.journal.contract_states(settled.name)
    passed = {state.contract_key: state for state in after if state.source_hash}
    assert set(passed) == expected
    assert [state for state in known if state.source_hash] == list(passed.values())


def test_what_was_just_applied_is_looked_at_again(world: World):
    desk = world.desk()
    sync(world, desk)
    assert world.orders[RAMP] not in passed_over(world, desk)


def test_without_the_word_every_contract_is_looked_at(world: World, settled: Desk):
    (result,) = sync(world, settled, world.orders[RAMP])
    assert result.planned.plan is not None
    (short,) = sync(world, settled, world.orders[RAMP], pass_over=True)
    assert short.planned.plan is None
    assert short.outcome == result.outcome == "nothing"


@pytest.mark.parametrize(
    "change",
    [
        lambda world, _: world.salesforce.update("Order", world.orders[RAMP], {"PoNumber": "PO-1"}),
        lambda world, desk: desk.account.journal.forget_link(desk.name, "product", _product(world, desk)),
        lambda world, _: world.later(24 * 400),
        lambda world, _: _backwards(world),
    ],
    ids=["its records", "our own book", "a date that is reached", "a clock that went back"],
)
def test_what_a_look_goes_by_is_looked_at(world: World, settled: Desk, change: Any):
    assert world.orders[RAMP] in passed_over(world, settled)
    change(world, settled)
    assert world.orders[RAMP] not in passed_over(world, settled)


def _product(world: World, desk: Desk) -> str:
    line = next(row for row in world.salesforce.records("OrderItem").values() if row["OrderId"] == world.orders[RAMP])
    links = desk.account.journal.account_links(
        desk.name, world.salesforce.records("Order")[world.orders[RAMP]]["AccountId"]
    )
    return next(link.key for link in links if link.kind == "product" and link.key == line["Product2Id"])


def _backwards(world: World) -> None:
    world.now -= timedelta(days=2)


def test_another_mapping_or_another_limit_is_another_look(world: World, settled: Desk):
    for other in (
        replace(settled, mapping=replace(settled.mapping, hash="other")),
        replace(settled, ahead=settled.ahead + 1),
        replace(settled, limits=Limits()),
    ):
        assert passed_over(world, other) == {}


def test_a_drift_look_passes_nothing_over(world: World, settled: Desk):
    refs = [ContractRef(settled.name, world.orders[RAMP])]
    before = len(world.stripe_calls())
    list(sync_refs(settled, refs, job="test", config_hash="", live=True, pass_over=True))
    assert len(world.stripe_calls()) == before + 1


@pytest.mark.parametrize("seed", range(2))
def test_passing_over_is_the_same_as_looking(world: World, settled: Desk, seed: int):
    """Whatever happens to records, Stripe and the calendar, a look at what would be passed over finds the same."""
    chance = seeded(seed)
    passed = 0
    for _ in range(10):
        _something_happens(world, settled, chance)
        short = passed_over(world, settled)
        passed += len(short)
        held = copy.deepcopy(world.salesforce.state)
        stripe = len(world.stripe_calls())
        looked = {result.planned.raw.root.id: result for result in sync(world, settled, *short)} if short else {}
        assert {order: looked[order].outcome for order in short} == short
        assert len(world.stripe_calls()) == stripe
        assert world.salesforce.state == held, "a look would have told the CRM something"
        sync(world, settled)
    assert passed > 50, "most contracts are passed over most of the time"


def _something_happens(world: World, desk: Desk, chance: random.Random) -> None:
    order = chance.choice([world.orders[name] for name in ("ramp", "volume", "months", "flat", "quarters", "draft")])
    match chance.randrange(6):
        case 0:
            world.salesforce.update("Order", order, {"PoNumber": f"PO-{chance.random()}"})
        case 1:
            lines = [key for key, row in world.salesforce.records("OrderItem").items() if row["OrderId"] == order]
            world.salesforce.update("OrderItem", chance.choice(lines), {"Quantity": float(chance.randint(1, 60))})
        case 2:
            account = world.salesforce.records("Order")[order]["AccountId"]
            world.salesforce.update("Account", account, {"Name": f"Customer {chance.randint(1, 99)}"})
        case 3:
            line = next(row for row in world.salesforce.records("OrderItem").values() if row["OrderId"] == order)
            world.salesforce.update("Product2", line["Product2Id"], {"Name": f"Product {chance.randint(1, 99)}"})
            sync(world, desk, order)  # whoever reads the new name first writes it
        case _:
            world.later(24 * chance.choice([1, 3, 10, 30, 45, 120]))
