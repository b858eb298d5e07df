"""Desired against existing: what has to happen, and what must not."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

import pytest

from connector.compile.resource import Key, Params
from connector.domain.contract import Contract, Party
from connector.domain.issues import NOWHERE, IssueCode, Source, block, warn
from connector.plan.canonical import dump
from connector.plan.diff import Change, diff
from connector.plan.existing import NOTHING, ExistingObject, ExistingState
from connector.plan.operation import Create, Retire, Update, operation_json
from tests.builders import END, START, amendment, contract, coupon, day, line, once, ramp, usage
from tests.plan.builders import SCHEDULE, applied, holding, only_update, planned, verbs

JULY, END_2028, JULY_2028 = day(2027, 7), day(2029), day(2028, 7)
YEARS = ((START, END, 10, 100), (END, END_2028, 20, 120))


def two_years(second: int = 20, **fields) -> Contract:
    return contract(*ramp((START, END, 10, 100), (END, END_2028, second, 120)), end=END_2028, **fields)


@pytest.mark.parametrize(
    ("desired", "existing", "changes"),
    [
        ({"a": 1}, {"a": 1, "theirs": 2}, []),
        ({"a": 1}, {"a": 2}, [Change("a", 2, 1)]),
        ({"a": 1}, {}, [Change("a", None, 1)]),
        ({"a": {"b": {"c": 1}}}, {"a": {"b": {"c": 2, "theirs": 0}}}, [Change("a.b.c", 2, 1)]),
        ({"a": {"b": 1}}, {"a": None}, [Change("a", None, {"b": 1})]),
        ({"a": [1, 2]}, {"a": [1]}, [Change("a.1", None, 2)]),
        ({"a": [1]}, {"a": [1, 2]}, [Change("a.1", 2, None)]),
        ({"a": [{"b": 1}]}, {"a": [{"b": 2, "theirs": 0}]}, [Change("a.0.b", 2, 1)]),
        ({"a": {"$ref": "x/1"}}, {"a": {"$ref": "x/1"}}, []),
        ({"a": {"$ref": "x/1"}}, {"a": {"$ref": "x/2"}}, [Change("a", {"$ref": "x/2"}, {"$ref": "x/1"})]),
    ],
)
def test_diff_is_over_the_fields_we_manage(desired, existing, changes):
    assert list(diff(desired, existing)) == changes


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (
            contract(line(), usage(), discounts=[coupon()]),
            ["customer", "product", "product", "meter", "price", "coupon", "subscription_schedule",
             "subscription_schedule"],
        ),
        (contract(once()), ["customer", "product", "invoice", "invoice_lines", "invoice_finalization"]),
    ],
    ids=["schedules", "invoice"],
)  # fmt: skip
def test_everything_is_made_in_the_order_it_is_needed(made, expected):
    assert verbs(planned(made).operations) == [f"create {kind}" for kind in expected]


def test_phases_of_a_new_schedule_follow_each_other():
    (create,) = (one for one in planned(two_years()).operations if one.key == SCHEDULE)
    assert isinstance(create, Create)
    assert [sorted(phase) for phase in cast("list[Params]", create.params["phases"])] == [
        ["end_date", "items", "metadata", "proration_behavior"]
    ] * 2
    assert all("start_date" in phase for phase in cast("list[Params]", create.desired["phases"]))


@pytest.mark.parametrize("made", [two_years(), contract(once()), contract(line(), usage(), discounts=[coupon()])])
def test_planning_after_applying_is_empty(made):
    plan = planned(made, applied(planned(made)))
    assert plan.operations == ()
    assert plan.issues == ()


def test_what_changed_is_updated_and_nothing_else():
    held = applied(planned(two_years()))
    renamed = two_years(party=Party("ACC", "New Name Ltd", email="pay@example.com"))
    update = only_update(planned(renamed, held))
    assert (update.key, update.id) == (Key("customer", "ACC"), "id_ACC")
    assert update.changes == (Change("name", "Example Ltd", "New Name Ltd"),)
    assert update.params["name"] == "New Name Ltd"


def test_fields_of_others_are_left_alone():
    held = applied(planned(two_years()))
    params = held.objects[Key("customer", "ACC")].params
    foreign = {**params, "balance": -500, "metadata": {**params["metadata"], "theirs": "1"}}
    assert planned(two_years(), holding(held, "customer", params=foreign)).operations == ()


def test_what_can_only_be_said_at_first_is_not_said_again():
    held = applied(planned(two_years()))
    params = {key: value for key, value in held.objects[SCHEDULE].params.items() if key != "billing_mode"}
    assert planned(two_years(), holding(held, "subscription_schedule", params=params)).operations == ()


def test_prices_and_coupons_are_never_changed():
    held = applied(planned(contract(line(), discounts=[coupon()])))
    assert planned(contract(line(), discounts=[coupon()]), holding(held, "coupon", params={})).operations == ()


def test_a_blocked_plan_has_no_operations():
    plan = planned(contract(line(quantity="0.5")))
    assert (plan.operations, plan.blocked, plan.desired, plan.tie_out) == ((), True, None, None)
    reader = block(IssueCode.ORDER_TOTAL, NOWHERE, "total", "fix")
    plan = planned(contract(line()), issues=[reader])
    assert (plan.operations, plan.blocked, plan.issues) == ((), True, (reader,))
    assert plan.desired is not None


def test_warnings_do_not_block_and_are_told_once():
    note = warn(IssueCode.LINE_SKIPPED, NOWHERE, "skipped", "clear")
    plan = planned(contract(line()), ExistingState(issues=(note,)), issues=[note])
    assert plan.issues == (note,)
    assert plan.operations


def test_what_the_reader_said_is_not_said_again_with_less():
    place = Source("R1", "Term__c")
    read = block(IssueCode.TERM_MISSING, place, "no term", "fill it in")
    made = replace(contract(line(end=None), end=None), origins={("R1", "term_months"): place})
    assert [issue.code for issue in planned(made).issues] == [IssueCode.TERM_MISSING]
    assert planned(made, issues=[read]).issues == (read,)
    elsewhere = replace(read, record="R2")
    assert len(planned(made, issues=[elsewhere]).issues) == 2


def running(made: Contract, *, since: Any = START, **fields: Any) -> ExistingState:
    """Return the state of a schedule whose current phase began on a day."""
    return holding(applied(planned(made)), "subscription_schedule", status="active", current_start=since, **fields)


def sent_phases(update: Update) -> list[Params]:
    return cast("list[Params]", update.params["phases"])


def test_a_schedule_that_has_not_begun_is_replaced_whole():
    update = only_update(planned(two_years(25), applied(planned(two_years()))))
    assert [phase["start_date"] for phase in sent_phases(update)] == [START, END]
    assert update.params["proration_behavior"] == "none"
    assert {"customer", "start_date", "billing_mode"}.isdisjoint(update.params)
    assert [(change.path, change.after) for change in update.changes] == [("phases.1.items.0.quantity", 25)]


def test_phases_that_are_past_are_not_sent_again():
    three = ramp(*YEARS, (END_2028, day(2030), 30, 120))
    later = ramp(*YEARS, (END_2028, day(2030), 35, 120))
    held = running(contract(*three, end=day(2030)), since=END)
    update = only_update(planned(contract(*later, end=day(2030)), held, today=JULY_2028))
    assert [phase["start_date"] for phase in sent_phases(update)] == [END, END_2028]
    assert [(change.path, change.after) for change in update.changes] == [("phases.2.items.0.quantity", 35)]
    assert len(cast("list[Params]", update.desired["phases"])) == 3


@pytest.mark.parametrize("status", ["completed", "canceled", "released"])
def test_a_schedule_that_is_over_cannot_change(status):
    """It is ended in July by somebody: what was to come can only be billed by people."""
    fields = {"status": status, "current_start": None, "ended": None if status == "completed" else JULY}
    held = holding(applied(planned(two_years())), "subscription_schedule", **fields)
    issues = planned(two_years(), held, today=day(2027, 8)).issues
    assert [issue.code for issue in issues] == ([] if status == "completed" else [IssueCode.SCHEDULE_OVER])
    if issues:
        assert f"is {status}; it bills nothing more and cannot be changed" in issues[0].message


def test_inline_prices_that_came_back_are_named_by_their_id():
    held = applied(planned(two_years()))
    params = held.objects[SCHEDULE].params
    inline = params["phases"][0]["items"][0]["price_data"]
    known = holding(held, "subscription_schedule", params={**params, "price_ids": {dump(inline): ["price_1"]}})
    first, second = sent_phases(only_update(planned(two_years(25), known)))
    (item,), (other,) = cast("list[Params]", first["items"]), cast("list[Params]", second["items"])
    assert (item["price"], "price_data" in item) == ("price_1", False)
    assert "price_data" in other


@pytest.mark.parametrize(("currency", "refused"), [("eur", True), ("usd", False), (None, False)])
def test_a_customer_has_one_currency(currency, refused):
    held = holding(applied(planned(two_years())), "customer", currency=currency)
    issues = planned(two_years(25), held).issues
    assert [issue.code for issue in issues] == ([IssueCode.CUSTOMER_CURRENCY] if refused else [])
    assert not refused or "billed in EUR" in issues[0].message


def test_the_fingerprint_is_of_the_operations():
    plan = planned(two_years())
    assert plan.fingerprint == planned(two_years()).fingerprint
    assert plan.fingerprint == planned(two_years(), today=START).fingerprint
    assert plan.fingerprint != planned(two_years(21)).fingerprint
    assert plan.fingerprint != planned(two_years(key="R2")).fingerprint
    assert plan.fingerprint == "1c9a0c7ab96518e97843aec235bdc3585110a0bdb42c460df053a7ed24013961"


def test_what_contracts_share_does_not_change_the_fingerprint():
    """Another contract made the customer and the product first; what this one bills is the same."""
    plan = planned(two_years())
    made = applied(plan)
    shared = ExistingState({key: held for key, held in made.objects.items() if key.kind in {"customer", "product"}})
    rest = planned(two_years(), shared)
    assert len(rest.operations) == len(plan.operations) - 2
    assert rest.fingerprint == plan.fingerprint


def test_where_only_shared_objects_change_the_fingerprint_is_of_them():
    made = applied(planned(two_years()))
    renamed, moved = (planned(two_years(party=Party("ACC", name)), made) for name in ("Acme Ltd", "Acme plc"))
    assert verbs(renamed.operations) == verbs(moved.operations) == ["update customer"]
    assert renamed.fingerprint != moved.fingerprint


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        (Create(Key("coupon", "cn"), {"id": "cn"}, {}), {"verb": "create", "params": {"id": "cn"}}),
        (
            Update(Key("coupon", "cn"), "c1", {"name": "b"}, {}, (Change("name", "a", "b"),)),
            {"verb": "update", "id": "c1", "params": {"name": "b"},
             "changes": [{"path": "name", "before": "a", "after": "b"}]},
        ),
        (Retire(Key("coupon", "cn"), "c1", "cancel"), {"verb": "cancel", "id": "c1"}),
    ],
)  # fmt: skip
def test_operations_as_json(operation, expected: Mapping[str, object]):
    assert operation_json(operation) == {"kind": "coupon", "key": "cn", **expected}


def test_an_amendment_before_the_start_is_an_update_of_the_same_schedule():
    first = line(quantity=50, price=240, end=END_2028)
    later = amendment("A1", END, line("L2", quantity=5, price=120, start=END, end=END_2028, revises="L1"))
    held = applied(planned(contract(first, end=END_2028)))
    plan = planned(contract(first, later, end=END_2028), held)
    assert verbs(plan.operations) == ["create price", "update subscription_schedule"]


@pytest.mark.parametrize(
    ("key", "status", "ended", "refused"),
    [
        (Key("subscription_schedule", "R1:1m"), "not_started", True, False),
        (Key("subscription_schedule", "R1:1m"), "completed", False, False),
        (Key("subscription_schedule", "R1:1m"), "canceled", False, False),
        (Key("invoice", "R1"), "draft", False, True),
        (Key("invoice", "R1"), "paid", False, True),
        (Key("invoice", "R1"), "void", False, False),
    ],
)
def test_what_the_contract_has_beside_what_is_desired(key, status, ended, refused):
    state = ExistingState({**applied(planned(two_years())).objects, key: ExistingObject("id_1", {}, status=status)})
    plan = planned(two_years(), state)
    assert plan.operations == ((Retire(key, "id_1", "cancel"),) if ended else ())
    assert [issue.code for issue in plan.issues] == ([IssueCode.LIVE_CHANGE] if refused else [])


def test_an_unknown_object_of_the_existing_state_is_nobodys_business():
    stray = ExistingState({Key("coupon", "theirs"): ExistingObject("c", {})})
    assert planned(two_years(), stray).operations == planned(two_years(), NOTHING).operations


def test_another_customer_than_the_one_who_is_billed_is_told():
    made = contract(line())
    state = applied(planned(made))
    other = replace(made, party=Party("ACC2", "Other Ltd", email="pay@other.example"))
    plan = planned(other, state)
    found = [issue for issue in plan.issues if issue.code is IssueCode.CUSTOMER_CHANGED]
    words = "but the CRM now names Other Ltd (ACC2); Stripe moves no subscription to another customer"
    assert [issue.message for issue in found] == [f"{made.party.ref} is billed for it, {words}"]
    assert not found[0].blocks
    assert not [issue for issue in planned(made, state).issues if issue.code is IssueCode.CUSTOMER_CHANGED]
