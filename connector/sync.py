"""The whole pipeline on one screen: fetch, read, compile, observe, plan, judge, apply, write back, record.

Anything longer than a step here means that a rule has leaked out of the pure core. The caller decides which contracts
and how often; this module makes one contract right, or says why not.
"""

from collections.abc import Callable, Container, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice

from connector.adopted import adopted_edits, end_lapsed
from connector.batches import BATCH, Batches, Turn, Way
from connector.billing.adopt import link_found
from connector.billing.apply import apply
from connector.billing.look import Glance, look
from connector.compile.spec import AdoptedEdit
from connector.contained import planned_or_not
from connector.crm.protocol import ContractRef
from connector.desk import Before, Desk, Each, Planned, Result, Stop
from connector.domain.errors import NotConvergedError, RejectedError, RetryableError
from connector.domain.issues import Issue, IssueCode, Source, block
from connector.journal import LeaseLostError, SoldRow
from connector.mapping.raw import RawContract, RawRecord, RawRecords
from connector.mapping.reader import Reading, read_contract
from connector.plan.drift import edits_digest
from connector.plan.existing import NOTHING
from connector.plan.kinds import KINDS
from connector.plan.operation import Create
from connector.plan.plan import Plan, make_plan
from connector.plan.safety import Judgement, RunScope, Verdict, check_safety
from connector.plan.status import Ids, crm_status, failed_status, unexpected_status
from connector.sold import keep_sold, keep_sold_as_before, marks_of, sold_before
from connector.taking_over import taken_over
from connector.unchanged import PassedOver
from connector.write_back import ids_of, save_subscriptions

__all__ = ["Desk", "Planned", "Result", "plan_contract", "plan_contracts", "sync_contracts"]

_LINKED = frozenset({Verdict.APPLY, Verdict.NOTHING})
#: A schedule that was sought is linked before its plan is approved: the next sync would not find it, and make another.
_ADOPTED = _LINKED | {Verdict.NEEDS_APPROVAL}
#: Orders that are not meant to be billed (yet): no failure, and nothing is written to them.
_NOT_MEANT = frozenset({IssueCode.NOT_ACTIVE, IssueCode.ON_HOLD})


def plan_contracts(
    desk: Desk, refs: Iterable[ContractRef], *, live: bool = False, pass_over: bool = False, each: Each = map
) -> Iterator[Planned]:
    """Plan contracts without changing anything anywhere; with the `each` of a crew, several at a time.

    With `pass_over` those that a look could tell nothing new of come as they stand.
    """
    for chunk in _batches(refs, desk.crm.batch):
        lost: list[Planned] = []
        raws = _read(desk, chunk, lost)
        while some := tuple(islice(raws, BATCH)):
            plan: Callable[[RawContract], Planned] = partial(plan_contract, desk, live=live)
            if pass_over and not live and not desk.seek and not desk.billed_through:
                plan = PassedOver(desk, plan).planned
            yield from each(partial(_contained, desk, plan), some)
        yield from lost


def _contained(desk: Desk, plan: Callable[[RawContract], Planned], raw: RawContract) -> Planned:
    return planned_or_not(desk, raw, partial(plan, raw))


def _read(desk: Desk, chunk: Sequence[ContractRef], lost: list[Planned]) -> Iterator[RawContract]:
    """Yield the contracts as they are in the CRM, and keep what is to be said of those that cannot be read."""
    missing = {ref.id for ref in chunk}
    try:
        for raw in desk.crm.fetch(chunk, desk.mapping.paths):
            missing -= {each for each in missing if raw.records.get(each) is not None}
            yield raw
    except RejectedError as error:  # raised last: contracts of which a part is missing in the CRM
        lost += _orphans(desk, error)
        missing -= set((error.param or "").split(","))
    lost += _gone(desk, missing)


def plan_contract(
    desk: Desk,
    raw: RawContract,
    *,
    live: bool = False,
    scope: RunScope | None = None,
    adopted: Sequence[AdoptedEdit] | None = None,
) -> Planned:
    """Plan one contract: pure from the raw records on, but for the look at what Stripe holds.

    `adopted` are the edits made in Stripe that are to count; without it those that the journal has.
    """
    before = sold_before(desk, raw.key)
    reading = taken_over(desk, raw, read_contract(raw, desk.mapping, before))
    contract = reading.contract
    if contract is None:
        return Planned(raw, reading, None, NOTHING, Judgement(Verdict.REFUSE))
    now, today = desk.clock(), desk.today()
    mark, sold = desk.account.journal.contract_mark(desk.name, contract.key), marks_of(before)
    try:
        edits = adopted_edits(desk, contract.key) if adopted is None else adopted
        glance = Glance(now, edits, desk.ahead, live=live, seek=desk.seek)
        compiled, existing = look(contract, desk.account, glance)
    except RejectedError as error:
        refused = replace(reading, issues=(*reading.issues, _stripe_issue(raw.root.id, error)))
        return Planned(raw, refused, None, NOTHING, Judgement(Verdict.REFUSE))
    except RetryableError as error:
        return Planned(raw, reading, None, NOTHING, Judgement(Verdict.REFUSE), waiting=str(error))
    plan = make_plan(contract, compiled, existing, today, reading.issues)
    return Planned(raw, reading, plan, existing, _judge(desk, plan, scope), mark=mark, sold=sold)


def _judge(desk: Desk, plan: Plan, scope: RunScope | None) -> Judgement:
    judge = partial(check_safety, plan, desk.limits, today=plan.today, scope=scope)
    judgement = judge()
    if judgement.verdict is not Verdict.NEEDS_APPROVAL:  # mostly nobody has to be asked
        return judgement
    approval = desk.account.journal.approval(plan.fingerprint, desk.clock())
    approved = approval.fingerprint if approval else None
    edits, journal = plan.edits, desk.account.journal
    ignored = journal.ignored_edits(plan.contract.key, edits_digest(edits), desk.clock()) if edits else None
    words = f"by {ignored.approved_by}: {ignored.reason}" if ignored else None
    return judge(approved=approved, ignored=words)


def sync_contracts(
    desk: Desk,
    refs: Iterable[ContractRef],
    *,
    run_id: int,
    shown: Container[str] | None = None,
    live: bool = False,
    pass_over: bool = False,
    threads: int | None = None,
    stop: Stop | None = None,
    before: Before | None = None,
) -> Generator[Result]:
    """Make contracts right, batch by batch; one that fails never stops the others.

    A batch is planned as a whole first: the safety limits look at all of it, and at what the run did before. When its
    turn comes, what has to change is planned again if anything happened since that it builds on. With `shown`, the
    fingerprints somebody saw, no other plan is applied. `live` reads every schedule, to find edits made by hand.
    With `pass_over` no look is taken at a contract that could only give what the last one gave.

    So many `threads` (default: the desk's) work on customers beside each other; the contracts of one customer stay in
    order. The CRM is told of a batch in few calls; then its results come, in the order of `refs`. Told to `stop`, or
    closed early, it begins nothing more; what was begun is finished and told. What runs `before` it changed counts as
    done by this one.
    """
    plan = partial(plan_contracts, desk, live=live, pass_over=pass_over)
    carry_out = partial(_carry_out, desk, _Asked(run_id, shown, live))
    how = Way(threads or desk.threads, stop, before or Before())
    with Batches(desk, run_id, plan, carry_out, how) as batches:
        yield from batches.results(refs)


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


@dataclass(frozen=True, slots=True)
class _Asked:
    """What `sync_contracts` was asked for."""

    run_id: int
    shown: Container[str] | None
    live: bool


def _carry_out(desk: Desk, asked: _Asked, one: Planned, turn: Turn) -> Result:
    """Judge again, and apply; the customer is held until the CRM was told."""
    try:
        return _applied(desk, asked, one, turn) if one.bug is None else _unforeseen(one, one.bug)
    except LeaseLostError:  # it hung for longer than the lease lasts; whoever holds the customer now goes on
        return Result(one, "busy", None)


def _applied(desk: Desk, asked: _Asked, one: Planned, turn: Turn) -> Result:
    writes = 0
    kept: tuple[SoldRow, ...] = ()
    if one.plan and one.plan.operations:
        stale = turn.touched or _is_stale(desk, one, one.plan)
        fresh = None if stale else replace(one, judgement=_judge(desk, one.plan, turn.scope))
        one = fresh or plan_contract(desk, one.raw, live=asked.live, scope=turn.scope)
    if one.waiting is not None:
        return Result(one, "waiting", None, error=one.waiting)
    if _is_new_to(asked.shown, one):
        return Result(one, "waiting", None, error="the plan is another one than was shown; look at it and apply again")
    try:
        if one.plan and one.judgement.verdict in _LINKED:
            kept = keep_sold(desk, one)
        if one.plan and one.judgement.verdict in (_LINKED if not desk.seek else _ADOPTED):
            link_found(one.plan, one.existing, desk.account, desk.clock())
        if one.plan and one.judgement.verdict is Verdict.APPLY:
            outcome = apply(one.plan, one.existing, desk.account, desk.clock, run_id=asked.run_id, lease=turn.lease)
            save_subscriptions(one.plan, outcome.subscriptions, desk.account, desk.clock())
            writes = outcome.writes
        if one.plan and one.judgement.verdict in _LINKED:
            end_lapsed(desk, one.plan)
    except RejectedError as error:
        keep_sold_as_before(desk, one, kept)
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


def _is_stale(desk: Desk, one: Planned, plan: Plan) -> bool:
    """Tell whether something happened since a contract was planned that its plan builds on.

    That is: another day, a write of the contract by somebody else, a shared object there now.
    """
    journal = desk.account.journal
    makes = [o.key for o in plan.operations if isinstance(o, Create) and KINDS[o.key.kind].shared]
    return (
        desk.today() != plan.today
        or journal.contract_mark(desk.name, plan.contract.key) != one.mark
        or bool(journal.links(desk.name, [(key.kind, key.name) for key in makes]))
        or marks_of(sold_before(desk, one.raw.key)) != one.sold
    )


def _is_new_to(shown: Container[str] | None, one: Planned) -> bool:
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
