"""Products, prices and coupons that a batch shares are made before its contracts, beside each other and once.

Without that every contract of a new catalogue would plan to make it, and all but one would have to plan again.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import groupby

from connector.billing.apply import apply
from connector.compile.resource import Key
from connector.desk import Desk, Planned
from connector.domain.errors import ConnectorError
from connector.plan.canonical import canonical
from connector.plan.existing import ExistingObject
from connector.plan.kinds import KINDS
from connector.plan.plan import Plan
from connector.plan.safety import Verdict
from connector.plan.shared import made_by_several, makes, without_made

Made = tuple[Key, ExistingObject] | None
#: Does one thing for many, beside each other: `map`, or that of threads.
Each = Callable[[Callable[[tuple[Key, Planned]], Made], Iterable[tuple[Key, Planned]]], Iterator[Made]]


def make_shared(
    desk: Desk, batch: Iterable[Planned], run_id: int, each: Each = map
) -> tuple[list[Planned], Mapping[str, int]]:
    """Make what contracts of several customers would; return them as they go on, and writes by contract key.

    Nothing is made for a contract that may not be applied. What cannot be made is left to the contracts themselves:
    each says so for itself.
    """
    planned = list(batch)
    by_plan = {id(one.plan): one for one in planned if one.plan and one.judgement.verdict is Verdict.APPLY}
    wanted = made_by_several(one.plan for one in by_plan.values() if one.plan)
    made: dict[Key, ExistingObject] = {}
    writes: dict[str, int] = {}

    def make(item: tuple[Key, Planned]) -> Made:
        return _make(desk, item[1], item[0], made, run_id)

    for _, keys in groupby(wanted, key=lambda key: KINDS[key.kind].rank):
        todo = [(key, by_plan[id(wanted[key])]) for key in keys]
        for (_, one), new in zip(todo, list(each(make, todo)), strict=True):
            if new is not None:
                made[new[0]] = new[1]
                writes[one.raw.key] = writes.get(one.raw.key, 0) + 1
    return [_with(one, made) for one in planned], writes


def _make(desk: Desk, one: Planned, key: Key, made: Mapping[Key, ExistingObject], run_id: int) -> Made:
    plan = one.plan
    operation = next((create for create in makes(plan) if create.key == key), None) if plan else None
    if plan is None or operation is None:
        return None
    existing = replace(one.existing, objects={**one.existing.objects, **made})
    try:
        outcome = apply(_only(plan, operation.key), existing, desk.account, desk.clock, run_id=run_id)
    except ConnectorError:
        return None
    return key, ExistingObject(outcome.ids[key], canonical(operation.desired))


def _only(plan: Plan, key: Key) -> Plan:
    return replace(plan, operations=tuple(one for one in plan.operations if one.key == key))


def _with(one: Planned, made: Mapping[Key, ExistingObject]) -> Planned:
    if one.plan is None or not made:
        return one
    plan, existing = without_made(one.plan, one.existing, made)
    return replace(one, plan=plan, existing=existing)
