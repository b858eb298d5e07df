"""What was shown is what is applied, once, under the limits, and nothing that changed since."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from connector.backfill import Worker, apply_backfill, applying, begin
from connector.backfill.submit import submitter_of
from connector.crm.protocol import ContractRef
from connector.crm.selection import Selection
from connector.domain.errors import ConfigError, RetryableError
from connector.journal import open_journal
from connector.plan.safety import Limits
from connector.poll import sync_refs
from connector.sandbox.http import FaultRule
from tests.backfill.conftest import Filling
from tests.hubspot.world import HubSpotWorld, monthly, yearly
from tests.sync.stripe_state import stripe_state
from tests.wiring import World

OUTCOMES = ("applied", "nothing", "skipped", "refused", "pending", "failed", "waiting", "left", "open")


@pytest.fixture
def filling(world: World) -> Filling:
    return Filling(world.desk())


def writes(world: World | HubSpotWorld) -> list[str]:
    return [f"{r.method} {r.path}" for r in world.stripe.log if r.method != "GET"]


def _lines(world: World) -> dict[str, dict[str, Any]]:
    return world.salesforce.records("OrderItem")


def edit(world: World, order: str, **fields: object) -> None:
    """Change the first line of an order."""
    lines = world.salesforce.records("OrderItem").items()
    line = next(key for key, row in lines if row["OrderId"] == world.orders[order])
    world.salesforce.update("OrderItem", line, fields)


# --- the dry run -----------------------------------------------------------------------------------------


def test_the_dry_run_changes_nothing_and_shows_everything(world: World, filling: Filling):
    held = {key: dict(row) for key, row in world.salesforce.records("Order").items()}
    page = filling.page(filling.planned())
    assert writes(world) == []
    assert {key: dict(row) for key, row in world.salesforce.records("Order").items()} == held
    assert filling.journal.contract_counts("salesforce") == {}
    assert page.verdicts == {"apply": 15, "refuse": 4, "skipped": 1}
    assert page.changes == {"new": 15}
    assert page.selected == sum(page.verdicts.values()) == len(world.orders)
    codes = {issue.code: (issue.count, issue.records) for issue in page.issues}
    fraction = next(key for key, row in _lines(world).items() if row["Quantity"] == 2.5)
    assert codes["QUANTITY_FRACTION"] == (1, (_lines(world)[fraction]["OrderId"],))
    assert all(issue.remedy for issue in page.issues)
    for money in page.planned_money["apply"]:
        assert money.difference == sum(money.reasons.values())


def test_apply_does_what_the_dry_run_showed_to_the_cent_and_with_the_calls_it_told(world: World, filling: Filling):
    planned = filling.planned()
    shown = filling.page(planned)
    calls = len(world.stripe.log)
    done = filling.applied(planned)
    page = filling.page(done)
    assert (done.phase, page.outcomes["applied"], page.outcomes["open"]) == ("done", 15, 0)
    assert page.money["applied"] == shown.planned_money["apply"]
    assert page.writes == len(writes(world)) == sum(shown.estimate.stripe_writes.values())
    assert len(world.stripe.log) - calls <= shown.estimate.stripe_calls + 1
    booked = _booked(filling)
    for money in page.money["applied"]:
        assert booked[money.currency] == (money.sold, money.to_bill)
    items = filling.items(done)
    assert all((item.ids or {}).get("link") for item in items.values() if item.outcome == "applied")
    assert filling.journal.verify_audit().intact


def _booked(filling: Filling) -> dict[str, tuple[int, int]]:
    """Return what the runs wrote down of the contracts they applied, by currency: sold, and billed by Stripe."""
    found: dict[str, tuple[int, int]] = {}
    for run in filling.journal.latest_runs("salesforce", job="backfill-1"):
        for row in filling.journal.run_contracts(run.id):
            if row.outcome == "applied" and row.tie_out:
                plan = filling.journal.latest_plan("salesforce", row.contract_key)
                assert plan is not None
                (currency,) = plan.plan["tie_out"]
                sold, billed = found.get(currency, (0, 0))
                told = {name: int(row.tie_out[name]) for name in ("crm", "billed", "scheduled", "credited")}
                to_bill = told["billed"] + told["scheduled"] - told["credited"]
                found[currency] = (sold + told["crm"], billed + to_bill)
    return found


def test_the_same_dry_run_has_the_same_name_and_another_plan_another(world: World, filling: Filling):
    first, second = filling.planned(), filling.planned()
    assert first.digest == second.digest
    edit(world, "ramp", Quantity=40.0)
    assert filling.planned().digest not in {None, first.digest}


def test_what_is_new_in_a_catalogue_is_counted_once(world: World, filling: Filling):
    shown = filling.page(filling.planned())
    filling.applied(shown.backfill)
    assert writes(world).count("POST /v1/products") == shown.estimate.stripe_writes["/v1/products"]
    assert writes(world).count("POST /v1/customers") == shown.estimate.stripe_writes["/v1/customers"]


# --- what changed since, what is repeated ----------------------------------------------------------------


def test_a_contract_that_changed_since_is_left_and_listed(world: World, filling: Filling):
    planned = filling.planned(None, (world.orders["ramp"], None), (world.orders["flat"], None))
    edit(world, "ramp", Quantity=40.0)
    done = filling.applied(planned)
    items = filling.items(done)
    assert (items[world.orders["ramp"]].outcome, items[world.orders["flat"]].outcome) == ("left", "applied")
    assert items[world.orders["ramp"]].words == "changed since it was shown"
    assert writes(world).count("POST /v1/subscription_schedules") == 1
    again = filling.applied(filling.planned(None, (world.orders["ramp"], None)))
    assert filling.page(again).outcomes["applied"] == 1


def test_what_was_refused_and_mended_since_is_left_too(world: World, filling: Filling):
    edit(world, "flat", Quantity=2.5)
    planned = filling.planned(None, (world.orders["flat"], None))
    assert filling.page(planned).verdicts == {"refuse": 1}
    edit(world, "flat", Quantity=2.0)
    assert filling.page(filling.applied(planned)).outcomes["left"] == 1
    assert writes(world) == []


def test_done_twice_is_done_once(world: World, filling: Filling):
    filling.applied(filling.planned())
    before = len(writes(world))
    second = filling.applied(filling.planned())
    assert filling.page(second).outcomes["nothing"] == 15
    assert len(writes(world)) == before


def test_records_that_are_not_there_are_refused_not_dropped(world: World, filling: Filling):
    gone = world.orders["flat"]
    nowhere = f"{gone[:-6]}ZZZQAA"
    planned = filling.planned(None, (nowhere, None), (gone, None))
    assert filling.items(planned)[nowhere].verdict == "refuse"
    world.salesforce.delete("Order", gone)
    page = filling.page(filling.applied(planned))
    assert page.outcomes["refused"] == page.selected == 2
    assert {item.words for item in filling.items(planned).values()} >= {"the CRM no longer has the record"}


# --- limits and approval ---------------------------------------------------------------------------------


def limited(world: World, **limits: object) -> Filling:
    return Filling(world.desk(limits=replace(Limits(), **limits)))  # type: ignore[arg-type]


def test_a_contract_over_a_limit_waits_unless_the_back_fill_was_approved(world: World):
    filling = limited(world, max_contract_amount={"*": Decimal(100_000)})
    orders = [(world.orders[name], None) for name in ("ramp", "flat")]
    planned = filling.planned(None, *orders)
    assert filling.page(planned).verdicts == {"apply": 1, "needs_approval": 1}
    assert planned.verdict == "apply", "the run as a whole is within its limits"
    done = filling.applied(planned)
    assert filling.page(done).outcomes["pending"] == 1
    other = filling.planned(None, orders[0])
    filling.journal.approve_backfill(other, "erin", "checked", filling.desk.clock())
    approved = filling.applied(filling.journal.backfill(other.id))
    assert filling.page(approved).outcomes["applied"] == 1
    trail = [(e.actor, e.action) for e in filling.journal.audit_entries(limit=500)]
    assert ("erin", "backfill.approved") in trail
    assert ("erin", "plan.approved") in trail


def test_the_run_as_a_whole_is_judged_not_single_batches(world: World):
    filling = Filling(world.desk())
    filling.applied(filling.planned())
    for order in ("ramp", "flat", "usage", "coupons", "monthly_ramp", "mixed"):
        if order in world.orders:
            edit(world, order, UnitPrice=777.0, TotalPrice=777.0)
    strict = limited(world, max_changed_share=Decimal("0.01"))
    planned = strict.planned()
    assert planned.verdict == "needs_approval"
    assert "over the limit of 1%" in planned.reasons[0]
    assert not planned.is_approved
    loose = limited(world, max_changed_share=Decimal("0.9")).planned()
    assert loose.verdict == "apply"


def test_an_approval_is_of_one_dry_run(filling: Filling):
    planned = filling.planned()
    filling.journal.approve_backfill(planned, "erin", "checked", filling.desk.clock())
    assert filling.journal.backfill(planned.id).is_approved
    assert not filling.planned().is_approved


# --- stop and go on --------------------------------------------------------------------------------------


def test_a_pause_by_somebody_else_is_honoured_between_contracts(filling: Filling):
    planned = filling.planned()
    begun = begin(filling.desk, planned, "dana")
    seen: list[str] = []
    with Worker(filling.journal, begun, filling.desk.clock, block=3) as worker:

        def stop_it(item: object) -> None:
            seen.append(str(item))
            if len(seen) == 3:
                filling.journal.pause_backfill(begun.id, "erin", "lunch", filling.desk.clock())
                worker.stop.wait(10)

        paused = apply_backfill(filling.desk, begun, worker, done=stop_it)
    page = filling.page(paused)
    assert (paused.phase, paused.paused and paused.paused["by"]) == ("applying", "erin")
    assert 3 <= len(seen) < 6
    assert page.outcomes["open"] == page.selected - len(seen)
    filling.journal.unpause_backfill(begun.id, "erin", filling.desk.clock())
    assert filling.page(filling.applied(paused)).outcomes["open"] == 0


def test_a_pause_of_the_connection_is_honoured_too(filling: Filling):
    begun = begin(filling.desk, filling.planned(), "dana")
    seen: list[str] = []
    with Worker(filling.journal, begun, filling.desk.clock, block=3) as worker:

        def stop_it(item: object) -> None:
            seen.append(str(item))
            if len(seen) == 3:
                filling.journal.pause(filling.desk.name, reason="lunch", by="erin", now=filling.desk.clock())
                assert worker.stop.wait(10)

        left = apply_backfill(filling.desk, begun, worker, done=stop_it)
    assert (left.phase, left.paused) == ("applying", None)
    assert len(seen) == 3
    filling.journal.resume(filling.desk.name, by="erin", now=filling.desk.clock())
    assert filling.page(filling.applied(left)).outcomes["open"] == 0


def test_an_outage_pauses_it_and_resume_tries_again(world: World, filling: Filling, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(applying, "OUTAGE", 3)
    planned = filling.planned()
    world.stripe.inject(FaultRule("POST", "", action="status", status=503, times=None))
    done = filling.applied(planned)
    assert done.paused is not None
    assert done.paused["reason"].startswith("3 contracts in a row could not be done: Stripe is busy (503)")
    waiting = filling.page(done).outcomes["waiting"]  # those that were begun beside the third one, too
    assert waiting >= 3
    world.stripe.clear_faults()
    filling.journal.unpause_backfill(done.id, "dana", filling.desk.clock())
    assert filling.journal.reopen_items(done.id, ("waiting",)) == waiting
    page = filling.page(filling.applied(filling.journal.backfill(done.id)))
    assert (page.outcomes["applied"], page.outcomes["waiting"]) == (15, 0)


def test_a_customer_held_by_another_process_is_tried_again(world: World):
    now = [world.now]
    desk = world.desk(clock=lambda: now[0])
    filling = Filling(desk)
    planned = filling.planned(None, (world.orders["ramp"], None))
    account = world.salesforce.records("Order")[world.orders["ramp"]]["AccountId"]
    held = filling.journal.acquire_lease(f"salesforce:{account}", "other", now[0], timedelta(minutes=5))
    assert held is not None
    begun = begin(desk, planned, "dana")

    def later() -> None:
        filling.journal.release_lease(held)
        now[0] += timedelta(seconds=30)

    timer = threading.Timer(1.5, later)
    timer.start()
    with Worker(filling.journal, begun, desk.clock) as worker:
        done = apply_backfill(desk, begun, worker)
    timer.join()
    assert filling.page(done).outcomes["applied"] == 1


def test_a_crm_that_is_away_leaves_everything_as_it_was(filling: Filling, monkeypatch: pytest.MonkeyPatch):
    planned = filling.planned()

    def away(*_: object) -> None:
        raise RetryableError("Salesforce could not be reached")

    with monkeypatch.context() as patch:
        patch.setattr(filling.desk.crm, "fetch", away)
        with pytest.raises(RetryableError):
            filling.applied(planned)
    assert filling.journal.items_in_hand(planned.id, filling.desk.clock()) == 0
    assert filling.page(filling.applied(filling.journal.backfill(planned.id))).outcomes["applied"] == 15


# --- billed elsewhere, and schedules that are there ------------------------------------------------------


def test_what_was_billed_elsewhere_is_shown_and_never_billed_by_any_later_run(world: World, filling: Filling):
    ramp, day = world.orders["ramp"], date(2027, 12, 1)
    planned = filling.planned(None, (ramp, day))
    (money,) = filling.page(planned).planned_money["apply"]
    assert money.reasons == {"elsewhere": 3_810_000}
    done = filling.applied(planned)
    assert filling.page(done).outcomes["applied"] == 1
    before = len(writes(world))
    (result,) = sync_refs(filling.desk, [ContractRef("salesforce", ramp)], job="sync", config_hash="")
    assert (result.outcome, len(writes(world))) == ("nothing", before)
    assert result.planned.contract is not None
    assert result.planned.contract.billed_through == day
    world.stripe.move_clock(now=world.now + timedelta(days=1200))
    totals = [each["total"] for each in _invoices(world)]
    assert sum(totals) == 16_200_000 - 3_810_000


def test_a_contract_that_was_billed_meanwhile_does_not_get_another_day(world: World, filling: Filling):
    """The day would change what is billed by now, and nobody has seen that plan."""
    ramp = world.orders["ramp"]
    planned = filling.planned(None, (ramp, date(2027, 12, 1)))
    world.sync(filling.desk, "ramp")
    before = len(writes(world))
    done = filling.applied(planned)
    (item,) = filling.items(done).values()
    assert (item.outcome, item.words) == (
        "left",
        "changed since it was shown: it is billed by now, from another day on",
    )
    assert filling.journal.takeover("salesforce", str(item.contract_key)) is None
    assert [result.outcome for result in world.sync(filling.desk, "ramp")] == ["nothing"]
    assert len(writes(world)) == before


def test_a_day_for_a_contract_that_is_billed_counts_once_its_plan_was_shown(world: World, filling: Filling):
    ramp, day = world.orders["ramp"], date(2027, 12, 1)
    world.sync(filling.desk, "ramp")
    planned = filling.planned(None, (ramp, day))
    (shown,) = filling.items(planned).values()
    assert shown.verdict in {"apply", "needs_approval", "refuse"}
    done = filling.applied(planned)
    (item,) = filling.items(done).values()
    taken = filling.journal.takeover("salesforce", str(item.contract_key))
    wanted = {"apply": ("applied", day), "needs_approval": ("pending", day), "refuse": ("refused", None)}
    assert (item.outcome, taken) == wanted[str(shown.verdict)]
    assert (world.sync(filling.desk, "ramp")[0].outcome == "nothing") is (taken is None or item.outcome == "applied")


def test_one_day_for_all_and_another_for_some(world: World, filling: Filling):
    ramp, flat = world.orders["ramp"], world.orders["flat"]
    planned = filling.planned(None, (ramp, date(2027, 12, 1)), (flat, None), billed_through=date(2027, 1, 1))
    days = {key: item.billed_through for key, item in filling.items(planned).items()}
    assert days == {ramp: date(2027, 12, 1), flat: date(2027, 1, 1)}


def _invoices(world: World) -> Iterator[dict[str, int]]:
    params: dict[str, object] = {"limit": 100}
    while True:
        page = world.api().get("/v1/invoices", params)
        yield from page["data"]
        if not page["has_more"]:
            return
        params["starting_after"] = page["data"][-1]["id"]


def test_a_schedule_that_runs_already_is_adopted_not_made_again(world: World):
    filling = Filling(world.desk())
    filling.applied(filling.planned(None, (world.orders["ramp"], None)))
    held = stripe_state(world.api())
    world.salesforce.reset()  # the CRM forgets what it was told ...
    account = world.salesforce.records("Order")[world.orders["ramp"]]["AccountId"]
    (customer,) = world.api().get("/v1/customers")["data"]
    world.salesforce.update("Account", account, {"Stripe_Customer_Id__c": customer["id"]})
    with open_journal("sqlite://", upgrade=True) as journal:  # ... and the journal is another one
        fresh = Filling(world.desk(journal))
        planned = fresh.planned(None, (world.orders["ramp"], None))
        assert fresh.items(planned)[world.orders["ramp"]].change == "adopted"
        done = fresh.applied(planned)
        assert fresh.page(done).outcomes["applied"] + fresh.page(done).outcomes["nothing"] == 1
    now_held = stripe_state(world.api())
    assert len(now_held["/v1/subscription_schedules"]) == len(held["/v1/subscription_schedules"]) == 1


# --- HubSpot ---------------------------------------------------------------------------------------------


def test_the_same_with_hubspot(portal_world: HubSpotWorld):
    company = portal_world.company()
    first = portal_world.deal(company, [yearly(2, 1200.0, "2026-12-01", years=2, name="Seat")])
    amends = portal_world.deal(company, [yearly(1, 1200.0, "2027-12-01", name="Seat")], amends=first)
    portal_world.deal(portal_world.company("Other"), [monthly(3, 50.0, "2026-12-01", name="Desk")])
    portal_world.deal(None, [monthly(3, 50.0, "2026-12-01", name="Desk")])
    filling = Filling(portal_world.desk())
    planned = filling.planned(Selection(stages=("Closed won",)))
    shown = filling.page(planned)
    assert filling.items(planned)[amends].state == "left_out"
    assert (shown.selected, shown.verdicts, shown.left_out) == (3, {"apply": 2, "refuse": 1}, {"same": 1})
    page = filling.page(filling.applied(planned))
    assert page.outcomes == dict.fromkeys(OUTCOMES, 0) | {"applied": 2, "refused": 1}
    assert page.money["applied"] == shown.planned_money["apply"]
    assert writes(portal_world).count("POST /v1/subscription_schedules") == 2


def test_a_deal_that_was_merged_away_leads_to_the_one_it_became(portal_world: HubSpotWorld):
    company = portal_world.company()
    kept = portal_world.deal(company, [yearly(2, 1200.0, "2026-12-01", name="Seat")])
    gone = portal_world.deal(company, [])
    merged = portal_world.portal.merge("deals", kept, gone)
    filling = Filling(portal_world.desk())
    planned = filling.planned(None, (gone, None), (kept, None))
    page = filling.page(planned)
    assert (page.selected, page.left_out) == (1, {"same": 1})
    assert merged in {item.root for item in filling.items(planned).values()}


def test_ways_to_submit_that_are_not_there_say_so():
    with pytest.raises(ConfigError, match="--submit batch is not there"):
        submitter_of("batch")
    with pytest.raises(ConfigError, match="no way 'fax' to submit; there is: online"):
        submitter_of("fax")
