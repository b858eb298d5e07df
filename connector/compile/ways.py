"""How amounts billed once come to the customer: the policies `proration` and `correction`."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from connector.compile.bills import recurring_days
from connector.compile.spec import OneOffSpec, PhaseSpec, ScheduleSpec, Way
from connector.domain.contract import Charge, Contract, Line

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
    one_offs = tuple(replace(one, way=_way(one, phase, contract, alone=alone)) for one in phase.one_offs)
    return replace(phase, one_offs=one_offs)


def _reckoned(one: OneOffSpec, phase: PhaseSpec) -> bool:
    """Tell whether Stripe reckons a part: it does where a phase begins, not for the end of the last one."""
    return phase.prorates and one.line.start < phase.period.end


def _never_began(line: Line, contract: Contract) -> bool:
    """Tell whether a line takes away what the first order was to begin on the same day: less is begun, not changed."""
    begins = {each.ref: each.start for each in contract.revisions[0].lines}
    return line.quantity < 0 and line.revises is not None and begins.get(line.revises) == line.start


def _way(one: OneOffSpec, phase: PhaseSpec, contract: Contract, *, alone: bool) -> Way:
    part = one.reason in _PARTS and one.line.charge is not Charge.ONE_TIME and not _never_began(one.line, contract)
    if part and leaves_parts(contract) and not (leaves_to_stripe(contract) and not _reckoned(one, phase)):
        return "waived"
    at_once = contract.policies.correction == "now" and part
    return "apart" if alone or at_once else "invoice"
