"""Decisions on what was edited in Stripe by hand: restore what the contract says, or leave the edit as it is."""

from collections.abc import Iterator
from datetime import timedelta

from connector.crm.protocol import ContractRef
from connector.desk import Desk, Planned, Result
from connector.journal import Approval
from connector.plan.drift import edits_digest, edits_in_words
from connector.plan.plan import Plan
from connector.poll import sync_refs

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
    refs = [ContractRef(desk.name, planned.raw.root.id)]
    shown = frozenset({plan.fingerprint})
    yield from sync_refs(desk, refs, job="restore", config_hash=config_hash, shown=shown, live=True)
