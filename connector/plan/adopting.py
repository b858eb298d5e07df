"""Which edits made in Stripe by hand can be adopted: what a schedule says otherwise, told as parts of the contract.

Quantities and prices of phases to come, and settings of the schedule. What else was edited has no part of the contract
that it could belong to, or (in the phase that runs) has billed what only Stripe knows.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from connector.compile.adopted import item_of, sold_in, value_of
from connector.compile.resource import DesiredState
from connector.compile.schedule import schedule_key
from connector.compile.spec import AdoptedEdit, ItemSpec, PhaseSpec, ScheduleSpec
from connector.plan.canonical import Json, canonical
from connector.plan.diff import diff
from connector.plan.drift import Edit, item_value, names_line, value_at
from connector.plan.existing import ExistingObject, ExistingState
from connector.plan.plan import Plan
from connector.plan.prices import by_terms, terms_of
from connector.plan.schedules import managed_params

_NAMES = ("quantity", "unit_amount")
_SETTINGS = ("default_settings.", "metadata.")


def adoptable(plan: Plan, existing: ExistingState) -> tuple[AdoptedEdit, ...]:
    """Return all that must count so that what was edited is right as it is: new edits, and adopted ones that stay.

    Those that were adopted before have their `id`. What the contract changed is no edit, and whether an edit is left is
    for a plan with these to say.
    """
    desired = plan.desired
    if desired is None:
        return ()
    found: dict[AdoptedEdit, None] = {}
    for spec in desired.untouched or desired.schedules:
        held = existing.objects.get(schedule_key(spec))
        if held is not None and held.status is not None and held.applied is not None:
            found |= dict.fromkeys(_Schedule(spec, held, plan, desired).edits())
    return tuple(sorted(found, key=lambda one: (one.id == 0, one.id)))


def refusal(edits: Sequence[Edit]) -> str:
    """Say why edits cannot be adopted, and what to do instead."""
    words = "; ".join(edit.words for edit in edits)
    return (
        f"cannot be adopted: {words}. What can be are quantities and prices of phases to come, and settings of the "
        "schedule: dates, items and coupons, and what the phase that runs has billed by now, are for the order to say. "
        "Change the order, so that it says what Stripe holds; or decide with --restore or --ignore."
    )


@dataclass(frozen=True, slots=True)
class _Schedule:
    """One schedule as the contract alone says it, and as Stripe holds it."""

    spec: ScheduleSpec
    held: ExistingObject
    plan: Plan
    desired: DesiredState

    def edits(self) -> Iterator[AdoptedEdit]:
        """Yield what is, or stays, adopted."""
        for edit in (*self._items(), *self._settings()):
            known = self._known(edit)
            if known is not None and known in self.desired.adopted and _within(edit, known):
                yield known
            elif known is not None or self._is_by_hand(edit):
                yield edit
        yield from (one for one in self._counting() if one.start and one.start <= self.plan.today)

    def _counting(self) -> Iterator[AdoptedEdit]:
        return (one for one in self.desired.adopted if one.schedule == self.spec.key)

    def _known(self, edit: AdoptedEdit) -> AdoptedEdit | None:
        """Return the edit that was adopted for this value before, perhaps for a part of the contract that changed."""
        adopted = (*self._counting(), *(one for one in self.desired.lapsed if one.schedule == self.spec.key))
        named = (one for one in adopted if (one.name, one.line, one.after) == (edit.name, edit.line, edit.after))
        return next((one for one in named if _overlap(one, edit)), None)

    def _is_by_hand(self, edit: AdoptedEdit) -> bool:
        """Tell whether Stripe holds another value than was applied last; one that is not known there is none."""
        if edit.line is None:
            return bool(value_at(self.held.applied, edit.name) != edit.after)
        applied = by_terms(self.held.applied, terms_of(self.desired.of("price")))
        phases = [one for one in applied["phases"] if one["start_date"] == str(edit.start)]
        items = [item for one in phases for item in one.get("items", []) if names_line(item, edit.line)]
        return any(item_value(item, edit.name) not in (None, edit.after) for item in items)

    def _items(self) -> Iterator[AdoptedEdit]:
        live = {(one["start_date"], one["end_date"]): one for one in self.held.params["phases"]}
        for phase in self.spec.phases:
            coming = live.get((phase.period.start.isoformat(), phase.period.end.isoformat()))
            if coming is None or not self._is_to_come(phase):
                continue
            end = None if self.spec.open and phase is self.spec.phases[-1] else phase.period.end
            for item in phase.items:
                part = (item.line.ref, phase.period.start, end, sold_in(phase, item.terms.product))
                for name, told, says in _otherwise(phase, item, coming):
                    yield AdoptedEdit(self.spec.key, name, told, says, *part)

    def _is_to_come(self, phase: PhaseSpec) -> bool:
        return phase.period.start > self.plan.today if self.held.current_start else self.held.status == "not_started"

    def _settings(self) -> Iterator[AdoptedEdit]:
        resource = self.desired.get(schedule_key(self.spec))
        wanted = canonical(managed_params(resource)) if resource else {}
        told = {name: value for name, value in wanted.items() if name != "phases"}
        changes = {change.path: change for change in diff(told, self.held.params)}
        counting = {one.name: one for one in self._counting() if one.line is None}
        yield from (one for name, one in counting.items() if name not in changes)
        for path, change in changes.items():
            before = counting[path].before if path in counting else change.after
            if self._is_setting(path, (change.before, change.after)) and before != change.before:
                yield AdoptedEdit(self.spec.key, path, before, change.before)

    def _is_setting(self, path: str, values: Sequence[Json]) -> bool:
        ours = path.startswith(f"metadata.{self.plan.contract.policies.metadata_prefix}")
        plain = all(isinstance(value, str | int | bool | None) for value in values)
        return path.startswith(_SETTINGS) and plain and not ours and not any(s.isdigit() for s in path.split("."))


def _otherwise(phase: PhaseSpec, item: ItemSpec, live: Json) -> Iterator[tuple[str, str | int, str | int]]:
    """Yield the values of an item that a schedule has otherwise: their name, as told, as held."""
    line = item.line
    named = [each for each in live.get("items", []) if names_line(each, line.ref)]
    if len(named) != 1 or item_of(phase, line.ref) is None or line.rated or line.period_price is not None:
        return
    for name in _NAMES:
        told, says = value_of(item, name), item_value(named[0], name)
        if says is not None and says != told and isinstance(told, str | int):
            yield name, told, says


def _within(edit: AdoptedEdit, one: AdoptedEdit) -> bool:
    first, last = one.start or date.min, one.end or date.max
    return first <= (edit.start or date.min) and (edit.end or date.max) <= last


def _overlap(edit: AdoptedEdit, one: AdoptedEdit) -> bool:
    first, last = one.start or date.min, one.end or date.max
    return (edit.start or date.min) < last and first < (edit.end or date.max)
