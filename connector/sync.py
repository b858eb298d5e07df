"""The whole pipeline on one screen: fetch, read, compile, observe, plan, judge, apply, write back, record.

Anything longer than a step here means that a rule has leaked out of the pure core. The caller decides which contracts
and how often; this module makes one contract right, or says why not.
"""

import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import partial
from itertools import islice

from connector.billing.adopt import link_found
from connector.billing.apply import apply
from connector.billing.observe import made_on, observe
from connector.compile.contract import compile_contract
from connector.compile.resource import Compiled
from connector.compile.window import windowed
from connector.contained import carried_out, planned_or_not
from connector.crm.protocol import ContractRef
from connector.desk import Desk, Planned, Result
from connector.domain.contract import Contract
from connector.domain.errors import NotConvergedError, RejectedError, RetryableError
from connector.domain.issues import Issue, IssueCode, Source, block
from connector.journal import Lease, LeaseLostError
from connector.mapping.raw import RawContract, RawRecord, RawRecords
from connector.mapping.reader import Reading, read_contract
from connector.plan.drift import edits_digest
from connector.plan.existing import NOTHING, ExistingState, to_be_made
from connector.plan.extension import only_extends
from connector.plan.kinds import KINDS
from connector.plan.operation import Create, Retire, Update
from connector.plan.plan import Plan, make_plan
from connector.plan.safety import Judgement, RunScope, Verdict, check_safety
from connector.plan.status import CrmStatus, Ids, crm_status, failed_status, unexpected_status
from connector.record import record
from connector.worker import worker_name
from connector.write_back import ids_of, save_subscriptions, write_backs

__all__ = ["Desk", "Planned", "Result", "plan_contract", "plan_contracts", "sync_contracts"]

_LINKED = frozenset({Verdict.APPLY, Verdict.NOTHING})
#: A schedule that was sought is linked before its plan is approved: the next sync would not find it, and make another.
_ADOPTED = _LINKED | {Verdict.NEEDS_APPROVAL}
LEASE = timedelta(minutes=5)
#: Orders that are not meant to be billed (yet): no failure, and nothing is written to them.
_NOT_MEANT = frozenset({IssueCode.NOT_ACTIVE, IssueCode.ON_HOLD})


def plan_contracts(desk: Desk, refs: Iterable[ContractRef], *, live: bool = False) -> Iterator[Planned]:
    """Plan contracts without changing anything anywhere."""
    for chunk in _batches(refs, desk.crm.batch):
        raws = desk.crm.fetch(chunk, desk.mapping.paths)
        missing = {ref.id for ref in chunk}
        while True:
            try:
                raw = next(raws, None)
            except RejectedError as error:  # raised last: contracts of which a part is missing in the CRM
                yield from _orphans(desk, error)
                missing -= set((error.param or "").split(","))
                break
            if raw is None:
                break
            missing -= {each for each in missing if raw.records.get(each) is not None}
            yield planned_or_not(desk, raw, partial(plan_contract, desk, raw, live=live))
        yield from _gone(desk, missing)


def plan_contract(desk: Desk, raw: RawContract, *, live: bool = False, scope: RunScope | None = None) -> Planned:
    """Plan one contract: pure from the raw records on, but for the look at what Stripe holds."""
    reading = read_contract(raw, desk.mapping)
    contract = reading.contract
    if contract is None:
        return Planned(raw, reading, None, NOTHING, Judgement(Verdict.REFUSE))
    now, today = desk.clock(), desk.today()
    mark = desk.account.journal.contract_mark(desk.name, contract.key)
    try:
        compiled, existing = _look(desk, contract, now, live=live)
    except RejectedError as error:
        refused = replace(reading, issues=(*reading.issues, _stripe_issue(raw.root.id, error)))
        return Planned(raw, refused, None, NOTHING, Judgement(Verdict.REFUSE))
    except RetryableError as error:
        return Planned(raw, reading, None, NOTHING, Judgement(Verdict.REFUSE), waiting=str(error))
    plan = make_plan(contract, compiled, existing, today, reading.issues)
    return Planned(raw, reading, plan, existing, _judge(desk, plan, scope), mark=mark)


def _judge(desk: Desk, plan: Plan, scope: RunScope | None) -> Judgement:
    approval = desk.account.journal.approval(plan.fingerprint, desk.clock())
    approved = approval.fingerprint if approval else None
    edits, journal = plan.edits, desk.account.journal
    ignored = journal.ignored_edits(plan.contract.key, edits_digest(edits), desk.clock()) if edits else None
    words = f"by {ignored.approved_by}: {ignored.reason}" if ignored else None
    return check_safety(plan, desk.limits, today=plan.today, scope=scope, approved=approved, ignored=words)


def _look(desk: Desk, contract: Contract, now: datetime, *, live: bool) -> tuple[Compiled, ExistingState]:
    """Compile for the day on which the schedules were made, else for today, and look at what Stripe holds.

    A schedule that is not ours, or was lost, may turn out to be of another day: then it is compiled again.
    """
    made = made_on(contract, desk.account) or desk.today()
    compiled = _compiled(desk, contract, made)
    if compiled.desired is None:
        return compiled, NOTHING
    existing = observe(contract, compiled.desired, desk.account, now, live=live, seek=desk.seek)
    fresh = to_be_made(compiled.desired, existing, desk.today())
    if existing.made in {None, made} and not fresh:
        return compiled, existing
    return _compiled(desk, contract, existing.made or made, fresh), existing


def _compiled(desk: Desk, contract: Contract, made: date, fresh: Collection[str] = ()) -> Compiled:
    """Compile a contract, cut to the phases that Stripe is to hold today."""
    today = desk.today()
    return windowed(compile_contract(contract, made, today, fresh), today, desk.ahead)


def sync_contracts(
    desk: Desk,
    refs: Iterable[ContractRef],
    *,
    run_id: int,
    shown: frozenset[str] | None = None,
    live: bool = False,
) -> Iterator[Result]:
    """Make contracts right, batch by batch; one that fails never stops the others.

    A batch is planned as a whole first: the safety limits look at all of it. When its turn comes, what has to change is
    planned again if anything happened since that it builds on. With `shown`, the fingerprints somebody saw, no other
    plan is applied. `live` reads every schedule, to find edits made by hand.
    """
    for chunk in _batches(refs, desk.crm.batch):
        planned = list(plan_contracts(desk, chunk, live=live))
        run = _Run(run_id, _scope(desk, planned), shown, set(), live)
        for one in planned:
            started = time.monotonic()
            result = carried_out(desk, one, run_id, partial(_finish, desk, one, run, started))
            if (result.writes or result.planned.bug) and one.contract:
                run.touched.add(one.contract.party.ref)
            yield result


def _batches(refs: Iterable[ContractRef], size: int) -> Iterator[tuple[ContractRef, ...]]:
    source = iter(refs)
    while chunk := tuple(islice(source, size)):
        yield chunk


def _orphans(desk: Desk, error: RejectedError) -> Iterator[Planned]:
    """Report orders that belong to no contract that could be read, each with the adapter's line about it."""
    if not error.param:  # not about one contract: the CRM refuses the question itself
        raise error
    texts = str(error).splitlines()
    for number, record_id in enumerate(error.param.split(",")):
        text = texts[number] if number < len(texts) else str(error)
        remedy = "Complete the amended contract in the CRM, or let the integration user see all of its orders."
        issue = block(IssueCode.CRM_REJECTED, Source(record_id), text, remedy)
        root = RawRecord(desk.mapping.revision_object, record_id, {})
        raw = RawContract(f"{desk.mapping.crm}:{record_id}", desk.mapping.crm, root, (), RawRecords(()))
        yield Planned(raw, Reading(None, (issue,), ()), None, NOTHING, Judgement(Verdict.REFUSE))


def _gone(desk: Desk, missing: set[str]) -> Iterator[Planned]:
    """Report contracts that are billed and whose record the CRM no longer has under its id: deleted, or merged away."""
    for key, state in sorted(desk.account.journal.contracts(desk.name, sorted(missing)).items()):
        if not desk.account.journal.contract_links(desk.name, key):
            continue
        text = f"The CRM no longer has the {desk.mapping.noun} {key}, and what is billed for it goes on in Stripe."
        remedy = "If it was deleted, restore it and end it there; if it was merged, end its subscription in Stripe."
        issue = block(IssueCode.RECORD_GONE, Source(key), text, remedy)
        root = RawRecord(desk.mapping.revision_object, state.record, {})
        raw = RawContract(key, desk.mapping.crm, root, (), RawRecords(()))
        yield Planned(raw, Reading(None, (issue,), ()), None, NOTHING, Judgement(Verdict.REFUSE))


def _scope(desk: Desk, planned: Sequence[Planned]) -> RunScope:
    plans = [one.plan for one in planned if one.plan]
    ended = sum(1 for plan in plans if any(isinstance(o, Retire) for o in plan.operations))
    changing = [plan for plan in plans if any(isinstance(o, Update | Retire) for o in plan.operations)]
    changed = sum(1 for plan in changing if not only_extends(plan))
    known = sum(desk.account.journal.contract_counts(desk.name).values())
    return RunScope(contracts=max(known, len(planned)), changed=changed, terminations=ended)


@dataclass(frozen=True, slots=True)
class _Run:
    id: int
    scope: RunScope
    shown: frozenset[str] | None
    touched: set[str]
    """The customers that something was written for in this batch."""
    live: bool


def _finish(desk: Desk, one: Planned, run: _Run, started: float) -> Result:
    """Carry a contract out, and write its page in the journal."""
    result = _carry_out(desk, one, run)
    record(desk, result, run.id, round((time.monotonic() - started) * 1000))
    return result


def _carry_out(desk: Desk, one: Planned, run: _Run) -> Result:
    """Apply and write back under the lease of the customer: no two workers hold one account."""
    journal = desk.account.journal
    account_key = f"{desk.name}:{one.contract.party.ref if one.contract else one.raw.key}"
    lease = journal.acquire_lease(account_key, worker_name(), desk.clock(), LEASE)
    if lease is None:
        return Result(one, "busy", None)
    try:
        result = _applied(desk, one, run, lease) if one.bug is None else _unforeseen(one, one.bug)
    except LeaseLostError:  # it hung for longer than the lease lasts; whoever holds the customer now goes on
        return Result(one, "busy", None)
    else:
        if result.status is None or result.outcome == "skipped":
            return result
        refused = _write_back(desk, one.raw, result.status)
        return replace(result, error=result.error or refused, untold=refused)
    finally:
        journal.release_lease(lease)


def _applied(desk: Desk, one: Planned, run: _Run, lease: Lease) -> Result:
    writes = 0
    if one.plan and one.plan.operations:
        fresh = replace(one, judgement=_judge(desk, one.plan, run.scope))
        stale = _is_stale(desk, one, one.plan, run)
        one = plan_contract(desk, one.raw, live=run.live, scope=run.scope) if stale else fresh
    if one.waiting is not None:
        return Result(one, "waiting", None, error=one.waiting)
    if _is_new_to(run.shown, one):
        return Result(one, "waiting", None, error="the plan is another one than was shown; look at it and apply again")
    try:
        if one.plan and one.judgement.verdict in (_LINKED if not desk.seek else _ADOPTED):
            link_found(one.plan, one.existing, desk.account, desk.clock())
        if one.plan and one.judgement.verdict is Verdict.APPLY:
            outcome = apply(one.plan, one.existing, desk.account, desk.clock, run_id=run.id, lease=lease)
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


def _unforeseen(one: Planned, words: str) -> Result:
    return Result(one, "failed", unexpected_status(words), error=words)


def _is_stale(desk: Desk, one: Planned, plan: Plan, run: _Run) -> bool:
    """Tell whether something happened since a contract was planned that its plan builds on.

    That is: another day, a write of the contract by somebody else, a write for its customer, a shared object there now.
    """
    journal = desk.account.journal
    makes = [o.key for o in plan.operations if isinstance(o, Create) and KINDS[o.key.kind].shared]
    return (
        desk.today() != plan.today
        or plan.contract.party.ref in run.touched
        or journal.contract_mark(desk.name, plan.contract.key) != one.mark
        or bool(journal.links(desk.name, [(key.kind, key.name) for key in makes]))
    )


def _is_new_to(shown: frozenset[str] | None, one: Planned) -> bool:
    plan = one.plan
    return bool(shown is not None and plan and plan.operations and plan.fingerprint not in shown)


def _rejected(desk: Desk, one: Planned, error: RejectedError) -> Result:
    issue = _stripe_issue(one.raw.root.id, error)
    plan = replace(one.plan, issues=(*one.issues, issue)) if one.plan else None
    failed = replace(one, plan=plan)
    status = crm_status(plan, failed.issues, one.judgement, _ids(desk, one), desk.today())
    return Result(failed, "failed", status, error=str(error))


def _stripe_issue(record_id: str, error: RejectedError) -> Issue:
    source = Source(record_id)
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
    if any(issue.code is IssueCode.STRIPE_REJECTED for issue in one.issues):
        return "failed"
    return {
        Verdict.APPLY: "applied",
        Verdict.NOTHING: "nothing",
        Verdict.REFUSE: "refused",
        Verdict.NEEDS_APPROVAL: "pending",
    }[one.judgement.verdict]
