"""The JSON document of a plan: it keeps to its published schema, and says what the plan says."""

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from connector.compile.resource import Key
from connector.domain.contract import Contract
from connector.domain.issues import IssueCode, Source, block
from connector.plan.document import plan_document, unreadable_document
from connector.plan.existing import NOTHING, ExistingState
from connector.plan.operation import Retire
from connector.plan.plan import Plan
from tests.builders import END, START, amendment, contract, coupon, day, line, once, ramp, tiers, usage
from tests.plan.builders import SCHEDULE, TODAY, applied, judged, planned

SCHEMA = json.loads((Path(__file__).parents[2] / "schemas" / "plan.schema.json").read_text(encoding="utf-8"))
VALIDATOR = Draft202012Validator(SCHEMA)
JULY = day(2027, 7)

RICH = contract(
    *ramp((START, JULY, 10, 60), (JULY, END, 20, 60), interval=1, discounts=(coupon("C1", amount=Decimal("0.5")),)),
    line("L2", of="P2", quantity=20, price=9, interval=1, **tiers((10, "1", None), (None, "0.5", "2"))),
    usage(**tiers((100, "0.012", None), (None, "0.008", None))),
    once(quantity=2, price=30, end=JULY, discounts=(coupon("C2"),)),
    line("L3", of="P3", start=day(2027, 2, 11), interval=1, price=1000),
    amendment("A1", day(2027, 3, 15), line("L4", of="P3", start=day(2027, 3, 15), quantity=1, price=900, interval=1)),
    discounts=[coupon("C3", duration="repeating", months=3)],
    link="https://crm/R1",
)
RENAMED = contract(line(quantity=2), policies={"end_behavior": "release"})


def documented(made: Contract, existing: ExistingState = NOTHING) -> dict[str, Any]:
    plan = planned(made, existing)
    document = plan_document(plan, judged(plan))
    assert isinstance(document, dict)
    return document


def documents() -> Iterator[Any]:
    yield pytest.param(documented(contract(line())), id="flat")
    yield pytest.param(documented(RICH), id="everything")
    yield pytest.param(documented(contract(once(), discounts=[coupon()])), id="invoice")
    yield pytest.param(documented(contract(line(interval=1), billed_through=JULY)), id="billed elsewhere")
    yield pytest.param(documented(contract(line(quantity="0.5"))), id="refused")
    yield pytest.param(documented(contract(line(total=Decimal(5)))), id="does not add up")
    yield pytest.param(documented(RENAMED, applied(planned(contract(line())))), id="update")
    yield pytest.param(documented(contract(line()), applied(planned(contract(line())))), id="nothing to do")
    yield pytest.param(_ending(), id="cancel")
    yield pytest.param(_unreadable(), id="unreadable")


def _ending() -> Any:
    made = contract(line())
    plan = Plan(made, None, (Retire(SCHEDULE, "sub_sched_1", "cancel"),), (), (), None, TODAY)
    return plan_document(plan, judged(plan))


def _unreadable() -> Any:
    missing = block(IssueCode.START_MISSING, Source("R1", "Start__c"), "Missing: start.", "Fill it in.")
    return unreadable_document("salesforce", "R1", (missing,))


def test_the_schema_is_one():
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("document", list(documents()))
def test_documents_keep_to_the_schema(document):
    assert [error.message for error in VALIDATOR.iter_errors(document)] == []
    assert json.loads(json.dumps(document)) == document


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["extra"], 1),
        (["verdict"], "maybe"),
        (["fingerprint"], "abc"),
        (["contract", "start"], "1 January"),
        (["schedules", 0, "phases", 0, "items", 0, "unit_amount"], 1200),
        (["schedules", 0, "phases", 0, "items"], []),
        (["schedules", 0, "phases", 0, "one_off", 0, "reason"], "because"),
        (["tie_out", "USD"], {}),
        (["billing", 0, "amount"], "1.5"),
        (["operations", 0, "verb"], "destroy"),
    ],
    ids=lambda value: ".".join(map(str, value)) if isinstance(value, list) else "",
)
def test_the_schema_refuses(path, value):
    """A schema that takes everything would prove nothing."""
    document = documented(RICH)
    *way, last = path
    holder: Any = document
    for step in way:
        holder = holder[step]
    holder[last] = value
    assert not VALIDATOR.is_valid(document)


def test_every_object_of_the_schema_is_closed():
    def objects(node: Any) -> Iterator[Any]:
        if isinstance(node, dict):
            if "properties" in node:
                yield node
            for entry in node.values():
                yield from objects(entry)
        if isinstance(node, list):
            for entry in node:
                yield from objects(entry)

    for found in objects(SCHEMA):
        assert found["additionalProperties"] is False
        assert sorted(found["required"]) == sorted(found["properties"])


def test_a_phase_tells_what_stripe_is_told():
    (schedule,) = documented(RICH)["schedules"]
    first = schedule["phases"][0]
    assert (schedule["collection_method"], schedule["days_until_due"]) == ("charge_automatically", None)
    assert (first["segment_label"], first["proration_behavior"]) == ("Year 1", "create_prorations")
    assert [item["lines"] for item in first["items"]] == [["S1"], ["L2"], ["U1"]]
    seats, labels, calls = first["items"]
    assert seats == {
        "product": "P1",
        "lines": ["S1"],
        "quantity": 10,
        "unit_amount": "1000",
        "interval": "month",
        "interval_count": 1,
        "usage_type": "licensed",
        "tiers": [],
        "tiers_mode": None,
        "discounts": [
            {"ref": "C1", "name": "Coupon C1", "percent_off": None, "amount_off": "50", "currency": "usd",
             "duration": "forever", "duration_in_months": None}
        ],
        "metadata": {"salesforce_order_item_id": "S1", "salesforce_segment_key": "key S"},
    }  # fmt: skip
    assert labels["tiers"] == [
        {"up_to": 10, "unit_amount": "100", "flat_amount": None},
        {"up_to": None, "unit_amount": "50", "flat_amount": "200"},
    ]
    assert (calls["usage_type"], calls["quantity"], calls["tiers"][0]["unit_amount"]) == ("metered", None, "1.2")
    (fee,) = first["one_off"]
    assert (fee["reason"], fee["quantity"], fee["unit_amount"], fee["discounts"]) == ("one_time", 2, "3000", ["C2"])
    assert fee["period"] == {"start": "2027-01-01", "end": "2027-07-01"}
    assert fee["metadata"] == {"salesforce_order_item_id": "O1"}


def test_payment_terms_come_from_what_stripe_is_told():
    settings = (
        (("default_settings", "collection_method"), "send_invoice"),
        (
            ("default_settings", "invoice_settings", "days_until_due"),
            45,
        ),
    )
    (schedule,) = documented(contract(line(), extras={"subscription_schedule": settings}))["schedules"]
    assert (schedule["collection_method"], schedule["days_until_due"]) == ("send_invoice", 45)


def test_bills_and_tie_out_agree():
    document = documented(RICH)
    account = document["tie_out"]["usd"]
    billed = sum(int(bill["amount"]) for bill in document["billing"])
    assert billed == int(account["billed"]) + int(account["scheduled"]) - int(account["credited"])
    assert all(
        int(bill["amount"]) == sum(int(each["amount"]) for each in bill["charges"]) for bill in document["billing"]
    )


def test_operations_are_those_of_the_plan():
    document = documented(RENAMED, applied(planned(contract(line()))))
    (update,) = document["operations"]
    assert (update["verb"], update["kind"], update["id"]) == (
        "update",
        Key("subscription_schedule", "R1").kind,
        "id_R1",
    )
    assert {change["path"] for change in update["changes"]} == {"end_behavior", "phases.0.items.0.quantity"}
