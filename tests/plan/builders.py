"""Plans of built contracts, and what Stripe would hold after them."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from typing import Any

from connector.compile.contract import compile_contract
from connector.compile.resource import Key
from connector.domain.contract import Contract
from connector.domain.issues import Issue
from connector.plan.canonical import canonical
from connector.plan.existing import NOTHING, ExistingObject, ExistingState
from connector.plan.operation import Create, Operation, Update
from connector.plan.plan import Plan, make_plan
from connector.plan.safety import Judgement, Limits, check_safety
from tests.builders import day

TODAY = day(2026, 12)


def planned(
    made: Contract, existing: ExistingState = NOTHING, *, today: date = TODAY, issues: Iterable[Issue] = ()
) -> Plan:
    """Plan a contract."""
    return make_plan(made, compile_contract(made), existing, today, issues)


def judged(plan: Plan, *, today: date = TODAY, **fields: Any) -> Judgement:
    """Judge a plan by the default limits."""
    return check_safety(plan, fields.pop("limits", Limits()), today=today, **fields)


def applied(plan: Plan) -> ExistingState:
    """Return what Stripe holds after a plan that makes everything anew."""
    creates = [operation for operation in plan.operations if isinstance(operation, Create)]
    assert len(creates) == len(plan.operations)
    return ExistingState({one.key: ExistingObject(f"id_{one.key.name}", canonical(one.desired)) for one in creates})


def holding(state: ExistingState, kind: str, **fields: Any) -> ExistingState:
    """Return a state whose only object of a kind is changed."""
    (key,) = (key for key in state.objects if key.kind == kind)
    return ExistingState({**state.objects, key: replace(state.objects[key], **fields)})


def verbs(operations: Iterable[Operation]) -> list[str]:
    """Tell operations shortly."""
    return [f"{type(operation).__name__.lower()} {operation.key.kind}" for operation in operations]


def only_update(plan: Plan) -> Update:
    """Return the only operation, which must be an update."""
    (operation,) = plan.operations
    assert isinstance(operation, Update)
    return operation


SCHEDULE = Key("subscription_schedule", "R1")
