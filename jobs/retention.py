"""Old runs and plans leave the journal, once they are written down elsewhere, or when the configuration says without.

An archive is JSON lines, compressed, one file for each round and table, made under another name and synced to disk
before anything is removed. A round that dies in between leaves a file whose rows are still there: they are in the next
file again.
"""

import gzip
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from connector.config import JobsConfig
from connector.config.types import OFF
from connector.journal import Journal, canonical_json
from connector.journal.retention import Rows
from jobs.stopping import Stop

_log = logging.getLogger(__name__)

#: Rows that are read out and removed at a time, and rounds of that at most: a first night must not take for ever.
_PORTION = 1_000
_ROUNDS = 100


@dataclass(frozen=True, slots=True)
class _Part:
    """A table of the journal: how old rows of it are read, and removed."""

    name: str
    read: Callable[..., Rows]
    remove: Callable[[Rows], int]


def retire(journal: Journal, config: JobsConfig, now: datetime, stop: Stop) -> None:
    """Remove what is older than `keep_days`; raises OSError when the archive cannot be written."""
    if config.keep_days == OFF:
        return
    if config.archive is None and not config.remove_without_archive:
        _log.warning(
            "jobs.keep_days is set, but neither jobs.archive nor jobs.remove_without_archive: nothing is removed"
        )
        return
    before = now - timedelta(days=config.keep_days)
    parts = (
        _Part("results", journal.old_results, journal.remove_results),
        _Part("runs", journal.old_runs, journal.remove_runs),
        _Part("plans", journal.old_plans, journal.remove_plans),
    )
    for part in parts:
        start = config.archive / f"{part.name}-{now:%Y%m%dT%H%M%S}" if config.archive else None
        gone = _retire_part(part, before, start, stop)
        if gone:
            where = f", archived in {config.archive}" if config.archive else ""
            _log.info("%d %s of before %s removed%s", gone, part.name, f"{before:%Y-%m-%d}", where)


def _retire_part(part: _Part, before: datetime, archive: Path | None, stop: Stop) -> int:
    gone = 0
    for number in range(_ROUNDS):
        rows = part.read(before, limit=_PORTION)
        if not rows or stop.is_set():
            break
        if archive is not None:
            _write(archive.with_name(f"{archive.name}-{number:03}.jsonl.gz"), rows)
        gone += part.remove(rows)
    return gone


def _write(path: Path, rows: Rows) -> None:
    """Write rows for the owner alone: they name customers."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    making = path.with_suffix(".part")
    with os.fdopen(os.open(making, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        with gzip.GzipFile(fileobj=file, mode="wb") as packed:
            for row in rows:
                packed.write(canonical_json(row).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
    making.replace(path)
