"""A contract's page in the journal: what a run made of it, and how it stands now."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from connector.contained import with_result
from connector.desk import Desk, Planned, Result
from connector.failures import due_after, failure_of
from connector.journal import ContractPage, ContractState, FailureState, PlanRecord, RunContract
from connector.plan.document import issue_json, tie_out_json
from connector.plan.drift import adopted_in_words
from connector.stake import since_when, told_worth
from connector.windows import windows_of


def record(desk: Desk, results: Sequence[Result], run_id: int, durations: Sequence[int]) -> list[Result]:
    """Write the pages of a batch as one, and the plans where there was something to do; durations in milliseconds.

    Returns the results; one whose page could not be made is a bug now. What was passed over has no new page: the last
    one says so already.
    """
    journal = desk.account.journal
    looked_at = [result.planned.raw.key for result in results if not result.planned.unchanged]
    before = journal.contracts(desk.name, looked_at)
    book, recorded, pages = _Book(desk, run_id, before, desk.clock()), [], []
    for result, spent in zip(results, durations, strict=True):
        if result.planned.unchanged:
            recorded.append(result)
            continue
        made, page = with_result(desk, result, partial(_page, book, spent))
        recorded.append(made)
        pages.append(page)
    if pages:
        journal.record_batch(pages)
    return recorded


@dataclass(frozen=True, slots=True)
class _Book:
    """What all pages of a batch have in common."""

    desk: Desk
    run_id: int
    before: Mapping[str, ContractState]
    now: datetime


def _page(book: _Book, spent: int, result: Result) -> ContractPage:
    desk, now, key = book.desk, book.now, result.planned.raw.key
    return ContractPage(
        _result(desk, result, book.run_id, spent, now),
        _state(desk, result, book.before.get(key), now),
        _plan(desk, result.planned, now),
        _failure(desk, result, now),
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
