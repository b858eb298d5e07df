"""Which edits made in Stripe by hand can be adopted: what a schedule says otherwise, told as parts of the contract.

Quantities and prices of phases to come, and settings of the schedule. What else was edited has no part of the contract
that it could belong to, or (in the phase that runs) has billed what only Stripe knows.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date

from connector.compile.adopted import item_of, value_of
from connector.compile.resource import DesiredState
from connector.compile.schedule import schedule_key
from connector.compile.spec import AdoptedEdit, ItemSpec, PhaseSpec, ScheduleSpec
from connector.plan.canonical import Json, canonical
from connector.plan.diff import diff
from connector.plan.drift import Edit, item_value, names_line
from connector.plan.existing import ExistingObject, ExistingState
from connector.plan.plan import Plan
from connector.plan.schedules import managed_params

_NAMES = ("quantity", "unit_amount")
_SETTINGS = ("default_settings.", "metadata.")


def adoptable(plan: Plan, existing: ExistingState) -> tuple[AdoptedEdit, ...]:
    """Return all that must count so that the schedules are right as they are: new edits, and adopted ones that stay.

    Those that were adopted before have their `id`. Whether nothing is left is for a plan with them to say.
    """
    desired = plan.desired
    if desired is None:
        return ()
    found: list[AdoptedEdit] = []
    for spec in desired.untouched or desired.schedules:
        held = existing.objects.get(schedule_key(spec))
        if held is not None and held.status is not None:
            found += _items(spec, held, plan)
            found += _settings(spec.key, held, plan)
    return tuple(sorted(dict.fromkeys(_known(one, desired) for one in found), key=lambda one: (one.id == 0, one.id)))


def refusal(edits: Sequence[Edit]) -> str:
    """Say why edits cannot be adopted, and what to do instead."""
    words = "; ".join(edit.words for edit in edits)
    return (
        f"cannot be adopted: {words}. What can be are quantities and prices of phases to come, and settings of the "
        "schedule: dates, items and coupons, and what the phase that runs has billed by now, are for the order to say. "
        "Change the order, so that it says what Stripe holds; or decide with --restore or --ignore."
    )


def _known(edit: AdoptedEdit, desired: DesiredState) -> AdoptedEdit:
    """Return the adopted edit that says the same already, of the same time or more."""
    for one in desired.adopted:
        same = replace(one, start=edit.start, end=edit.end, by="", on=None, reason="", id=0) == replace(edit, id=0)
        if same and (edit.line is None or _within(edit, one)):
            return one
    return edit


def _within(edit: AdoptedEdit, one: AdoptedEdit) -> bool:
    first, last = one.start or date.min, one.end or date.max
    return first <= (edit.start or date.min) and (edit.end or date.max) <= last


def _items(spec: ScheduleSpec, held: ExistingObject, plan: Plan) -> Iterator[AdoptedEdit]:
    desired = plan.desired
    counting = desired.adopted if desired else ()
    begun = [one for one in counting if one.schedule == spec.key and one.start and one.start <= plan.today]
    yield from begun
    live = {(one["start_date"], one["end_date"]): one for one in held.params["phases"]}
    for phase in spec.phases:
        coming = live.get((phase.period.start.isoformat(), phase.period.end.isoformat()))
        if coming is None or not _is_to_come(phase, held, plan.today):
            continue
        last = spec.open and phase is spec.phases[-1]
        for item in phase.items:
            yield from _edits(spec.key, phase, item, coming, last=last)


def _is_to_come(phase: PhaseSpec, held: ExistingObject, today: date) -> bool:
    return phase.period.start > today if held.current_start else held.status == "not_started"


def _edits(key: str, phase: PhaseSpec, item: ItemSpec, live: Json, *, last: bool) -> Iterator[AdoptedEdit]:
    line = item.line
    named = [each for each in live.get("items", []) if names_line(each, line.ref)]
    if len(named) != 1 or item_of(phase, line.ref) is None or line.rated or line.period_price is not None:
        return
    end = None if last else phase.period.end
    for name in _NAMES:
        told, says = value_of(item, name), item_value(named[0], name)
        if says is not None and says != told and isinstance(told, str | int):
            yield AdoptedEdit(key, name, told, says, line.ref, phase.period.start, end)


def _settings(key: str, held: ExistingObject, plan: Plan) -> Iterator[AdoptedEdit]:
    desired = plan.desired
    resource = (
        next((one for one in desired.of("subscription_schedule") if one.key.name == key), None) if desired else None
    )
    if desired is None or resource is None:
        return
    wanted = {name: value for name, value in canonical(managed_params(resource)).items() if name != "phases"}
    changes = {change.path: change for change in diff(wanted, held.params)}
    settings = {one.name: one for one in desired.adopted if one.line is None and one.schedule == key}
    yield from (one for name, one in settings.items() if name not in changes)
    for path, change in changes.items():
        prefix = plan.contract.policies.metadata_prefix
        plain = all(isinstance(value, str | int | bool | None) for value in (change.before, change.after))
        if path.startswith(_SETTINGS) and not path.startswith(f"metadata.{prefix}") and plain and not _has_number(path):
            before = settings[path].before if path in settings else change.after
            if before != change.before:
                yield AdoptedEdit(key, path, before, change.before)


def _has_number(path: str) -> bool:
    return any(step.isdigit() for step in path.split("."))
