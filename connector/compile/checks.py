"""What must hold before a contract can be billed at all. Every check reports everything it finds."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from decimal import Decimal
from itertools import pairwise

from connector.compile.group import Group, groups_of
from connector.compile.horizon import horizon, is_open
from connector.compile.limits import ITEMS
from connector.compile.parts import parts_of
from connector.compile.resource import DesiredState
from connector.domain.contract import Charge, Contract, Line
from connector.domain.issues import Issue, IssueCode, Source, block, warn
from connector.domain.money import plain
from connector.domain.period import Period
from connector.domain.timeline import Timeline, line_end


def check_lines(contract: Contract) -> tuple[Issue, ...]:
    """Return what is wrong with single lines and with the segments of a ramp."""
    issues: list[Issue] = []
    for line in contract.lines:
        issues += _quantity(contract, line)
        issues += _dates(contract, line)
        issues += _price(contract, line)
    issues += _segments(contract)
    issues += _customer_currency(contract)
    issues += _endless(contract)
    if not contract.lines:
        issues.append(_no_lines(contract))
    return tuple(issues)


def check_coverage(contract: Contract, timeline: Timeline) -> tuple[Issue, ...]:
    """Return stretches in which a schedule would have nothing to bill: Stripe has no phase without items."""
    issues: list[Issue] = []
    for part in parts_of(contract, timeline):
        issues += _coverage(part.contract, part.pieces)
    return tuple(issues)


def _coverage(contract: Contract, timeline: Timeline) -> Iterator[Issue]:
    for interval in sorted({entry.line.interval for piece in timeline for entry in piece.in_force}):
        mine = [piece.period for piece in timeline if any(e.line.interval == interval for e in piece.in_force)]
        gaps = [_gap(contract, one, other) for one, other in _apart(mine)]
        if not gaps and len(contract.lines) > ITEMS:
            gaps = [
                pause
                for group in groups_of(contract, timeline, interval, horizon(contract))
                for pause in _pauses(group)
            ]
        yield from gaps


def _apart(periods: Iterable[Period]) -> list[tuple[Period, Period]]:
    return [(one, other) for one, other in pairwise(periods) if one.end < other.start]


def _gap(contract: Contract, one: Period, other: Period) -> Issue:
    lines = [line for line in contract.lines if line.quantity > 0 and line.charge is not Charge.ONE_TIME]
    if any(line.start < one.end < line_end(line, contract) for line in lines):
        revision = next(r for r in contract.revisions if any(line.start == other.start for line in r.lines))
        return block(
            IssueCode.TERMINATION,
            Source(revision.ref),
            f"the order changes the contract from {other.start}, but everything in it was ended on {one.end}",
            "Cancel this order, or sell what it holds as a new contract; the connector bills neither until then.",
        )
    return block(
        IssueCode.COVERAGE_GAP,
        Source(contract.ref),
        f"nothing is sold from {one.end} to {other.start}; a Stripe schedule cannot pause in between",
        "Extend a line over the gap, add a zero-price line, or sell the later part as its own order.",
    )


def _pauses(group: Group) -> Iterator[Issue]:
    """Yield stretches without a line in one of the linked schedules of a wide contract, where others go on."""
    for one, other in _apart(piece.period for piece in group.slices):
        names = sorted({entry.line.product.name for p in group.slices if p.period == other for entry in p.in_force})
        yield block(
            IssueCode.COVERAGE_GAP,
            Source(group.contract.ref),
            f"{', '.join(names)}: begins on {other.start}, but all beside it on linked schedule {group.number} ends on "
            f"{one.end}; a Stripe schedule cannot pause in between",
            "Sell what begins later as its own order.",
        )


def check_over(desired: DesiredState, contract: Contract) -> tuple[Issue, ...]:
    """Return the schedules that were over before they could be made: Stripe takes none that lies in the past."""
    days = {spec.key: desired.fresh.get(spec.key, desired.made) for spec in desired.schedules}
    over = [spec for spec in desired.schedules if (made := days[spec.key]) is not None and spec.end <= made]
    return tuple(
        block(
            IssueCode.SCHEDULE_OVER,
            Source(contract.ref),
            f"the contract ran from {spec.start} to {spec.end} and was over before it was first billed",
            "Bill it by hand, or leave it out of the sync.",
        )
        for spec in over
    )


def _no_lines(contract: Contract) -> Issue:
    return block(
        IssueCode.NO_LINES,
        Source(contract.ref),
        "the order has no lines that can be billed",
        "Add at least one product to the order, or clear the skip flag of its lines.",
    )


def _quantity(contract: Contract, line: Line) -> Iterator[Issue]:
    source = contract.source(line.ref, "quantity")
    if line.quantity != line.quantity.to_integral_value():
        yield block(
            IssueCode.QUANTITY_FRACTION,
            source,
            f"{line.product.name}: quantity {line.quantity.normalize():f} is not whole; Stripe counts whole units",
            "Sell whole units, or sell in a smaller unit (75 hours instead of 7.5 ten-hour packs).",
        )
    elif line.charge is Charge.USAGE:
        if line.quantity not in {Decimal(0), Decimal(1)} and not (line.revises and line.quantity == -1):
            yield block(
                IssueCode.QUANTITY_METERED,
                source,
                f"{line.product.name}: quantity {line.quantity.normalize():f} on a line that is billed by usage; "
                "what is used is counted, not sold ahead",
                "Set the quantity of the usage line to 1 (put a commitment on a line of its own).",
            )
    elif line.quantity == 0:
        yield warn(
            IssueCode.QUANTITY_ZERO,
            source,
            f"{line.product.name}: quantity is 0, nothing will be billed for the line",
            "Enter the quantity that was sold, or remove the line.",
        )


def _dates(contract: Contract, line: Line) -> Iterator[Issue]:
    if line.charge is Charge.ONE_TIME:
        return
    end = line.end or contract.end
    if end is not None and end <= line.start:
        yield block(
            IssueCode.LINE_DATES,
            contract.source(line.ref, "end"),
            f"{line.product.name}: the line ends before it starts ({line.start} to {end}, the end not included)",
            "Correct the line's start or end date.",
        )


def _price(contract: Contract, line: Line) -> Iterator[Issue]:
    if line.charge is not Charge.ONE_TIME and line.unit_price < 0:
        yield block(
            IssueCode.NEGATIVE_PRICE,
            contract.source(line.ref, "unit_price"),
            f"{line.product.name}: the price is negative ({plain(line.unit_price):f}); Stripe has no recurring credits",
            "Give the discount on the line it belongs to, as a coupon, or as a one-time line (which becomes a credit).",
        )


def _endless(contract: Contract) -> Iterator[Issue]:
    """Yield the lines without an end that were not sold so: their price is for a time that is not known."""
    names = {line.product.name for line in contract.lines if is_open(line, contract) and line.price_term is None}
    if names:
        yield block(
            IssueCode.TERM_MISSING,
            contract.source(contract.ref, "term_months"),
            f"{', '.join(sorted(names))}: the line has no end, and the contract has none either",
            "Enter a subscription term or an end date.",
        )


def _segments(contract: Contract) -> Iterator[Issue]:
    """Yield gaps and overlaps within one key; amendments repeat a key on purpose, so each revision stands alone."""
    for revision in contract.revisions:
        keys: dict[str, list[Line]] = defaultdict(list)
        for line in revision.lines:
            if line.segment and line.charge is not Charge.ONE_TIME and line.revises is None and line.quantity >= 0:
                keys[line.segment.key].append(line)
        for lines in keys.values():
            ordered = sorted(lines, key=lambda line: (line.start, line.ref))
            for one, other in pairwise(ordered):
                yield from _joint(contract, one, other)


def _joint(contract: Contract, one: Line, other: Line) -> Iterator[Issue]:
    end = one.end or contract.end
    if end is None or end == other.start:
        return
    labels = f"{_label(one)} and {_label(other)} of {one.product.name}"
    if end < other.start:
        yield block(
            IssueCode.SEGMENT_GAP,
            contract.source(other.ref, "start"),
            f"{labels}: nothing is sold from {end} to {other.start}, between the segments",
            f"Let the later segment start on {end}, or end the earlier one the day before {other.start}.",
        )
    else:
        yield block(
            IssueCode.SEGMENT_OVERLAP,
            contract.source(other.ref, "start"),
            f"{labels} overlap from {other.start} to {min(end, line_end(other, contract))} and would be billed twice",
            f"Let the later segment start on {end}.",
        )


def _label(line: Line) -> str:
    if line.segment is None:
        return f"line {line.ref}"
    return f'segment "{line.segment.label}"' if line.segment.label else f"segment {line.segment.index}"


def _customer_currency(contract: Contract) -> Iterator[Issue]:
    others = sorted(contract.other_currencies - {contract.currency})
    if others:
        yield block(
            IssueCode.CUSTOMER_CURRENCY,
            contract.source(contract.ref, "currency"),
            f"the order is in {contract.currency.upper()}, but the customer is already billed in "
            f"{', '.join(code.upper() for code in others)}; a Stripe customer has one currency at a time",
            "Bill this order to another account, or wait until the customer's other subscriptions have ended.",
        )
