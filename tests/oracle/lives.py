"""Contracts by chance that live: what was sold, what changes it, and on which days the connector hears of each.

Revisions arrive before, on and after their days, in any order, several on one day; drafts and mistakes among them.
"""

import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

from connector.domain.contract import (
    Charge,
    CollectionMethod,
    Contract,
    Discount,
    Extras,
    Line,
    Policies,
    Revision,
    RevisionKind,
    Tier,
    TiersMode,
)
from tests.builders import seeded
from tests.oracle.changes import amendments
from tests.oracle.days import months_on
from tests.oracle.deals import Book, deal_of, policies

if TYPE_CHECKING:
    from tests.oracle.goods import Offer


#: The seeds from which on coupons may take an amount off: those below stay what they were when they were found.
_AMOUNTS_OFF = 300_000

#: The seeds from which on lines of a contract may be paid in different ways.
_PAID_APART = 500_000

#: Days until what is sent has to be paid.
_TERMS: Extras = {
    "subscription_schedule": ((("default_settings", "invoice_settings", "days_until_due"), 30),),
    "invoice": ((("days_until_due",), 30),),
}


@dataclass(frozen=True)
class Visit:
    """A day on which the contract is looked at, as the CRM then shows it. `wrong`: with a mistake in it."""

    day: date
    contract: Contract
    wrong: bool = False


@dataclass(frozen=True)
class Life:
    """A contract with everything that ever changes it, and the visits; the first one makes the schedules."""

    seed: int
    final: Contract
    visits: tuple[Visit, ...]

    @property
    def made(self) -> date:
        """Return the day of the first visit."""
        return self.visits[0].day

    @property
    def last(self) -> date:
        """Return the day of the last visit: from then on all is known."""
        return self.visits[-1].day

    @property
    def over(self) -> date:
        """Return a day after everything."""
        ends = [line.end or line.start for line in self.final.lines]
        return max([*ends, self.last]) + timedelta(days=2)

    def early(self) -> "Life":
        """Return the life in which everything is known from the first day on."""
        return replace(self, visits=(Visit(self.made, self.final),))

    def late(self) -> "Life":
        """Return the life in which everything is heard of on the last day."""
        first = replace(self.final, revisions=self.final.revisions[:1])
        return replace(self, visits=(Visit(self.made, first), Visit(self.last, self.final)))


def life(seed: int) -> Life:
    """Return the life of a seed."""
    chance = seeded(seed + 2 * 10**9)
    book, contract = deal_of(seed, policies_of(chance), _later)
    contract = _with_extras(chance, book, contract)
    if seed >= _AMOUNTS_OFF:
        contract = _with_amounts_off(seeded(seed + 4 * 10**9), contract)
    if seed >= _PAID_APART:
        contract = _with_ways_to_pay(seeded(seed + 5 * 10**9), contract)
    made = contract.start - timedelta(days=chance.randint(1, 40))
    if chance.random() < 0.3:
        made = contract.start + timedelta(days=chance.choice((0, 1, 20, chance.randint(0, 200))))
    end = contract.end or contract.start
    made = min(made, end - timedelta(days=1))
    return Life(seed, contract, tuple(visits_of(chance, contract, made)))


def visits_of(chance: random.Random, contract: Contract, made: date) -> Iterator[Visit]:
    """Yield the visits of a contract that is first looked at on a day."""
    first, *later = contract.revisions
    heard: dict[date, list[Revision]] = defaultdict(list)
    early: list[Revision] = []
    for revision in later:
        day = _heard(chance, revision.effective, list(heard))
        if day <= made:
            early.append(revision)
        else:
            heard[day].append(revision)
    known = {first.ref, *(revision.ref for revision in early)}
    yield Visit(made, _known(contract, known))
    for day in sorted(heard):
        steps = [[revision] for revision in heard[day]] if chance.random() < 0.5 else [heard[day]]
        for step in steps:
            mistaken = _mistaken(_known(contract, known), day)
            if chance.random() < 0.05 and mistaken != _known(contract, known):
                yield Visit(day, mistaken, wrong=True)
            known |= {revision.ref for revision in step}
            yield Visit(day, _known(contract, known))
        if chance.random() < 0.1:  # a draft, or a field that does not matter: nothing changes
            yield Visit(day + timedelta(days=chance.randint(0, 1)), _known(contract, known))


def _heard(chance: random.Random, effective: date, days: list[date]) -> date:
    if days and chance.random() < 0.2:
        return chance.choice(days)
    kind = chance.random()
    if kind < 0.25:
        return effective - timedelta(days=chance.randint(1, 60))
    if kind < 0.45:
        return effective
    if kind < 0.8:
        return effective + timedelta(days=chance.randint(1, 40))
    return effective + timedelta(days=chance.randint(41, 200))


def _known(contract: Contract, refs: set[str]) -> Contract:
    return replace(contract, revisions=tuple(one for one in contract.revisions if one.ref in refs))


def _mistaken(contract: Contract, day: date) -> Contract:
    """Return the contract with an order that takes away more than was ever sold."""
    line = next((line for line in contract.revisions[0].lines if line.charge is Charge.RECURRING), None)
    if line is None or line.end is None or day >= line.end:
        return contract
    wrong = replace(line, ref="WRONG", quantity=Decimal(-100_000), total=line.unit_price * -100_000, revises=line.ref)
    lines = (replace(wrong, start=max(day, line.start)),)
    return replace(contract, revisions=(*contract.revisions, Revision("AW", RevisionKind.AMENDMENT, day, lines)))


def policies_of(chance: random.Random) -> Policies:
    """Return policies by chance, with those that only matter to what lives."""
    return replace(
        policies(chance),
        proration=chance.choice(("crm",) * 9 + ("none",)),
        correction=chance.choice(("next_invoice",) * 7 + ("now", "now", "manual")),
        settlement=chance.choice(("credit_balance",) * 6 + ("none", "credit_note", "refund")),
        backdated_start=chance.choice(("bill",) * 9 + ("skip",)),
        billing_mode=chance.choice(("flexible",) * 9 + ("classic",)),
    )


def _later(book: Book) -> tuple[Revision, ...]:
    """Return later orders: those of a deal, and exchanges, extensions and terminations bit by bit."""
    kind = book.chance.random()
    if kind < 0.7 or not book.roots:
        return amendments(book)
    if kind < 0.8:
        return tuple(_exchanges(book))
    if kind < 0.9:
        return tuple(_ends_bit_by_bit(book))
    return tuple(_extends(book))


def _exchanges(book: Book) -> Iterator[Revision]:
    """Yield changes of price: the new line replaces what is left of the old one."""
    held = {line.ref: (line, offer, int(line.quantity)) for line, offer in book.roots}
    days = sorted(book.any_day() for _ in range(book.chance.randint(1, 4)))
    for number, day in enumerate(days, start=1):
        running = [ref for ref, (line, _, units) in held.items() if _end(line) > day and units and not line.segment]
        if not running:
            continue
        line, offer, units = held.pop(book.chance.choice(running))
        start = max(day, line.start)
        better = replace(offer, price=(offer.price * book.chance.choice((2, 3)) / 4).quantize(Decimal("0.01")))
        away = offer.line(book.ref(), -units, start, _end(line), revises=line.ref)
        fresh = better.line(book.ref(), units, start, _end(line))
        held[fresh.ref] = (fresh, better, units)
        yield Revision(f"A{number}", RevisionKind.AMENDMENT, day, (away, fresh))


def _ends_bit_by_bit(book: Book) -> Iterator[Revision]:
    """Yield a termination over several orders; the last one takes what is left, or shortens the term."""
    held: list[tuple[Line, Offer, int]] = [(line, offer, int(line.quantity)) for line, offer in book.roots]
    days = sorted(book.any_day() for _ in range(book.chance.randint(1, 5)))
    for number, day in enumerate(days, start=1):
        last = number == len(days)
        lines = []
        for index, (line, offer, units) in enumerate(held):
            taken = units if last else book.chance.randint(0, units)
            if _end(line) > day and taken:
                lines.append(
                    offer.line(
                        book.ref(), -taken, max(day, line.start), _end(line), segment=line.segment, revises=line.ref
                    )
                )
                held[index] = (line, offer, units - taken)
        if lines:
            yield Revision(f"A{number}", RevisionKind.AMENDMENT, day, tuple(lines))


def _extends(book: Book) -> Iterator[Revision]:
    """Yield orders that sell on beyond the end, at the same price or another one."""
    until = book.end
    for number in range(1, book.chance.randint(2, 4)):
        end = months_on(until, book.chance.choice((1, 3, 6, 12, 12)))
        if book.chance.random() < 0.15:
            end += timedelta(days=book.chance.randint(1, 20))
        lines = []
        for line, offer in book.roots:
            if _end(line) == until and book.chance.random() < 0.8:
                lines.append(offer.line(book.ref(), int(line.quantity) + book.chance.choice((0, 0, 5)), until, end))
                book.roots = [*book.roots, (lines[-1], offer)]
        if not lines:
            return
        effective = until - timedelta(days=book.chance.choice((0, 0, 15, 60)))
        yield Revision(f"A{number}", RevisionKind.AMENDMENT, max(effective, book.start), tuple(lines))
        until = end


def _with_extras(chance: random.Random, book: Book, contract: Contract) -> Contract:
    """Give some lines that nothing changes what needs figures of its own: coupons, tiers, usage."""
    revised = {line.revises for line in contract.lines}
    first, *later = contract.revisions
    lines = []
    for line in first.lines:
        plain = line.ref not in revised and line.charge is Charge.RECURRING and line.quantity > 0
        kind = chance.random()
        if plain and kind < 0.12:
            lines.append(replace(line, discounts=(_coupon(chance, contract.currency),)))
        elif plain and kind < 0.18 and line.start == contract.start and line.end == contract.end:
            lines.append(_tiered(chance, line))
        else:
            lines.append(line)
    everlasting = [one for one in lines if (one.start, one.end) == (contract.start, contract.end) and one.quantity > 0]
    everlasting = [one for one in everlasting if one.ref not in revised and one.charge is Charge.RECURRING]
    if everlasting and chance.random() < 0.05:
        usage = replace(
            everlasting[0],
            ref=book.ref(),
            product=replace(everlasting[0].product, ref="PU", name="Calls"),
            charge=Charge.USAGE,
            quantity=Decimal(1),
            unit_price=Decimal(0),
            total=Decimal(0),
            list_price=None,
            list_term=None,
            multiplier=None,
            discount_percent=None,
            segment=None,
            discounts=(),
            tiers=(),
            tiers_mode=None,
        )
        lines.append(usage)
    return replace(contract, revisions=(replace(first, lines=tuple(lines)), *later))


def _coupon(chance: random.Random, currency: str) -> Discount:
    duration: Literal["forever", "repeating", "once"] = chance.choice(("forever", "forever", "repeating", "once"))
    return Discount(
        ref="C1",
        name="Some off",
        percent=Decimal(chance.choice(("10", "25", "33.3", "100"))),
        amount=None,
        currency=currency,
        duration=duration,
        months=chance.choice((1, 2, 3, 7, 12, 14)) if duration == "repeating" else None,
    )


def _with_amounts_off(chance: random.Random, contract: Contract) -> Contract:
    """Let some of the coupons take an amount off each bill, sometimes more than there is."""
    first, *later = contract.revisions
    lines = []
    for line in first.lines:
        if line.discounts and chance.random() < 0.5:
            amount = (line.unit_price * line.quantity / 24 + 1).quantize(Decimal(1)) * chance.choice((1, 1, 2, 40))
            given = (replace(one, percent=None, amount=amount) for one in line.discounts)
            lines.append(replace(line, discounts=tuple(given)))
        else:
            lines.append(line)
    return replace(contract, revisions=(replace(first, lines=tuple(lines)), *later))


def _with_ways_to_pay(chance: random.Random, contract: Contract) -> Contract:
    """Let some lines of some contracts be paid in a way of their own; those that change them say what they like."""
    if chance.random() < 0.6:
        return contract
    every: tuple[CollectionMethod | None, ...] = (None, None, "send_invoice", "charge_automatically")
    revisions = tuple(
        replace(one, lines=tuple(replace(line, collection_method=chance.choice(every)) for line in one.lines))
        for one in contract.revisions
    )
    return replace(contract, revisions=revisions, extras=_TERMS)


def _tiered(chance: random.Random, line: Line) -> Line:
    tiers = (
        Tier(10, unit_price=Decimal(5), flat_price=Decimal(20)),
        Tier(50, unit_price=Decimal(4)),
        Tier(None, unit_price=Decimal(3), flat_price=Decimal(10)),
    )
    mode = chance.choice((TiersMode.VOLUME, TiersMode.GRADUATED))
    return replace(line, tiers=tiers, tiers_mode=mode)


def _end(line: Line) -> date:
    assert line.end is not None
    return line.end
