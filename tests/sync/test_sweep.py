"""The sweep: what no poll has told is found, what stands as it was handled costs nothing."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from connector.poll import sync_changed
from connector.stamps import read_cursor
from connector.sweep import Sweep, last_sweep, sweep
from connector.sync import Desk, Result
from tests.wiring import World


def poll(desk: Desk) -> list[Result]:
    return list(sync_changed(desk, job="test", config_hash=""))


def swept(desk: Desk, *, deep: bool = False) -> tuple[dict[str, str], Sweep]:
    results = list(sweep(desk, job="sweep", config_hash="", deep=deep))
    figures = last_sweep(desk)
    assert figures is not None
    return {result.planned.raw.root.id: result.outcome for result in results}, figures


def pass_time(world: World, hours: float) -> None:
    world.later(hours)
    world.salesforce.clock.set(world.now)


@pytest.fixture
def settled(world: World) -> Desk:
    """A desk that has polled a company of three active orders until nothing is told any more."""
    for name in world.orders.keys() - {"ramp", "volume", "months"}:
        world.salesforce.update("Order", world.orders[name], {"Status": "Draft"})
    desk = world.desk()
    for _ in range(3):
        poll(desk)
        pass_time(world, 1)
    return desk


def amend(world: World) -> str:
    """Sell ten more seats of the ramp from its second year on, and activate the order."""
    order = world.orders["ramp"]
    lines = world.salesforce.records("OrderItem")
    line = next(k for k, row in lines.items() if row["OrderId"] == order and row.get("SBQQ__SegmentIndex__c") == 2)
    made = world.salesforce.amend(order, date(2027, 12, 1), {line: 10})
    world.salesforce.update("Order", made, {"Status": "Activated"})
    return made


def miss(world: World, desk: Desk, name: str) -> None:
    """Let an edit be committed so late that every poll has passed its stamp."""
    late = timedelta(minutes=50)
    world.salesforce.update_late("Order", world.orders[name], {"PoNumber": "PO-LATE"}, visible_in=late)
    pass_time(world, 0.8)
    assert poll(desk) == []
    pass_time(world, 0.5)
    assert poll(desk) == [], "no poll sees it"


def test_what_stands_as_it_was_handled_is_not_asked_for(world: World, settled: Desk):
    before, stripe = len(world.salesforce_calls()), len(world.stripe_calls())
    outcomes, figures = swept(settled)
    assert outcomes == {}
    assert (figures.read, figures.found, figures.changed, figures.gone) == (len(world.orders), 0, 0, 0)
    assert len(world.salesforce_calls()) - before == 1
    assert len(world.stripe_calls()) == stripe


def test_what_every_poll_has_missed_is_found_and_counted(world: World, settled: Desk):
    miss(world, settled, "ramp")
    outcomes, figures = swept(settled)
    assert outcomes == {world.orders["ramp"]: "applied"}
    assert (figures.found, figures.changed, figures.found_ever) == (1, 1, 1)
    pass_time(world, 1)
    poll(settled)  # our own write-back
    pass_time(world, 1)
    outcomes, figures = swept(settled)
    assert (outcomes, figures.found, figures.found_ever) == ({}, 0, 1)


def test_what_the_next_poll_tells_anyway_is_not_counted(world: World, settled: Desk):
    world.salesforce.update("Order", world.orders["ramp"], {"PoNumber": "PO-NEW"})
    outcomes, figures = swept(settled)
    assert outcomes == {world.orders["ramp"]: "applied"}
    assert (figures.found, figures.changed) == (0, 1)


def test_a_deleted_order_is_told_as_long_as_it_is_billed(world: World, settled: Desk):
    world.salesforce.delete("Order", world.orders["ramp"])
    pass_time(world, 1)
    outcomes, figures = swept(settled)
    assert (outcomes, figures.gone) == ({world.orders["ramp"]: "refused"}, 1)
    state = settled.account.journal.contract(settled.name, world.orders["ramp"])
    assert state is not None
    assert state.outcome == "refused"
    pass_time(world, 24)
    assert swept(settled)[0] == {world.orders["ramp"]: "refused"}


def test_a_deleted_amendment_is_told_to_its_contract(world: World, settled: Desk):
    amendment = amend(world)
    pass_time(world, 1)
    for _ in range(2):
        poll(settled)
        pass_time(world, 1)
    assert swept(settled)[0] == {}
    world.salesforce.delete("Order", amendment)
    pass_time(world, 1)
    outcomes, figures = swept(settled)
    assert (set(outcomes), figures.gone) == ({world.orders["ramp"]}, 1)
    pass_time(world, 24)
    assert swept(settled)[1].gone == 0


def test_another_mapping_reaches_every_order(world: World, settled: Desk):
    other = replace(settled, mapping=replace(settled.mapping, hash="other"))
    outcomes, figures = swept(other)
    assert figures.mapping == len(world.orders)
    assert figures.found == 0
    assert len(outcomes) >= 3
    assert swept(other)[0] == {}


def test_a_deep_sweep_looks_at_every_known_contract_once(world: World, settled: Desk):
    outcomes, figures = swept(settled, deep=True)
    known = {world.orders[name] for name in ("ramp", "volume", "months")}
    assert known <= set(outcomes)
    assert set(outcomes.values()) <= {"nothing", "refused"}
    assert figures.deep_at == world.now
    pass_time(world, 1)
    assert swept(settled)[1].deep_at == figures.deep_at


def test_a_sweep_that_is_broken_off_has_looked_at_nothing(world: World, settled: Desk):
    miss(world, settled, "ramp")
    results = sweep(settled, job="sweep", config_hash="")
    next(results)
    results.close()
    assert last_sweep(settled) is None
    pass_time(world, 1)
    assert swept(settled)[1].found == 1


def test_contracts_that_were_synced_without_a_poll_are_known_by_the_sweep(world: World):
    desk = world.desk()
    world.sync(desk, "ramp")
    world.salesforce.delete("Order", world.orders["ramp"])
    pass_time(world, 1)
    outcomes, _ = swept(desk)
    assert outcomes[world.orders["ramp"]] == "refused"
    assert read_cursor(desk) is None
