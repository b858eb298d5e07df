"""The whole pipeline on one screen: fetch, read, compile, observe, plan, judge, apply, write back, record.

Anything longer than a step here means that a rule has leaked out of the pure core. The caller decides which contracts
and how often; this module makes one contract right, or says why not.
"""

import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import islice

from connector.billing.account import StripeAccount
from connector.billing.adopt import link_found
from connector.billing.apply import apply
from connector.billing.observe import observe
from connector.compile.contract import compile_contract
from connector.crm.protocol import ContractRef, Crm
from connector.domain.contract import Contract
from connector.domain.errors import NotConvergedError, RejectedError, RetryableError
from connector.domain.issues import Issue, IssueCode, Source, block
from connector.journal import ContractState, Lease, RunContract
from connector.mapping.mapping_file import MappingFile
from connector.mapping.raw import RawContract, RawRecord, RawRecords
from connector.mapping.reader import Reading, read_contract
from connector.plan.document import issue_json, plan_document, tie_out_json
from connector.plan.existing import NOTHING, ExistingState
from connector.plan.plan import Plan, Update, make_plan
from connector.plan.safety import Judgement, Limits, RunScope, Verdict, check_safety
from connector.plan.status import CrmStatus, Ids, crm_status, failed_status
from connector.write_back import ids_of, save_subscriptions, write_backs

BATCH = 200
#: Orders that are not meant to be billed (yet): no failure, and nothing is written to them.
_NOT_MEANT = frozenset({IssueCode.NOT_ACTIVE, IssueCode.ON_HOLD})
LEASE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Desk:
    """One connection, wired: a CRM, its mapping, the Stripe account it bills into, the limits and the clock."""

    name: str
    crm: Crm
    mapping: MappingFile
    account: StripeAccount
    limits: Limits
    clock: Callable[[], datetime]
    dashboard: str

    def today(self) -> date:
        """Return the day in the account's time zone."""
        return self.clock().astimezone(self.account.zone).date()


@dataclass(frozen=True, slots=True)
class Planned:
    """A contract as far as it got: read, perhaps compiled and planned, judged."""

    raw: RawContract
    reading: Reading
    plan: Plan | None
    existing: ExistingState
    judgement: Judgement

    @property
    def contract(self) -> Contract | None:
        """Return the contract, when it could be read."""
        return self.reading.contract

    @property
    def issues(self) -> tuple[Issue, ...]:
        """Return everything people should know."""
        return self.plan.issues if self.plan else self.reading.issues


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one contract. `outcome`: applied, nothing, skipped, refused, pending, failed, waiting, busy."""

    planned: Planned
    outcome: str
    status: CrmStatus | None
    writes: int = 0
    error: str | None = None


def plan_contracts(desk: Desk, refs: Iterable[ContractRef], *, live: bool = False) -> Iterator[Planned]:
    """Plan contracts without changing anything anywhere."""
    for chunk in _batches(refs):
        try:
            for raw in desk.crm.fetch(chunk, desk.mapping.paths):
                yield plan_contract(desk, raw, live=live)
        except RejectedError as error:  # raised last: contracts of which a part is missing in the CRM
            yield from _orphans(desk, error)


def _orphans(desk: Desk, error: RejectedError) -> Iterator[Planned]:
    """Report orders that belong to no contract that could be read, each with the adapter's line about it."""
    texts = str(error).splitlines()
    for number, record_id in enumerate((error.param or "").split(",")):
        text = texts[number] if number < len(texts) else str(error)
        remedy = "Complete the amended contract in the CRM, or let the integration user see all of its orders."
        issue = block(IssueCode.CRM_REJECTED, Source(record_id or None), text, remedy)
        root = RawRecord(desk.mapping.revision_object, record_id, {})
        raw = RawContract(f"{desk.mapping.crm}:{record_id}", desk.mapping.crm, root, (), RawRecords(()))
        yield Planned(raw, Reading(None, (issue,), ()), None, NOTHING, Judgement(Verdict.REFUSE))


def plan_contract(desk: Desk, raw: RawContract, *, live: bool = False) -> Planned:
    """Plan one contract: pure from the raw records on, but for the look at what Stripe holds."""
    reading = read_contract(raw, desk.mapping)
    contract = reading.contract
    if contract is None:
        return Planned(raw, reading, None, NOTHING, Judgement(Verdict.REFUSE))
    compiled = compile_contract(contract)
    now = desk.clock()
    existing = observe(contract, compiled.desired, desk.account, now, live=live) if compiled.desired else NOTHING
    plan = make_plan(contract, compiled, existing, desk.today(), reading.issues)
    approval = desk.account.journal.approval(plan.fingerprint, now)
    approved = approval.fingerprint if approval else None
    judgement = check_safety(plan, desk.limits, today=desk.today(), approved=approved)
    return Planned(raw, reading, plan, existing, judgement)


def sync_contracts(desk: Desk, refs: Iterable[ContractRef], *, run_id: int, dry_run: bool = False) -> Iterator[Result]:
    """Make contracts right, batch by batch; one that fails never stops the others."""
    for chunk in _batches(refs):
        planned = list(plan_contracts(desk, chunk))
        scope = _scope(desk, planned)
        for one in planned:
            yield _settle(desk, _judged(desk, one, scope), run_id, dry_run=dry_run)


def _batches(refs: Iterable[ContractRef]) -> Iterator[tuple[ContractRef, ...]]:
    source = iter(refs)
    while chunk := tuple(islice(source, BATCH)):
        yield chunk


def _scope(desk: Desk, planned: Sequence[Planned]) -> RunScope:
    changed = sum(1 for one in planned if one.plan and any(isinstance(o, Update) for o in one.plan.operations))
    known = sum(desk.account.journal.contract_counts(desk.name).values())
    return RunScope(contracts=max(known, len(planned)), changed=changed)


def _judged(desk: Desk, one: Planned, scope: RunScope) -> Planned:
    if one.plan is None:
        return one
    approval = desk.account.journal.approval(one.plan.fingerprint, desk.clock())
    approved = approval.fingerprint if approval else None
    judgement = check_safety(one.plan, desk.limits, today=desk.today(), scope=scope, approved=approved)
    return replace(one, judgement=judgement)


def _settle(desk: Desk, one: Planned, run_id: int, *, dry_run: bool) -> Result:
    started = time.monotonic()
    result = Result(one, _outcome(one), None) if dry_run else _carry_out(desk, one, run_id)
    _record(desk, result, run_id, round((time.monotonic() - started) * 1000))
    return result


def _carry_out(desk: Desk, one: Planned, run_id: int) -> Result:
    """Apply and write back under the lease of the customer: no two workers hold one account."""
    journal = desk.account.journal
    account_key = f"{desk.name}:{one.contract.party.ref if one.contract else one.raw.key}"
    owner = f"{socket.gethostname()}:{threading.get_ident()}"
    lease = journal.acquire_lease(account_key, owner, desk.clock(), LEASE)
    if lease is None:
        return Result(one, "busy", None)
    try:
        result = _applied(desk, one, run_id, lease)
        if result.status is not None and result.outcome != "skipped":
            refused = _write_back(desk, one.raw, result.status)
            result = replace(result, error=result.error or refused)
        return result
    finally:
        journal.release_lease(lease)


def _applied(desk: Desk, one: Planned, run_id: int, lease: Lease) -> Result:
    try:
        writes = 0
        if one.plan and one.judgement.verdict in {Verdict.APPLY, Verdict.NOTHING}:
            link_found(one.plan, one.existing, desk.account, desk.clock())
        if one.plan and one.judgement.verdict is Verdict.APPLY:
            outcome = apply(one.plan, one.existing, desk.account, desk.clock, run_id=run_id, lease=lease)
            save_subscriptions(one.plan, outcome.subscriptions, desk.account, desk.clock())
            writes = outcome.writes
    except RejectedError as error:
        return _rejected(desk, one, error)
    except RetryableError as error:
        return Result(one, "waiting", None, error=str(error))
    except NotConvergedError as error:
        status = failed_status(str(error), "Tell whoever runs the connector; nothing more is changed.", _ids(desk, one))
        return Result(one, "failed", status, error=str(error))
    status = crm_status(one.plan, one.issues, one.judgement, _ids(desk, one), desk.today())
    return Result(one, _outcome(one), status, writes)


def _rejected(desk: Desk, one: Planned, error: RejectedError) -> Result:
    issue = _stripe_issue(one, error)
    plan = replace(one.plan, issues=(*one.issues, issue)) if one.plan else None
    failed = replace(one, plan=plan)
    status = crm_status(plan, failed.issues, one.judgement, _ids(desk, one), desk.today())
    return Result(failed, "failed", status, error=str(error))


def _stripe_issue(one: Planned, error: RejectedError) -> Issue:
    source = Source(one.raw.root.id)
    if "customer currency" in str(error):
        remedy = "Bill this order to another account, or wait until the customer's other subscriptions have ended."
        return block(IssueCode.CUSTOMER_CURRENCY, source, str(error), remedy)
    what = f" ({error.param})" if error.param else ""
    remedy = f"Correct the value on the order or in the mapping file{what}; Stripe request {error.request_id}."
    return block(IssueCode.STRIPE_REJECTED, source, f"Stripe refused: {error}", remedy)


def _ids(desk: Desk, one: Planned) -> Ids:
    desired = one.plan.desired if one.plan else None
    return ids_of(one.contract, desired, desk.account, desk.dashboard) if one.contract else Ids()


def _write_back(desk: Desk, raw: RawContract, status: CrmStatus) -> str | None:
    """Tell the CRM; a refusal there never undoes or hides what was billed."""
    writes = write_backs(raw, desk.mapping, status, desk.clock())
    try:
        refused = [result for result in desk.crm.write_back(writes) if result.error] if writes else []
    except (RetryableError, RejectedError) as error:
        return f"billing is done, but the CRM could not be told: {error}"
    if not refused:
        return None
    reasons = "; ".join(f"{result.object} {result.id}: {result.error}" for result in refused)
    return f"billing is done, but the CRM refused to store the status: {reasons}"


def _outcome(one: Planned) -> str:
    if any(issue.code in _NOT_MEANT for issue in one.issues):
        return "skipped"
    return {
        Verdict.APPLY: "applied",
        Verdict.NOTHING: "nothing",
        Verdict.REFUSE: "refused",
        Verdict.NEEDS_APPROVAL: "pending",
    }[one.judgement.verdict]


def _record(desk: Desk, result: Result, run_id: int, duration_ms: int) -> None:
    """Write the contract's page of the journal."""
    planned, now = result.planned, desk.clock()
    plan = planned.plan
    journal = desk.account.journal
    if plan and plan.operations:
        document = plan_document(plan, planned.judgement)
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
    journal.record_contract(page, _state(desk, result, now))


def _state(desk: Desk, result: Result, now: datetime) -> ContractState:
    contract = result.planned.contract
    values = result.status.values if result.status else {}
    next_change = values.get("next_change")
    return ContractState(
        connection=desk.name,
        contract_key=result.planned.raw.key,
        record=result.planned.raw.root.id,
        account_key=contract.party.ref if contract else "",
        source_hash=desk.mapping.hash,
        outcome=result.outcome,
        status={key: value if value is None else str(value) for key, value in values.items()} | _named(result),
        next_change=next_change if isinstance(next_change, date) else None,
        updated_at=now,
    )


def _named(result: Result) -> dict[str, str | None]:
    contract = result.planned.contract
    return {"name": contract.party.name if contract else None, "error": result.error}
