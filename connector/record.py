"""A contract's page in the journal: what a run made of it, and how it stands now."""

import random
from datetime import datetime

from connector.desk import Desk, Result
from connector.failures import due_after, failure_of
from connector.journal import ContractState, FailureState, RunContract
from connector.plan.document import issue_json, plan_document, tie_out_json
from connector.windows import windows_of


def record(desk: Desk, result: Result, run_id: int, duration_ms: int) -> None:
    """Write the page, and the plan when there was something to do."""
    planned, now = result.planned, desk.clock()
    plan = planned.plan
    journal = desk.account.journal
    if plan and plan.operations:
        # beside the published document: the journal must tell which mapping a plan was made by
        made_by = {"mapping": {"file": desk.mapping.name, "hash": desk.mapping.hash}}
        document = plan_document(plan, planned.judgement) | made_by
        verdict = planned.judgement.verdict.value
        journal.record_plan(desk.name, planned.raw.key, plan.fingerprint, plan=document, verdict=verdict, now=now)
    page = RunContract(
        run_id=run_id,
        connection=desk.name,
        contract_key=planned.raw.key,
        outcome=result.outcome,
        issues=tuple(issue_json(issue) for issue in planned.issues),
        fingerprint=plan.fingerprint if plan else None,
        tie_out=tie_out_json(plan.tie_out) if plan and plan.tie_out else None,
        duration_ms=duration_ms,
        recorded_at=now,
    )
    journal.record_contract(page, _state(desk, result, now), _failure(desk, result, now))


def _state(desk: Desk, result: Result, now: datetime) -> ContractState:
    contract = result.planned.contract
    values = result.status.values if result.status else {}
    windows = windows_of(result, desk.account.journal.contract(desk.name, result.planned.raw.key))
    told = {key: value if value is None else str(value) for key, value in values.items()}
    return ContractState(
        connection=desk.name,
        contract_key=result.planned.raw.key,
        record=result.planned.raw.root.id,
        account_key=contract.party.ref if contract else "",
        source_hash=desk.mapping.hash,
        outcome=result.outcome,
        status=told
        | {"name": contract.party.name if contract else None, "error": result.error}
        | ({"windows": windows} if windows else {}),
        next_change=result.status.look_again if result.status else None,
        updated_at=now,
    )


def _failure(desk: Desk, result: Result, now: datetime) -> FailureState | None:
    """Return the contract's failure as it stands now, counted on from the one it had; None when it is right."""
    found = failure_of(result)
    if found is None:
        return None
    key = result.planned.raw.key
    before = desk.account.journal.failure(desk.name, key)
    same = before is not None and before.kind == found.kind
    attempts = before.attempts + 1 if before and same else 1
    chance = random.random()  # noqa: S311 -- jitter, no secret
    return FailureState(
        connection=desk.name,
        contract_key=key,
        record=result.planned.raw.root.id,
        kind=found.kind.value,
        code=found.code,
        error=found.error,
        remedy=found.remedy,
        since=before.since if before else now,
        attempts=attempts,
        last_at=now,
        due_at=due_after(found.kind, attempts, now, desk.backoff, chance),
        mapping_hash=desk.mapping.hash,
    )
