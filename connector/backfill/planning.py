"""The dry run: list the records of a selection, plan every contract, keep one row of each. Changes nothing outside.

Killed at any moment it goes on from the rows that are there; two processes share the work.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from connector.backfill.overview import judge
from connector.backfill.planned import calls_of, counted, planned_item
from connector.backfill.worker import Worker
from connector.billing.client import Api
from connector.crm.protocol import ContractRef
from connector.crm.selection import Days, SelectingCrm, Selection, read_selection
from connector.desk import Desk, Planned
from connector.domain.errors import ConfigError, RetryableError
from connector.journal import Backfill, BackfillItem
from connector.plan.document import plan_document
from connector.plan.safety import Verdict
from connector.sync import plan_contracts

Told = Callable[[str, int], None]


@dataclass(slots=True)
class CountingApi:
    """Stripe, and how often it was asked."""

    api: Api
    calls: int = 0

    def get(self, path: str, params: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Send a read."""
        self.calls += 1
        return self.api.get(path, params)

    def post(self, path: str, params: Mapping[str, Any], *, idempotency_key: str) -> dict[str, Any]:
        """Send a write."""
        self.calls += 1
        return self.api.post(path, params, idempotency_key=idempotency_key)


def dry_run(desk: Desk, backfill: Backfill, worker: Worker, told: Told = lambda _what, _count: None) -> Backfill:
    """List and plan until all is shown, or until told to stop; returns the back-fill as it then stands.

    `told` hears "listed" and "planned" with how many more. Raises RetryableError when a vendor cannot be reached.
    """
    journal = desk.account.journal
    selection = read_selection(backfill.selection)
    backfill = _list(desk, backfill, selection, worker, told)
    while backfill.phase == "planning" and not worker.stop.is_set():
        items = worker.claim("selected", desk.crm.batch)
        if items:
            _plan_block(desk, backfill, worker, items, selection.starts)
            told("planned", len(items))
        elif journal.count_items(backfill.id, "selected"):
            worker.rest()  # another process plans them
        else:
            judge(desk, backfill)
            backfill = journal.backfill(backfill.id)
    return backfill


def _list(desk: Desk, backfill: Backfill, selection: Selection, worker: Worker, told: Told) -> Backfill:
    while backfill.phase == "selecting" and not worker.stop.is_set():
        if not isinstance(desk.crm, SelectingCrm):
            raise ConfigError(f"the CRM of {desk.name} cannot list records by a selection; name them one by one")
        before = desk.crm.quota().calls
        page = desk.crm.page(selection, backfill.cursor, desk.account.zone)
        if desk.account.journal.add_page(backfill, page):
            told("listed", len(page))
        desk.account.journal.count_calls(backfill.id, {"crm": desk.crm.quota().calls - before})
        backfill = desk.account.journal.backfill(backfill.id)
    return backfill


def _plan_block(desk: Desk, backfill: Backfill, worker: Worker, items: Sequence[BackfillItem], starts: Days) -> None:
    api = CountingApi(desk.account.api)
    days = {item.record: item.billed_through for item in items if item.billed_through}
    asking = replace(desk, account=replace(desk.account, api=api), seek=True, billed_through=days)
    before = _crm_calls(desk)
    rows: list[BackfillItem] = []
    kept: list[Planned] = []
    for item, one in _matched(asking, items):
        if one is not None and one.waiting is not None:
            raise RetryableError(one.waiting)
        row = _row(item, one, starts)
        rows.append(row)
        if one is not None and row.state == "planned":
            kept.append(one)
            _keep(desk, one)
    shared = {name for one in kept for _, name in calls_of(one.plan) if name}
    journal = desk.account.journal
    first = journal.save_items(backfill.id, worker.owner, rows, shared=sorted(shared), now=desk.clock())
    writes = counted((one.plan for one in kept), first)
    read = {"stripe": api.calls, "crm": _crm_calls(desk) - before}
    journal.count_calls(backfill.id, {**read, "write": writes})


def _matched(desk: Desk, items: Sequence[BackfillItem]) -> Iterator[tuple[BackfillItem, Planned | None]]:
    """Yield each item with its contract; a contract that comes for several of them comes with each.

    Contracts that come along although nobody asked (the term before a renewal) are left aside. What is not found in the
    batch is asked for alone: its id may have been merged into another.
    """
    found: dict[str, Planned] = {}
    for one in plan_contracts(desk, _refs(desk, items)):
        for record in (one.raw.root, *(revision.record for revision in one.raw.revisions)):
            found.setdefault(record.id[:15], one)
    for item in items:
        mine = found.get(item.record[:15])
        if mine is None:
            alone = found.values() if len(items) == 1 else plan_contracts(desk, _refs(desk, [item]))
            mine = next(iter(alone), None)
        yield item, mine


def _refs(desk: Desk, items: Iterable[BackfillItem]) -> list[ContractRef]:
    return [ContractRef(desk.name, item.record) for item in items]


def _row(item: BackfillItem, one: Planned | None, starts: Days) -> BackfillItem:
    if one is None:
        words = "the CRM has no such record, or the integration user may not see it"
        return replace(item, state="planned", verdict=Verdict.REFUSE.value, change="none", words=words)
    contract = one.contract
    if contract is not None and starts and contract.start not in starts:
        words = f"the contract starts on {contract.start}"
        return BackfillItem(item.record, "left_out", change="dates", words=words)
    return planned_item(item, one)


def _keep(desk: Desk, one: Planned) -> None:
    """Keep a plan that somebody has to approve; the others are kept when they are applied."""
    plan = one.plan
    if plan is None or one.judgement.verdict is not Verdict.NEEDS_APPROVAL:
        return
    made_by = {"mapping": {"file": desk.mapping.name, "hash": desk.mapping.hash}}
    document = plan_document(plan, one.judgement) | made_by
    verdict = one.judgement.verdict.value
    desk.account.journal.record_plan(
        desk.name, one.raw.key, plan.fingerprint, plan=document, verdict=verdict, now=desk.clock()
    )


def _crm_calls(desk: Desk) -> int:
    return desk.crm.quota().calls if isinstance(desk.crm, SelectingCrm) else 0
