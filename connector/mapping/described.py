"""Contracts whose changes describe how things are to be (deals), read into revisions of signed lines.

Dates decide: the lines of the first deal make the segments by where they begin and end. A change adds lines, replaces
or removes what has the same key, restates the whole, or ends it; `book.py` turns that into what is added and taken
away. Nothing here knows a CRM: which field says what is the mapping's business.
"""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from connector.domain.contract import DatedSegment, Line, Revision, RevisionKind, Segment
from connector.domain.issues import IssueCode, Source, block, warn
from connector.domain.period import FOREVER, Period, billing_dates
from connector.mapping.book import Book, Holding, is_recurring, terms_of
from connector.mapping.dated import dated_segments, segment_on
from connector.mapping.lines import Frame, read_line
from connector.mapping.raw import RawLine, RawRecord, RawRevision
from connector.mapping.reading import Reader, Scope
from connector.mapping.terms import Terms, check_renewal


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


@dataclass(frozen=True, slots=True)
class Described:
    """The revisions of a contract, its frame, its segments and the fingerprint of what the first deal sold."""

    terms: Terms
    revisions: tuple[Revision, ...]
    segments: tuple[DatedSegment, ...]
    inputs: str | None


def is_described(reader: Reader) -> bool:
    """Tell whether the mapping's revisions describe: it then says how, in the slot `mode`."""
    return "mode" in reader.mapping.sections["revision"]


def read_described(
    reader: Reader, raws: Sequence[RawRevision], root: RawRecord, terms: Terms, *, renews: bool = False
) -> Described:
    """Read the first deal, then its changes, each against what is held by then.

    One that `renews` another contract does not begin on the day of closing: it is signed while the other one runs.
    """
    first = next((raw for raw in raws if raw.record.id == root.id), None)
    if first is None:
        return Described(terms, (), (), None)
    scope = reader.scope("revision", root)
    _check_first(scope, first)
    closed = None if renews else reader.scope("contract", root).date("closed")
    terms = replace(terms, start=terms.start or _first_start(reader, first) or closed)
    sold = _sold(reader, first, Frame(terms.start, terms.end, terms.currency))
    terms = replace(terms, end=_end(terms, sold))
    segments = dated_segments(reader, [(each.line, each.index, each.label) for each in sold if is_recurring(each.line)])
    changes = _Changes(reader, root, terms, segments, sold)
    revisions = [changes.first(scope)] if terms.start else []
    made = [changes.revision(raw) for raw in raws if raw is not first]
    revisions += [revision for revision in made if revision is not None]
    terms = changes.terms
    if scope.text("action") == "terminate" and first.lines and (ended := changes.ended(scope)) is not None:
        revisions.append(ended)
    return Described(terms, tuple(revisions), segments, _fingerprint(sold))


def check_inputs(scope: Scope, inputs: str | None) -> None:
    """Note that a contract which is billed was edited in place: nothing says from when the edit counts."""
    said, mode = scope.text("inputs"), scope.text("in_place_edits") or "follow"
    if not said or not inputs or said == inputs or mode == "follow":
        return
    source = scope.source("inputs")
    if mode == "ignore":
        message = "The deal was edited after it was billed; the mapping ignores such edits."
        scope.report(block(IssueCode.ON_HOLD, source, message, "Sell the change with a deal of its own."))
        return
    message = "The deal was edited after it was billed, and nothing says from which day on the edit counts."
    where = f"clear {source.field} of this deal" if source.field else "clear its fingerprint"
    remedy = f"Undo the edit and sell the change with a deal of its own, or {where}, to bill the deal as it is now."
    scope.report(block(IssueCode.IN_PLACE_EDIT, source, message, remedy))


class _Changes:
    """Reads one change after the other, and keeps the book. `terms` end where the last renewal does."""

    def __init__(
        self,
        reader: Reader,
        root: RawRecord,
        terms: Terms,
        segments: tuple[DatedSegment, ...],
        sold: Sequence[Sold],
    ) -> None:
        self._reader = reader
        self._root = root
        self.terms = terms
        self._segments = segments
        self._sold = sold
        self._flat = _flat(sold)
        self._book = Book([])
        self._once: Counter[object] = Counter()

    def first(self, scope: Scope) -> Revision:
        """Return the first revision; what it sells is held from now on."""
        lines = tuple(self._in_segment(each) for each in self._sold)
        for each, line in zip(self._sold, lines, strict=True):
            self._hold(replace(each, line=line))
        start = self.terms.start or date.min
        return Revision(scope.ref, RevisionKind.INITIAL, start, lines, link=self._reader.link(scope.ref))

    def revision(self, raw: RawRevision) -> Revision | None:
        """Return what a change adds and takes away; None when it cannot be told from when it counts."""
        reader = replace(self._reader, revision=raw.kind)
        scope = reader.scope("revision", raw.record)
        if raw.kind == RevisionKind.RENEWAL:
            return self._renewed(reader, scope, raw)
        if scope.text("action") == "terminate":
            return self.ended(scope)
        since = scope.date("effective") or _first_start(reader, raw) or scope.date("closed")
        if since is None:
            scope.missing("effective")
            return None
        restates = scope.text("mode") == "restate"
        begin = self.terms.start if restates else since
        sold = _sold(reader, raw, Frame(begin, self.terms.end, self.terms.currency))
        if not raw.lines:
            message, remedy = "The change has no lines.", "Add what changes to it, or choose the action terminate."
            scope.report(block(IssueCode.NO_LINES, Source(scope.ref), message, remedy))
        lines = self._restated(sold, since, scope.ref) if restates else self._altered(scope, sold, since)
        return self._made(scope, since, lines)

    def ended(self, scope: Scope) -> Revision | None:
        """Return what a termination takes away."""
        day = scope.date("effective") or scope.date("closed")
        if day is None:
            scope.missing("effective")
            return None
        at_end = (scope.text("termination") or "period_end") == "period_end"
        lines = self._book.end(lambda holding: self._period_end(holding, day) if at_end else day, f"{scope.ref}-end")
        return self._made(scope, day, lines)

    def _renewed(self, reader: Reader, scope: Scope, raw: RawRevision) -> Revision | None:
        """Return the next term of the contract: a sale of its own that says when it begins, or goes on."""
        own = reader.scope("contract", raw.record)
        check_renewal(own, reader.scope("contract", self._root))
        since = own.date("start") or _first_start(reader, raw) or self.terms.end
        if since is None:
            own.missing("start", IssueCode.START_MISSING)
            return None
        sold = _sold(reader, raw, Frame(since, own.date("end"), self.terms.currency))
        if not raw.lines:
            message, remedy = "The renewal has no lines.", "Add what is sold for the next term."
            scope.report(block(IssueCode.NO_LINES, Source(scope.ref), message, remedy))
        lines = [replace(each.line, revises=self._line_before(each)) for each in sold]
        for each, line in zip(sold, lines, strict=True):
            self._hold(replace(each, line=line))
        self.terms = replace(self.terms, end=_later_end(self.terms.end, sold))
        return Revision(scope.ref, RevisionKind.RENEWAL, since, tuple(lines), link=self._reader.link(scope.ref))

    def _line_before(self, each: Sold) -> str | None:
        """Return the newest line that a line renews; what is new in the renewal has none."""
        held = [one.line.ref for one in self._book.holdings if each.series in {one.series, one.base}]
        return held[-1] if held and is_recurring(each.line) else None

    def _made(self, scope: Scope, since: date, lines: Sequence[Line]) -> Revision:
        known = {line.ref for line in lines}
        for ref in known:
            for slot in ("quantity", "start", "end", "unit_price"):
                self._reader.notes.origins.setdefault((ref, slot), Source(scope.ref, None))
        made = tuple(replace(line, segment=self._segment(line)) if line.quantity > 0 else line for line in lines)
        return Revision(scope.ref, RevisionKind.AMENDMENT, since, made, link=self._reader.link(scope.ref))

    def _restated(self, sold: Sequence[Sold], since: date, revision: str) -> list[Line]:
        targets = [_holding(each) for each in sold if is_recurring(each.line)]
        lines = self._book.change(targets, since, revision, of=lambda _: True)
        return [*lines, *self._new_once(sold)]

    def _new_once(self, sold: Iterable[Sold]) -> Iterator[Line]:
        """Yield what is charged once and was not sold before: a restated deal repeats what was charged already."""
        left = self._once.copy()
        for each in sold:
            if is_recurring(each.line):
                continue
            key = (terms_of(each.line), each.line.quantity)
            if left[key] > 0:
                left[key] -= 1
                continue
            self._once[key] += 1
            yield each.line

    def _altered(self, scope: Scope, sold: Sequence[Sold], since: date) -> list[Line]:
        """Add lines; replace or remove what has their key."""
        lines: list[Line] = []
        for each in sold:
            if each.change == "add" or not is_recurring(each.line):
                self._hold(each)
                lines.append(each.line)
        exchanged: dict[str, list[Sold]] = defaultdict(list)
        for each in sold:
            if each.change != "add" and is_recurring(each.line):
                exchanged[each.base].append(each)
        for number, (base, some) in enumerate(exchanged.items(), 1):
            series = self._one_series(scope, base, some)
            if series is None:
                continue
            targets = [replace(_holding(s), series=series) for s in some if s.change == "update"]
            revision = f"{scope.ref}-{number}"
            lines += self._book.change(targets, since, revision, of=_series_is(series))
        return lines

    def _one_series(self, scope: Scope, base: str, some: Sequence[Sold]) -> str | None:
        """Return the series that a change's lines mean; an issue when it is none, or may be several."""
        found = self._book.series_of(base)
        if len(found) == 1:
            return found.pop()
        name, ref = some[0].line.product.name, some[0].line.ref
        if found:
            message = (
                f"{name}: the contract has {len(found)} lines of it, and the change does not say which one it means."
            )
            remedy = "Give the lines keys of their own, the same one on a line and on what changes it."
        else:
            message = f"{name}: the change replaces or removes it, but the contract has none."
            remedy = "Give the line the key of the line that it changes, or let it add."
        scope.report(block(IssueCode.LINE_KEYS, Source(ref), message, remedy))
        return None

    def _hold(self, each: Sold) -> None:
        if not is_recurring(each.line):
            self._once[terms_of(each.line), each.line.quantity] += 1
        else:
            self._book.add(each.line, each.series, each.base, each.line.end or FOREVER)

    def _in_segment(self, each: Sold) -> Line:
        segment = self._dated(each.line)
        return replace(each.line, segment=Segment(each.series, segment.index, segment.label) if segment else None)

    def _segment(self, line: Line) -> Segment | None:
        """Return the segment of a line that a change adds; its key is that of the thing it belongs to."""
        segment = self._dated(line)
        held = next((each for each in self._book.holdings if each.line.ref == line.ref), None)
        return Segment(held.series, segment.index, segment.label) if segment and held else None

    def _dated(self, line: Line) -> DatedSegment | None:
        """Return the segment in which a line begins; what is charged once, or never changes, has none."""
        ramped = is_recurring(line) and line.interval not in self._flat
        return segment_on(self._segments, line.start) if ramped else None

    def _period_end(self, holding: Holding, day: date) -> date:
        """Return the first day on or after `day` on which a billing period of what is held begins."""
        same = [each.line.start for each in self._book.holdings if each.line.interval == holding.line.interval]
        anchor = min(same, default=holding.start)
        horizon = max(day, anchor) + timedelta(days=31 * holding.line.interval + 1)
        if day <= anchor:
            return anchor
        return next(billing_dates(anchor, holding.line.interval, Period(day, horizon)), day)


def _end(terms: Terms, sold: Sequence[Sold]) -> date | None:
    """Return the end of the contract: None while something of it runs on, else its own or that of its last line."""
    recurring = [each.line for each in sold if is_recurring(each.line)]
    if any(line.end is None for line in recurring):
        return None
    return terms.end or max((line.end for line in recurring if line.end), default=None)


def _flat(sold: Iterable[Sold]) -> frozenset[int]:
    """Return the billing frequencies in which nothing changes or is named: their schedules have no segments."""
    told: dict[int, set[object]] = defaultdict(set)
    for each in sold:
        if is_recurring(each.line):
            told[each.line.interval].add((each.line.start, each.line.end))
            told[each.line.interval] |= {each.index, each.label} - {None}
    return frozenset(interval for interval, different in told.items() if len(different) < 2)


def _later_end(end: date | None, sold: Sequence[Sold]) -> date | None:
    """Return the end of a contract that a renewal continues: None when something of it runs on."""
    ends = [each.line.end for each in sold if is_recurring(each.line)]
    if end is None or None in ends:
        return None
    return max(end, *(each for each in ends if each is not None)) if ends else end


def _check_first(scope: Scope, raw: RawRevision) -> None:
    action = scope.text("action")
    if action == "amend" or (action == "terminate" and not raw.lines):
        message = "The deal says that it changes another one, but not which one."
        remedy = "Associate it with the deal that it amends, or name that deal in the original deal."
        scope.report(block(IssueCode.ORIGINAL_MISSING, scope.source("action"), message, remedy))
    elif action is None and scope.flag("is_change"):
        message = "The deal is for existing business, but changes no other deal; it is billed as a contract of its own."
        remedy = "If it is an amendment, associate it with the deal that it amends; else choose the action new."
        scope.report(warn(IssueCode.ORIGINAL_MISSING, scope.source("is_change"), message, remedy))
    elif not raw.lines:
        message, remedy = "The deal has no lines.", "Add products to it, or check that the connector may read them."
        scope.report(block(IssueCode.NO_LINES, Source(scope.ref), message, remedy))


def _first_start(reader: Reader, raw: RawRevision) -> date | None:
    """Return the first day that a line of a deal names itself."""
    quiet = reader.quiet()
    starts = [quiet.scope("line", line.record).date("start") for line in raw.lines]
    return min((day for day in starts if day is not None), default=None)


def _sold(reader: Reader, raw: RawRevision, frame: Frame) -> list[Sold]:
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


def _series_is(series: str) -> Callable[[Holding], bool]:
    return lambda held: held.series == series


def _holding(each: Sold) -> Holding:
    end = each.line.end or FOREVER
    return Holding(each.line, each.series, each.base, each.line.quantity, each.line.start, end)


def _fingerprint(sold: Iterable[Sold]) -> str:
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
