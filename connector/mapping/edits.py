"""A deal that was edited after it was billed: what it sold before up to a day, from then on what it says now. Pure.

What was billed is kept as it was read (`SoldFrom`) and given back at the next reading (`SoldBefore`). A version counts
from the first day on which a billing period begins after its edit was heard of; an edit that is heard of before
anything has begun, or before the last one counts, replaces that.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from connector.domain.issues import IssueCode, Source, block
from connector.domain.period import Period, billing_dates
from connector.mapping.book import is_recurring, terms_of
from connector.mapping.lines import Frame
from connector.mapping.raw import RawRecord, RawRecords, RawRevision, SoldBefore, SoldFrom
from connector.mapping.reading import Notes, Reader, Scope
from connector.mapping.rules import rule_paths
from connector.mapping.sold import Sold, fingerprint, first_start, read_sold
from connector.mapping.terms import Terms, read_terms

_REMEDY = "Undo the edit, and sell the change with a deal of its own."


@dataclass(frozen=True, slots=True)
class Version:
    """What a deal sells from a day on; the first version has none, it counts from the beginning."""

    since: date | None
    sold: tuple[Sold, ...]
    terms: Terms


def first_sale(reader: Reader, first: RawRevision, terms: Terms, closed: date | None) -> Version:
    """Read the lines of the deal that begins a contract, in the frame that it gives itself."""
    start = terms.start or first_start(reader, first) or closed
    terms = replace(terms, start=start)
    return Version(None, tuple(read_sold(reader, first, Frame(start, terms.end, terms.currency))), terms)


def versions_of(
    reader: Reader, scope: Scope, first: RawRevision, now: Version, before: SoldBefore, *, closes: bool
) -> tuple[tuple[Version, ...], tuple[SoldFrom, ...]]:
    """Return the versions that count, each from its day on, and what is to be kept of them once this is billed.

    `now` is the deal as it is. What was charged once stays as it was sold: an edit of it is an issue (IN_PLACE_EDIT).
    Edits that were billed count whatever the mapping says of edits by now; a further one has a day of its own with
    `amend` only, else the deal is taken as it is.
    """
    inputs = fingerprint(now.sold)
    kept = SoldFrom(None, inputs, first, tuple(_related(reader, first)))
    known = before.versions
    if not known:
        return (now,), (kept,)
    _check_currency(reader, scope, known[-1])
    same = known[-1].inputs == inputs
    if not same and scope.text("in_place_edits") != "amend":
        return (now,), (kept,)
    earlier = [_read_again(reader, each, closes=closes) for each in (known[:-1] if same else known)]
    if not same:
        since = _since(earlier, before.heard)
        if since is None:
            return (now,), (kept,)
        left = [each for each in known if each.since is None or (each.since <= before.heard and each.since < since)]
        undone = left[-1].inputs == inputs  # before the edit counted
        known = tuple(left) if undone else (*left, replace(kept, since=since))
    every = (*earlier[: len(known) - 1], replace(now, since=known[-1].since))
    return tuple(_once(reader, every)), known


def _check_currency(reader: Reader, scope: Scope, kept: SoldFrom) -> None:
    before = _then(reader, kept).quiet().scope("contract", kept.revision.record).text("currency")
    if before != scope.text("currency"):
        message = "The currency of the deal was changed after it was billed."
        scope.report(block(IssueCode.IN_PLACE_EDIT, scope.source("currency"), message, _REMEDY))


def _read_again(reader: Reader, kept: SoldFrom, *, closes: bool) -> Version:
    """Read what was sold before from its own records; what is wrong with them is told as of those of today."""
    again, first = _then(reader, kept), kept.revision
    scope = again.scope("contract", first.record)
    found = first_sale(again, first, read_terms(scope), scope.date("closed") if closes else None)
    return replace(found, since=kept.since)


def _then(reader: Reader, kept: SoldFrom) -> Reader:
    """Return a reader of records as they were; what they lead to is read as it is now, where it is there."""
    own = [kept.revision.record]
    for line in kept.revision.lines:
        own += [line.record, *line.rate_schedules, *line.rates, *line.discounts]
    records = RawRecords([*kept.related, *reader.records, *own])
    return replace(reader, records=records, notes=Notes(issues=reader.notes.issues))


def _related(reader: Reader, first: RawRevision) -> Iterator[RawRecord]:
    """Yield what a deal's lines lead to, and of what the deal leads to that which tells its frame: no people."""
    records, root = reader.records, first.record
    found: dict[tuple[str, str], RawRecord] = {}
    paths = (path for rule in reader.mapping.sections["contract"].values() for path in rule_paths(rule))
    led = [records.follow(root, path.steps[0]) for path in paths if path.steps]
    led += [records.get(value) for line in first.lines for value in line.record.fields.values()]
    for record in led:
        if record is not None and record.object not in {root.object, reader.mapping.line_object}:
            found[record.object, record.id] = record
    yield from (found[key] for key in sorted(found))


def _since(versions: Sequence[Version], heard: date) -> date | None:
    """Return the first day after `heard` on which a period begins of what runs; None before anything has begun."""
    lines = [each.line for version in versions for each in version.sold]
    if not lines or heard < min(line.start for line in lines):
        return None
    in_force = next(each for each in reversed(versions) if each.since is None or each.since <= heard)
    running = {
        each.line.interval
        for each in in_force.sold
        if is_recurring(each.line) and each.line.start <= heard and (each.line.end is None or heard < each.line.end)
    }
    days = [_next_period(min(_starts(versions, interval)), interval, heard) for interval in running]
    return min(days, default=heard)


def _starts(versions: Iterable[Version], interval: int) -> Iterator[date]:
    sold = (each.line for version in versions for each in version.sold)
    return (line.start for line in sold if is_recurring(line) and line.interval == interval)


def _next_period(anchor: date, interval: int, heard: date) -> date:
    after = heard + timedelta(days=1)
    return next(billing_dates(anchor, interval, Period(after, after + timedelta(days=31 * interval + 1))))


def _once(reader: Reader, versions: Sequence[Version]) -> Iterator[Version]:
    """Yield the versions with what each charges once: not again what was charged, and nothing that a later one decides.

    What an edit adds is charged from the day on which the edit counts.
    """
    charged: dict[str, Sold] = {}
    ends = [version.since or date.max for version in versions[1:]]
    for version, end in zip(versions, (*ends, date.max), strict=True):
        again = _charged_again(charged, version.sold)
        if version is versions[-1]:
            _check_charged(reader, charged, again)
        sold = []
        for each in version.sold:
            start = max(each.line.start, version.since or date.min)
            if is_recurring(each.line):
                sold.append(_named(each, version))
            elif each not in again.values() and start < end:
                charged[each.line.ref] = each
                sold.append(_named(replace(each, line=replace(each.line, start=start)), version))
        yield replace(version, sold=tuple(sold))


def _charged_again(charged: Mapping[str, Sold], sold: Iterable[Sold]) -> dict[str, Sold]:
    """Return what was charged, by its name then, as a later version says it: the same record, else one of equal worth.

    Lines are copied when a quote is made of them, and then are other records.
    """
    once = [each for each in sold if not is_recurring(each.line)]
    found = {each.line.ref: each for each in once if each.line.ref in charged}
    others = [each for each in once if each.line.ref not in charged]
    for ref, before in charged.items():
        same = next((each for each in others if ref not in found and _worth(each) == _worth(before)), None)
        if same is not None:
            others.remove(same)
            found[ref] = same
    return found


def _check_charged(reader: Reader, charged: Mapping[str, Sold], again: Mapping[str, Sold]) -> None:
    for ref, before in charged.items():
        after = again.get(ref)
        if after is not None and _worth(after) == _worth(before):
            continue
        what = "was removed" if after is None else "was changed"
        message = f"{before.line.product.name} is charged once, before the edit of the deal counts; it {what}."
        reader.notes.issues.append(block(IssueCode.IN_PLACE_EDIT, Source(ref), message, _REMEDY))


def _worth(each: Sold) -> object:
    return (terms_of(each.line), each.line.quantity)


def _named(each: Sold, version: Version) -> Sold:
    """Name a line of an edit apart from the line as it was sold; its record is the same."""
    if version.since is None:
        return each
    return replace(each, line=replace(each.line, ref=f"{each.line.ref}@{version.since}"))
