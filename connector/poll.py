"""One run over contracts, written into the journal; and the run that asks first what changed since the last look."""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime

from connector.crm.protocol import ContractRef, Cursor
from connector.sync import Desk, Result, sync_contracts

STREAM = "contracts"


def sync_refs(desk: Desk, refs: Iterable[ContractRef], *, job: str, config_hash: str) -> Iterator[Result]:
    """Sync the named contracts as one run; the run is closed with its counts even when it is broken off."""
    journal = desk.account.journal
    run = journal.start_run(job, desk.name, desk.clock(), mapping_hash=desk.mapping.hash, config_hash=config_hash)
    counts: Counter[str] = Counter()
    try:
        for result in sync_contracts(desk, refs, run_id=run.id):
            counts[result.outcome] += 1
            yield result
    finally:
        journal.finish_run(run.id, counts, desk.clock())


def sync_changed(desk: Desk, *, job: str, config_hash: str) -> Iterator[Result]:
    """Sync what changed, then move the cursor: a crash in between repeats work, and never loses any."""
    changed = desk.crm.changed(read_cursor(desk))
    yield from sync_refs(desk, changed.refs, job=job, config_hash=config_hash)
    value = {"stamp": changed.cursor.stamp.isoformat(), "id": changed.cursor.id}
    desk.account.journal.save_cursor(desk.name, STREAM, value, desk.clock())


def changed_refs(desk: Desk) -> tuple[ContractRef, ...]:
    """Return what changed since the cursor, without moving it."""
    return desk.crm.changed(read_cursor(desk)).refs


def read_cursor(desk: Desk) -> Cursor | None:
    """Return how far the CRM was read; None before the first time."""
    stored = desk.account.journal.cursor(desk.name, STREAM)
    return Cursor(datetime.fromisoformat(stored.value["stamp"]), stored.value["id"]) if stored else None
