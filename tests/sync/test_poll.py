"""The run of every minute: what it looks at, when its cursor moves, and what it comes back to."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest

from connector.crm.salesforce.adapter import SalesforceCrm
from connector.plan.safety import Limits
from connector.poll import changed_refs, read_cursor, sync_changed
from connector.retry import retry_policy
from connector.sandbox.http import FaultRule
from connector.sandbox.salesforce.faults import unavailable
from connector.stamps import STREAM
from connector.sync import Desk, Result
from tests.wiring import KEY, World

SMALL = Limits(max_contract_amount={"*": Decimal(1)})
SCHEDULES = "=/v1/subscription_schedules"


def poll(desk: Desk) -> list[Result]:
    return list(sync_changed(desk, job="test", config_hash=""))


def outcomes(results: list[Result]) -> dict[str, int]:
    found: dict[str, int] = {}
    for result in results:
        found[result.outcome] = found.get(result.outcome, 0) + 1
    return found


@pytest.fixture
def settled(world: World) -> Desk:
    """A desk that has synced a company of three active orders, an hour ago."""
    for name in world.orders.keys() - {"ramp", "volume", "months"}:
        world.salesforce.update("Order", world.orders[name], {"Status": "Draft"})
    desk = world.desk()
    poll(desk)
    pass_time(world, 1)
    poll(desk)
    return desk


def pass_time(world: World, hours: float) -> None:
    world.later(hours)
    world.salesforce.clock.set(world.now)


def test_the_first_run_takes_everything_the_next_what_changed(world: World, settled: Desk):
    assert changed_refs(settled) == ()
    world.salesforce.update("Order", world.orders["ramp"], {"PoNumber": "PO-NEW"})
    pass_time(world, 1)
    (result,) = poll(settled)
    assert (result.planned.raw.root.id, result.outcome) == (world.orders["ramp"], "applied")
    pass_time(world, 1)
    assert {result.outcome for result in poll(settled)} <= {"nothing"}


def test_a_changed_line_is_a_changed_order(world: World, settled: Desk):
    lines = world.salesforce.records("OrderItem")
    line = next(key for key, row in lines.items() if row["OrderId"] == world.orders["volume"])
    world.salesforce.update("OrderItem", line, {"Quantity": 41.0})
    pass_time(world, 1)
    assert [result.planned.raw.root.id for result in poll(settled)] == [world.orders["volume"]]


def test_the_cursor_moves_after_the_work_and_only_then(world: World):
    desk = world.desk()
    results = sync_changed(desk, job="test", config_hash="")
    next(results)
    results.close()  # the process is told to stop
    assert read_cursor(desk) is None
    run = desk.account.journal.latest_runs(desk.name)[0]
    assert (run.finished_at is not None, sum((run.counts or {}).values())) == (True, 1)
    world.salesforce.clock.set(world.later(1))  # past the lag, within which what we told is not read again
    assert len(poll(desk)) == len(world.orders)
    assert read_cursor(desk) is not None


def test_a_crm_that_is_away_moves_nothing(world: World, settled: Desk):
    before = read_cursor(settled)
    world.salesforce.update("Order", world.orders["ramp"], {"PoNumber": "PO-NEW"})
    pass_time(world, 1)
    world.salesforce.inject(unavailable("/composite", times=None))
    impatient = replace(settled, crm=SalesforceCrm(world.settings(), policy=retry_policy(attempts=1)))
    with pytest.raises(Exception, match="unable to service your request"):
        poll(impatient)
    assert read_cursor(settled) == before
    world.salesforce.clear_faults()
    assert outcomes(poll(settled)) == {"applied": 1}


def test_what_stripe_could_not_do_is_done_by_the_next_run_although_nothing_changed(world: World, settled: Desk):
    world.salesforce.update("Order", world.orders["ramp"], {"PoNumber": "PO-NEW"})
    pass_time(world, 1)
    world.stripe.inject(FaultRule("POST", "/v1/subscription_schedules/", status=503))
    assert outcomes(poll(settled)) == {"waiting": 1}
    pass_time(world, 1)
    assert outcomes(poll(settled)) == {"applied": 1}
    pass_time(world, 1)
    assert outcomes(poll(settled)) in ({}, {"nothing": 1})
    assert changed_refs(settled) == ()


def test_what_another_worker_held_is_done_by_the_next_run(world: World, settled: Desk):
    world.salesforce.update("Order", world.orders["ramp"], {"PoNumber": "PO-NEW"})
    pass_time(world, 1)
    account = world.salesforce.records("Order")[world.orders["ramp"]]["AccountId"]
    settled.account.journal.acquire_lease(f"salesforce:{account}", "other", world.now, timedelta(minutes=5))
    assert outcomes(poll(settled)) == {"busy": 1}
    pass_time(world, 1)
    assert outcomes(poll(settled)) == {"applied": 1}


def test_what_stripe_refused_waits_for_a_change(world: World, settled: Desk):
    world.salesforce.update("Order", world.orders["ramp"], {"PoNumber": "PO-NEW"})
    pass_time(world, 1)
    world.stripe.inject(FaultRule("POST", "/v1/subscription_schedules/", status=400, times=None))
    assert outcomes(poll(settled)) == {"failed": 1}
    (failure,) = settled.account.journal.failures(settled.name)
    assert (failure.kind, failure.record, failure.due_at) == ("fix_data", world.orders["ramp"], None)


def test_what_was_approved_is_applied_by_the_next_run_although_nothing_changed(world: World):
    desk = world.desk(limits=SMALL)
    assert outcomes(poll(desk))["pending"] == 15
    pass_time(world, 1)
    poll(desk)
    pass_time(world, 1)
    assert poll(desk) == []
    state = desk.account.journal.contract_states(desk.name, outcome="pending")[0]
    until = world.now + timedelta(hours=4)
    desk.account.journal.approve(state.status["fingerprint"], "ann", "checked with sales", world.now, until)
    (result,) = poll(desk)
    assert (result.planned.raw.root.id, result.outcome) == (state.record, "applied")
    pass_time(world, 1)
    assert {one.outcome for one in poll(desk)} <= {"nothing"}


def test_a_date_that_is_reached_changes_what_the_crm_says(world: World, settled: Desk):
    pass_time(world, 24 * 8)  # the first of December has come
    assert world.orders["ramp"] in {ref.id for ref in changed_refs(settled)}
    before = sum(call.startswith("POST") for call in world.stripe_calls())
    assert {result.outcome for result in poll(settled)} == {"nothing"}
    assert sum(call.startswith("POST") for call in world.stripe_calls()) == before
    order = world.salesforce.records("Order")[world.orders["ramp"]]
    assert (order["Stripe_Current_Segment__c"], order["Stripe_Next_Change__c"]) == ("Year 1", "2027-12-01")
    pass_time(world, 1)
    poll(settled)
    pass_time(world, 1)
    assert changed_refs(settled) == ()


def test_nothing_to_look_at_is_a_run_that_reads_no_contract(world: World, settled: Desk):
    before = len(world.salesforce_calls())
    assert poll(settled) == []
    assert len(world.salesforce_calls()) - before <= 3
    assert KEY in world.stripe.state


def test_other_filters_reach_orders_that_nobody_touches(world: World, settled: Desk, caplog: pytest.LogCaptureFixture):
    assert poll(settled) == []
    later = replace(settled.mapping.gates, since=date(2026, 12, 2))
    other = replace(settled, mapping=replace(settled.mapping, gates=later, hash="other"))
    found = poll(other)
    assert len(found) == len(world.orders)
    skipped = [one for one in found if one.planned.raw.root.id == world.orders["ramp"]]
    assert [one.outcome for one in skipped] == ["skipped"], "it starts a day before"
    (line,) = caplog.messages
    assert line.endswith(
        f"the conditions of the mapping file changed, so all {len(world.orders)} orders are looked at again"
    )
    pass_time(world, 1)
    assert {one.outcome for one in poll(other)} <= {"nothing", "skipped"}
    pass_time(world, 1)
    assert poll(other) == []


def test_a_poll_goes_by_the_crms_clock_whatever_ours_says(world: World, settled: Desk):
    wrong = replace(settled, clock=lambda: world.now - timedelta(days=3))
    world.salesforce.update("Order", world.orders["ramp"], {"PoNumber": "PO-NEW"})
    pass_time(world, 1)
    assert outcomes(poll(wrong)) == {"applied": 1}
    pass_time(world, 1)
    assert outcomes(poll(wrong)) in ({}, {"nothing": 1})
    pass_time(world, 1)
    assert poll(wrong) == []


def test_what_was_told_is_not_told_again_by_another_process(world: World, settled: Desk):
    world.salesforce.update("Order", world.orders["ramp"], {"PoNumber": "PO-NEW"})
    pass_time(world, 1)
    assert outcomes(poll(settled)) == {"applied": 1}
    pass_time(world, 0.05)
    poll(settled)  # our own write-back
    pass_time(world, 0.05)
    before = len(world.salesforce_calls())
    assert poll(replace(settled, crm=SalesforceCrm(world.settings()))) == []
    assert len(world.salesforce_calls()) - before == 2, "orders and lines; nothing is fetched"


def test_a_cursor_of_before_there_were_more_facts_is_read(world: World, settled: Desk):
    cursor = read_cursor(settled)
    assert cursor is not None
    value = {"stamp": cursor.stamp.isoformat(), "id": "", "unsettled": []}
    settled.account.journal.save_cursor(settled.name, STREAM, value, world.now)
    old = read_cursor(settled)
    assert old is not None
    assert (old.stamp, old.again, dict(old.seen)) == (cursor.stamp, None, {})
    assert {one.outcome for one in poll(settled)} <= {"nothing", "skipped"}
