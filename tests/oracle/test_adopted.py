"""Whatever was sold: quantities and prices edited by hand before it begins are adopted, and the money is explained."""

import copy
import random
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest

from connector.compile.contract import compile_contract
from connector.compile.resource import DesiredState
from connector.domain.contract import Contract
from connector.plan.adopting import adoptable
from connector.plan.canonical import canonical
from connector.plan.existing import NOTHING, ExistingObject, ExistingState
from connector.plan.plan import Plan, make_plan
from connector.plan.prices import by_terms, terms_of
from tests.builders import seeded
from tests.oracle.deals import deal

SEEDS = range(60)


def sold(seed: int) -> tuple[Contract, date] | None:
    """Return a contract that can be billed, and a day before it begins."""
    made = deal(seed)
    today = made.start - timedelta(days=5)
    first = compile_contract(made, today, today)
    if first.desired is None or make_plan(made, first, NOTHING, today).blocked:
        return None
    return made, today


def read(desired: DesiredState, today: date) -> ExistingState:
    """Return what Stripe holds right after it was made, schedules as they are read."""
    terms = terms_of(desired.of("price"))
    held = {}
    for resource in desired.resources:
        params = canonical(resource.params)
        schedule = resource.key.kind == "subscription_schedule"
        live = copy.deepcopy(by_terms(params, terms)) | {"price_ids": {}} if schedule else params
        more: Any = {"status": "not_started", "applied": params, "made": today} if schedule else {}
        held[resource.key] = ExistingObject(f"id_{resource.key.name}", live, **more)
    return ExistingState(held)


def priced(state: ExistingState) -> Iterator[Any]:
    """Yield the items with a quantity, to be edited in place."""
    for key, held in state.objects.items():
        if key.kind == "subscription_schedule":
            yield from (item for phase in held.params["phases"] for item in phase["items"] if item.get("quantity"))


def edit(item: Any, chance: random.Random) -> None:
    if "price_data" in item and chance.random() < 0.3:
        amount = chance.randint(1, 50) * 100
        item["price_data"] = {**item["price_data"], "unit_amount_decimal": str(amount)}
    else:
        item["quantity"] += chance.randint(1, 9)


def planned(made: Contract, state: ExistingState, today: date, *adopted: Any) -> Plan:
    return make_plan(made, compile_contract(made, today, today, adopted=adopted), state, today)


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_edited_before_it_begins_is_adopted(seed: int) -> None:
    found = sold(seed)
    if found is None:
        return
    made, today = found
    chance = seeded(seed)
    desired = compile_contract(made, today, today).desired
    assert desired is not None
    state = read(desired, today)
    assert planned(made, state, today).edits == ()
    items = list(priced(state))
    for item in chance.sample(items, min(len(items), chance.choice([1, 1, 2, 4]))):
        edit(item, chance)
    before = planned(made, state, today)
    counting = adoptable(before, state)
    after = planned(made, state, today, *counting)
    assert bool(counting) is bool(before.edits) is bool(items)
    assert (after.edits, [one for one in after.operations if one.key.kind == "subscription_schedule"]) == ((), [])
    assert after.tie_out is not None
    assert (after.blocked, after.tie_out.unexplained) == (False, 0)


def test_most_of_them_can_be_billed() -> None:
    assert sum(sold(seed) is not None for seed in SEEDS) > len(SEEDS) * 0.7
