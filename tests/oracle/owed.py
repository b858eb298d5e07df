"""What a contract that lives has come to owe by each visit, worked out by the oracle from what was known when.

What a day owes is told by the contract as it was known when the day began; a visit makes it what the contract then
says, for all of the past, unless a policy leaves the past as it was billed.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction

from connector.domain.contract import Contract, Line, RevisionKind
from tests.oracle.calendars import Stretch, calendars, paid_alike, root_of
from tests.oracle.days import length, months_on
from tests.oracle.slack import slack, slack_of_all
from tests.oracle.sold import HALF, Sale, minor, one_time, sales
from tests.oracle.standin import rated


@dataclass(frozen=True)
class Due:
    """An amount owed from a day on, and how far it may be off. `part`: it is of a change within a billing period."""

    day: date
    product: str
    worth: Fraction
    room: Fraction
    part: bool


@dataclass(frozen=True)
class Sum:
    """An amount, and how far it may be off."""

    worth: Fraction = Fraction(0)
    room: Fraction = Fraction(0)

    def __add__(self, other: "Sum") -> "Sum":
        return Sum(self.worth + other.worth, self.room + other.room)


def dues(contract: Contract) -> Iterator[Due]:
    """Yield everything a contract comes to owe."""
    every = sales(contract)
    families = defaultdict(list)
    for sale in every:
        families[sale.root].append(sale)
    for sale in every:
        if last := sale.dates.before_the_end(sale.line):
            room = slack(sale, sale.pieces[0], families[sale.root], contract)
            yield Due(last, sale.line.product.ref, Fraction(0), room, part=False)
        for piece in sale.pieces:
            day = piece.at.start
            begins = day == sale.line.start
            if begins:
                day = min(day, sale.dates.invoice_of(sale.line))
            worth, room = piece.worth, slack(sale, piece, families[sale.root], contract)
            if sale.line.rated:
                worth = _rated(sale, piece.at, contract)
            left = _taken_off(worth, sale.line, day, contract)
            room += HALF if left != worth else 0
            part = begins and piece.at.start not in (sale.dates.first, *sale.dates.every)
            part = part and _changes(sale.line, contract)
            if part and (share := _never_began(sale.line, contract)):
                yield Due(day, sale.line.product.ref, left * share, room, part=False)
                left *= 1 - share
            yield Due(day, sale.line.product.ref, left, room, part)
    for item in one_time(contract):
        yield Due(_day_of(item.line, contract), item.line.product.ref, item.worth, HALF, part=False)


def owed(contract: Contract, after: date | None, until: date | None, *, parts: bool = True) -> Mapping[str, Sum]:
    """Return by product what a contract comes to owe after a day, up to and with another."""
    sums: dict[str, Sum] = defaultdict(Sum)
    for due in dues(contract):
        if (after is None or due.day > after) and (until is None or due.day <= until) and (parts or not due.part):
            sums[due.product] += Sum(due.worth, due.room)
    return sums


def total(contract: Contract) -> Sum:
    """Return what a contract is worth in all, where nothing is waived or rated: the CRM's own figures."""
    sold = sum((minor(line.total, contract) for line in contract.lines), Fraction(0))
    room = sum((slack_of_all(sale, contract) for sale in sales(contract)), HALF * len(one_time(contract)))
    return Sum(sold, room)


def added(*parts: Mapping[str, Sum]) -> Mapping[str, Sum]:
    """Return sums by product added up."""
    sums: dict[str, Sum] = defaultdict(Sum)
    for part in parts:
        for product, amount in part.items():
            sums[product] += amount
    return sums


def plain(contract: Contract) -> bool:
    """Tell whether the CRM's figures are what is billed: no coupons, tiers or usage, and everything has an end."""
    return not any(line.discounts or line.rated or line.price_term is not None for line in contract.lines)


def _never_began(line: Line, contract: Contract) -> Fraction:
    """Return the share of what a line takes away that the first order was to begin on the same day.

    The last in is the first out: what later orders were to begin on that day is taken away before it. An order adds
    before it takes away.
    """
    root = root_of(line, contract)
    if line.quantity >= 0 or root.start != line.start or root not in contract.revisions[0].lines:
        return Fraction(0)
    first, later = Fraction(root.quantity), Fraction(0)
    orders = [sorted(revision.lines, key=lambda each: each.quantity < 0) for revision in contract.revisions]
    for each in (each for lines in orders for each in lines):
        if each is root or each.start != root.start or root_of(each, contract) is not root:
            continue
        taken = min(first, max(Fraction(0), -Fraction(each.quantity) - later))
        first, later = first - taken, max(Fraction(0), later + Fraction(each.quantity))
        if each is line:
            return taken / -Fraction(line.quantity)
    return Fraction(0)


def _changes(line: Line, contract: Contract) -> bool:
    """Tell whether a line is of a later order, or takes away."""
    later = [revision for revision in contract.revisions if revision.kind is RevisionKind.AMENDMENT]
    return line.quantity < 0 or any(line in revision.lines for revision in later)


def billed_once(contract: Contract) -> set[str]:
    """Return the products that are only billed once: they are owed whatever the policy says of parts of periods."""
    others = {sale.line.product.ref for sale in sales(contract)}
    return {item.line.product.ref for item in one_time(contract)} - others


def not_begun(before: Contract, after: Contract, day: date) -> bool:
    """Tell whether what was to begin on a day is taken away by what was not known before."""
    known = {line.ref for line in before.lines}
    fresh = (line for line in after.lines if line.ref not in known and line.start == day)
    return any(_never_began(line, after) for line in fresh)


def fees_moved(before: Contract, after: Contract) -> bool:
    """Tell whether a one-time line that both know is owed from another day."""
    days = [{item.line.ref: _day_of(item.line, each) for item in one_time(each)} for each in (before, after)]
    return any(days[0][ref] != days[1][ref] for ref in days[0].keys() & days[1].keys())


def _day_of(line: Line, contract: Contract) -> date:
    """Return the day from which a one-time line is owed: its own, within the time of what it goes with.

    Alone it is an invoice of its own, made at once.
    """
    frequencies = paid_alike(line, calendars(contract), contract)
    if not frequencies:
        return date.min
    first = min(dates.first for dates in frequencies)
    latest = max(dates.end for dates in frequencies)
    running = [dates for dates in frequencies if line.start < dates.end or dates.end == latest <= line.start]
    chosen = min(running, key=lambda dates: dates.first)
    return max(chosen.first if chosen.first > line.start else first, min(line.start, chosen.end - timedelta(days=1)))


def _rated(sale: Sale, at: Stretch, contract: Contract) -> Fraction:
    """Return what tiers make of a piece: they are per billing period, and a part takes its share."""
    line = sale.line
    tiers = [
        {
            "up_to": tier.up_to or "inf",
            "unit_amount_decimal": str(tier.unit_price or 0),
            "flat_amount_decimal": str(tier.flat_price or 0),
        }
        for tier in line.tiers
    ]
    assert line.tiers_mode is not None
    full = rated(tiers, line.tiers_mode.value, int(line.quantity)) * minor_unit(contract)
    if at.whole:
        return full
    return full * length(at.start, at.end, sale.dates.anchor, "month_day") / sale.dates.interval


def minor_unit(contract: Contract) -> Fraction:
    """Return how many minor units a major one has."""
    line = contract.lines[0]
    return (
        minor(line.unit_price, contract) / Fraction(line.unit_price)
        if line.unit_price
        else Fraction(minor(type(line.unit_price)(1), contract))
    )


def _taken_off(worth: Fraction, line: Line, day: date, contract: Contract) -> Fraction:
    """Return what is left of a bill after the coupons of its line, in order; never less than nothing."""
    for one in line.discounts:
        holds = one.duration == "forever" or (one.duration == "once" and day == line.start)
        if one.duration == "repeating" and one.months:
            holds = day < months_on(line.start, one.months)
        if holds and one.percent is not None:
            worth *= 1 - Fraction(one.percent) / 100
        elif holds and one.amount is not None:
            worth -= min(minor(one.amount, contract), max(worth, Fraction(0)))
    return worth
