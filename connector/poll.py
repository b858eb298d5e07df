"""One run over contracts, written into the journal; and the run that asks first which contracts are worth a look."""

import logging
from collections import Counter
from collections.abc import Generator, Iterable, Iterator

from connector.crm.protocol import Changed, ContractRef
from connector.desk import Before, Stop
from connector.stamps import STREAM, Handled, has_other_filters, read_cursor, save_cursor
from connector.sync import Desk, Result, sync_contracts

__all__ = [
    "STREAM",
    "changed_refs",
    "read_changed",
    "read_cursor",
    "sync_changed",
    "sync_failed",
    "sync_refs",
    "worth_a_look",
]

_log = logging.getLogger(__name__)


def sync_refs(
    desk: Desk,
    refs: Iterable[ContractRef],
    *,
    job: str,
    config_hash: str,
    shown: frozenset[str] | None = None,
    live: bool = False,
    pass_over: bool = False,
    counts: Counter[str] | None = None,
    stop: Stop | None = None,
    before: Before | None = None,
) -> Generator[Result]:
    """Sync the named contracts as one run; the run is closed with its counts even when it is broken off.

    With `shown`, fingerprints of plans, no plan that nobody saw is applied. `live` reads every schedule,
    to find edits made by hand. `pass_over` takes no look that could only find what the last one found.
    `counts` are those of the run: outcomes are added to what the caller counts.
    Once `stop` is set nothing more is begun; what was begun is finished. `before` are changes of earlier runs that the
    limits count with this one.
    """
    journal = desk.account.journal
    run = journal.start_run(job, desk.name, desk.clock(), mapping_hash=desk.mapping.hash, config_hash=config_hash)
    counts = Counter() if counts is None else counts
    try:
        for result in sync_contracts(
            desk, refs, run_id=run.id, shown=shown, live=live, pass_over=pass_over, stop=stop, before=before
        ):
            counts[result.outcome] += 1
            yield result
    finally:
        journal.finish_run(run.id, counts, desk.clock())


def sync_changed(
    desk: Desk, *, job: str, config_hash: str, failed: bool = True, stop: Stop | None = None
) -> Generator[Result]:
    """Sync what is worth a look, then move the cursor: a crash in between repeats work, and never loses any.

    Told to `stop`, it leaves the cursor where it was.

    What could not be settled is in the journal's failures, with the time of its next try; without `failed` these, and
    what was submitted, are left to others.
    """
    changed = read_changed(desk)
    handled = Handled(desk, changed.stamps)
    refs = worth_a_look(desk, changed, failed=failed)
    for result in sync_refs(desk, refs, job=job, config_hash=config_hash, pass_over=True, stop=stop):
        handled.add(result)
        yield result
    if stop is not None and stop.is_set():
        return
    handled.save()
    save_cursor(desk, changed.cursor)


def sync_failed(
    desk: Desk,
    *,
    job: str,
    config_hash: str,
    stop: Stop | None = None,
) -> Generator[Result]:
    """Try again what failed and is due.

    What the CRM has no more, and what has become part of another contract, is forgotten: its failure is nobody's.
    """
    journal, now = desk.account.journal, desk.clock()
    due = journal.due_failures(desk.name, now, desk.mapping.hash)
    if due:
        refs = dict.fromkeys(ContractRef(desk.name, failure.record) for failure in due)
        yield from sync_refs(desk, refs, job=job, config_hash=config_hash, stop=stop)
        if stop is not None and stop.is_set():
            return
        journal.forget_failures(desk.name, [failure.contract_key for failure in due], now)


def changed_refs(desk: Desk) -> tuple[ContractRef, ...]:
    """Return what the next run would look at, without moving the cursor."""
    return worth_a_look(desk, read_changed(desk), failed=True)


def read_changed(desk: Desk) -> Changed:
    """Ask the CRM what changed; everything is told anew when the mapping's filters are others than before."""
    if not has_other_filters(desk):
        return desk.crm.changed(read_cursor(desk))
    changed = desk.crm.changed(None)
    _log.warning(
        "connection %s: the conditions of the mapping file changed, so all %d %ss are looked at again",
        desk.name,
        len(changed.refs),
        desk.mapping.noun,
    )
    return changed


def worth_a_look(desk: Desk, changed: Changed, *, failed: bool) -> tuple[ContractRef, ...]:
    """Return what changed, what was approved since, and what a date has reached.

    With `failed` also what failed and is due, and what was submitted and not looked at yet.
    """
    journal = desk.account.journal
    due = journal.due_failures(desk.name, desk.clock(), desk.mapping.hash) if failed else ()
    submitted = journal.hinted_records(desk.name) if failed else ()
    records = (*(failure.record for failure in due), *submitted, *_approved(desk), *_due(desk))
    return tuple(dict.fromkeys((*changed.refs, *(ContractRef(desk.name, record) for record in records))))


def _approved(desk: Desk) -> Iterator[str]:
    journal = desk.account.journal
    for state in journal.contract_states(desk.name, outcome="pending", limit=10_000):
        fingerprint = state.status.get("fingerprint")
        if fingerprint and journal.approval(fingerprint, desk.clock()):
            yield state.record


def _due(desk: Desk) -> Iterator[str]:
    """Yield contracts that a date has reached: another segment runs, or more of what has no end is to be told."""
    yield from (state.record for state in desk.account.journal.due_contracts(desk.name, desk.today()))
