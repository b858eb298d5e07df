"""Amounts billed once: one-time lines, parts of periods, credits, and the cents that equal periods cannot express."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from fractions import Fraction

from connector.compile.discounts import at_once, for_phase
from connector.compile.grid import Part
from connector.compile.group import Group
from connector.compile.rating import rated_amount, tier_specs
from connector.compile.spec import OneOffSpec, PhaseSpec, Reason
from connector.domain.contract import Contract, Line, RevisionKind
from connector.domain.money import crm_cent, line_amount, round_minor, to_minor, unit_amount
from connector.domain.period import Period, billing_dates, day_after, span
from connector.domain.timeline import InForce, Slice, held_around

#: By how many months the CRM's count of a stretch may differ from the calendar's: parts of months are whole ones to
#: `month`; days of 365/12 to a month, and months that end earlier than they begin, make some days.
_COUNTED = {"month": Fraction(1), "month_day": Fraction(1, 6), "day": Fraction(1, 6)}


def one_time_spec(line: Line, contract: Contract) -> OneOffSpec:
    """Return a one-time line as a one-off: its price is the amount, its own dates are the service period."""
    period = Period(line.start, line.end) if line.end and line.end > line.start else None
    price = to_minor(line.unit_price, contract.currency)
    amount = unit_amount(price if line.quantity >= 0 else -price)
    reason: Reason = "credit" if amount < 0 else "one_time"
    return OneOffSpec(line, reason, abs(int(line.quantity)), amount, period, at_once(line.discounts))


def part_one_off(group: Group, line: Line, part: Part, units: Decimal) -> OneOffSpec:
    """Return a part billed once. After a reduction, a part that begins later counts only the units that are left."""
    quantity = abs(int(units)) or 1
    amount = part.amount
    if line.quantity and units != line.quantity:
        amount = Fraction(round_minor(part.amount * Fraction(units) / Fraction(line.quantity)))
    if line.tiers:
        full = rated_amount(tier_specs(line, group.contract.currency), line.tiers_mode, quantity)
        amount = Fraction(round_minor(full * share_of_part(part, group)))
    reason: Reason = "credit" if amount < 0 else "proration" if _changes(line, part, group.contract) else "stub"
    return OneOffSpec(
        line=line,
        reason=reason,
        quantity=quantity,
        unit_amount=unit_amount(amount / quantity),
        period=part.period,
        discounts=at_once(for_phase(line, part.period, line.start, group.grid.anchor)),
    )


def _changes(line: Line, part: Part, contract: Contract) -> bool:
    """Tell whether a part is of a change within a billing period: what begins on a billing date was sold as it is."""
    later = (revision for revision in contract.revisions if revision.kind is RevisionKind.AMENDMENT)
    return not part.on_grid and any(line.ref == each.ref for revision in later for each in revision.lines)


def reductions(group: Group, piece: Slice, period: Period) -> list[OneOffSpec]:
    """Return the credits of lines that take away in the middle of a period.

    What joined on that day and is taken away again by the same credit must be charged, though it is never in force. On
    a billing date nothing is owed back but what the CRM's own count of months leaves.
    """
    owed_back = []
    in_force = {entry.line.ref for entry in piece.in_force}
    for line in group.lines:
        billing = group.billing[line.ref]
        if line.rated or line.ref in in_force or not line.quantity:
            continue
        part = billing.part_at(period)
        if part and not part.on_grid and part.period.start == period.start and part.amount:
            owed = replace(part, amount=_owed_now(group, line, part))
            owed_back.append(part_one_off(group, line, owed, line.quantity))
    return [*owed_back, *_miscounted(group, period.start)]


def credits_at_the_end(group: Group) -> tuple[OneOffSpec, ...]:
    """Return the credits owed on the day on which everything ends in the middle of a period.

    No phase begins on that day: they go on the last invoice, whose period ends early.
    """
    found = []
    for line in group.lines:
        billing = group.billing[line.ref]
        if line.rated or not line.quantity:
            continue
        for part in billing.parts:
            if part.period.start == group.period.end and not part.on_grid and part.amount:
                owed = replace(part, amount=_owed_now(group, line, part))
                found.append(part_one_off(group, line, owed, line.quantity))
    return (*found, *_miscounted(group, group.period.end))


def last_invoice(group: Group) -> date:
    """Return the last day on which the group is invoiced."""
    return max(billing_dates(group.grid.anchor, group.grid.interval, group.period), default=group.period.start)


def _owed_now(group: Group, line: Line, part: Part) -> Fraction:
    """Return what a line takes off now: all that the CRM says, less what the smaller quantity will take off later.

    What it will take off depends on the lines it takes from, and on how their periods are rounded.
    """
    if line.quantity >= 0 or line.price_term is not None:
        return part.amount
    return Fraction(
        round_minor(to_minor(line.total, group.contract.currency)) - _takes_later(group, line, part.period.end)
    )


def _takes_later(group: Group, line: Line, since: date) -> int:
    """Return what a line changes of the bills from a day on: a smaller quantity bills less."""
    end, later = group.sold_until[line.ref], 0
    rest = [Period(since, end)] if since < end else []
    for day in (day for period in rest for day in billing_dates(group.grid.anchor, group.grid.interval, period)):
        before, after = held_around(group.contract, line, day)
        later += _billed_on(group, after, day) - _billed_on(group, before, day)
    return later


def _miscounted(group: Group, day: date) -> list[OneOffSpec]:
    """Return what lines that take away on a billing date leave of the CRM's figures.

    A CRM that counts days prices seven months of 31 days as more than seven, one that counts from 28 February to
    31 December as ten and three days; and its figure is what was agreed. More than that is another price, and no matter
    of counting: it is left for the tie-out to refuse.
    """
    found = []
    for line in group.lines:
        plain = line.quantity < 0 and not line.rated and line.price_term is None and line.period_price is None
        if not plain or line.start != day or any(p.period.start == day and not p.on_grid for p in _parts(group, line)):
            continue
        taken = _takes_later(group, line, day)
        left = round_minor(to_minor(line.total, group.contract.currency)) - taken
        months = span(line.start, group.sold_until[line.ref], group.grid.anchor).in_months
        if (
            _rounded(group, line, months)
            < abs(left)
            <= abs(taken) / months * _COUNTED[group.contract.policies.precision]
        ):
            found.append(OneOffSpec(line, "correction", 1, unit_amount(left), Period(day, group.sold_until[line.ref])))
    return found


def _parts(group: Group, line: Line) -> tuple[Part, ...]:
    return group.billing[line.ref].parts


def _rounded(group: Group, line: Line, months: Fraction) -> Fraction:
    """Return how far rounding alone may leave the bills from the CRM's figure: of each period, and of each unit."""
    return months / group.grid.interval + 1 - Fraction(line.quantity) * crm_cent(group.contract.currency) / 2


def _billed_on(group: Group, held: Iterable[InForce], day: date) -> int:
    """Return what the units in force cost on a billing date: a whole period, or the part that begins."""
    total = 0
    for entry in held:
        billing = group.billing.get(entry.line.ref)
        if billing is None or not entry.line.quantity:
            continue
        part = billing.part_at(Period(day, day_after(day)))
        if part is None:
            total += line_amount(unit_amount(billing.unit), int(entry.quantity))
        else:
            total += round_minor(part.amount * Fraction(entry.quantity) / Fraction(entry.line.quantity))
    return total


def settle_rounding(group: Group, phases: list[PhaseSpec]) -> list[PhaseSpec]:
    """Add the cents that equal periods cannot express (12 x 83.33 is not 1000.00), where the policy asks for it."""
    if group.contract.policies.rounding == "report":
        return phases
    settled = []
    for phase in phases:
        own = [item.line for item in phase.items if item.line.start == phase.period.start]
        corrections = [one for line in own if (one := _correction(group, line)) is not None]
        settled.append(replace(phase, one_offs=(*phase.one_offs, *corrections)))
    return settled


def _correction(group: Group, line: Line) -> OneOffSpec | None:
    """Return the cents of a line as it was sold: later orders must not change its first bill, which may be paid."""
    billing = group.billing[line.ref]
    if line.rated or billing.parts or line.period_price is not None or line.price_term is not None:
        return None
    billed = billing.periods * line_amount(unit_amount(billing.unit), int(line.quantity))
    left = round_minor(to_minor(line.total, group.contract.currency)) - billed
    return OneOffSpec(line, "correction", 1, unit_amount(left), billing.full) if left else None


def share_of_part(part: Part, group: Group) -> Fraction:
    """Return a part as a fraction of a billing period."""
    return part.length.in_months / group.grid.interval
