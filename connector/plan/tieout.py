"""Does the money add up? What the CRM sold against what Stripe bills, to the minor unit, per currency.

A difference must have a reason that the contract's own policies give; one without a reason blocks the plan.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction

from connector.compile.spec import Told
from connector.domain.contract import Contract, Line
from connector.domain.issues import Issue, IssueCode, Source, block
from connector.domain.money import crm_cent, round_minor, step, text, to_minor
from connector.domain.period import FOREVER, months_since
from connector.domain.timeline import line_end
from connector.plan.projection import Bill

_WAIVED = {
    "stripe": "of periods that had begun, which Stripe prorates by the second (proration: stripe)",
    "proration": "of periods that had begun, left as they are by policy (proration: none, or correction: manual)",
    "settlement": "was billed and is not given back by policy (settlement: none)",
}


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a part of the difference is right. `amount` in minor units: sold in the CRM, but not billed as such."""

    reason: str
    amount: int
    message: str


@dataclass(frozen=True, slots=True)
class TieOut:
    """One currency's account of a contract, in minor units. difference = crm - (billed + scheduled - credited)."""

    currency: str
    crm: int
    billed: int
    scheduled: int
    credited: int
    explanations: tuple[Explanation, ...]

    @property
    def difference(self) -> int:
        """Return what the CRM sold and Stripe will not bill (negative: Stripe bills more)."""
        return self.crm - (self.billed + self.scheduled - self.credited)

    @property
    def unexplained(self) -> int:
        """Return the part of the difference that no policy gives a reason for."""
        return self.difference - sum(explanation.amount for explanation in self.explanations)

    @property
    def explained(self) -> str | None:
        """Return the reasons in words; None when there is nothing to explain, or something stays unexplained."""
        if self.unexplained or not self.explanations:
            return None
        return "; ".join(explanation.message for explanation in self.explanations)


def tie_out(
    contract: Contract,
    bills: Iterable[Bill],
    today: date | None = None,
    *,
    told: Iterable[Bill] | None = None,
    waived: Mapping[str, int] | None = None,
    horizons: Iterable[Told] = (),
    untouched: tuple[Iterable[Bill], str] | None = None,
) -> TieOut:
    """Compare the contract's value with its bills; what was billed by `today` (None: nothing yet) is told apart.

    `told` are the bills of the contract by itself, where Stripe bills the same in another way (a change that came late
    is one amount): they give the reasons of a difference, and the bills must come to the same. `waived` are minor units
    that policies leave out, by reason. The CRM's total of a line without an end is for one term: compared is what it
    comes to until its horizon. `untouched` are the bills of the contract without the edits that were adopted in Stripe,
    and who adopted them why.
    """
    everything = tuple(bills)
    due = tuple(bill for bill in everything if not bill.skipped)
    charges = [charge for bill in due for charge in bill.charges]
    positive = sum(charge.net for charge in charges if charge.net > 0)
    past = [charge for bill in due if today and bill.day <= today for charge in bill.charges]
    billed = sum(charge.net for charge in past if charge.net > 0)
    credited = -sum(charge.net for charge in charges if charge.net < 0)
    crm = sum(_minor(line, contract) for line in contract.lines)
    account = TieOut(contract.currency, crm, billed, positive - billed, credited, ())
    reasons = everything if told is None else tuple(told)
    explanations = tuple(_explain(contract, reasons, account.difference, waived or {}, (tuple(horizons), untouched)))
    return TieOut(account.currency, crm, account.billed, account.scheduled, credited, explanations)


def check_tie_out(account: TieOut, contract: Contract) -> tuple[Issue, ...]:
    """Return the issue that blocks a plan whose money does not add up."""
    if not account.unexplained:
        return ()
    currency = account.currency
    return (
        block(
            IssueCode.TIE_OUT,
            Source(contract.ref),
            f"the CRM sold {text(account.crm, currency)}, Stripe would bill "
            f"{text(account.billed + account.scheduled - account.credited, currency)}; "
            f"{text(account.unexplained, currency)} of the difference has no reason",
            "Check the prices, quantities and dates of the lines; `connector explain` shows how each one is billed.",
        ),
    )


def check_steps(contract: Contract, bills: Iterable[Bill]) -> tuple[Issue, ...]:
    """Return the amounts that cannot be charged in a currency whose smallest coins are missing (money.step)."""
    smallest = step(contract.currency)
    charges = [charge for bill in bills if not bill.skipped for charge in bill.charges if charge.net % smallest]
    return tuple(
        block(
            IssueCode.AMOUNT_STEP,
            contract.source(charge.line, "unit_price"),
            f"{charge.text}: {text(charge.net, contract.currency)} cannot be charged; Stripe charges multiples of "
            f"{text(smallest, contract.currency)}",
            "Round the price of the line, so that every single bill is such a multiple.",
        )
        for charge in {charge.line: charge for charge in reversed(charges)}.values()
    )


def _explain(
    contract: Contract,
    bills: tuple[Bill, ...],
    difference: int,
    waived: Mapping[str, int],
    beside: tuple[tuple[Told, ...], tuple[Iterable[Bill], str] | None],
) -> Iterable[Explanation]:
    told, untouched = beside
    left = difference
    until = max((each.until for each in told), default=FOREVER)
    renews = min((each.renews for each in told if each.renews), default=FOREVER)
    bills, later = _as_sold(bills, renews)
    first = contract.billed_through or date.min
    sold, why = (_as_sold(tuple(untouched[0]), renews)[0], untouched[1]) if untouched else (bills, "")
    for reason, amount, words in (
        *((reason, amount, _WAIVED[reason]) for reason, amount in waived.items()),
        ("elsewhere", _skipped(bills, None, first), f"billed elsewhere until {first}"),
        ("skipped", _skipped(bills, first, None), "before today, not billed by policy (backdated_start: skip)"),
        ("usage", _usage(contract), "estimated in the CRM, billed by what is used"),
        ("tiers", _by_line(contract, bills, [line for line in contract.lines if _tiered(line)]), "rated by its tiers"),
        ("mapped_price", _by_line(contract, bills, _priced_elsewhere(contract)), "priced by a mapped field"),
        ("discount", _discounts(bills), "taken off by coupons"),
        ("adopted", _gross(sold) - _gross(bills), f"edited in Stripe by hand and adopted {why}"),
        (
            "auto_renew",
            -later,
            f"goes on at the same price from {renews}, told until {until}",
        ),
        ("evergreen", _evergreen(contract, told), f"runs without an end; compared as priced, until {until}"),
    ):
        if amount:
            left -= amount
            yield Explanation(reason, amount, f"{reason} {text(amount, contract.currency)}: {words}")
    if left and abs(left) * 2 <= _roundings(contract, bills, until):
        yield Explanation(
            "rounding",
            left,
            f"rounding {text(left, contract.currency)}: equal periods cannot express the price exactly",
        )


def _minor(line: Line, contract: Contract) -> int:
    return round_minor(to_minor(line.total, contract.currency))


def _usage(contract: Contract) -> int:
    return sum(_minor(line, contract) for line in contract.lines if line.rated and not _tiered(line))


def _tiered(line: Line) -> bool:
    return bool(line.tiers) and line.charge.value != "usage"


def _priced_elsewhere(contract: Contract) -> list[Line]:
    return [line for line in contract.lines if line.period_price is not None and not line.rated]


def _as_sold(bills: tuple[Bill, ...], renews: date) -> tuple[tuple[Bill, ...], int]:
    """Return the bills of the time that was sold, and what recurs later on; what was sold once may be billed later."""
    later = [c for bill in bills if bill.day >= renews and not bill.skipped for c in bill.charges if c.recurring]
    kept = (replace(b, charges=tuple(c for c in b.charges if not c.recurring or b.day < renews)) for b in bills)
    return tuple(kept), sum(charge.net for charge in later)


def _evergreen(contract: Contract, told: tuple[Told, ...]) -> int:
    """Return what the CRM's totals, each for one term, are less than what the lines come to as far as they are told."""
    amounts = [amount for each in told for amount in each.amounts]
    totals = {line.ref: _minor(line, contract) for line in contract.lines}
    return sum(totals[ref] for ref, _ in amounts) - round_minor(sum((amount for _, amount in amounts), Fraction(0)))


def _by_line(contract: Contract, bills: tuple[Bill, ...], lines: list[Line]) -> int:
    refs = {line.ref for line in lines}
    billed = sum(c.gross for bill in bills for c in bill.charges if c.line in refs)
    return sum(_minor(line, contract) for line in lines) - billed


def _skipped(bills: tuple[Bill, ...], start: date | None, end: date | None) -> int:
    """Return what is not billed of what was due in [start, end)."""
    return sum(
        charge.gross
        for bill in bills
        if bill.skipped
        for charge in bill.charges
        if (start or date.min) <= charge.owed_from < (end or FOREVER)
    )


def _discounts(bills: tuple[Bill, ...]) -> int:
    return sum(c.gross - c.net for bill in bills if not bill.skipped for c in bill.charges)


def _gross(bills: tuple[Bill, ...]) -> int:
    return sum(charge.gross for bill in bills for charge in bill.charges)


def _roundings(contract: Contract, bills: tuple[Bill, ...], until: date) -> Fraction:
    """Return how many amounts were rounded: each may be off by half a minor unit.

    A reduction shows on no invoice of its own; the CRM rounded its price per unit, and each period it takes away was
    rounded when it was sold. A CRM's price has two decimals also where the currency has three.
    """
    billed = sum(1 for bill in bills for charge in bill.charges if charge.recurring)
    coarse = crm_cent(contract.currency)
    less = [line for line in contract.lines if line.quantity < 0]
    taken = [(_periods(line, contract, until), abs(Fraction(line.quantity))) for line in less]
    return billed + sum((periods + units * coarse for periods, units in taken), Fraction(0))


def _periods(line: Line, contract: Contract, until: date) -> int:
    return -(-months_since(line.start, min(line_end(line, contract), until)) // line.interval)
