"""Decisions on what was edited in Stripe by hand.

Restore what the contract says; leave the edit as it is until something changes; or adopt it: from then on it counts for
its part of the contract, until that changes or somebody takes it back.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

from connector.adopted import adopted_edits, edit_json
from connector.compile.spec import AdoptedEdit
from connector.crm.protocol import ContractRef
from connector.desk import Desk, Planned, Result
from connector.domain.errors import ConfigError
from connector.journal import Approval
from connector.plan.adopting import adoptable, refusal
from connector.plan.drift import edits_digest, edits_in_words
from connector.plan.plan import Plan
from connector.poll import sync_refs
from connector.sync import plan_contract

#: The approval of a restore is used at once; it only has to outlive the run.
_HOLDS = timedelta(hours=1)


def ignored_by(desk: Desk, plan: Plan) -> Approval | None:
    """Return who left just these edits as they are; None when nobody did, or another edit was made since."""
    return desk.account.journal.ignored_edits(plan.contract.key, edits_digest(plan.edits), desk.clock())


def ignore_drift(desk: Desk, plan: Plan, *, by: str, reason: str) -> Approval:
    """Remember that the edits stay as they are: who, when, why, and what they were."""
    return desk.account.journal.ignore_edits(
        desk.name,
        plan.contract.key,
        edits_digest(plan.edits),
        by=by,
        reason=reason,
        now=desk.clock(),
        told=edits_in_words(plan.edits),
    )


@dataclass(frozen=True, slots=True)
class Adopting:
    """What adopting would mean: the edits that are to count, those that end, and the plan with them."""

    edits: tuple[AdoptedEdit, ...]
    ends: tuple[int, ...]
    planned: Planned


def plan_adoption(desk: Desk, planned: Planned, *, by: str, reason: str) -> Adopting:
    """Plan a contract with its edits adopted. Raises ConfigError, with what to do instead, when some cannot be."""
    if planned.plan is None:
        raise ConfigError("the contract could not be planned; nothing can be adopted")
    found = adoptable(planned.plan, planned.existing)
    counting = tuple(one if one.id else replace(one, by=by, on=desk.today(), reason=reason) for one in found)
    after = plan_contract(desk, planned.raw, live=True, adopted=counting)
    left = after.plan.edits if after.plan else ()
    if left:
        raise ConfigError(refusal(left))
    if after.plan is None or after.plan.blocked:
        raise ConfigError("with the edit adopted the contract is refused: " + "; ".join(after.judgement.reasons))
    stay = {one.id for one in counting}
    known = adopted_edits(desk, planned.plan.contract.key)
    return Adopting(counting, tuple(one.id for one in known if one.id not in stay), after)


def adopt_drift(desk: Desk, adopting: Adopting, *, by: str, config_hash: str) -> Iterator[Result]:
    """Keep the edits as adopted, and take note of what Stripe holds; what else the contract needs waits as ever."""
    planned = adopting.planned
    if planned.plan is None:
        return
    new = [edit_json(one) for one in adopting.edits if not one.id]
    reason = next((one.reason for one in adopting.edits if not one.id), "Stripe says again what the contract says")
    journal, key = desk.account.journal, planned.plan.contract.key
    journal.adopt_edits(desk.name, key, new, instead_of=adopting.ends, by=by, reason=reason, now=desk.clock())
    yield from _synced(desk, planned, "adopt-edit", config_hash)


def has_adopted(desk: Desk, planned: Planned) -> bool:
    """Tell whether something is adopted for a contract, whether it counts or not."""
    return bool(adopted_edits(desk, planned.raw.key))


def plan_without(desk: Desk, planned: Planned) -> Planned:
    """Plan a contract as if nothing were adopted for it."""
    return plan_contract(desk, planned.raw, live=True, adopted=())


def forget_drift(desk: Desk, planned: Planned, *, by: str, reason: str | None, config_hash: str) -> Iterator[Result]:
    """Take back what is adopted, approve the plan that was shown without it, and apply that."""
    plan = planned.plan
    if plan is None:
        return
    why = reason or "taken back"
    known = [one.id for one in adopted_edits(desk, plan.contract.key)]
    desk.account.journal.end_adopted(desk.name, plan.contract.key, known, by=by, reason=why, now=desk.clock())
    yield from restore_drift(desk, planned, by=by, reason=f"adopted edits taken back: {why}", config_hash=config_hash)


def restore_drift(desk: Desk, planned: Planned, *, by: str, reason: str | None, config_hash: str) -> Iterator[Result]:
    """Approve the plan that was shown and apply it, and no other one."""
    plan = planned.plan
    if plan is None:
        return
    journal, now = desk.account.journal, desk.clock()
    verdict = planned.judgement.verdict.value
    journal.record_plan(
        desk.name, plan.contract.key, plan.fingerprint, plan=planned.document(), verdict=verdict, now=now
    )
    journal.approve(plan.fingerprint, by, reason or "restored: edited in Stripe by hand", now, now + _HOLDS)
    yield from _synced(desk, planned, "restore", config_hash)


def _synced(desk: Desk, planned: Planned, job: str, config_hash: str) -> Iterator[Result]:
    refs = [ContractRef(desk.name, planned.raw.root.id)]
    shown = frozenset({planned.plan.fingerprint} if planned.plan else ())
    yield from sync_refs(desk, refs, job=job, config_hash=config_hash, shown=shown, live=True)
