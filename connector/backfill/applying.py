"""Apply what a dry run showed, contract by contract, each with a checkpoint of its own.

A plan that nobody saw is not applied. What a killed process had begun with a contract is finished, if it is still to
become what was shown. The run's limits were judged over the whole back-fill, so single batches are not held to them.
"""

from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal

from connector.backfill.hand import Hand, Work
from connector.backfill.submit import OnlineSubmitter, Submitter, Way
from connector.backfill.worker import Worker
from connector.desk import Desk
from connector.journal import Backfill, BackfillItem
from connector.plan.safety import Limits

#: So many contracts in a row that a vendor could not be reached for, and the back-fill pauses itself.
OUTAGE = 20
_AGAIN = timedelta(seconds=5)

Done = Callable[[BackfillItem], None]


def apply_backfill(
    desk: Desk,
    backfill: Backfill,
    worker: Worker,
    *,
    submitter: Submitter | None = None,
    done: Done = lambda _item: None,
) -> Backfill:
    """Apply until nothing is left to do, or until told to stop; returns the back-fill as it then stands.

    `done` hears of every contract. The back-fill must have begun (`begin`).
    """
    journal = desk.account.journal
    work = Work(replace(desk, seek=True, limits=_of_contracts(desk.limits)), backfill, worker)
    run = journal.start_run(
        backfill.job, desk.name, desk.clock(), mapping_hash=desk.mapping.hash, config_hash=backfill.config_hash
    )
    counts: Counter[str] = Counter()
    try:
        while not worker.stop.is_set():
            moved = _pass(work, submitter or OnlineSubmitter(), run.id, _tally(counts, done))
            if worker.stop.is_set():
                break
            if not journal.count_items(backfill.id, "planned"):
                journal.end_apply(backfill.id, desk.clock())
                break
            if not moved:
                worker.rest()  # what is left is held by others
    finally:
        journal.finish_run(run.id, counts, desk.clock())
    return journal.backfill(backfill.id)


def begin(desk: Desk, backfill: Backfill, by: str) -> Backfill:
    """Begin to apply: from now on every run knows which days were billed elsewhere, before the first contract is."""
    journal, now = desk.account.journal, desk.clock()
    journal.take_over(backfill.id, desk.name, by, now)
    journal.begin_apply(backfill.id, by, now)
    return journal.backfill(backfill.id)


def _tally(counts: Counter[str], done: Done) -> Done:
    def note(item: BackfillItem) -> None:
        counts[item.outcome or ""] += 1
        done(item)

    return note


def _of_contracts(limits: Limits) -> Limits:
    """Return the limits of single contracts: those of the run were judged over all of it."""
    return replace(limits, max_terminations=2**31, max_changed_share=Decimal(1))


def _pass(work: Work, submitter: Submitter, run_id: int, done: Done) -> bool:
    """Go through what can be claimed now; return whether anything was settled."""
    hand, worker = Hand(work), work.worker
    outage = _Outage(work)
    moved = False
    results = submitter.submit(work.desk, hand.refs(), Way(run_id, hand, worker.stop))
    with closing(results):
        for result in results:
            item = hand.take(result)
            if item is not None and result.outcome == "busy":
                worker.release(item.record, after=_AGAIN)
            elif item is not None and settle(work, item, done):
                outage.note(item)
                moved = True
    for item in () if worker.stop.is_set() else hand.rest():
        words = "the CRM no longer has the record"
        moved |= settle(work, replace(item, outcome="refused", words=words), done)
    worker.release(*hand.names())
    return moved


def settle(work: Work, item: BackfillItem, done: Done) -> bool:
    """Write the checkpoint of a contract; False when the claim was lost meanwhile."""
    done_item, journal = replace(item, state="done"), work.desk.account.journal
    if not journal.settle_item(work.backfill.id, work.worker.owner, done_item, work.desk.clock()):
        return False
    done(done_item)
    return True


@dataclass(slots=True)
class _Outage:
    """Counts contracts in a row that a vendor could not be reached for."""

    work: Work
    row: int = 0

    def note(self, item: BackfillItem) -> None:
        self.row = self.row + 1 if item.outcome == "waiting" else 0
        if self.row >= OUTAGE:
            reason = f"{OUTAGE} contracts in a row could not be done: {item.words}"
            desk = self.work.desk
            desk.account.journal.pause_backfill(self.work.backfill.id, "connector", reason, desk.clock())
            self.work.worker.stop.set()
