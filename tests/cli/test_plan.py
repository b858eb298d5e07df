"""`connector plan`: what it says, how it exits, and that it changes nothing."""

import json
from pathlib import Path

import jsonschema
import pytest

from tests.cli.conftest import Shop

SCHEMA = json.loads((Path(__file__).parents[2] / "schemas" / "plan.schema.json").read_text(encoding="utf-8"))


def test_a_plan_tells_what_when_and_whether_it_adds_up(shop: Shop):
    ran = shop.run("plan", shop.orders["ramp"])
    assert (ran.code, ran.err) == (0, "")
    assert f"+ {shop.orders['ramp']}  Everbright Cold Chain Inc.  USD" in ran.out
    assert '"Year 2"' in ran.out
    assert "35 x Dispatcher Seat at 1,140.00 USD per year" in ran.out
    assert "tie-out  CRM 162,000.00 USD, Stripe 162,000.00 USD, difference 0.00 USD: adds up" in ran.out
    assert ran.out.endswith("1 to apply, 0 need approval, 0 refused, 0 unchanged.\n")
    assert not any(record.method == "POST" for record in shop.stripe.log)


def test_without_orders_everything_that_changed_is_planned(shop: Shop):
    ran = shop.run("plan", "--json")
    assert len(ran.document["plans"]) == len(shop.orders)
    assert ran.code == 3


@pytest.mark.parametrize(
    ("names", "options", "code"),
    [
        (["ramp"], [], 0),
        (["ramp"], ["--detailed-exitcode"], 2),
        (["gap"], [], 3),
        (["ramp", "gap"], [], 3),
        (["draft"], [], 3),
    ],
)
def test_exit_codes(shop: Shop, names: list[str], options: list[str], code: int):
    assert shop.run("plan", *(shop.orders[name] for name in names), *options).code == code


def test_nothing_to_do_is_no_change(shop: Shop):
    shop.run("sync", shop.orders["ramp"])
    ran = shop.run("plan", shop.orders["ramp"], "--detailed-exitcode", "--refresh")
    assert ran.code == 0
    assert "nothing to do" in ran.out
    assert ran.out.endswith("0 to apply, 0 need approval, 0 refused, 1 unchanged.\n")


def test_refresh_finds_what_was_changed_by_hand(shop: Shop):
    shop.run("sync", shop.orders["ramp"])
    (schedule,) = shop.stripe.state["sk_test_sandbox"].objects["subscription_schedule"].values()
    shop.stripe.client().v1.subscription_schedules.update(schedule["id"], {"metadata": {"salesforce_order_id": "x"}})
    assert shop.run("plan", shop.orders["ramp"], "--detailed-exitcode").code == 0
    ran = shop.run("plan", shop.orders["ramp"], "--detailed-exitcode", "--refresh")
    assert ran.code == 6
    assert "needs approval: edited in Stripe by hand: metadata.salesforce_order_id is x" in ran.out
    assert f"metadata.salesforce_order_id: x -> {shop.orders['ramp']}" in ran.out


@pytest.mark.parametrize("names", [["ramp"], ["gap", "usage", "one_time"]])
def test_json_is_the_published_document(shop: Shop, names: list[str]):
    ran = shop.run("plan", "--json", *(shop.orders[name] for name in names))
    assert (ran.document["schema_version"], len(ran.document["plans"])) == (1, len(names))
    for document in ran.document["plans"]:
        jsonschema.validate(document, SCHEMA)
    assert ran.err == ""


def test_the_same_plan_is_the_same_text(shop: Shop):
    assert shop.run("plan", "--json", shop.orders["two_ramps"]) == shop.run("plan", "--json", shop.orders["two_ramps"])


def test_an_order_that_is_not_there_is_named(shop: Shop):
    missing = "801000000000000AAA"
    ran = shop.run("plan", missing, shop.orders["ramp"])
    assert ran.code == 4
    assert ran.err == (f"the CRM has no order {missing}; check the id, and that the integration user may see it.\n")
    assert "1 to apply" in ran.out
    assert shop.run("plan", missing).code == 3


@pytest.mark.parametrize("command", ["plan", "apply", "sync", "explain", "snapshot"])
def test_what_is_no_id_is_said_by_every_command(shop: Shop, command: str):
    ran = shop.run(command, "00000012")
    assert (ran.code, ran.out) == (3, "")
    assert ran.err.startswith("'00000012' is not the id of a Salesforce record")
    assert "its number is not enough" in ran.err


@pytest.mark.parametrize("command", ["explain", "snapshot"])
def test_an_unknown_order_is_said_by_the_others_too(shop: Shop, command: str):
    ran = shop.run(command, "801000000000000AAA")
    assert (ran.code, ran.out) == (3, "")
    assert ran.err.startswith("the CRM has no order 801000000000000AAA; check the id")


def test_a_plan_over_a_limit_names_what_to_approve(shop: Shop):
    shop.configure(('mode = "test"', 'mode = "test"\nsafety.max_contract_amount = { usd = 1000 }'))
    ran = shop.run("plan", shop.orders["ramp"])
    assert ran.code == 6
    assert "needs approval of " in ran.out
    assert "needs approval: the plan bills 162,000.00 USD, over the limit of 1,000.00 USD" in ran.out
