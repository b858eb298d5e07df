"""One algebra for ramp, amendment, termination, renewal and evergreen: cut the contract where anything changes.

A revision's lines carry changes of quantity. What is in force on a day is the sum of everything that covers the day;
reductions take from the newest addition first, as CPQ's own revised-line star implies (every amendment names the line
of the *first* order, so the order of taking is ours to fix: last in, first out). What has no end lasts FOREVER: the
last slice of an open contract is open.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from itertools import pairwise

from connector.domain.contract import Charge, Contract, Line, Revision
from connector.domain.issues import Issue, IssueCode, Source, block
from connector.domain.money import plain
from connector.domain.period import FOREVER, Period


@dataclass(frozen=True, slots=True)
class InForce:
    """A line and how much of it is in force during a slice."""

    line: Line
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class Slice:
    """A stretch of time in which nothing changes. `revision` is the newest one that shapes its start."""

    period: Period
    revision: Revision
    in_force: tuple[InForce, ...]


Timeline = tuple[Slice, ...]


def timeline(contract: Contract) -> tuple[Timeline, tuple[Issue, ...]]:
    """Cut the contract into slices: 50 seats, +20 from March, all gone in June gives 50, 70 and then nothing.

    What runs without an end gives a last slice that is open, until it is taken away.

    One-time lines cut too (they are billed on their day) but are never in force. Slices without anything in force are
    left out. Issues: REVISED_LINE_UNKNOWN, QUANTITY_REDUCED.
    """
    recurring = tuple(line for line in contract.lines if line.charge is not Charge.ONE_TIME)
    roots, issues = _roots(contract, recurring)
    rank = _rank(contract)
    cuts = sorted(_cuts(contract, recurring))
    slices = []
    for start, end in pairwise(cuts):
        running = [line for line in recurring if line.start <= start < line_end(line, contract)]
        in_force, more = _in_force(running, roots, rank, start)
        issues += more
        if in_force:
            slices.append(Slice(Period(start, end), revision_on(contract, start), in_force))
    return tuple(slices), tuple(dict.fromkeys(issues))


def held_around(contract: Contract, line: Line, day: date) -> tuple[tuple[InForce, ...], tuple[InForce, ...]]:
    """Return what is in force on a day of all that a line changes, by the changes up to it: without it, and with it."""
    recurring = tuple(each for each in contract.lines if each.charge is not Charge.ONE_TIME)
    roots, _ = _roots(contract, recurring)
    rank = _rank(contract)
    earlier = [
        each
        for each in recurring
        if roots[each.ref] == roots[line.ref]
        and rank[each.ref] < rank[line.ref]
        and each.start <= day < line_end(each, contract)
    ]
    earlier.sort(key=lambda each: rank[each.ref])
    before, _ = _take_newest_first(earlier)
    after, _ = _take_newest_first([*earlier, line])
    return tuple(before), tuple(after)


def revision_on(contract: Contract, day: date) -> Revision:
    """Return the newest revision that shapes the contract on `day`; before the first one, the first."""
    segments = {line.ref for line in contract.lines if line.segment}
    shaping = [
        revision
        for revision in contract.revisions
        if revision.effective <= day and _shapes(revision, contract, segments, day)
    ]
    return shaping[-1] if shaping else contract.revisions[0]


def _shapes(revision: Revision, contract: Contract, segments: set[str], day: date) -> bool:
    """Tell whether a revision in effect has to do with a day: a change of one segment leaves the other ones alone.

    The changing line need not say that it belongs to a segment; the line it revises does.
    """
    bound = [line for line in revision.lines if line.segment or line.revises in segments]
    once = any(line.charge is Charge.ONE_TIME for line in bound)
    if once or len(bound) < len(revision.lines) or not bound:
        return True
    return any(line.start <= day < line_end(line, contract) for line in bound)


def line_end(line: Line, contract: Contract) -> date:
    """Return the exclusive end of a recurring line: its own, else the contract's, else FOREVER."""
    return line.end or contract.end or FOREVER


def _cuts(contract: Contract, recurring: Iterable[Line]) -> set[date]:
    lines = tuple(recurring)
    cuts = {day for line in lines for day in (line.start, line_end(line, contract))}
    if lines:
        first, last = min(cuts), max(cuts)
        cuts |= {line.start for line in contract.lines if line.charge is Charge.ONE_TIME and first < line.start < last}
    return cuts


def _roots(contract: Contract, lines: tuple[Line, ...]) -> tuple[Mapping[str, str], list[Issue]]:
    known = {line.ref: line for line in lines}
    roots: dict[str, str] = {}
    issues: list[Issue] = []
    for line in lines:
        root, seen = line, {line.ref}
        while root.revises in known and root.revises not in seen:
            root = known[root.revises]
            seen.add(root.ref)
        roots[line.ref] = root.ref
        if line.quantity < 0 and root.ref == line.ref:
            issues.append(
                block(
                    IssueCode.REVISED_LINE_UNKNOWN,
                    contract.source(line.ref, "revises"),
                    f"{line.product.name}: the line takes away {plain(-line.quantity):f} but the line it revises is "
                    "not part of this contract",
                    "Point the line's revised order product at the line of the first order, or sync the order it "
                    "belongs to.",
                )
            )
    return roots, issues


def _rank(contract: Contract) -> Mapping[str, tuple[int, bool, str]]:
    """Return the order in which changes count: by revision; within one what is added before what is taken away."""
    return {
        line.ref: (number, line.quantity < 0, line.ref)
        for number, revision in enumerate(contract.revisions)
        for line in revision.lines
    }


def _in_force(
    running: list[Line], roots: Mapping[str, str], rank: Mapping[str, tuple[int, bool, str]], day: date
) -> tuple[tuple[InForce, ...], list[Issue]]:
    groups: dict[str, list[Line]] = defaultdict(list)
    for line in running:
        groups[roots[line.ref]].append(line)
    result: list[InForce] = []
    issues: list[Issue] = []
    for members in groups.values():
        members.sort(key=lambda line: rank[line.ref])
        left, over = _take_newest_first(members)
        result += left
        if over > 0:
            newest = members[-1]
            issues.append(_reduced_too_far(newest, over, day))
    return tuple(result), issues


def _take_newest_first(members: list[Line]) -> tuple[list[InForce], Decimal]:
    """Go through the changes in order: a reduction takes from what was there before it, never from what came later."""
    held: list[InForce] = []
    owed = Decimal(0)
    for line in members:
        if line.quantity >= 0:
            held.append(InForce(line, line.quantity))
        else:
            owed -= line.quantity
        for index in reversed(range(len(held))):
            taken = min(held[index].quantity, owed)
            owed -= taken
            held[index] = replace(held[index], quantity=held[index].quantity - taken)
    return [entry for entry in held if entry.quantity > 0 or entry.line.quantity == 0], owed


def _reduced_too_far(line: Line, over: Decimal, day: date) -> Issue:
    return block(
        IssueCode.QUANTITY_REDUCED,
        Source(line.ref, None),
        f"{line.product.name}: {plain(over):f} more are taken away than were sold as of {day}",
        "Correct the quantities of the amendment so that no more is removed than the contract holds on that day.",
    )
