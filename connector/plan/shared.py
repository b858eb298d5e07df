"""What several contracts of a batch would make alike: it is made once, and their plans go on without it."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace

from connector.compile.resource import Key
from connector.plan.canonical import canonical
from connector.plan.existing import ExistingObject, ExistingState
from connector.plan.kinds import KINDS
from connector.plan.operation import Create
from connector.plan.plan import Plan


def makes(plan: Plan) -> tuple[Create, ...]:
    """Return the objects of the catalogue (products, meters, prices, coupons) that a plan makes."""
    return tuple(
        one
        for one in plan.operations
        if isinstance(one, Create) and KINDS[one.key.kind].shared and one.key.kind != "customer"
    )


def made_by_several(plans: Iterable[Plan]) -> dict[Key, Plan]:
    """Return what plans of more than one customer would make, in order, each with the first plan that would."""
    first: dict[Key, Plan] = {}
    wanted: Counter[Key] = Counter()
    for plan in plans:
        for one in makes(plan):
            same = first.setdefault(one.key, plan)
            wanted[one.key] += same is plan or same.contract.party.ref != plan.contract.party.ref
    return {key: first[key] for key in sorted(first, key=lambda key: (KINDS[key.kind].rank, key)) if wanted[key] > 1}


def without_made(plan: Plan, existing: ExistingState, made: Mapping[Key, ExistingObject]) -> tuple[Plan, ExistingState]:
    """Return the plan and what it builds on once others have made what is there now, exactly as it wants it.

    What was made otherwise (another name of a product) stays in the plan: it has to be planned again. So is a plan of
    nothing else: its fingerprint would be another one.
    """
    done = {
        one.key: made[one.key]
        for one in makes(plan)
        if one.key in made and made[one.key].params == canonical(one.desired)
    }
    rest = tuple(one for one in plan.operations if one.key not in done)
    if not done or all(KINDS[one.key.kind].shared for one in rest):
        return plan, existing
    return replace(plan, operations=rest), replace(existing, objects={**existing.objects, **done})
