"""`connector adopt`: schedules in Stripe that the journal does not know, found, shown, linked."""

from typing import Any

import pytest

from tests.cli.conftest import Shop

LIMIT = ('mode = "test"', 'mode = "test"\nsafety.max_contract_amount = { usd = 1000 }')


def schedules(shop: Shop) -> dict[str, Any]:
    return shop.stripe.state["sk_test_sandbox"].objects["subscription_schedule"]


def made_by_another(shop: Shop, *names: str, named: bool = False) -> None:
    """Bill orders, then lose the journal; unless `named`, the CRM forgets the ids of the schedules as well."""
    assert shop.run("sync", *(shop.orders[name] for name in names)).code == 0
    shop.config.with_name("sandbox.db").unlink()
    assert shop.run("db", "upgrade").code == 0
    for name in names:
        if not named:
            shop.salesforce.update("Order", shop.orders[name], {"Stripe_Schedule_Id__c": None})


def posts(shop: Shop) -> list[str]:
    return [record.path for record in shop.stripe.log if record.method == "POST"]


@pytest.mark.parametrize("named", [False, True])
def test_without_apply_nothing_changes(shop: Shop, named: bool):
    made_by_another(shop, "ramp", named=named)
    before = len(posts(shop))
    (schedule,) = schedules(shop)
    ran = shop.run("adopt")
    assert ran.code == 0
    assert f"    adopts   {schedule}\n" in ran.out
    assert "difference 0.00 USD: adds up" in ran.out
    assert ran.err == "Nothing was changed; `connector adopt --apply` links these schedules and applies the plans.\n"
    assert len(posts(shop)) == before
    assert shop.run("adopt").out == ran.out, "nothing was linked either"


def test_where_nothing_differs_it_is_only_linked(shop: Shop):
    made_by_another(shop, "ramp")
    before = dict(schedules(shop))
    ran = shop.run("adopt", "--apply", "--yes")
    assert ran.code == 0
    assert schedules(shop) == before
    assert shop.run("adopt").err == "No contract has a schedule in Stripe that the journal does not know.\n"
    assert shop.run("plan", shop.orders["ramp"], "--detailed-exitcode", "--refresh").code == 0
    (schedule,) = before
    assert shop.salesforce.records("Order")[shop.orders["ramp"]]["Stripe_Schedule_Id__c"] == schedule


def test_what_differs_is_changed_in_the_schedule_that_is_there(shop: Shop):
    made_by_another(shop, "ramp")
    (schedule,) = schedules(shop)
    client = shop.stripe.client().v1.subscription_schedules
    client.update(schedule, {"metadata": {"salesforce_order_link": "theirs"}})
    ran = shop.run("adopt", shop.orders["ramp"])
    assert "metadata.salesforce_order_link: theirs -> " in ran.out
    assert shop.run("adopt", shop.orders["ramp"], "--apply", "--yes").code == 0
    assert list(schedules(shop)) == [schedule]
    assert schedules(shop)[schedule]["metadata"]["salesforce_order_link"] != "theirs"


def test_an_order_id_of_15_signs_is_the_same_order(shop: Shop):
    made_by_another(shop, "ramp")
    (schedule,) = schedules(shop)
    short = shop.orders["ramp"][:15]
    shop.stripe.client().v1.subscription_schedules.update(schedule, {"metadata": {"salesforce_order_id": short}})
    assert f"adopts   {schedule}" in shop.run("adopt").out


def test_what_waits_for_approval_is_linked_so_that_no_second_schedule_is_made(shop: Shop):
    made_by_another(shop, "ramp")
    (schedule,) = schedules(shop)
    shop.stripe.client().v1.subscription_schedules.update(schedule, {"metadata": {"salesforce_order_link": "theirs"}})
    shop.configure(LIMIT)
    ran = shop.run("adopt", "--apply", "--yes")
    assert ran.code == 6
    assert schedules(shop)[schedule]["metadata"]["salesforce_order_link"] == "theirs"
    shop.configure((LIMIT[1], LIMIT[0]))
    assert shop.run("sync", shop.orders["ramp"]).code == 0
    assert list(schedules(shop)) == [schedule]
    assert schedules(shop)[schedule]["metadata"]["salesforce_order_link"] != "theirs"


def test_two_schedules_of_one_order_are_told_and_left_alone(shop: Shop):
    made_by_another(shop, "ramp")
    (first,) = schedules(shop)
    held = schedules(shop)[first]
    phase = held["phases"][0]
    product = next(iter(shop.stripe.state["sk_test_sandbox"].objects["product"]))
    price = {
        "currency": "usd",
        "product": product,
        "recurring": {"interval": "year"},
        "unit_amount": 100,
    }
    params: Any = {
        "customer": held["customer"],
        "start_date": phase["start_date"],
        "metadata": {"salesforce_order_id": shop.orders["ramp"]},
        "phases": [{"items": [{"price_data": price}], "end_date": phase["end_date"]}],
    }
    second = shop.stripe.client().v1.subscription_schedules.create(params)
    before = len(posts(shop))
    ran = shop.run("adopt", "--apply", "--yes")
    assert ran.code == 3
    assert "all name this order" in ran.out
    assert first in ran.out
    assert second.id in ran.out
    assert ran.err == "Nothing can be adopted.\n"
    assert len(posts(shop)) == before


def test_as_json(shop: Shop):
    made_by_another(shop, "ramp")
    (schedule,) = schedules(shop)
    ran = shop.run("adopt", "--json")
    (document,) = ran.document["plans"]
    assert ran.document["adopts"] == {document["contract"]["key"]: [schedule]}


@pytest.mark.parametrize("apply", [[], ["--apply", "--yes"]])
def test_a_company_without_schedules_has_nothing_to_adopt(shop: Shop, apply: list[str]):
    ran = shop.run("adopt", shop.orders["ramp"], *apply)
    assert (ran.code, ran.out) == (0, "")
    assert ran.err == "No contract has a schedule in Stripe that the journal does not know.\n"
    assert posts(shop) == []


def test_an_order_that_is_not_there_is_named(shop: Shop):
    ran = shop.run("adopt", "801000000000000AAA")
    assert ran.code == 3
    assert "the CRM has no order 801000000000000AAA" in ran.err
