"""A contract's page in the journal: what a run made of it, and how it stands now."""

from collections.abc import Sequence
from datetime import datetime

from connector.desk import Desk, Planned, Result
from connector.journal import ContractPage, ContractState, PlanRecord, RunContract
from connector.plan.document import issue_json, tie_out_json
from connector.plan.drift import adopted_in_words
from connector.stake import since_when, told_worth
from connector.windows import windows_of


def record(desk: Desk, results: Sequence[Result], run_id: int, durations: Sequence[int]) -> None:
    """Write the pages of a batch as one, and the plans where there was something to do; durations in milliseconds.

    What was passed over has no new page: the last one says so already.
    """
    looked_at = [each for each in zip(results, durations, strict=True) if not each[0].planned.unchanged]
    if not looked_at:
        return
    now, journal = desk.clock(), desk.account.journal
    before = journal.contracts(desk.name, [result.planned.raw.key for result, _ in looked_at])
    journal.record_batch(
        [
            ContractPage(
                _result(desk, result, run_id, spent, now),
                _state(desk, result, before.get(result.planned.raw.key), now),
                _plan(desk, result.planned, now),
            )
            for result, spent in looked_at
        ]
    )


def _result(desk: Desk, result: Result, run_id: int, duration_ms: int, now: datetime) -> RunContract:
    planned, plan = result.planned, result.planned.plan
    return RunContract(
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


def _plan(desk: Desk, planned: Planned, now: datetime) -> PlanRecord | None:
    plan = planned.plan
    if plan is None or not plan.operations:
        return None
    verdict = planned.judgement.verdict.value
    return PlanRecord(desk.name, planned.raw.key, plan.fingerprint, planned.document(), verdict, now, now)


def _state(desk: Desk, result: Result, before: ContractState | None, now: datetime) -> ContractState:
    contract = result.planned.contract
    values = result.status.values if result.status else {}
    windows = windows_of(result, before)
    plan = result.planned.plan
    adopted = [*adopted_in_words(plan.contract, plan.desired)] if plan and plan.desired else []
    settled = result.settled if result.error is None else None
    told = {key: value if value is None else str(value) for key, value in values.items()}
    return ContractState(
        connection=desk.name,
        contract_key=result.planned.raw.key,
        record=result.planned.raw.root.id,
        account_key=contract.party.ref if contract else "",
        source_hash=settled.source if settled else "",
        outcome=result.outcome,
        status=told
        | {"name": contract.party.name if contract else None, "error": result.error}
        | ({"windows": windows} if windows else {})
        | ({"adopted": adopted} if adopted else {})
        | told_worth(result, before),
        next_change=result.status.look_again if result.status else None,
        updated_at=now,
        same_until=settled.until if settled else None,
        since=since_when(result.outcome, before, now),
    )
