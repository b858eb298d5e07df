"""Edits made in Stripe by hand that somebody adopted: values that count in place of what the contract says.

An adopted edit names one value of a part of the contract, and what the contract said there when it was adopted. It
counts while the contract still says that of just this part, whatever else changes around it. When it does not, the edit
has lapsed: what the contract says counts, and whoever plans it asks first (plan/drift.py).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import cast

from connector.compile.params import dig
from connector.compile.resource import Params, Resource, Value
from connector.compile.spec import AdoptedEdit, ItemSpec, PhaseSpec, ScheduleSpec
from connector.domain.money import plain


@dataclass(frozen=True, slots=True)
class Adoption:
    """Schedules with the edits that count, and those edits."""

    specs: tuple[ScheduleSpec, ...]
    counting: tuple[AdoptedEdit, ...]


def with_adopted(specs: Iterable[ScheduleSpec], edits: Sequence[AdoptedEdit]) -> Adoption:
    """Put the edits of items that count into schedules; a later edit of the same value wins."""
    found: list[ScheduleSpec] = []
    counting: list[AdoptedEdit] = []
    for spec in specs:
        own = [one for one in edits if one.line is not None and one.schedule == spec.key and _counts(spec, one)]
        found.append(_edited(spec, own))
        counting += own
    return Adoption(tuple(found), tuple(counting))


def with_settings(resource: Resource, edits: Iterable[AdoptedEdit]) -> tuple[Resource, tuple[AdoptedEdit, ...]]:
    """Put the edits of a schedule's settings that count into its parameters."""
    own = [one for one in edits if one.line is None and one.schedule == resource.key.name]
    counting = tuple(one for one in own if dig(resource.params, *one.name.split(".")) == one.before)
    params = resource.params
    for one in counting:
        params = _set(params, one.name.split("."), cast("Value", one.after))
    return replace(resource, params=params), counting


def phases_of(spec: ScheduleSpec, edit: AdoptedEdit) -> tuple[PhaseSpec, ...]:
    """Return the phases that lie within the time of an edit; none when a phase lies across its first or last day."""
    start = edit.start
    end = spec.end if edit.end is None and spec.open else edit.end
    if start is None or end is None:
        return ()
    found = tuple(one for one in spec.phases if one.period.start < end and start < one.period.end)
    whole = bool(found) and found[0].period.start == start and found[-1].period.end == end
    return found if whole else ()


def item_of(phase: PhaseSpec, line: str | None) -> ItemSpec | None:
    """Return the one item by which a phase bills a line; None when there is none, or several."""
    found = [item for item in phase.items if item.line.ref == line]
    return found[0] if len(found) == 1 else None


def sold_in(phase: PhaseSpec, product: str) -> int:
    """Return how much of a product a phase has, whatever lines it is from."""
    return sum(item.quantity or 0 for item in phase.items if item.terms.product == product)


def value_of(item: ItemSpec, name: str) -> object:
    """Return the value of an item that an edit may name, as JSON."""
    if name == "quantity":
        return item.quantity
    amount = item.terms.unit_amount
    return None if amount is None else format(plain(amount), "f")


def _counts(spec: ScheduleSpec, edit: AdoptedEdit) -> bool:
    found = [(phase, item_of(phase, edit.line)) for phase in phases_of(spec, edit)]
    return bool(found) and all(item is not None and _says_the_same(phase, item, edit) for phase, item in found)


def _says_the_same(phase: PhaseSpec, item: ItemSpec, edit: AdoptedEdit) -> bool:
    return value_of(item, edit.name) == edit.before and sold_in(phase, item.terms.product) == edit.sold


def _edited(spec: ScheduleSpec, edits: Sequence[AdoptedEdit]) -> ScheduleSpec:
    if not edits:
        return spec
    whole = replace(spec.whole, phases=_phases(spec.whole, spec, edits)) if spec.whole else None
    return replace(spec, phases=_phases(spec, spec, edits), whole=whole)


def _phases(into: ScheduleSpec, spec: ScheduleSpec, edits: Sequence[AdoptedEdit]) -> tuple[PhaseSpec, ...]:
    periods = {edit: {phase.period for phase in phases_of(spec, edit)} for edit in edits}
    return tuple(
        replace(
            phase, items=tuple(_item(item, [e for e in edits if phase.period in periods[e]]) for item in phase.items)
        )
        for phase in into.phases
    )


def _item(item: ItemSpec, edits: Iterable[AdoptedEdit]) -> ItemSpec:
    for edit in edits:
        if edit.line != item.line.ref:
            continue
        if edit.name == "quantity":
            item = replace(item, quantity=int(str(edit.after)))
        else:
            item = replace(item, terms=replace(item.terms, unit_amount=Decimal(str(edit.after))))
    return item


def _set(params: Params, path: Sequence[str], value: Value) -> Params:
    """Return parameters with a value at a path through tables; None takes it out."""
    head, *rest = path
    if rest:
        inner = params.get(head)
        return {**params, head: _set(inner if isinstance(inner, dict) else {}, rest, value)}
    kept = {name: held for name, held in params.items() if name != head}
    return kept if value is None else {**kept, head: value}
