"""Edits made in Stripe by hand that are adopted: they count for their part of the contract until that changes."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from connector.crm.protocol import ContractRef
from connector.domain.errors import ConfigError
from connector.drift import adopt_drift, forget_drift, plan_adoption, plan_without
from connector.plan.drift import adopted_in_words
from connector.plan.safety import Verdict
from connector.sync import Desk, Planned, Result, plan_contracts
from tests.by_hand import drop_item, set_prices, set_quantities, set_schedule
from tests.sync.test_drift import WHILE_IT_RUNS, desk, edit, look, quantities, restore, schedule, sell, sync, told
from tests.wiring import KEY, World

__all__ = ["desk"]

ANN, WHY = "ann@example.com", "one seat more, promised by mail"


def adopt(desk: Desk, one: Planned) -> Result:
    adopting = plan_adoption(desk, one, by=ANN, reason=WHY)
    (result,) = adopt_drift(desk, adopting, by=ANN, config_hash="")
    return result


def words(one: Planned) -> list[str]:
    assert one.plan is not None
    assert one.plan.desired is not None
    return [*adopted_in_words(one.plan.contract, one.plan.desired)]


def reasons(one: Planned) -> list[tuple[str, int]]:
    assert one.plan is not None
    assert one.plan.tie_out is not None
    assert one.plan.tie_out.unexplained == 0
    return [(each.reason, each.amount) for each in one.plan.tie_out.explanations]


def posts(world: World) -> int:
    return sum(record.method == "POST" for record in world.stripe.log)


def test_an_adopted_edit_counts_without_a_write_or_a_call(world: World, desk: Desk):
    edit(world, {1: 36})
    before = posts(world)
    assert adopt(desk, look(world, desk)).outcome == "nothing"
    one = look(world, desk)
    assert (one.judgement.verdict, told(one)) == (Verdict.NOTHING, [])
    calls = len(world.stripe.log)
    assert look(world, desk, live=False).judgement.verdict is Verdict.NOTHING
    assert sync(world, desk).outcome == "nothing"
    assert len(world.stripe.log) == calls  # an unchanged contract costs no call again
    assert posts(world) == before
    assert quantities(world) == [20, 36, 50]


def test_the_tie_out_says_what_was_adopted_by_whom_and_why(world: World, desk: Desk):
    edit(world, {1: 36})
    adopt(desk, look(world, desk))
    one = look(world, desk)
    assert reasons(one) == [("adopted", -114_000)]
    assert one.plan is not None
    assert one.plan.tie_out is not None
    assert one.plan.tie_out.explained == (
        f"adopted -1,140.00 USD: edited in Stripe by hand and adopted by {ANN}: {WHY}"
    )
    (line,) = words(one)
    assert line.startswith("quantity of Dispatcher Seat (")
    assert line.endswith(f" is 36, where the contract says 35 (adopted by {ANN} on {desk.today()}: {WHY})")
    (entry,) = [entry for entry in desk.account.journal.audit_entries() if entry.action == "drift.adopted"]
    assert (entry.actor, entry.detail["reason"]) == (ANN, WHY)
    assert [(each["name"], each["before"], each["after"]) for each in entry.detail["edits"]] == [("quantity", 35, 36)]


def test_a_change_elsewhere_keeps_the_edit_and_asks_nobody(world: World, desk: Desk):
    edit(world, {1: 36})
    adopt(desk, look(world, desk))
    sell(world, 3, 60.0)
    result = sync(world, desk)
    assert (result.outcome, result.writes) == ("applied", 1)
    assert quantities(world) == [20, 36, 60]
    assert reasons(look(world, desk)) == [("adopted", -114_000)]


def test_amendments_that_cut_the_edited_phase_keep_the_edit(world: World, desk: Desk):
    """More of another product from the middle of the edited phase on: two phases now, both with the adopted seats."""
    edit(world, {1: 36})
    adopt(desk, look(world, desk))
    order = world.orders["ramp"]
    platform = line_of(world, "Harbourline Platform")
    world.salesforce.amend(order, date(2028, 6, 1), {platform: 2})
    assert sync(world, desk).outcome == "applied"
    assert quantities(world) == [20, 36, 36, 50]
    assert reasons(look(world, desk)) == [("adopted", -114_000)]


def line_of(world: World, product: str) -> str:
    """Return the ramp order's line of a product."""
    names = {key: row["Name"] for key, row in world.salesforce.records("Product2").items()}
    rows = world.salesforce.records("OrderItem").items()
    ours = [k for k, row in rows if row["OrderId"] == world.orders["ramp"] and names[row["Product2Id"]] == product]
    return ours[0]


def test_a_change_of_the_same_part_asks_again(world: World, desk: Desk):
    edit(world, {1: 36})
    adopt(desk, look(world, desk))
    sell(world, 2, 40.0)
    result = sync(world, desk)
    assert (result.outcome, result.writes) == ("pending", 0)
    (reason,) = result.planned.judgement.reasons
    assert "quantity of Dispatcher Seat (" in reason
    assert reason.endswith(f" is 36, adopted by {ANN}: {WHY}; the contract has changed there since and says 40")
    assert [issue.code.value for issue in result.planned.issues] == ["DRIFT"]
    assert quantities(world) == [20, 36, 50]


def test_what_lapsed_and_was_undone_never_comes_back(world: World, desk: Desk):
    edit(world, {1: 36})
    adopt(desk, look(world, desk))
    sell(world, 2, 40.0)
    assert restore(desk, look(world, desk)).outcome == "applied"
    assert quantities(world) == [20, 40, 50]
    assert not desk.account.journal.adopted_edits(desk.name, look(world, desk).raw.key)
    sell(world, 2, 35.0)
    assert sync(world, desk).outcome == "applied"
    assert quantities(world) == [20, 35, 50]


def test_what_lapsed_can_be_adopted_again(world: World, desk: Desk):
    edit(world, {1: 36})
    adopt(desk, look(world, desk))
    sell(world, 2, 40.0)
    sync(world, desk)
    assert adopt(desk, look(world, desk)).outcome == "nothing"
    assert "36, where the contract says 40" in words(look(world, desk))[0]
    assert len(desk.account.journal.adopted_edits(desk.name, look(world, desk).raw.key)) == 1


def test_an_order_that_says_what_is_adopted_needs_it_no_more(world: World, desk: Desk):
    edit(world, {1: 36})
    adopt(desk, look(world, desk))
    sell(world, 2, 36.0)
    assert sync(world, desk).outcome == "nothing"
    assert words(look(world, desk)) == []
    sell(world, 2, 35.0)
    assert sync(world, desk).outcome == "applied"
    assert quantities(world) == [20, 35, 50]


def test_another_edit_is_told_and_adopting_it_takes_the_place_of_the_first(world: World, desk: Desk):
    edit(world, {1: 36})
    adopt(desk, look(world, desk))
    edit(world, {1: 38})
    assert [(path, live) for path, _, _, live in told(look(world, desk))] == [("phases.1.items.0.quantity", 38)]
    adopt(desk, look(world, desk))
    assert "38, where the contract says 35" in words(look(world, desk))[0]
    edit(world, {1: 35})  # somebody sets it back
    assert told(look(world, desk))
    adopt(desk, look(world, desk))
    assert words(look(world, desk)) == []
    assert look(world, desk).judgement.verdict is Verdict.NOTHING


def test_a_second_edit_leaves_the_first_decision_as_it_is(world: World, desk: Desk):
    edit(world, {1: 36})
    adopt(desk, look(world, desk))
    (first,) = desk.account.journal.adopted_edits(desk.name, look(world, desk).raw.key)
    edit(world, {2: 51})
    adopt(desk, look(world, desk))
    rows = desk.account.journal.adopted_edits(desk.name, look(world, desk).raw.key)
    assert len(rows) == 2
    assert rows[0] == first


def test_forgetting_restores_what_the_contract_says(world: World, desk: Desk):
    edit(world, {1: 36})
    adopt(desk, look(world, desk))
    without = plan_without(desk, look(world, desk))
    (result,) = forget_drift(desk, without, by="bob@example.com", reason="seat given back", config_hash="")
    assert (result.outcome, result.writes) == ("applied", 1)
    assert quantities(world) == [20, 35, 50]
    one = look(world, desk)
    assert (one.judgement.verdict, words(one), reasons(one)) == (Verdict.NOTHING, [], [])
    actions = [(entry.actor, entry.action) for entry in desk.account.journal.audit_entries()]
    assert ("bob@example.com", "drift.forgotten") in actions


def test_a_price_is_adopted(world: World, desk: Desk):
    set_prices(world.stripe.client(KEY), schedule(world)["id"], {1: 100_000})
    before = posts(world)
    assert adopt(desk, look(world, desk)).outcome == "nothing"
    one = look(world, desk)
    assert (one.judgement.verdict, posts(world)) == (Verdict.NOTHING, before)
    assert reasons(one) == [("adopted", 35 * 14_000)]
    assert "unit_amount of Dispatcher Seat" in words(one)[0]
    sell(world, 3, 60.0)
    assert sync(world, desk).outcome == "applied"
    price = schedule(world)["phases"][1]["items"][0]["price"]
    assert Decimal(world.stripe.client(KEY).v1.prices.retrieve(price).unit_amount_decimal or 0) == 100_000


def test_a_setting_is_adopted(world: World, desk: Desk):
    terms = {"default_settings": {"collection_method": "send_invoice", "invoice_settings": {"days_until_due": 45}}}
    set_schedule(world.stripe.client(KEY), schedule(world)["id"], **terms)
    paths = {path for path, *_ in told(look(world, desk))}
    assert "default_settings.invoice_settings.days_until_due" in paths
    adopt(desk, look(world, desk))
    assert look(world, desk).judgement.verdict is Verdict.NOTHING
    sell(world, 3, 60.0)
    assert sync(world, desk).outcome == "applied"
    assert schedule(world)["default_settings"]["invoice_settings"]["days_until_due"] == 45
    assert reasons(look(world, desk)) == []


def test_an_edit_of_what_runs_is_refused_with_the_remedy(world: World):
    desk = world.desk()
    world.sync(desk, "ramp")
    world.later(WHILE_IT_RUNS)
    edit(world, {0: 22})
    with pytest.raises(ConfigError) as refused:
        plan_adoption(desk, look(world, desk), by=ANN, reason=WHY)
    said = str(refused.value)
    assert said.startswith("cannot be adopted: phases.0.items.0.quantity is 22, we had applied 20.")
    assert "what the phase that runs has billed by now" in said
    assert "--restore" in said
    assert not desk.account.journal.adopted_edits(desk.name, look(world, desk).raw.key)


def test_a_part_of_what_was_edited_is_never_adopted_alone(world: World, desk: Desk):
    edit(world, {2: 51})
    drop_item(world.stripe.client(KEY), schedule(world)["id"], 1)
    with pytest.raises(ConfigError, match=r"cannot be adopted: phases\.1"):
        plan_adoption(desk, look(world, desk), by=ANN, reason=WHY)
    assert not desk.account.journal.adopted_edits(desk.name, look(world, desk).raw.key)


def test_what_was_adopted_before_it_begins_counts_while_it_runs_and_after(world: World):
    desk = world.desk()
    world.sync(desk, "ramp")
    edit(world, {1: 36})
    adopt(desk, look(world, desk))
    world.later(24 * 400)
    one = look(world, desk)
    assert (one.judgement.verdict, told(one)) == (Verdict.NOTHING, [])
    sell(world, 3, 60.0)
    assert sync(world, desk).outcome == "applied"
    assert quantities(world)[1:] == [36, 60]
    assert reasons(look(world, desk)) == [("adopted", -114_000)]
    set_quantities(world.stripe.client(KEY), schedule(world)["id"], {2: 61})
    adopt(desk, look(world, desk))
    assert len(words(look(world, desk))) == 2


@pytest.mark.parametrize("name", ["quarters", "coupons", "two_ramps", "yen", "dinar", "evergreen", "stub"])
def test_whatever_was_sold_an_adopted_quantity_ties_out(world: World, name: str):
    """Ramps, coupons, linked schedules, other currencies, no end: the reasons add up, and the edit stays for years."""
    desk = world.desk()
    world.sync(desk, name)
    client = world.stripe.client(KEY)
    held = held_of(world, name)[0]
    last = len(held["phases"]) - 1
    quantity = held["phases"][last]["items"][0]["quantity"]
    set_quantities(client, held["id"], {last: quantity + 3})
    (before,) = plan_contracts(desk, [ContractRef("salesforce", world.orders[name])], live=True)
    assert [live for *_, live in told(before)] == [quantity + 3]
    adopting = plan_adoption(desk, before, by=ANN, reason=WHY)
    list(adopt_drift(desk, adopting, by=ANN, config_hash=""))
    for days in (0, 20, 200):
        world.later(24 * days)
        (one,) = plan_contracts(desk, [ContractRef("salesforce", world.orders[name])], live=True)
        assert (told(one), [issue.code for issue in one.issues if issue.blocks]) == ([], [])
        assert [amount < 0 for reason, amount in reasons(one) if reason == "adopted"] == [True], days
        world.sync(desk, name)
        assert quantity + 3 in [item["quantity"] for item in phases_of(world, name)[-1]["items"]]
    assert one.plan is not None
    assert len(words(one)) == 1


def held_of(world: World, name: str) -> list[dict[str, Any]]:
    held = world.stripe.state[KEY].objects["subscription_schedule"].values()
    ours = [one for one in held if one["metadata"]["salesforce_order_id"] == world.orders[name]]
    return [one for one in ours if one["status"] in {"not_started", "active"}]


def phases_of(world: World, name: str) -> list[dict[str, Any]]:
    phases: list[dict[str, Any]] = held_of(world, name)[0]["phases"]
    return phases
