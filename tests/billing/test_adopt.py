"""Objects the journal does not know: named by the CRM, known from another history, deleted, or somebody else's."""

from collections.abc import Iterator

import pytest

from connector.crm.protocol import ContractRef
from connector.domain.issues import IssueCode
from connector.journal import Journal, open_journal
from connector.sync import Planned, plan_contracts
from tests.wiring import KEY, World

SHAPES = ("ramp", "usage", "coupons", "one_time", "volume")


@pytest.fixture
def other_journal() -> Iterator[Journal]:
    with open_journal("sqlite://", upgrade=True) as journal:
        yield journal


def account_of(world: World, name: str) -> str:
    return str(world.salesforce.records("Order")[world.orders[name]]["AccountId"])


def name_customer(world: World, stripe_id: str, order: str = "ramp") -> None:
    world.salesforce.update("Account", account_of(world, order), {"Stripe_Customer_Id__c": stripe_id})


def codes(planned: Planned) -> list[IssueCode]:
    return [issue.code for issue in planned.issues]


def count(world: World, kind: str) -> int:
    return len(world.stripe.state[KEY].objects[kind])


def test_with_the_journal_lost_everything_is_found_again_by_the_ids_in_the_crm(world: World, other_journal: Journal):
    world.sync(world.desk(), *SHAPES)
    world.later(30 * 24)  # the keys are forgotten, the schedules run, the invoice is final
    held = {kind: count(world, kind) for kind in ("customer", "subscription_schedule", "invoice", "price", "coupon")}
    desk = world.desk(other_journal)
    before = len(world.stripe_calls())
    results = world.sync(desk, *SHAPES)
    assert {r.outcome for r in results} <= {"applied", "nothing"}
    assert {kind: count(world, kind) for kind in held} == held
    posts = {call for call in world.stripe_calls()[before:] if call.startswith("POST")}
    assert posts <= {"POST /v1/prices", "POST /v1/coupons", "POST /v1/billing/meters"}, "those say: already there"
    before = len(world.stripe_calls())
    assert {r.outcome for r in world.sync(desk, *SHAPES)} == {"nothing"}
    assert world.stripe_calls()[before:] == []


def test_an_adopted_schedule_is_read_once(world: World, other_journal: Journal):
    world.sync(world.desk(), "ramp")
    before = len(world.stripe_calls())
    (planned,) = plan_contracts(world.desk(other_journal), [ContractRef("salesforce", world.orders["ramp"])])
    assert planned.issues == ()
    assert [call for call in world.stripe_calls()[before:] if "schedules" in call] == [
        f"GET /v1/subscription_schedules/{_schedule_of(world, 'ramp')}"
    ]


def _schedule_of(world: World, name: str) -> str:
    return str(world.salesforce.records("Order")[world.orders[name]]["Stripe_Schedule_Id__c"])


def test_a_customer_the_crm_names_is_used(world: World):
    theirs = world.api().post("/v1/customers", {"name": "Everbright"}, idempotency_key="theirs")["id"]
    name_customer(world, theirs)
    (result,) = world.sync(world.desk(), "ramp")
    assert result.outcome == "applied"
    assert "POST /v1/customers" not in world.stripe_calls()[1:]
    (schedule,) = world.stripe.state[KEY].objects["subscription_schedule"].values()
    assert schedule["customer"] == theirs


@pytest.mark.parametrize("stripe_id", ["cus_gone", "cus_"])
def test_an_unknown_customer_is_said_and_a_new_one_is_made(world: World, stripe_id: str):
    name_customer(world, stripe_id)
    (result,) = world.sync(world.desk(), "ramp")
    assert result.outcome == "applied"
    assert codes(result.planned) == [IssueCode.CUSTOMER_UNKNOWN]
    (issue,) = result.planned.issues
    assert repr(stripe_id) in issue.message
    assert (issue.record, issue.field) == (account_of(world, "ramp"), "Stripe_Customer_Id__c")
    stored = world.salesforce.records("Account")[account_of(world, "ramp")]["Stripe_Customer_Id__c"]
    assert stored == next(iter(world.stripe.state[KEY].objects["customer"]))


def test_what_cannot_be_a_customers_id_is_not_asked_for(world: World):
    name_customer(world, "see notes")
    (result,) = world.sync(world.desk(), "ramp")
    assert result.outcome == "applied"
    assert not any(call.startswith("GET") for call in world.stripe_calls())


def test_a_deleted_customer_blocks_until_the_id_is_cleared(world: World):
    theirs = world.api().post("/v1/customers", {"name": "Everbright"}, idempotency_key="theirs")["id"]
    world.stripe.client(KEY).v1.customers.delete(theirs)
    name_customer(world, theirs)
    desk = world.desk()
    (result,) = world.sync(desk, "ramp")
    assert (result.outcome, codes(result.planned)) == ("refused", [IssueCode.CUSTOMER_DELETED])
    assert count(world, "subscription_schedule") == 0
    order = world.salesforce.records("Order")[world.orders["ramp"]]
    assert order["Stripe_Sync_Status__c"] == "Blocked"
    assert theirs in order["Stripe_Sync_Message__c"]
    assert order["Stripe_Sync_Remedy__c"].startswith("Clear the Stripe id")
    world.salesforce.update("Account", account_of(world, "ramp"), {"Stripe_Customer_Id__c": None})
    (result,) = world.sync(desk, "ramp")
    assert result.outcome == "applied"


def test_the_schedule_of_another_order_is_not_adopted(world: World, other_journal: Journal):
    """Cloning an order copies its ids; the clone must not take over the first order's schedule."""
    world.sync(world.desk(), "ramp")
    ramp = _schedule_of(world, "ramp")
    world.salesforce.update("Order", world.orders["volume"], {"Stripe_Schedule_Id__c": ramp})
    (result,) = world.sync(world.desk(other_journal), "volume")
    assert result.outcome == "applied"
    assert count(world, "subscription_schedule") == 2
    assert _schedule_of(world, "volume") != ramp


def test_a_product_the_crm_names_is_used_and_an_unknown_one_is_made(world: World):
    world.api().post("/v1/products", {"id": "prod_theirs", "name": "Platform"}, idempotency_key="theirs")
    lines = [r for r in world.salesforce.records("OrderItem").values() if r["OrderId"] == world.orders["usage"]]
    first, second = sorted({line["Product2Id"] for line in lines})
    world.salesforce.update("Product2", first, {"Stripe_Product_Id__c": "prod_theirs"})
    world.salesforce.update("Product2", second, {"Stripe_Product_Id__c": "prod_gone"})
    (result,) = world.sync(world.desk(), "usage")
    assert (result.outcome, result.planned.issues) == ("applied", ())
    assert set(world.stripe.state[KEY].objects["product"]) == {"prod_theirs", f"salesforce_{second}"}
    assert world.salesforce.records("Product2")[second]["Stripe_Product_Id__c"] == f"salesforce_{second}"


def test_a_customer_billed_in_another_currency_by_its_other_contract_blocks_beforehand(world: World):
    desk = world.desk()
    world.sync(desk, "ramp")
    world.salesforce.update("Order", world.orders["quarters"], {"AccountId": account_of(world, "ramp")})
    before = len(world.stripe_calls())
    (result,) = world.sync(desk, "quarters")
    assert result.outcome == "refused"
    assert set(codes(result.planned)) == {IssueCode.CUSTOMER_CURRENCY}
    assert any("is in EUR, but the Stripe customer cus_" in issue.message for issue in result.planned.issues)
    assert not any(call.startswith("POST") for call in world.stripe_calls()[before:])


def test_planning_looks_but_changes_nothing(world: World, other_journal: Journal):
    world.sync(world.desk(), *SHAPES)
    before = len(world.stripe_calls())
    refs = [ContractRef("salesforce", world.orders[name]) for name in SHAPES]
    desk = world.desk(other_journal)
    assert len(list(plan_contracts(desk, refs))) == len(SHAPES)
    assert all(call.startswith("GET") for call in world.stripe_calls()[before:])
    assert other_journal.contract_links(desk.name, world.orders["ramp"]) == ()
