"""The bills of the connector beside those of the oracle, day by day and line by line."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from connector.compile.contract import compile_contract
from connector.domain.contract import Contract
from connector.plan.projection import Bill, project
from connector.plan.tieout import check_steps, check_tie_out, tie_out
from tests.oracle.calendars import calendars, recurring, root_of
from tests.oracle.slack import slack, slack_of_all
from tests.oracle.sold import HALF, minor, one_time, sales

Place = tuple[str, date]
#: Items that Stripe takes on one schedule.
FULL = 20


@dataclass(frozen=True)
class Verdict:
    """What came of one contract: why the connector refused it, or where it disagrees with the oracle."""

    codes: tuple[str, ...]
    faults: tuple[str, ...]
    compared: bool

    @property
    def wrong(self) -> bool:
        """Tell whether wrong bills would be sent: a plan that does not tie out is never carried out."""
        return bool(self.faults) and "TIE_OUT" not in self.codes


def judge(contract: Contract, today: date) -> Verdict:
    """Compile a contract and compare every bill."""
    compiled = compile_contract(contract)
    codes = [issue.code.value for issue in compiled.issues if issue.blocks]
    if compiled.desired is None:
        return Verdict(tuple(dict.fromkeys(codes)), (), compared=False)
    bills = project(compiled.desired, today)
    account = tie_out(contract, bills)
    codes += [issue.code.value for issue in (*check_tie_out(account, contract), *check_steps(contract, bills))]
    return Verdict(tuple(dict.fromkeys(codes)), tuple(faults(contract, bills, today)), compared=True)


def faults(contract: Contract, bills: Iterable[Bill], today: date) -> Iterable[str]:
    """Yield every sum that is not the oracle's, by family of lines and day, and in all."""
    told = billed(contract, bills)
    due, room = _due(contract, today)
    once = {item.line.ref: item for item in one_time(contract)}
    for ref, item in once.items():
        days = [_moved(day, item.line.start, today) for day in item.days]
        day = next((day for day in days if (ref, day) in told), days[0])
        due[ref, day] += item.worth
        room[ref, day] += HALF
    linked = linked_days(contract)
    for root, dates in linked.items():
        yield from _linked_faults(root, dates, (told, due, room))
    for place in sorted({*told, *due}):
        if place[0] not in linked and abs(told.get(place, 0) - due[place]) > room[place]:
            yield _fault(place, told.get(place, 0), due[place], room[place])
    yield from _totals(contract, told)


def linked_days(contract: Contract) -> dict[str, tuple[date, ...]]:
    """Return the families that may be billed by several linked schedules, with the billing dates of all of them."""
    roots: dict[str, tuple[date, ...]] = {}
    for interval in {dates.interval for dates in calendars(contract)}:
        every = [day for dates in calendars(contract) if dates.interval == interval for day in dates.every]
        mine = [line for line in recurring(contract) if line.interval == interval]
        if len(mine) > FULL:
            roots |= {root_of(line, contract).ref: tuple(sorted({*every})) for line in mine}
    return roots


def _linked_faults(
    root: str,
    dates: tuple[date, ...],
    sums: tuple[Mapping[Place, int], Mapping[Place, Fraction], Mapping[Place, Fraction]],
) -> Iterable[str]:
    """Yield where a family of a wide contract is billed another amount, or a whole billing period early or late.

    A schedule that begins between two billing dates is invoiced at once for what one that runs bills with the next
    invoice; one that ends between two gives back on its last invoice.
    """
    told, due, room = sums
    off, slackness, before = Fraction(0), Fraction(0), False
    days = sorted({day for ref, day in {*told, *due} if ref == root} | {*dates})
    for day in days:
        off += told.get((root, day), 0) - due.get((root, day), Fraction(0))
        slackness += room.get((root, day), Fraction(0))
        if day in dates or day == days[-1]:
            apart = abs(off) > slackness
            if apart and (before or day == days[-1]):
                yield _fault((root, day), int(off), Fraction(0), slackness)
            before = apart


def billed(contract: Contract, bills: Iterable[Bill]) -> dict[Place, int]:
    """Return what is billed by line of the first order and day."""
    roots = {line.ref: root_of(line, contract).ref for line in contract.lines}
    sums: dict[Place, int] = defaultdict(int)
    for bill in bills:
        for charge in bill.charges:
            sums[roots[charge.line], bill.day] += charge.net
    return dict(sums)


def _due(contract: Contract, today: date) -> tuple[dict[Place, Fraction], dict[Place, Fraction]]:
    due: dict[Place, Fraction] = defaultdict(Fraction)
    room: dict[Place, Fraction] = defaultdict(Fraction)
    families = defaultdict(list)
    for sale in sales(contract):
        families[sale.root].append(sale)
    for root, family in families.items():
        for sale in family:
            if last := sale.dates.before_the_end(sale.line):
                room[root, _moved(last, sale.line.start, today)] += slack(sale, sale.pieces[0], family, contract)
            for piece in sale.pieces:
                begins = piece.at.start == sale.line.start
                invoice = sale.dates.invoice_of(sale.line) if begins else sale.dates.invoice_on(piece.at.start)
                place = (root, _moved(invoice, piece.at.start, today))
                due[place] += piece.worth
                room[place] += slack(sale, piece, family, contract)
    return due, room


def _moved(invoice: date, day: date, today: date) -> date:
    """What is due by today is on one invoice today, also what would have waited for a later one."""
    return today if day <= today else max(invoice, today)


def _totals(contract: Contract, told: dict[Place, int]) -> Iterable[str]:
    every, once = sales(contract), one_time(contract)
    sold = sum((minor(line.total, contract) for line in contract.lines), Fraction(0))
    room = sum((slack_of_all(sale, contract) for sale in every), HALF * len(once))
    total = sum(told.values())
    if abs(total - sold) > room:
        yield f"{total} in all, sold {float(sold):.2f} (within {float(room):.2f})"


def _fault(place: Place, told: int, due: Fraction, room: Fraction) -> str:
    return f"{place[0]} on {place[1]}: billed {told}, due {float(due):.2f} (within {float(room):.2f})"
