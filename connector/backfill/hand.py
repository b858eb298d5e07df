"""The contracts that a process has in hand: claimed block by block, with the plans of them that were shown."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from connector.backfill.planned import wanted_of
from connector.backfill.worker import Worker
from connector.crm.protocol import ContractRef
from connector.desk import Desk, Planned, Result
from connector.journal import Backfill, BackfillItem, JournalError
from connector.plan.document import issue_json, plan_document
from connector.plan.safety import Verdict
from connector.sync import plan_contracts

LEFT = "changed since it was shown"
_APPROVED_FOR = timedelta(days=1)
_IDS = ("schedule.id", "subscription.id", "invoice.id", "customer.id", "link")
_TO_DO = frozenset({Verdict.APPLY.value, Verdict.NEEDS_APPROVAL.value})


@dataclass(frozen=True, slots=True)
class Work:
    """A back-fill, where it is applied, and the process that does it."""

    desk: Desk
    backfill: Backfill
    worker: Worker


class Hand:
    """The contracts that this process has in hand, and the plans of them that were shown: no more than are under way.

    It is a container of fingerprints: those that may be applied.
    """

    def __init__(self, work: Work) -> None:
        self._desk, self._backfill, self._worker = work.desk, work.backfill, work.worker
        self._items: dict[str, BackfillItem] = {}
        self._shown: dict[str, str] = {}
        self._begun: dict[str, int] = {}
        self._other_day: dict[str, tuple[str, str]] = {}

    def __contains__(self, fingerprint: object) -> bool:
        return fingerprint in self._shown

    def refs(self) -> Iterator[ContractRef]:
        """Claim blocks and yield their contracts, until there are no more to take; of a given size, one block."""
        while not self._worker.stop.is_set():
            items = self._worker.claim("planned", self._desk.crm.batch)
            if not items:
                return
            keys = [item.contract_key for item in items if item.contract_key]
            begun = self._desk.account.journal.writes_of(self._backfill.job, self._desk.name, keys)
            for item in items:
                self._hold(item)
            self._begun |= begun
            for item in items:
                self._check_day(item)
                if item.contract_key in begun:
                    self._look_again(item)
                if item.verdict == Verdict.NEEDS_APPROVAL.value:
                    self._approve(item.fingerprint)
            for item in items:
                yield ContractRef(self._desk.name, item.root or item.record)
            if self._worker.block is not None:  # a reader takes as many as the CRM's batch: others want some, too
                return

    def take(self, result: Result) -> BackfillItem | None:
        """Return what became of a contract as its row; None for one that came along and is not asked for here."""
        raw = result.planned.raw
        item = self._items.pop(raw.key, None) or self._items.pop(raw.root.id[:15], None)
        if item is None:
            return None
        made = self._begun.pop(raw.key, None)
        settled = _settled(item, result, shown=self, before=made)
        if raw.key in self._other_day:
            outcome, words = self._other_day.pop(raw.key)
            settled = replace(settled, outcome=outcome, words=words, issues=item.issues)
        for fingerprint in [name for name, key in self._shown.items() if key == item.record]:
            del self._shown[fingerprint]
        return settled

    def rest(self) -> tuple[BackfillItem, ...]:
        """Return the contracts that nothing came back for, and let go of them."""
        found = tuple(self._items.values())
        self._items.clear()
        return found

    def names(self) -> tuple[str, ...]:
        """Return the records in hand."""
        return tuple(item.record for item in self._items.values())

    def _hold(self, item: BackfillItem) -> None:
        self._items[item.contract_key or (item.root or item.record)[:15]] = item
        if item.fingerprint:
            self._shown[item.fingerprint] = item.record

    def _check_day(self, item: BackfillItem) -> None:
        """Take over a day for a contract that we bill already, if its plan by that day is still what was shown."""
        day, key, journal = item.billed_through, item.contract_key, self._desk.account.journal
        if day is None or key is None or journal.takeover(self._desk.name, key) == day:
            return
        if item.verdict not in {*_TO_DO, Verdict.NOTHING.value}:
            self._other_day[key] = "refused", "it is billed already, and could not be from that day on"
            return
        record = item.root or item.record
        asking = replace(self._desk, billed_through={record: day})
        for one in plan_contracts(asking, [ContractRef(self._desk.name, record)]):
            same = one.plan.fingerprint if one.plan and one.plan.operations else None
            if one.raw.key == key and same == item.fingerprint:
                by = self._backfill.applied_by or self._backfill.started_by
                journal.save_takeover(self._desk.name, key, day, by, self._desk.clock())
                return
        self._other_day[key] = "left", f"{LEFT}: it is billed by now, from another day on"

    def _look_again(self, item: BackfillItem) -> None:
        """Let the rest of a contract through that was begun, if it still is to become what was shown."""
        for one in plan_contracts(self._desk, [ContractRef(self._desk.name, item.root or item.record)]):
            plan = one.plan
            if one.raw.key != item.contract_key or plan is None or not plan.operations:
                continue
            if wanted_of(plan) == item.wanted:
                self._shown[plan.fingerprint] = item.record
                if one.judgement.verdict is Verdict.NEEDS_APPROVAL:
                    self._keep(one)
                    self._approve(plan.fingerprint)

    def _keep(self, one: Planned) -> None:
        if one.plan is not None:
            document = plan_document(one.plan, one.judgement)
            self._desk.account.journal.record_plan(
                self._desk.name,
                one.raw.key,
                one.plan.fingerprint,
                plan=document,
                verdict=one.judgement.verdict.value,
                now=self._desk.clock(),
            )

    def _approve(self, fingerprint: str | None) -> None:
        """Approve one plan of an approved back-fill, on the word of whoever approved it."""
        said, journal, now = self._backfill.approved, self._desk.account.journal, self._desk.clock()
        if said is None or not self._backfill.is_approved or fingerprint is None:
            return
        reason = f"back-fill {self._backfill.id}: {said['reason']}"
        try:
            journal.approve(fingerprint, str(said["by"]), reason, now, now + _APPROVED_FOR)
        except JournalError:
            return  # two contracts with one plan: each is left for somebody to approve


def _settled(item: BackfillItem, result: Result, *, shown: Hand, before: int | None) -> BackfillItem:
    """Return the row of a contract after it was submitted; `before` counts what a process that stopped had written."""
    planned = result.planned
    plan, outcome, words = planned.plan, result.outcome, result.error
    if plan is not None and plan.operations and outcome == "waiting" and plan.fingerprint not in shown:
        outcome, words = "left", LEFT
    elif outcome == "nothing" and before:
        outcome, words = "applied", "finished by a process that was stopped before it could say so"
    elif outcome == "pending":
        words = "; ".join(planned.judgement.reasons)
    elif outcome in {"refused", "skipped"} and item.verdict in _TO_DO:
        words = LEFT
    return replace(
        item,
        outcome=outcome,
        words=words,
        writes=result.writes + (before or 0),
        issues=[issue_json(issue) for issue in planned.issues],
        ids=_ids(result.status.values) if result.status else item.ids,
    )


def _ids(values: Mapping[str, object]) -> dict[str, str]:
    return {name: str(values[name]) for name in _IDS if values.get(name)}
