"""What a deal sells: its lines as it describes them, and a fingerprint of them. Pure."""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date

from connector.domain.contract import Line
from connector.mapping.book import is_recurring, terms_of
from connector.mapping.lines import Frame, read_line
from connector.mapping.raw import RawLine, RawRevision
from connector.mapping.reading import Reader


@dataclass(frozen=True, slots=True)
class Sold:
    """A line as its deal describes it. `base` is the key of the thing sold, `series` with its place where needed."""

    line: Line
    base: str
    series: str
    change: str
    index: int | None
    label: str | None
    key_given: bool = True


def first_start(reader: Reader, raw: RawRevision) -> date | None:
    """Return the first day that a line of a deal names itself."""
    quiet = reader.quiet()
    starts = [quiet.scope("line", line.record).date("start") for line in raw.lines]
    return min((day for day in starts if day is not None), default=None)


def read_sold(reader: Reader, raw: RawRevision, frame: Frame) -> list[Sold]:
    """Read the lines of a deal; those that cannot be read are issues."""
    found = [each for line in raw.lines if (each := _read(reader, line, frame)) is not None]
    return _placed(found)


def _read(reader: Reader, raw: RawLine, frame: Frame) -> Sold | None:
    if reader.skips_line(raw.record):
        return None
    line, _ = read_line(reader, raw, frame)
    scope = reader.scope("line", raw.record)
    key, change = scope.text("series_key"), scope.text("change") or "add"
    if line is None:
        return None
    base = key or f"{line.product.ref}:{line.interval}:{line.charge}"
    index, label = (reader.quiet().scope("line", raw.record).value(name) for name in ("segment_index", "segment_label"))
    known_index = index if isinstance(index, int) else None
    return Sold(line, base, base, change, known_index, str(label) if label else None, key_given=bool(key))


def _placed(found: list[Sold]) -> list[Sold]:
    """Tell lines apart that share a key nobody gave them and are sold at the same time, by their place."""
    groups: dict[str, list[Sold]] = defaultdict(list)
    for each in found:
        if not each.key_given and is_recurring(each.line):
            groups[each.base].append(each)
    apart = {base for base, some in groups.items() if _overlap(some)}
    counts: Counter[str] = Counter()
    placed = []
    for each in found:
        if each.base in apart and not each.key_given:
            counts[each.base] += 1
            placed.append(replace(each, series=f"{each.base}#{counts[each.base]}"))
        else:
            placed.append(each)
    return placed


def _overlap(some: Sequence[Sold]) -> bool:
    ordered = sorted(some, key=lambda each: each.line.start)
    return any(
        one.line.end is None or other.line.start < one.line.end
        for number, one in enumerate(ordered)
        for other in ordered[number + 1 :]
    )


def fingerprint(sold: Iterable[Sold]) -> str:
    """Return a fingerprint of what a deal sells: what, how much, for how much, from when to when."""
    lines = sorted(
        json.dumps(
            [
                each.line.product.ref,
                str(each.line.quantity.normalize()),
                str(terms_of(each.line)),
                each.line.start.isoformat(),
                each.line.end.isoformat() if each.line.end else None,
            ]
        )
        for each in sold
    )
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:32]
