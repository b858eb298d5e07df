"""How amounts billed once come to the customer: the policies `proration` and `correction`."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal

from connector.compile.bills import recurring_days
from connector.compile.spec import OneOffSpec, PhaseSpec, ScheduleSpec, Way
from connector.domain.contract import Charge, Contract, Line
from connector.domain.timeline import held_around

#: What changes within a billing period cost, as opposed to what was sold to be billed once.
_PARTS = frozenset({"proration", "credit"})


def billed_as_agreed(schedule: ScheduleSpec, contract: Contract) -> ScheduleSpec:
    """Return the schedule with each one-off on the way that the contract's policies say.

    What no invoice of the schedule follows is billed apart: Stripe would keep it pending, and cancel it unbilled.
    """
    days = recurring_days(schedule)
    return replace(schedule, phases=tuple(_phase(phase, schedule, days, contract) for phase in schedule.phases))


def leaves_parts(contract: Contract) -> bool:
    """Tell whether what changes within a period that has begun is not ours to bill: Stripe's, people's, or nobody's."""
    return contract.policies.proration != "crm" or contract.policies.correction == "manual"


def leaves_to_stripe(contract: Contract) -> bool:
    """Tell whether Stripe reckons what changes within a period, as far as an invoice of the schedule follows."""
    return contract.policies.proration == "stripe" and contract.policies.correction != "manual"


def _phase(phase: PhaseSpec, schedule: ScheduleSpec, days: Sequence[date], contract: Contract) -> PhaseSpec:
    """Settle a phase; `days` are those on which its schedule sends invoices."""
    start = phase.period.start
    alone = not any(day >= start for day in days)
    within = start != schedule.start and start not in days
    phase = replace(phase, prorates=contract.policies.proration == "stripe" and within and not alone)
    one_offs = [each for one in phase.one_offs for each in _on_its_ways(one, phase, contract, alone=alone)]
    return replace(phase, one_offs=tuple(one_offs))


def _reckoned(one: OneOffSpec, phase: PhaseSpec) -> bool:
    """Tell whether Stripe reckons a part: it does where a phase begins, not for the end of the last one."""
    return phase.prorates and one.line.start < phase.period.end


def _on_its_ways(one: OneOffSpec, phase: PhaseSpec, contract: Contract, *, alone: bool) -> Iterator[OneOffSpec]:
    """Yield a one-off on its way; in two where it takes away units that never began, and others, on different ones."""
    if one.line.charge is Charge.ONE_TIME or one.reason not in _PARTS:
        yield replace(one, way="apart" if alone else "invoice")
        return
    changed = _way_of_part(one, phase, contract, alone=alone)
    begun: Way = "apart" if alone else "invoice"
    never = 0 if begun == changed else min(int(_never_began(one.line, contract)), one.quantity)
    for units, way in ((never, begun), (one.quantity - never, changed)):
        if units:
            yield replace(one, quantity=units, way=way)


def _never_began(line: Line, contract: Contract) -> Decimal:
    """Return how many units a line takes of what the first order was to begin on that day: less is begun, not changed.

    What later orders were to begin on that day is taken before it.
    """
    first = {each.ref for each in contract.revisions[0].lines if each.start == line.start}
    if line.quantity >= 0 or not first:
        return Decimal(0)
    before, after = (
        sum((held.quantity for held in around if held.line.ref in first), Decimal(0))
        for around in held_around(contract, line, line.start)
    )
    return before - after


def _way_of_part(one: OneOffSpec, phase: PhaseSpec, contract: Contract, *, alone: bool) -> Way:
    if leaves_parts(contract) and not (leaves_to_stripe(contract) and not _reckoned(one, phase)):
        return "waived"
    return "apart" if alone or contract.policies.correction == "now" else "invoice"
