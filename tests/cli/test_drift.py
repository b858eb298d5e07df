"""`connector drift`: the list, its codes, and the four decisions."""

from typing import Any

import pytest

from tests.by_hand import drop_item, set_quantities
from tests.cli.conftest import Ran, Shop

ANN = ("--by", "ann@example.com")


@pytest.fixture
def edited(shop: Shop) -> Shop:
    """A shop with one schedule as it was made, and one edited by hand."""
    shop.run("sync", shop.orders["ramp"], shop.orders["flat"])
    set_quantities(shop.stripe.client(), schedule(shop)["id"], {1: 36})
    return shop


def schedule(shop: Shop) -> dict[str, Any]:
    held = shop.stripe.state["sk_test_sandbox"].objects["subscription_schedule"].values()
    (ours,) = [one for one in held if one["metadata"]["salesforce_order_id"] == shop.orders["ramp"]]
    return ours


def quantities(shop: Shop) -> list[int]:
    return [max(item["quantity"] for item in phase["items"]) for phase in schedule(shop)["phases"]]


def test_the_list_shows_what_is_desired_applied_and_live(edited: Shop):
    ran = edited.run("drift")
    assert ran.code == 5
    assert ran.out.splitlines() == [
        f"~ {edited.orders['ramp']}  {schedule(edited)['id']}",
        "    phases.1.items.0.quantity",
        "      desired       35",
        "      last applied  35",
        "      live          36",
        "1 edited by hand, 0 ignored, 0 adopted, 0 not compared, of 2.",
    ]


def test_without_drift_all_is_well(edited: Shop):
    ran = edited.run("drift", edited.orders["flat"])
    assert (ran.code, ran.out) == (0, "0 edited by hand, 0 ignored, 0 adopted, 0 not compared, of 1.\n")


def test_the_list_as_json(edited: Shop):
    ran = edited.run("drift", "--json")
    assert ran.code == 5
    (contract,) = ran.document["contracts"]
    assert contract["record"] == edited.orders["ramp"]
    assert contract["ignored"] is None
    assert contract["edits"] == [
        {
            "schedule": schedule(edited)["id"],
            "path": "phases.1.items.0.quantity",
            "desired": 35,
            "last_applied": 35,
            "live": 36,
        }
    ]
    assert (ran.document["adopted"], ran.document["not_compared"]) == ([], [])


def test_what_cannot_be_compared_is_named(edited: Shop):
    ran = edited.run("drift", edited.orders["gap"])
    assert ran.code == 0
    assert f"! {edited.orders['gap']}  not compared: " in ran.out
    assert "0 edited by hand, 0 ignored, 0 adopted, 1 not compared, of 1." in ran.out


def test_restore_shows_asks_and_applies(edited: Shop):
    declined = edited.run("drift", edited.orders["ramp"], "--restore", *ANN, stdin="n\n")
    assert (declined.code, quantities(edited)) == (6, [20, 36, 50])
    ran = edited.run("drift", edited.orders["ramp"], "--restore", *ANN, "--yes")
    assert ran.code == 0
    assert "phases.1.items.0.quantity: 36 -> 35" in ran.out
    assert quantities(edited) == [20, 35, 50]
    assert edited.run("drift").code == 0


def test_ignore_keeps_the_edit_and_says_so(edited: Shop):
    ran = edited.run("drift", edited.orders["ramp"], "--ignore", *ANN, "--reason", "promised by mail")
    assert ran.code == 0
    assert "Ignored by ann@example.com: promised by mail. Nothing was changed." in ran.err
    again = edited.run("drift")
    assert again.code == 0
    assert "    ignored by ann@example.com on " in again.out
    assert again.out.endswith("0 edited by hand, 1 ignored, 0 adopted, 0 not compared, of 2.\n")
    assert quantities(edited) == [20, 36, 50]
    set_quantities(edited.stripe.client(), schedule(edited)["id"], {1: 37})
    assert edited.run("drift").code == 5


def test_nothing_to_decide_is_said(edited: Shop):
    ran = edited.run("drift", edited.orders["flat"], "--restore", *ANN, "--yes")
    assert ran.code == 0
    assert "Nothing was edited in Stripe by hand." in ran.err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--restore", "--ignore", *ANN), "--restore and --ignore are two decisions"),
        (("--adopt", "--forget", "--ignore", *ANN), "several decisions"),
        (("--adopt", *ANN), "--adopt needs --reason"),
        (("--forget",), "needs --by"),
        (("--restore",), "needs --by"),
        (("--ignore", *ANN), "needs --reason"),
        (("--ignore", *ANN, "--reason", " "), "needs --reason"),
        (("--restore", *ANN, "--json"), "--json is for the list"),
    ],
)
def test_half_a_decision_is_refused(edited: Shop, options: tuple[str, ...], words: str):
    ran = edited.run("drift", edited.orders["ramp"], *options)
    assert ran.code == 3
    assert words in ran.err
    assert quantities(edited) == [20, 36, 50]


def test_a_decision_is_on_one_order(edited: Shop):
    assert "name one order" in edited.run("drift", "--restore", *ANN).err
    missing = edited.run("drift", "801000000000000AAA", "--restore", *ANN)
    assert missing.code == 3
    assert "the CRM has no order 801000000000000AAA" in missing.err


def adopt(shop: Shop, *options: str) -> Ran:
    return shop.run("drift", shop.orders["ramp"], "--adopt", *ANN, "--reason", "one seat more, by mail", *options)


def test_adopt_lets_the_edit_count_and_shows_it_everywhere(edited: Shop):
    posts = sum(record.method == "POST" for record in edited.stripe.log)
    ran = adopt(edited)
    assert ran.code == 0
    says = "is 36, where the contract says 35 (adopted by ann@example.com on "
    assert says in ran.out
    assert "1 unchanged; 0 Stripe writes." in ran.err
    assert sum(record.method == "POST" for record in edited.stripe.log) == posts
    listed = edited.run("drift")
    assert listed.code == 0
    assert listed.out.endswith("0 edited by hand, 0 ignored, 1 adopted, 0 not compared, of 2.\n")
    (kept,) = edited.run("drift", "--json").document["adopted"]
    assert kept["record"] == edited.orders["ramp"]
    assert says in kept["edits"][0]
    for command in (("explain", edited.orders["ramp"]), ("plan", edited.orders["ramp"]), ("status",)):
        assert says in edited.run(*command).out, command
    tie_out = edited.run("plan", edited.orders["ramp"], "--json").document["plans"][0]["tie_out"]["usd"]
    assert [reason["reason"] for reason in tie_out["reasons"]] == ["adopted"]


def test_forget_shows_asks_and_takes_it_back(edited: Shop):
    adopt(edited)
    declined = edited.run("drift", edited.orders["ramp"], "--forget", *ANN, stdin="n\n")
    assert (declined.code, quantities(edited)) == (6, [20, 36, 50])
    assert "adopted" in edited.run("status").out
    ran = edited.run("drift", edited.orders["ramp"], "--forget", *ANN, "--yes")
    assert ran.code == 0
    assert "phases.1.items.0.quantity: 36 -> 35" in ran.out
    assert quantities(edited) == [20, 35, 50]
    assert "adopted" not in edited.run("status").out
    assert "Nothing is adopted for this contract." in edited.run("drift", edited.orders["ramp"], "--forget", *ANN).err


def test_adopting_beside_a_change_of_the_contract_asks(edited: Shop):
    rows = edited.salesforce.records("OrderItem").items()
    order = edited.orders["ramp"]
    (third,) = [k for k, row in rows if row["OrderId"] == order and row.get("SBQQ__SegmentIndex__c") == 3]
    edited.salesforce.update("OrderItem", third, {"Quantity": 60})
    declined = edited.run("drift", order, "--adopt", *ANN, "--reason", "by mail", stdin="n\n")
    assert (declined.code, quantities(edited)) == (6, [20, 36, 50])
    assert edited.run("drift").code == 5  # nothing was decided
    assert adopt(edited, "--yes").code == 0
    assert quantities(edited) == [20, 36, 60]


def test_what_cannot_be_adopted_is_refused_with_what_to_do(edited: Shop):
    drop_item(edited.stripe.client(), schedule(edited)["id"], 2)
    ran = adopt(edited)
    assert ran.code == 3
    assert "cannot be adopted: phases.2.items" in ran.err
    assert "Change the order, so that it says what Stripe holds" in ran.err
    assert edited.run("drift").code == 5
