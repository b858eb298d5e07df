"""Long contracts: the update that appends phases which were planned from the first day is no change of the contract."""

import re

from connector.compile.limits import PHASES
from connector.plan.diff import Change
from connector.plan.operation import Create, Operation, Update
from connector.plan.plan import Plan

_PHASE = re.compile(r"phases\.\d+")


def only_extends(plan: Plan) -> bool:
    """Tell whether a plan does no more to what runs than to append phases Stripe had no room for before."""
    changing = [operation for operation in plan.operations if not isinstance(operation, Create)]
    return bool(changing) and all(_extends(operation, _long(plan)) for operation in changing)


def _long(plan: Plan) -> set[str]:
    specs = plan.desired.schedules if plan.desired else ()
    return {spec.key for spec in specs if len(spec.phases) > PHASES}


def _extends(operation: Operation, long: set[str]) -> bool:
    return (
        isinstance(operation, Update)
        and operation.key.name in long
        and all(_appends(change) for change in operation.changes)
    )


def _appends(change: Change) -> bool:
    whole = change.before is None and _PHASE.fullmatch(change.path) is not None
    return whole or change.path == "end_behavior"
