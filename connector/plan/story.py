"""The story of a contract, in sentences that a rep can check against what was agreed.

Each order, what it changed, what of that is billed once and when, and how the contract stands today.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal

from connector.compile.resource import DesiredState
from connector.domain.contract import Charge, Contract, Line, Revision, RevisionKind
from connector.domain.money import plain, text, to_minor
from connector.domain.period import FOREVER
from connector.domain.timeline import line_end, timeline
from connector.plan.wording import in_words

_NAMES = {RevisionKind.INITIAL: "first order", RevisionKind.AMENDMENT: "amendment", RevisionKind.RENEWAL: "renewal"}


def story(contract: Contract, desired: DesiredState, today: date) -> Iterator[str]:
    """Yield the story, an order in a paragraph."""
    for number, revision in enumerate(contract.revisions):
        value = sum(to_minor(line.total, contract.currency) for line in revision.lines)
        sign = "+" if value > 0 and number else ""
        name = f"{_NAMES[revision.kind]} {revision.ref}"
        yield f"{revision.effective}  {name}  {sign}{text(value, contract.currency)}"
        yield from (f"            {words}" for words in _changes(contract, number))
        yield from (f"            {words}" for words in _once(revision, desired, contract.currency))
        yield from (f"            {words}" for words in _ending(contract, number))
    yield f"{today}  today"
    yield from (f"            {words}" for words in _today(contract, today))


def _changes(contract: Contract, number: int) -> Iterator[str]:
    """Yield what a revision does to each product, by the day from which it counts."""
    revision = contract.revisions[number]
    until_now = [line for earlier in contract.revisions[:number] for line in earlier.lines]
    by_day: dict[tuple[date, str], list[Line]] = defaultdict(list)
    for line in revision.lines:
        if line.charge is not Charge.ONE_TIME:
            by_day[line.start, line.product.ref].append(line)
    for (day, product), lines in sorted(by_day.items()):
        before = _held(until_now, product, day, contract)
        after = before + sum((line.quantity for line in lines), Decimal(0))
        yield _sentence(lines, day, before, after, contract)
    for line in revision.lines:
        if line.charge is Charge.ONE_TIME:
            amount = text(to_minor(line.total, contract.currency), contract.currency)
            yield f"once, on {line.start}: {_count(line.quantity)} x {line.product.name}, {amount}"


def _sentence(lines: list[Line], day: date, before: Decimal, after: Decimal, contract: Contract) -> str:
    line = lines[0]
    name = line.product.name
    label = f" ({line.segment.label})" if line.segment and line.segment.label else ""
    if line.charge is Charge.USAGE:
        return f"from {day}{label}: {name}, by what is used"
    end = max(line_end(one, contract) for one in lines)
    until = f" until {end}" if end != FOREVER else ", without an end"
    if before == 0:
        return f"from {day}{until}{label}: {_count(after)} x {name}"
    if after == 0:
        return f"from {day}{label}: {name} ends ({_count(before)} until then)"
    change = after - before
    words = f"{_count(abs(change))} {'more' if change > 0 else 'fewer'}" if change else "as many"
    return f"from {day}{until}{label}: {words} {name}, {_count(before)} -> {_count(after)}"


def _held(lines: Iterable[Line], product: str, day: date, contract: Contract) -> Decimal:
    running = (
        line.quantity
        for line in lines
        if line.product.ref == product and line.charge is not Charge.ONE_TIME
        if line.start <= day < line_end(line, contract)
    )
    return sum(running, Decimal(0))


def _once(revision: Revision, desired: DesiredState, currency: str) -> Iterator[str]:
    """Yield what is billed once for a change within a period."""
    mine = {line.ref for line in revision.lines if line.charge is not Charge.ONE_TIME}
    for spec in desired.schedules:
        for phase in spec.phases:
            for one in phase.one_offs:
                if one.line.ref in mine:
                    yield f"  once: {in_words(one, currency, spec)}"


def _ending(contract: Contract, number: int) -> Iterator[str]:
    """Yield that a revision leaves nothing from some day on, where what was there before it went on."""
    known = replace(contract, revisions=contract.revisions[: number + 1])
    before = replace(contract, revisions=contract.revisions[:number])
    left, had = (timeline(one)[0] for one in (known, before))
    end = left[-1].period.end if left else contract.start
    if had and end < had[-1].period.end:
        yield f"nothing is left from {end} on: the contract ends" if left else "nothing is left: the contract is undone"


def _today(contract: Contract, today: date) -> Iterator[str]:
    slices, _ = timeline(contract)
    current = next((piece for piece in slices if piece.period.start <= today < piece.period.end), None)
    if current is None:
        begins = slices[0].period.start if slices else None
        yield f"nothing is in force yet; it begins on {begins}" if begins and today < begins else "nothing is in force"
        return
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for entry in current.in_force:
        sums[entry.line.product.name] += entry.quantity
    held = ", ".join(f"{_count(quantity)} x {name}" for name, quantity in sums.items())
    later = next((piece.period.start for piece in slices if piece.period.start > today), None)
    then = f"; the next change is on {later}" if later else ""
    yield f"in force: {held}{then}"


def _count(quantity: Decimal) -> str:
    return f"{plain(quantity):f}"
