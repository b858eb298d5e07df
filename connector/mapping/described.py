"""Contracts whose changes describe how things are to be (deals), read into revisions of signed lines.

Dates decide: the lines of the first deal make the segments by where they begin and end. A change adds lines, replaces
or removes what has the same key, restates the whole, or ends it; `book.py` turns that into what is added and taken
away. Nothing here knows a CRM: which field says what is the mapping's business.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from connector.domain.contract import DatedSegment, Line, Revision, RevisionKind, Segment
from connector.domain.issues import IssueCode, Source, block, warn
from connector.domain.period import FOREVER, Period, billing_dates
from connector.mapping.book import Book, Holding, is_recurring, terms_of
from connector.mapping.dated import dated_segments, segment_on
from connector.mapping.edits import Version, first_sale, versions_of
from connector.mapping.lines import Frame
from connector.mapping.raw import RawRecord, RawRevision, SoldBefore, SoldFrom
from connector.mapping.reading import Reader, Scope
from connector.mapping.sold import Sold, fingerprint, first_start, read_sold
from connector.mapping.terms import Terms, check_renewal


@dataclass(frozen=True, slots=True)
class Described:
    """The revisions of a contract, its frame, its segments and the fingerprint of what the first deal sells.

    `sold` is what is to be kept of that once it is billed, where edits count from a day on.
    """

    terms: Terms
    revisions: tuple[Revision, ...]
    segments: tuple[DatedSegment, ...]
    inputs: str | None
    sold: tuple[SoldFrom, ...] = ()


def is_described(reader: Reader) -> bool:
    """Tell whether the mapping's revisions describe: it then says how, in the slot `mode`."""
    return "mode" in reader.mapping.sections["revision"]


def read_described(
    reader: Reader,
    raws: Sequence[RawRevision],
    root: RawRecord,
    terms: Terms,
    *,
    renews: bool = False,
    before: SoldBefore | None = None,
) -> Described:
    """Read the first deal, then its changes, each against what is held by then.

    One that `renews` another contract does not begin on the day of closing: it is signed while the other one runs.
    `before` is what was billed of the first deal, for one that was edited since.
    """
    first = next((raw for raw in raws if raw.record.id == root.id), None)
    if first is None:
        return Described(terms, (), (), None)
    scope, own = reader.scope("revision", root), reader.scope("contract", root)
    _check_first(scope, first)
    now = first_sale(reader, first, terms, None if renews else own.date("closed"))
    versions: tuple[Version, ...] = (now,)
    kept: tuple[SoldFrom, ...] = ()
    if before is not None and (before.versions or own.text("in_place_edits") == "amend"):
        versions, kept = versions_of(reader, own, first, now, before, closes=not renews)
    terms = replace(versions[0].terms, end=_end(versions), currency=now.terms.currency)
    ramp = [(each.line, each.index, each.label) for each in now.sold if is_recurring(each.line)]
    changes = _Changes(reader, root, terms, dated_segments(reader, ramp), versions)
    revisions = [*changes.first(scope)] if terms.start else []
    made = [changes.revision(raw) for raw in raws if raw is not first]
    terms = changes.terms
    revisions += [revision for revision in made if revision is not None]
    if scope.text("action") == "terminate" and first.lines and (ended := changes.ended(scope)) is not None:
        revisions.append(ended)
    inputs = fingerprint(now.sold)
    check_inputs(own, inputs, known=bool(before and before.versions))
    return Described(terms, tuple(revisions), changes.segments, inputs, kept)


def check_inputs(scope: Scope, inputs: str | None, *, known: bool = False) -> None:
    """Note that a contract which is billed was edited in place: nothing says from when the edit counts.

    With `amend` that is told by what was billed before, where it is `known`.
    """
    said, mode = scope.text("inputs"), scope.text("in_place_edits") or "follow"
    if not said or not inputs or said == inputs or mode == "follow" or (mode == "amend" and known):
        return
    source = scope.source("inputs")
    if mode == "ignore":
        message = "The deal was edited after it was billed; the mapping ignores such edits."
        scope.report(block(IssueCode.ON_HOLD, source, message, "Sell the change with a deal of its own."))
        return
    message = "The deal was edited after it was billed, and nothing says from which day on the edit counts."
    if mode == "amend":
        message = "The deal was edited after it was billed, and nothing is kept of what it sold before."
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
        versions: Sequence[Version],
    ) -> None:
        self._reader = reader
        self._root = root
        self.terms = terms
        self.segments = segments
        self._versions = versions
        self._flat = _flat(versions[-1].sold)
        self._book = Book([])
        self._once: Counter[object] = Counter()

    def first(self, scope: Scope) -> Iterator[Revision]:
        """Yield the first revision, and one for each edit of the deal; what they sell is held from now on."""
        first, *edits = self._versions
        lines = tuple(self._in_segment(each) for each in first.sold)
        for each, line in zip(first.sold, lines, strict=True):
            self._hold(replace(each, line=line))
        start = self.terms.start or date.min
        yield Revision(scope.ref, RevisionKind.INITIAL, start, lines, link=self._reader.link(scope.ref))
        for edit in edits:
            yield from self._edited(scope, edit)

    def _edited(self, scope: Scope, edit: Version) -> Iterator[Revision]:
        """Yield what an edit adds and takes away from the day on which it counts; changes by other deals come later."""
        since = edit.since or date.min
        targets = [_holding(each) for each in edit.sold if is_recurring(each.line)]
        lines = self._book.change(targets, since, f"{scope.ref}@{since}", of=lambda _: True)
        for each in edit.sold:
            if not is_recurring(each.line):
                self._hold(each)
                lines.append(each.line)
        if lines:
            yield self._made(scope, since, lines)

    def revision(self, raw: RawRevision) -> Revision | None:
        """Return what a change adds and takes away; None when it cannot be told from when it counts."""
        reader = replace(self._reader, revision=raw.kind)
        scope = reader.scope("revision", raw.record)
        if raw.kind == RevisionKind.RENEWAL:
            return self._renewed(reader, scope, raw)
        if scope.text("action") == "terminate":
            return self.ended(scope)
        since = scope.date("effective") or first_start(reader, raw) or scope.date("closed")
        if since is None:
            scope.missing("effective")
            return None
        restates = scope.text("mode") == "restate"
        begin = self.terms.start if restates else since
        sold = read_sold(reader, raw, Frame(begin, self.terms.end, self.terms.currency))
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
        since = own.date("start") or first_start(reader, raw) or self.terms.end
        if since is None:
            own.missing("start", IssueCode.START_MISSING)
            return None
        sold = read_sold(reader, raw, Frame(since, own.date("end"), self.terms.currency))
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
        return segment_on(self.segments, line.start) if ramped else None

    def _period_end(self, holding: Holding, day: date) -> date:
        """Return the first day on or after `day` on which a billing period of what is held begins."""
        same = [each.line.start for each in self._book.holdings if each.line.interval == holding.line.interval]
        anchor = min(same, default=holding.start)
        horizon = max(day, anchor) + timedelta(days=31 * holding.line.interval + 1)
        if day <= anchor:
            return anchor
        return next(billing_dates(anchor, holding.line.interval, Period(day, horizon)), day)


def _end(versions: Sequence[Version]) -> date | None:
    """Return the end of the contract: None while something of it runs on, else its own or that of its last line."""
    newest = versions[-1]
    recurring = [each.line for each in newest.sold if is_recurring(each.line)]
    if any(line.end is None for line in recurring):
        return None
    end = newest.terms.end or max((line.end for line in recurring if line.end), default=None)
    return max(end, newest.since) if end and newest.since else end


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


def _series_is(series: str) -> Callable[[Holding], bool]:
    return lambda held: held.series == series


def _holding(each: Sold) -> Holding:
    end = each.line.end or FOREVER
    return Holding(each.line, each.series, each.base, each.line.quantity, each.line.start, end)
