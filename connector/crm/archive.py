"""The last known records of many contracts in one file, one contract a line; compressed when its name ends with .gz.

    {"format": "crm-archive/1", "crm": "salesforce", "source": "prod", "taken_at": "2026-11-24T09:00:00Z",
     "made": {"801...": "2026-01-05"}, "paths": {"Order": ["Status", ...]}}
    {"format": "crm-records/1", ...}

`made` is the day on which a contract's schedules were made, where they exist; `paths` are the columns that were read,
so that a reader can tell a field that is empty from one that was not asked for.
"""

import gzip
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any, cast

from connector.crm.exact_json import write_json
from connector.crm.protocol import FieldPaths
from connector.crm.snapshot import FORMAT as RECORDS
from connector.domain.errors import ConfigError
from connector.mapping.raw import RawContract

FORMAT = "crm-archive/1"


@dataclass(frozen=True, slots=True)
class ArchiveHead:
    """What an archive says of itself. `made` goes by the id of a contract's first order."""

    crm: str
    source: str
    taken_at: datetime
    made: Mapping[str, date] = field(default_factory=lambda: MappingProxyType({}))
    paths: FieldPaths = field(default_factory=lambda: MappingProxyType({}))


def write_archive(path: Path, head: ArchiveHead, contracts: Iterable[RawContract]) -> int:
    """Write an archive and return the number of contracts; a file of that name is replaced when all is written."""
    count = 0
    draft = path.with_name(f".{path.name}.new")
    try:
        with _opened(draft, "wt", packed=path.suffix == ".gz") as file:
            file.write(json.dumps(_head_json(head), ensure_ascii=False) + "\n")
            for raw in contracts:
                file.write(write_json(_records_json(raw)) + "\n")
                count += 1
        draft.replace(path)
    except OSError as error:
        raise ConfigError(f"cannot write the snapshot {path}: {error.strerror}") from error
    finally:
        draft.unlink(missing_ok=True)
    return count


def read_head(path: Path) -> ArchiveHead:
    """Read what an archive says of itself; ConfigError for a file that is none."""
    with _reading(path) as file:
        return _head(path, file.readline())


def read_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the contracts of an archive as text, a records file each, with the number of the line."""
    with _reading(path) as file:
        _head(path, file.readline())
        for number, line in enumerate(file, start=2):
            if line.strip():
                yield number, line


def _head(path: Path, line: str) -> ArchiveHead:
    try:
        found = json.loads(line)
        return ArchiveHead(
            {FORMAT: str(found["crm"])}[found["format"]],
            str(found["source"]),
            datetime.fromisoformat(found["taken_at"]),
            MappingProxyType({key: date.fromisoformat(day) for key, day in found.get("made", {}).items()}),
            MappingProxyType({name: frozenset(paths) for name, paths in found.get("paths", {}).items()}),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(
            f"{path}: line 1: this is not a snapshot of contracts; make one with: connector map snapshot {path}"
        ) from error


def _head_json(head: ArchiveHead) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "crm": head.crm,
        "source": head.source,
        "taken_at": head.taken_at.astimezone(UTC).isoformat(timespec="seconds"),
        "made": {key: day.isoformat() for key, day in sorted(head.made.items())},
        "paths": {name: sorted(paths) for name, paths in sorted(head.paths.items())},
    }


def _records_json(raw: RawContract) -> dict[str, Any]:
    tables: dict[str, dict[str, Any]] = {}
    for record in sorted(raw.records, key=lambda each: (each.object, each.id)):
        filled = {name: value for name, value in record.fields.items() if value is not None}
        tables.setdefault(record.object, {})[record.id] = filled
    head = {"format": RECORDS, "crm": raw.crm, "root": {"object": raw.root.object, "id": raw.root.id}}
    if raw.instance_url:
        head["instance_url"] = raw.instance_url
    return {**head, "records": tables}


@contextmanager
def _reading(path: Path) -> Iterator[IO[str]]:
    try:
        with _opened(path, "rt", packed=path.suffix == ".gz") as file:
            yield file
    except (OSError, EOFError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigError(f"cannot read the snapshot {path}: {reason}") from error


def _opened(path: Path, mode: str, *, packed: bool) -> IO[Any]:
    if packed:
        return cast("IO[Any]", gzip.open(path, mode, compresslevel=1, encoding="utf-8"))
    return path.open(mode, encoding="utf-8")
