"""`connector reconcile`: the list, its codes, and what `connector drift` shows of it."""

import pytest

from tests.by_hand import set_quantities
from tests.cli.conftest import Shop


@pytest.fixture
def edited(shop: Shop) -> Shop:
    """A shop with one schedule as it was made, one edited by hand, and one canceled."""
    shop.run("sync", shop.orders["ramp"], shop.orders["flat"], shop.orders["months"])
    client = shop.stripe.client()
    set_quantities(client, key_of(shop, "ramp"), {1: 36})
    client.v1.subscription_schedules.cancel(key_of(shop, "months"))
    return shop


def key_of(shop: Shop, name: str) -> str:
    held = shop.stripe.state["sk_test_sandbox"].objects["subscription_schedule"].values()
    return next(str(one["id"]) for one in held if one["metadata"]["salesforce_order_id"] == shop.orders[name])


def test_the_list_says_what_since_when_and_what_to_do(edited: Shop):
    ran = edited.run("reconcile")
    assert ran.code == 5
    lines = ran.out.splitlines()
    assert lines[-1] == "3 schedules in Stripe, 3 applied by us, 2 findings."
    ramp = next(at for at, line in enumerate(lines) if line.startswith(f"! {key_of(edited, 'ramp')}  edited by hand"))
    assert f"contract {edited.orders['ramp']}, found 20" in lines[ramp]
    assert lines[ramp + 1 : ramp + 3] == [
        "    phases.1.items.0.quantity is 36, we had applied 35",
        f"    fix: decide with `connector drift {edited.orders['ramp']} --restore` or `--ignore --reason`",
    ]
    assert any(line.startswith(f"! {key_of(edited, 'months')}  ended by hand") for line in lines)


def test_the_list_as_json(edited: Shop):
    ran = edited.run("reconcile", "--json")
    assert ran.code == 5
    assert {name: ran.document[name] for name in ("schedules", "links", "looked_at")} == {
        "schedules": 3,
        "links": 3,
        "looked_at": 2,
    }
    assert {(one["kind"], one["contract"]) for one in ran.document["findings"]} == {
        ("edited", edited.orders["ramp"]),
        ("ended", edited.orders["months"]),
    }


def test_without_findings_all_is_well(shop: Shop):
    shop.run("sync", shop.orders["flat"])
    ran = shop.run("reconcile")
    assert (ran.code, ran.out) == (0, "1 schedules in Stripe, 1 applied by us, 0 findings.\n")


def test_drift_shows_what_reconcile_found_beside_edits(edited: Shop):
    edited.run("reconcile")
    ran = edited.run("drift")
    assert ran.code == 5
    assert sum("ended by hand" in line for line in ran.out.splitlines()) == 1
    assert ran.out.count("phases.1.items.0.quantity") == 1, "edits are looked for here and now"
    document = edited.run("drift", "--json").document
    assert [one["kind"] for one in document["findings"]] == ["ended"]
    assert edited.run("drift", edited.orders["flat"]).code == 0
