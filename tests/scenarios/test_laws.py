"""What holds for every story, whatever it is about."""

import json
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from connector.compile.contract import compile_contract
from connector.compile.window import windowed
from connector.domain.money import to_minor
from connector.plan.canonical import canonical
from connector.plan.existing import ExistingObject, ExistingState
from connector.plan.operation import Create
from connector.plan.plan import make_plan
from connector.plan.safety import Limits, Verdict, check_safety
from tests.builders import seeded
from tests.scenarios.story import NAMES, load, tell, told

SCHEMA = json.loads((Path(__file__).parents[2] / "schemas" / "plan.schema.json").read_text(encoding="utf-8"))
VALIDATOR = Draft202012Validator(SCHEMA)
LOOSE_TO_TIGHT = (Verdict.NOTHING, Verdict.APPLY, Verdict.NEEDS_APPROVAL, Verdict.REFUSE)

PLANNED = tuple(name for name in NAMES if told(name).document["tie_out"])
MADE = tuple(name for name in PLANNED if told(name).document["operations"])


def test_the_stories_are_many_and_of_every_end():
    verdicts = [told(name).document["verdict"] for name in NAMES]
    assert len(NAMES) >= 60
    assert {verdict: verdicts.count(verdict) > 1 for verdict in verdicts} == {
        "apply": True,
        "refuse": True,
        "needs_approval": True,
    }


@pytest.mark.parametrize("name", NAMES)
def test_documents_keep_to_the_schema(name):
    assert [error.message for error in VALIDATOR.iter_errors(told(name).document)] == []


@pytest.mark.parametrize("name", NAMES)
def test_compiling_twice_is_compiling_once(name):
    contract = told(name).planned.contract
    if contract is None:
        assert told(name).document["verdict"] == "refuse"
        return
    today = load(name).today
    assert compile_contract(contract, today, today) == compile_contract(contract, today, today)


@pytest.mark.parametrize("name", NAMES)
def test_planning_twice_is_planning_once(name):
    again = tell(load(name))
    assert again.document["fingerprint"] == told(name).document["fingerprint"]
    assert again.document == told(name).document


def shuffled(records: str, seed: int) -> str:
    """Write the records in another order: objects, rows of an object, fields of a row."""
    chance = seeded(seed)

    def mixed(value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        keys = chance.sample(sorted(value), len(value))
        return {key: mixed(value[key]) for key in keys}

    return json.dumps(mixed(json.loads(records)))


@pytest.mark.parametrize("name", NAMES)
def test_the_order_of_the_records_does_not_matter(name):
    story = load(name)
    for seed in (1, 2):
        records = shuffled(story.records, seed)
        assert records != story.records
        again = tell(story, records)
        assert again.document == told(name).document
        assert again.text == told(name).text


@pytest.mark.parametrize("name", PLANNED)
def test_the_money_ties_out(name):
    document = told(name).document
    contract = told(name).planned.contract
    assert contract is not None
    ((currency, account),) = document["tie_out"].items()
    numbers = {key: int(account[key]) for key in ("crm", "billed", "scheduled", "credited", "difference")}
    in_stripe = numbers["billed"] + numbers["scheduled"] - numbers["credited"]
    assert sum(int(bill["amount"]) for bill in document["billing"]) == in_stripe
    assert all(int(b["amount"]) == sum(int(line["amount"]) for line in b["charges"]) for b in document["billing"])
    assert {bill["currency"] for bill in document["billing"]} <= {currency}
    sold = sum(to_minor(line.total, currency) for line in contract.lines)
    assert numbers["crm"] == sold
    assert numbers["difference"] == numbers["crm"] - in_stripe
    unexplained = numbers["difference"] - sum(int(reason["amount"]) for reason in account["reasons"])
    codes = {issue["code"] for issue in document["issues"]}
    assert (unexplained != 0) is ("TIE_OUT" in codes)


@pytest.mark.parametrize("name", PLANNED)
def test_phases_follow_each_other_and_are_never_empty(name):
    for schedule in told(name).document["schedules"]:
        phases = schedule["phases"]
        assert (phases[0]["start"], phases[-1]["end"]) == (schedule["start"], schedule["end"])
        assert all(one["end"] == other["start"] for one, other in pairwise(phases))
        assert all(phase["items"] and phase["start"] < phase["end"] for phase in phases)


@pytest.mark.parametrize("name", PLANNED)
def test_every_line_is_billed_somewhere_or_taken_away(name):
    """A line that no phase mentions would be lost; a reduction may change only the quantity of others."""
    document, contract = told(name).document, told(name).planned.contract
    assert contract is not None
    holders = [phase for schedule in document["schedules"] for phase in schedule["phases"]]
    told_lines = {line for phase in holders for each in (*phase["items"], *phase["one_off"]) for line in each["lines"]}
    told_lines |= {line for invoice in document["invoices"] for each in invoice["lines"] for line in each["lines"]}
    missing = [line for line in contract.lines if line.ref not in told_lines]
    assert [line.ref for line in missing if line.quantity >= 0] == []


@pytest.mark.parametrize("name", MADE)
def test_planning_after_applying_is_empty(name):
    planned = told(name).planned
    assert planned.plan is not None
    assert planned.contract is not None
    creates = [operation for operation in planned.plan.operations if isinstance(operation, Create)]
    assert len(creates) == len(planned.plan.operations)
    held = ExistingState({one.key: ExistingObject(f"id_{one.key.name}", canonical(one.desired)) for one in creates})
    again = make_plan(
        planned.contract,
        windowed(compile_contract(planned.contract, load(name).today, load(name).today), load(name).today),
        held,
        load(name).today,
        planned.reading.issues,
    )
    assert again.operations == ()
    assert check_safety(again, Limits(), today=load(name).today).verdict is Verdict.NOTHING


@pytest.mark.parametrize("name", MADE)
def test_the_verdict_never_loosens_as_operations_are_added(name):
    plan, story = told(name).planned.plan, load(name)
    assert plan is not None
    for limits in (Limits(), Limits(max_contract_amount={"*": Decimal(1)}), Limits(max_backdating_days=0)):
        verdicts = [
            check_safety(replace(plan, operations=plan.operations[:count]), limits, today=story.today).verdict
            for count in range(len(plan.operations) + 1)
        ]
        assert verdicts == sorted(verdicts, key=LOOSE_TO_TIGHT.index)
        assert verdicts[0] is Verdict.NOTHING
