"""What a change makes of time that has begun: what should have been billed by now, minus what was.

    correction = owed by the contract as it now is - billed by the schedule as Stripe holds it

One formula for upsell, downsell, credit, back-dated amendment and late arrival (design.md 5). Amounts are told by
product: what one line gives back and another one takes is no correction.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from connector.compile.backdating import bills_as_sent
from connector.compile.bills import Charge, one_off_charge, schedule_bills
from connector.compile.spec import OneOffSpec, ScheduleSpec
from connector.domain.contract import Charge as LineCharge
from connector.domain.contract import Contract, Line
from connector.domain.money import unit_amount
from connector.domain.period import Period, day_after
from connector.plan.held import Held


@dataclass(frozen=True, slots=True)
class Account:
    """Told and held of the schedules that have begun; `told` is None where the contract stands for none any more.

    Of what recurs only the `periods` are looked at that begin on these days, by schedule; all, where none are given.
    """

    contract: Contract
    pairs: Sequence[tuple[ScheduleSpec | None, Held]]
    today: date
    settled: Mapping[str, int] = field(default_factory=dict)
    periods: Mapping[str, Collection[date]] = field(default_factory=dict)

    def counts(self, charge: Charge, held: Held) -> bool:
        """Tell whether a charge of a schedule is looked at; what was due before a take-over is not."""
        first, periods = self.contract.billed_through or date.min, self.periods.get(held.key)
        return charge.owed_from >= first and (periods is None or not charge.recurring or charge.day in periods)


def corrections(account: Account) -> tuple[OneOffSpec, ...]:
    """Return what is still to be charged (or credited, negative) for time up to today, as amounts billed once."""
    contract, today = account.contract, account.today
    owed = [
        c for told, held in account.pairs if told for c in owed_by(told, held.made, today) if account.counts(c, held)
    ]
    billed = [c for _, held in account.pairs for c in billed_by(held, contract, today) if account.counts(c, held)]
    lines = {**_held_lines(account), **{line.ref: line for line in contract.lines}}
    sums = _by_product(owed, billed, lines, account.settled)
    return tuple(one for product, left in sums.items() if any(left.values()) for one in _settle(account, product, left))


def _held_lines(account: Account) -> dict[str, Line]:
    """Return the lines that Stripe bills, in the contract or not: a line that was copied has another name now."""
    found: dict[str, Line] = {}
    for stretch in (stretch for _, held in account.pairs for stretch in held.stretches):
        found |= {item.line.ref: item.line for item in stretch.items}
        found |= {one.line.ref: one.line for one in stretch.one_offs}
    return found


def fees(account: Account, found: Iterable[OneOffSpec]) -> tuple[OneOffSpec, ...]:
    """Return the corrections of products that are only ever billed once: a fee is no part of a period."""
    once = _sold_once(account.contract)
    return tuple(one for one in found if one.line.product.ref in once)


def _sold_once(contract: Contract) -> frozenset[str]:
    others = {line.product.ref for line in contract.lines if line.charge is not LineCharge.ONE_TIME}
    return frozenset(line.product.ref for line in contract.lines) - others


def due_apart(account: Account) -> tuple[OneOffSpec, ...]:
    """Return what else is to be billed apart, has come due, is on no invoice of a schedule, and was not settled yet."""
    carried = _carried(account)
    settled = dict(account.settled)
    once = _sold_once(account.contract)
    found = []
    for one in (one for told, held in account.pairs if told for one in _apart(told, held.made, account.today)):
        if one.line.product.ref in once:
            continue
        amount = one_off_charge(one, account.today, account.contract.currency).net
        if carried[_content(one)]:
            carried[_content(one)] -= 1
        elif settled.get(one.line.ref):
            settled[one.line.ref] -= amount
        elif amount:
            found.append(replace(one, due=None, way="invoice"))
    fresh = {one.line.ref for one in found}  # what was billed already is not taken back: that would be a correction
    return tuple(one for one in found if not _takes_away(one.line) or one.line.revises in fresh)


def _takes_away(line: Line) -> bool:
    return line.quantity < 0 and line.charge is not LineCharge.ONE_TIME


def _apart(told: ScheduleSpec, made: date, today: date) -> Iterator[OneOffSpec]:
    for phase in told.phases:  # what was due by the day it was made went with its first invoice
        if made < phase.period.start <= today:
            yield from (one for one in phase.one_offs if one.way == "apart")


def owed_by(told: ScheduleSpec, made: date, today: date) -> Iterator[Charge]:
    """Yield what a schedule that was made on a day should have charged by today."""
    for bill in schedule_bills(told, made):
        if not bill.skipped:
            yield from (charge for charge in bill.charges if charge.owed_from <= today)


def billed_by(held: Held, contract: Contract, today: date) -> Iterator[Charge]:
    """Yield what a schedule has charged by today; what waits for its next invoice counts."""
    until = min(today, held.ended) if held.ended else today
    for bill in bills_as_sent(held.spec, contract, held.made):
        if not bill.skipped:
            yield from (charge for charge in bill.charges if charge.owed_from <= until)


def _by_product(
    owed: Iterable[Charge], billed: Iterable[Charge], lines: Mapping[str, Line], settled: Mapping[str, int]
) -> Mapping[str, Mapping[str, int]]:
    """Return owed minus billed, by product and by line; a product that comes to nothing is left out."""
    sums: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for sign, charges in ((1, owed), (-1, billed)):
        for charge in charges:
            line = lines.get(charge.line)
            sums[line.product.ref if line else charge.line][charge.line] += sign * charge.net
    for ref, amount in settled.items():
        sums[lines[ref].product.ref if ref in lines else ref][ref] -= amount
    return {product: left for product, left in sums.items() if sum(left.values())}


def _settle(account: Account, product: str, left: Mapping[str, int]) -> tuple[OneOffSpec, ...]:
    """Return a product's correction: its own one-offs where they say it exactly, else one amount."""
    total = sum(left.values())
    fresh = _not_billed(account, product)
    currency = account.contract.currency
    if fresh and sum(one_off_charge(one, account.today, currency).net for one in fresh) == total:
        return fresh
    lines = {line.ref: line for line in account.contract.lines}
    known = [ref for ref in left if ref in lines]
    line = lines[max(known, key=lambda ref: (abs(left[ref]), ref))] if known else account.contract.lines[0]
    began = min(max(line.start, account.contract.start), account.today)
    return (
        OneOffSpec(
            line=line,
            reason="credit" if total < 0 else "correction",
            quantity=1,
            unit_amount=unit_amount(total),
            period=Period(began, day_after(account.today)),
            discountable=False,
        ),
    )


def _not_billed(account: Account, product: str) -> tuple[OneOffSpec, ...]:
    """Return the told one-offs of a product up to today that no schedule carries yet."""
    carried = _carried(account)
    fresh = []
    for told in (told for told, _ in account.pairs if told):
        for phase in told.phases:
            if phase.period.start > account.today or phase.discounts:
                continue
            for one in phase.one_offs:
                if one.line.product.ref != product or one.way == "waived":
                    continue
                if carried[_content(one)] > 0:
                    carried[_content(one)] -= 1
                else:
                    fresh.append(replace(one, due=None, way="invoice"))
    return tuple(fresh)


def _carried(account: Account) -> Counter[tuple[str, int, object]]:
    """Count the one-offs that schedules carry in Stripe."""
    return Counter(_content(one) for _, held in account.pairs for stretch in held.stretches for one in stretch.one_offs)


def _content(one: OneOffSpec) -> tuple[str, int, object]:
    return one.line.ref, one.quantity, one.unit_amount
