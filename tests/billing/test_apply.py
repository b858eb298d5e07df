"""Applying a plan: what exists already, what Stripe refuses or answers differently, and who holds the customer."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from connector.billing.account import StripeAccount
from connector.billing.apply import apply
from connector.compile.resource import Key
from connector.crm.protocol import ContractRef
from connector.domain.errors import NotConvergedError, RejectedError, RetryableError
from connector.domain.issues import IssueCode
from connector.journal import LeaseLostError, Operation
from connector.plan.operation import Create
from connector.plan.plan import Plan
from connector.sandbox.http import FaultRule
from connector.sync import Desk, Planned, Result, plan_contracts
from tests.wiring import KEY, World

SCHEDULES = "=/v1/subscription_schedules"


def plan(world: World, desk: Desk, name: str) -> Planned:
    return next(plan_contracts(desk, [ContractRef("salesforce", world.orders[name])]))


def planned_params(one: Planned, kind: str) -> list[dict[str, Any]]:
    assert one.plan is not None
    return [dict(o.params) for o in one.plan.operations if isinstance(o, Create) and o.key.kind == kind]


def only_operation(world: World, desk: Desk, name: str, kind: str) -> Operation:
    entries = desk.account.journal.contract_operations(desk.name, world.orders[name])
    return next(entry for entry in entries if entry.kind == kind)


def refuse(world: World, route: str, **error: Any) -> None:
    body = {"error": {"type": "invalid_request_error", **error}}
    world.stripe.inject(FaultRule("POST", route, status=400, body=body, headers={"Request-Id": "req_refused"}))


def codes(result: Result) -> list[IssueCode]:
    return [issue.code for issue in result.planned.issues]


def test_products_and_coupons_that_exist_already_are_used(world: World):
    desk = world.desk()
    params = plan(world, desk, "coupons")
    api = world.api()
    for number, product in enumerate(planned_params(params, "product")):
        api.post("/v1/products", {"id": product["id"], "name": "Theirs"}, idempotency_key=f"p{number}")
    for number, coupon in enumerate(planned_params(params, "coupon")):
        terms = {"id": coupon["id"], "duration": coupon["duration"], "percent_off": "10"}
        api.post("/v1/coupons", terms, idempotency_key=f"c{number}")
    (result,) = world.sync(desk, "coupons")
    assert (result.outcome, result.planned.issues) == ("applied", ())
    state = world.stripe.state[KEY].objects
    assert (len(state["product"]), len(state["coupon"])) == (2, 2)
    done = only_operation(world, desk, "coupons", "product")
    assert (done.state, done.stripe_id) == ("done", f"salesforce_{done.key}")


def test_a_price_whose_lookup_key_is_taken_is_that_price(world: World):
    """Two contracts with the same terms, or a run that was killed: the content names the price."""
    desk = world.desk()
    one = plan(world, desk, "volume")
    (price,) = planned_params(one, "price")
    (product,) = planned_params(one, "product")
    api = world.api()
    api.post("/v1/products", {"id": product["id"], "name": "Theirs"}, idempotency_key="p")
    made = api.post(
        "/v1/prices",
        {**price, "product": product["id"], "metadata": {}},
        idempotency_key="x",
    )
    (result,) = world.sync(desk, "volume")
    assert (result.outcome, result.planned.issues) == ("applied", ())
    assert only_operation(world, desk, "volume", "price").stripe_id == made["id"]
    assert set(world.stripe.state[KEY].objects["price"]) == {made["id"]}


def test_a_meter_whose_event_name_is_taken_is_that_meter(world: World):
    desk = world.desk()
    (meter,) = planned_params(plan(world, desk, "usage"), "meter")
    api = world.api()
    for number in range(120):  # it is found on a later page, too
        other = {**meter, "event_name": f"other_{number}"} if number else meter
        held = api.post("/v1/billing/meters", other, idempotency_key=f"m{number}")
        if number == 0:
            theirs = held["id"]
    (result,) = world.sync(desk, "usage")
    assert result.outcome == "applied"
    assert only_operation(world, desk, "usage", "meter").stripe_id == theirs


def test_a_refused_create_is_a_failed_operation_and_an_issue(world: World):
    refuse(world, SCHEDULES, message="Invalid integer: x", param="phases[0][items][0][quantity]", code="parameter")
    desk = world.desk()
    (result,) = world.sync(desk, "ramp")
    assert (result.outcome, codes(result)) == ("failed", [IssueCode.STRIPE_REJECTED])
    failed = only_operation(world, desk, "ramp", "subscription_schedule")
    assert (failed.state, failed.attempts, failed.request_id) == ("failed", 1, "req_refused")
    assert failed.error == {
        "message": "Invalid integer: x",
        "code": "parameter",
        "param": "phases[0][items][0][quantity]",
        "status": 400,
    }
    order = world.salesforce.records("Order")[world.orders["ramp"]]
    assert order["Stripe_Sync_Status__c"] == "Blocked"
    assert order["Stripe_Sync_Message__c"] == "STRIPE_REJECTED: Stripe refused: Invalid integer: x"
    assert order["Stripe_Sync_Remedy__c"] == (
        "Correct the value on the order or in the mapping file (phases[0][items][0][quantity]); "
        "Stripe request req_refused."
    )


def test_after_a_refusal_the_next_run_sends_it_again_under_a_new_key(world: World):
    """Stripe stores refusals under the key, too: the old one would give the old answer for a day."""
    desk = world.desk()
    refuse(world, SCHEDULES, message="Not now.")
    world.sync(desk, "ramp")
    (result,) = world.sync(desk, "ramp")
    assert (result.outcome, result.writes) == ("applied", 1)
    keys = [record.idempotency_key for record in world.stripe.log if record.path == "/v1/subscription_schedules"]
    assert len(set(keys)) == 2


def test_what_was_done_before_a_refusal_stays_and_is_not_done_again(world: World):
    desk = world.desk()
    refuse(world, SCHEDULES, message="Not now.")
    world.sync(desk, "ramp")
    order = world.salesforce.records("Order")[world.orders["ramp"]]
    assert world.salesforce.records("Account")[order["AccountId"]]["Stripe_Customer_Id__c"].startswith("cus_")
    before = len(world.stripe_calls())
    world.sync(desk, "ramp")
    assert world.stripe_calls()[before:] == ["POST /v1/subscription_schedules"]


def test_stripes_word_about_the_customers_currency_becomes_its_own_issue(world: World):
    """Somebody billed the customer by hand in another currency; only Stripe knows of it."""
    desk = world.desk()
    refuse(world, SCHEDULES, message="Not now.")
    world.sync(desk, "ramp")
    (customer,) = world.stripe.state[KEY].objects["customer"]
    (product, *_) = world.stripe.state[KEY].objects["product"]
    price = {"currency": "eur", "product": product, "recurring": {"interval": "month"}, "unit_amount": 100}
    phase = {"items": [{"price_data": price}], "duration": {"interval": "month", "interval_count": 1}}
    by_hand = {"customer": customer, "start_date": "now", "phases": [phase]}
    world.api().post("/v1/subscription_schedules", by_hand, idempotency_key="by hand")
    (result,) = world.sync(desk, "ramp")
    assert (result.outcome, codes(result)) == ("failed", [IssueCode.CUSTOMER_CURRENCY])
    (issue,) = result.planned.issues
    assert issue.message == "The currency of the selected prices (usd) does not match the customer currency (eur)."
    assert issue.remedy.startswith("Bill this order to another account")


@pytest.mark.parametrize(("name", "wrong"), [("quantity", 999), ("metadata", {})])
def test_an_answer_that_differs_stops_with_an_alarm(world: World, name: str, wrong: object):
    desk = world.desk()
    one = plan(world, desk, "ramp")
    assert one.plan is not None
    words = r"schedule sub_sched_\w+ does not hold what was sent: phases\.0\.items\.0\..*: wanted .*, Stripe holds "
    with pytest.raises(NotConvergedError, match=words):
        apply(one.plan, one.existing, _tampering(desk.account, name, wrong), desk.clock)
    assert only_operation(world, desk, "ramp", "subscription_schedule").state == "intent"


def _tampering(account: StripeAccount, name: str, wrong: object) -> StripeAccount:
    """Return the account behind a Stripe that stores something else than was sent."""

    class Tampering:
        def get(self, path: str, params: Mapping[str, Any] | None = None) -> dict[str, Any]:
            return account.api.get(path, params)

        def post(self, path: str, params: Mapping[str, Any], *, idempotency_key: str) -> dict[str, Any]:
            answer = account.api.post(path, params, idempotency_key=idempotency_key)
            if path == "/v1/subscription_schedules":
                answer["phases"][0]["items"][0][name] = wrong
            return answer

    return replace(account, api=Tampering())


def test_an_unreachable_stripe_leaves_an_intent_and_the_next_run_settles_it(world: World):
    desk = world.desk()
    world.stripe.inject(FaultRule("POST", SCHEDULES, action="drop_after"))
    (result,) = world.sync(desk, "ramp")
    assert result.outcome == "waiting"
    assert result.error is not None
    assert result.error.startswith("Stripe could not be reached")
    assert only_operation(world, desk, "ramp", "subscription_schedule").state == "intent"
    (result,) = world.sync(desk, "ramp")
    assert result.outcome == "applied"
    done = only_operation(world, desk, "ramp", "subscription_schedule")
    assert (done.state, done.attempts) == ("done", 2)
    assert len(world.stripe.state[KEY].objects["subscription_schedule"]) == 1


def test_a_customer_held_by_another_worker_is_left_alone(world: World):
    desk = world.desk()
    account = world.salesforce.records("Order")[world.orders["ramp"]]["AccountId"]
    journal = desk.account.journal
    lease = journal.acquire_lease(f"salesforce:{account}", "other", world.now, timedelta(minutes=5))
    assert lease is not None
    (result,) = world.sync(desk, "ramp")
    assert (result.outcome, result.writes) == ("busy", 0)
    assert world.stripe_calls() == []
    journal.release_lease(lease)
    (result,) = world.sync(desk, "ramp")
    assert result.outcome == "applied"


def test_a_worker_that_lost_its_lease_calls_nobody(world: World):
    desk = world.desk()
    one = plan(world, desk, "ramp")
    journal = desk.account.journal
    lease = journal.acquire_lease("salesforce:A", "me", world.now, timedelta(minutes=5))
    journal.acquire_lease("salesforce:A", "other", world.now + timedelta(minutes=6), timedelta(minutes=5))
    assert one.plan is not None
    with pytest.raises(LeaseLostError, match="no longer holds"):
        apply(one.plan, one.existing, desk.account, desk.clock, lease=lease)
    assert world.stripe_calls() == []
    assert journal.pending_intents(desk.name) == ()


def test_a_reference_without_an_id_is_a_wrong_plan(world: World):
    desk = world.desk()
    one = plan(world, desk, "ramp")
    assert one.plan is not None
    (schedule,) = (o for o in one.plan.operations if o.key.kind == "subscription_schedule")
    cut = Plan(one.plan.contract, one.plan.desired, (schedule,), (), (), None, desk.today())
    with pytest.raises(NotConvergedError, match="has no Stripe id yet; the plan's order is wrong"):
        apply(cut, one.existing, desk.account, desk.clock)
    assert world.stripe_calls() == []


def test_every_write_names_who_what_and_how(world: World):
    desk = world.desk()
    world.sync(desk, "ramp")
    entries = desk.account.journal.contract_operations(desk.name, world.orders["ramp"])
    assert {entry.state for entry in entries} == {"done"}
    assert all(entry.idempotency_key.startswith("cn_") for entry in entries)
    assert len({entry.idempotency_key for entry in entries}) == len(entries)
    sent = {record.idempotency_key for record in world.stripe.log if record.method == "POST"}
    assert sent == {entry.idempotency_key for entry in entries}
    assert all(entry.request_id and entry.request_id.startswith("req_") for entry in entries)
    link = desk.account.journal.link(desk.name, "subscription_schedule", world.orders["ramp"])
    assert link is not None
    assert Key("subscription_schedule", link.key).name == world.orders["ramp"]


@pytest.mark.parametrize(("error", "outcome"), [(RejectedError, "failed"), (RetryableError, "waiting")])
def test_one_contract_that_fails_never_stops_the_others(world: World, error: type[Exception], outcome: str):
    status = 400 if error is RejectedError else 503
    world.stripe.inject(FaultRule("POST", SCHEDULES, nth=2, status=status))
    results = world.sync(world.desk(), "ramp", "quarters", "months")
    assert sorted(result.outcome for result in results) == sorted(["applied", outcome, "applied"])
