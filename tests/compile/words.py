"""Compiled phases told shortly, so that a table can hold them."""

from connector.compile.resource import DesiredState
from connector.compile.spec import ItemSpec, OneOffSpec, PhaseSpec, ScheduleSpec
from connector.domain.money import plain


def phases_of(desired: DesiredState, schedule: int = 0) -> list[str]:
    """Tell the phases of one schedule."""
    return told_phases(desired.schedules[schedule])


def told_phases(spec: ScheduleSpec) -> list[str]:
    """Tell the phases of a schedule."""
    return [_phase(phase) for phase in spec.phases]


def spec_of(desired: DesiredState) -> ScheduleSpec:
    """Return the only schedule."""
    (spec,) = desired.schedules
    return spec


def _phase(phase: PhaseSpec) -> str:
    items = [_item(item) for item in phase.items]
    one_offs = [_one_off(one_off) for one_off in phase.one_offs]
    again = ["anew"] if phase.restarts_cycle else []
    return f"{phase.period.start:%y-%m-%d}: " + ", ".join([*again, *items, *one_offs])


def _item(item: ItemSpec) -> str:
    terms = item.terms
    if terms.usage:
        return f"{item.line.ref} used/{terms.interval}"
    price = "tiers" if terms.unit_amount is None else f"{plain(terms.unit_amount)}"
    return f"{item.quantity}x{item.line.ref}@{price}/{terms.interval}"


def _one_off(one_off: OneOffSpec) -> str:
    return f"{one_off.reason} {one_off.quantity}x{one_off.line.ref}@{plain(one_off.unit_amount)}"
