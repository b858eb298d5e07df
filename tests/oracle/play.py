"""A life played: at each visit the plan is made and carried out on a stand-in of Stripe, and the laws are looked at."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time

from connector.compile.continued import continued_by
from connector.compile.contract import compile_contract
from connector.compile.resource import Compiled
from connector.compile.window import windowed
from connector.domain.contract import Contract
from connector.plan.existing import ExistingState, over_since, to_be_made
from connector.plan.operation import Create, operation_json
from connector.plan.plan import Plan, make_plan
from tests.builders import seeded
from tests.oracle.days import months_on
from tests.oracle.laws import shuffled
from tests.oracle.lives import Life, Visit
from tests.oracle.owed import Sum, added, billed_once, fees_moved, not_begun, owed, plain, total
from tests.oracle.running import Billed, RefusedError
from tests.oracle.standin import StandIn
from tests.oracle.verdict import judge


@dataclass
class Played:
    """What came of a life. `refused` are blocking issues by visit; `complete`: the last visit was carried out."""

    stripe: StandIn
    faults: list[str] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)
    expected: Mapping[str, Sum] = field(default_factory=dict)
    counted: date = date.min
    plan: Plan | None = None
    complete: bool = False
    past: bool = True
    visits: int = 0


def play(life: Life, *, laws: bool = True) -> Played:
    """Play a life to two days after its end."""
    stripe = StandIn(datetime.combine(life.made, time()))
    played = Played(stripe)
    try:
        _visit_all(life, played, laws=laws)
    except RefusedError as error:
        played.faults.append(f"{stripe.today}: Stripe would refuse: {error}")
        played.complete = False
    return played


def _visit_all(life: Life, played: Played, *, laws: bool) -> None:
    known: Contract | None = None
    since: date | None = None
    for visit in life.visits:
        _of_itself(played, known, visit.day)
        _expect(played, known, since, visit)
        if _visit(visit, played, laws=laws):
            if since is None:
                _begin(played, visit)
            else:
                _settle(played, visit)
            known, since = visit.contract, visit.day
            if laws:
                played.faults += _by_now(played, visit)
    if known is None or known != life.final:
        return
    if not _of_itself(played, known, life.over):
        return
    played.stripe.go_to(life.over)
    played.complete = True
    _expect(played, known, since, Visit(life.over, known))
    if laws:
        played.faults += ended(played, life)


def look(contract: Contract, stripe: StandIn) -> tuple[Compiled, ExistingState]:
    """Compile for the day on which the schedules were made, and look at what Stripe holds."""
    made = stripe.made() or stripe.today
    goes_on = continued_by(one.key.name for one in stripe.linked if not one.retired)
    compiled = windowed(compile_contract(contract, made, stripe.today, goes_on=goes_on), stripe.today)
    if compiled.desired is None:
        return compiled, ExistingState()
    existing = stripe.observe(compiled.desired)
    over = over_since(compiled.desired, existing)
    if over != goes_on:
        compiled = windowed(compile_contract(contract, made, stripe.today, goes_on=over), stripe.today)
    assert compiled.desired is not None
    fresh = to_be_made(compiled.desired, existing, stripe.today)
    if existing.made is None or (existing.made == made and not fresh):
        return compiled, existing
    again = compile_contract(contract, existing.made, stripe.today, fresh=fresh, goes_on=over)
    return windowed(again, stripe.today), existing


def _plan(contract: Contract, stripe: StandIn) -> Plan:
    compiled, existing = look(contract, stripe)
    return make_plan(contract, compiled, existing, stripe.today)


def _visit(visit: Visit, played: Played, *, laws: bool) -> bool:
    """Plan and apply; tell whether it was carried out."""
    stripe = played.stripe
    stripe.go_to(visit.day)
    played.visits += 1
    plan = _plan(visit.contract, stripe)
    if plan.blocked:
        played.refused += _reasons(plan, visit)
        if plan.operations:
            played.faults.append(f"{visit.day}: refused, but {len(plan.operations)} operations")
        return False
    if visit.wrong:
        played.faults.append(f"{visit.day}: more was taken away than was sold, and nobody noticed")
    if laws:
        played.faults += _same(visit, plan, stripe)
    before, played.plan = played.plan, plan
    made = {one.key for one in plan.operations if isinstance(one, Create) and one.key.kind == "subscription_schedule"}
    if made and stripe.linked and _waives(visit.contract):
        played.past = False  # what is made late bills its past, although the policy leaves the past alone
    if made and visit.contract.policies.backdated_start == "skip":
        played.past = played.past and not stripe.linked  # what a later order adds late is not billed for its past
    if _waives(visit.contract) and before and not_begun(before.contract, visit.contract, visit.day):
        played.past = False  # heard of on that very day: whether it was billed by then is a matter of the hour
    if _waives(visit.contract) and before and fees_moved(before.contract, visit.contract):
        played.past = False  # a nearer end brings a fee forward, into time that is left alone
    stripe.apply(plan.operations)
    again = _plan(visit.contract, stripe)
    if again.operations or again.blocked:
        told = [str(operation_json(one))[:300] for one in again.operations] or [i.message for i in again.issues]
        played.faults.append(f"{visit.day}: applied, and the next plan is not empty: {told}")
    return True


def _reasons(plan: Plan, visit: Visit) -> Iterator[tuple[str, str]]:
    """Yield why a plan is refused; a code that the contract has by itself, planned at once, is marked so."""
    at_once = judge(visit.contract, visit.contract.start).codes
    for issue in plan.issues:
        if issue.blocks:
            mark = "" if issue.code.value in at_once else " when live"
            yield issue.code.value + mark, issue.message


def _same(visit: Visit, plan: Plan, stripe: StandIn) -> Iterator[str]:
    if [operation_json(one) for one in _plan(visit.contract, stripe).operations] != _told(plan):
        yield f"{visit.day}: planned twice, two plans"
    other = _plan(shuffled(visit.contract, seeded(len(plan.operations))), stripe)
    if _money(other) != _money(plan) or len(other.operations) != len(plan.operations):
        yield f"{visit.day}: the order of lines matters"


def _told(plan: Plan) -> list[object]:
    return [operation_json(one) for one in plan.operations]


def _money(plan: Plan) -> dict[tuple[date, str], int]:
    products = {line.ref: line.product.ref for line in plan.contract.lines}
    sums: dict[tuple[date, str], int] = defaultdict(int)
    for bill in plan.bills:
        for charge in bill.charges:
            if not bill.skipped:
                sums[bill.day, products.get(charge.line, charge.line)] += charge.net
    return {place: amount for place, amount in sums.items() if amount}


def _of_itself(played: Played, known: Contract | None, until: date) -> bool:
    """Visit a contract on the days on which the connector comes by itself; tell whether that was never refused."""
    fine = True
    while known is not None and (days := days_apart(played.plan, played.stripe.today, until)):
        fine = _visit(Visit(days[0], known), played, laws=False) and fine
    return fine


def days_apart(plan: Plan | None, after: date, until: date) -> list[date]:
    """Return the days on which something is billed that no invoice follows, or phases are appended."""
    if plan is None or plan.desired is None:
        return []
    phases = [phase for spec in plan.desired.schedules for phase in spec.phases]
    days = {phase.period.start for phase in phases if any(one.way == "apart" for one in phase.one_offs)}
    days |= {each.extend for each in plan.desired.windows}
    if plan.contract.end is None:  # what has no end is told for another year
        days |= {months_on(plan.contract.start, 12 * years) for years in range(1, 10)}
    return sorted(day for day in days if after < day < until)


def _waives(contract: Contract) -> bool:
    return contract.policies.proration == "none" or contract.policies.correction == "manual"


def _expect(played: Played, known: Contract | None, since: date | None, visit: Visit) -> None:
    """Count what the days since the last visit have come to owe, as it was known."""
    if known is None or since is None:
        return
    parts = not _waives(known)
    played.expected = added(played.expected, owed(known, max(since, played.counted), visit.day, parts=parts))
    played.counted = visit.day


def _begin(played: Played, visit: Visit) -> None:
    contract = visit.contract
    if contract.policies.backdated_start == "skip" and visit.day > contract.start:
        played.past = False
        return
    played.expected = owed(contract, None, visit.day, parts=not _waives(contract))


def _settle(played: Played, visit: Visit) -> None:
    """Expect what the contract as it now is owes for all of the past; by policy only of what is billed once."""
    if not played.past:
        return
    expected = owed(visit.contract, None, visit.day)
    if _waives(visit.contract):
        once = billed_once(visit.contract)
        expected = {**played.expected, **{name: due for name, due in expected.items() if name in once}}
    played.expected = expected


def _by_now(played: Played, visit: Visit) -> Iterator[str]:
    """What is owed by a visit is billed by then, or waits for the next invoice."""
    if played.past and not _keeps(visit.contract):
        yield from _compare(
            played, [*played.stripe.bills(), *played.stripe.waiting()], visit.contract, f"by {visit.day}"
        )


def _keeps(contract: Contract) -> bool:
    return contract.policies.settlement == "none"


def _compare(played: Played, lines: list[Billed], contract: Contract, when: str) -> Iterator[str]:
    products = {line.ref: line.product.ref for line in contract.lines}
    sums: dict[str, int] = defaultdict(int)
    for line in lines:
        sums[line.product or products.get(line.line, line.line)] += line.amount
    for product in sorted({*sums, *played.expected}):
        due = played.expected.get(product, Sum())
        if abs(sums.get(product, 0) - due.worth) > due.room:
            owing = f"owed {float(due.worth):.2f} (within {float(due.room):.2f})"
            yield f"{when}, {product}: billed {sums.get(product, 0)}, {owing}"


def ended(played: Played, life: Life) -> Iterator[str]:
    """Yield what is wrong with what was billed in all."""
    stripe, plan, contract = played.stripe, played.plan, life.final
    if stripe.waiting():
        yield f"never billed: {stripe.waiting()}"
    billed = sum(line.amount for line in stripe.bills())
    assert plan is not None
    account = plan.tie_out
    assert account is not None
    promised = account.crm - sum(reason.amount for reason in account.explanations)
    if billed != promised:
        yield f"{billed} billed in all, the plan promised {promised}"
    if played.past and not _keeps(contract):
        yield from _compare(played, stripe.bills(), contract, "in the end")
        worth = total(contract)
        if plain(contract) and not _waives(contract) and abs(billed - worth.worth) > worth.room:
            yield f"{billed} billed in all, sold {float(worth.worth):.2f} (within {float(worth.room):.2f})"


def later_bills(played: Played, after: date) -> dict[tuple[date, str], int]:
    """Return what recurs and is billed after a day, by day and line."""
    sums: dict[tuple[date, str], int] = defaultdict(int)
    for line in played.stripe.bills():
        if line.recurring and line.day > after:
            sums[line.day, line.line] += line.amount
    return {place: amount for place, amount in sums.items() if amount}


def apart_from(life: Life, played: Played, other: Played, name: str) -> Iterator[str]:
    """Yield how a life in which everything was heard of at another time ended otherwise, though it must not."""
    if not (played.complete and other.complete):
        return
    one, two = later_bills(played, life.last), later_bills(other, life.last)
    for place in sorted({*one, *two}):
        if one.get(place, 0) != two.get(place, 0):
            yield f"{place[1]} on {place[0]}: {one.get(place, 0)}, heard of {name} {two.get(place, 0)}"
    if played.past and other.past and not _waives(life.final) and not _keeps(life.final):
        sums = [sum(line.amount for line in each.stripe.bills()) for each in (played, other)]
        if sums[0] != sums[1]:
            yield f"{sums[0]} in all, heard of {name} {sums[1]}"


def judged(life: Life) -> tuple[Played, list[str]]:
    """Play a life, and the same heard of early and late; return it with everything that is wrong."""
    played = play(life)
    found = list(played.faults)
    if len(life.visits) > 1:
        for name, other in (("early", life.early()), ("late", life.late())):
            counterpart = play(other, laws=False)
            found += [f"heard of {name}: {text}" for text in counterpart.faults]
            found += apart_from(life, played, counterpart, name)
    return played, found
