"""Records that people name one by one: as arguments, or in a file of ids, or of ids and days."""

import csv
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from pathlib import Path

from connector.crm.selection import Days
from connector.domain.errors import ConfigError
from connector.journal import Listed

_HEAD = ("record", "billed_through")


def named_records(records: Iterable[str], check: Callable[[str], str]) -> Iterator[Listed]:
    """Yield the records of a command line, checked."""
    yield from ((check(record), None) for record in records)


def file_records(path: Path, check: Callable[[str], str]) -> Iterator[Listed]:
    """Yield the records of a file as they are read: one id a line, or CSV with the columns record, billed_through.

    Empty lines and lines that begin with # are left out. Raises ConfigError that names the line.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            found = 0
            for number, cells in _rows(path, file):
                found += 1
                yield _listed(path, number, cells, check)
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigError(f"cannot read {path}: {reason}") from error
    if not found:
        raise ConfigError(f"{path} names no record; write one id a line, or a CSV file with the column record")


def _rows(path: Path, file: Iterable[str]) -> Iterator[tuple[int, list[str]]]:
    """Yield the cells of each line in the order of `_HEAD`; without a head the first column is the id."""
    reader = csv.reader(file)
    places: list[int | None] = [0, None]
    for cells in reader:
        row = [cell.strip() for cell in cells]
        if not any(row) or row[0].startswith("#"):
            continue
        names = [cell.casefold() for cell in row]
        if reader.line_num == 1 and _HEAD[0] in names:
            places = [names.index(name) if name in names else None for name in _HEAD]
            unknown = sorted(set(names) - {*_HEAD, ""})
            if unknown:
                raise ConfigError(f"{path}: line 1: unknown column {unknown[0]!r}; there are {', '.join(_HEAD)}")
            continue
        if places[1] is None and len(row) > 1 and any(row[1:]):
            raise ConfigError(
                f"{path}: line {reader.line_num}: there is more than an id; begin the file with the line "
                f"{','.join(_HEAD)}"
            )
        yield reader.line_num, [row[at] if at is not None and at < len(row) else "" for at in places]


def _listed(path: Path, number: int, cells: list[str], check: Callable[[str], str]) -> Listed:
    record, day = cells
    try:
        return check(record), date.fromisoformat(day) if day else None
    except ValueError as error:
        raise ConfigError(f"{path}: line {number}: {day!r} is no day; write it as 2026-12-01") from error
    except ConfigError as error:
        raise ConfigError(f"{path}: line {number}: {error}") from error


def days(first: str | None, last: str | None, what: str) -> Days:
    """Return a span of days as typed; raises ConfigError that names the option."""
    found = Days(day(first, f"--{what}-from"), day(last, f"--{what}-to"))
    if found.first and found.last and found.first > found.last:
        raise ConfigError(f"--{what}-from {found.first} is after --{what}-to {found.last}; nothing lies between")
    return found


def day(text: str | None, option: str) -> date | None:
    """Return a day as typed; raises ConfigError that names the option."""
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise ConfigError(f"{option}: {text!r} is no day; write it as 2026-12-01") from error
