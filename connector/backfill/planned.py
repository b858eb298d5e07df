"""What a dry run keeps of a planned contract: one flat row, and the Stripe calls that applying it takes. Pure."""

from collections.abc import Iterable, Iterator

from connector.billing.endpoints import ENDPOINTS
from connector.desk import Planned
from connector.domain.issues import IssueCode
from connector.journal import BackfillItem
from connector.plan.canonical import canonical, digest
from connector.plan.document import issue_json
from connector.plan.extension import only_extends
from connector.plan.kinds import BILLING_KINDS, KINDS
from connector.plan.operation import Create, Operation, Retire, Update
from connector.plan.plan import Plan
from connector.plan.tieout import TieOut

#: Orders that are not meant to be billed (yet).
_NOT_MEANT = frozenset({IssueCode.NOT_ACTIVE, IssueCode.ON_HOLD})


def planned_item(item: BackfillItem, one: Planned) -> BackfillItem:
    """Return the row of a contract as it was planned."""
    plan, contract = one.plan, one.contract
    account = plan.tie_out if plan else None
    skipped = any(issue.code in _NOT_MEANT for issue in one.issues)
    return BackfillItem(
        record=item.record,
        state="planned",
        contract_key=one.raw.key,
        root=one.raw.root.id,
        name=contract.party.name if contract else None,
        currency=contract.currency if contract else None,
        change=change_of(one),
        verdict="skipped" if skipped else one.judgement.verdict.value,
        fingerprint=plan.fingerprint if plan and plan.operations else None,
        wanted=wanted_of(plan),
        billed_through=item.billed_through,
        sold=account.crm if account else None,
        to_bill=_to_bill(account) if account else None,
        elsewhere=_differences(account).get("elsewhere", 0) if account else None,
        differences=_differences(account) if account else None,
        writes=len(plan.operations) if plan else 0,
        issues=[issue_json(issue) for issue in one.issues],
        reasons=list(one.judgement.reasons),
    )


def change_of(one: Planned) -> str:
    """Return what happens to a contract: adopted, ended, changed, extended, new or none."""
    plan = one.plan
    found = [key for key, held in one.existing.objects.items() if key.kind in BILLING_KINDS and not held.linked]
    if plan is None or plan.blocked:
        return "none"
    if found:
        return "adopted"
    if not plan.operations:
        return "none"
    if any(isinstance(each, Retire) for each in plan.operations):
        return "ended"
    if any(isinstance(each, Update) for each in plan.operations):
        return "extended" if only_extends(plan) else "changed"
    return "new" if any(each.key.kind in BILLING_KINDS for each in plan.operations) else "changed"


def wanted_of(plan: Plan | None) -> str | None:
    """Return the name of what Stripe shall hold in the end, however much of it is there already."""
    if plan is None or plan.desired is None:
        return None
    crm = plan.tie_out.crm if plan.tie_out else None
    return digest([crm, sorted([str(each.key), canonical(each.params)] for each in plan.desired.resources)])


def calls_of(plan: Plan | None) -> Iterator[tuple[str, str]]:
    """Yield the endpoint of every write, and the name of the object where other contracts may make it first."""
    for operation in plan.operations if plan else ():
        makes = isinstance(operation, Create) and KINDS[operation.key.kind].shared
        yield _endpoint(operation), str(operation.key) if makes else ""


def counted(plans: Iterable[Plan | None], first: frozenset[str]) -> dict[str, int]:
    """Count writes by endpoint; shared objects count where they are needed first, once."""
    found: dict[str, int] = {}
    due = set(first)
    for plan in plans:
        for endpoint, name in calls_of(plan):
            if name and name not in due:
                continue
            due.discard(name)
            found[endpoint] = found.get(endpoint, 0) + 1
    return found


def _endpoint(operation: Operation) -> str:
    row = ENDPOINTS[operation.key.kind]
    return row.create if isinstance(operation, Create) else row.object


def _to_bill(account: TieOut) -> int:
    return account.billed + account.scheduled - account.credited


def _differences(account: TieOut) -> dict[str, int]:
    """Return the difference by reason; what has none is "unexplained", and blocks the plan."""
    found: dict[str, int] = {}
    for each in account.explanations:
        found[each.reason] = found.get(each.reason, 0) + each.amount
    return found | ({"unexplained": account.unexplained} if account.unexplained else {})
