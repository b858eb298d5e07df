"""Contracts with more phases than a Stripe schedule holds: a window over them that moves on as phases end.

Stripe holds 10 phases that run or are to come; those that are over do not count (docs.stripe.com/api/
subscription_schedules). So a schedule is made with its first ten, and the others are appended in steps. Until the last
of them is there, the schedule ends with `release`: if nobody ever came back, the customer would go on to be billed.

On which day which phases are there follows from the phases alone, so an unchanged contract costs no call between two
steps. A step is due as soon as all that is left fits, else `ahead` days before the last phase held begins, and never
before there is room.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import cast

from connector.compile.limits import PHASES
from connector.compile.resource import Compiled, Params, Resource, Value
from connector.compile.spec import Window
from connector.domain.period import Period, day_after

#: Days before the last phase held begins on which the next ones are appended, unless configured otherwise.
AHEAD = 45


def window(key: str, phases: Sequence[Period], day: date, ahead: int = AHEAD) -> Window | None:
    """Return the window on a day; None when the whole schedule is held."""
    held = PHASES
    while held < len(phases):
        extend = _step(phases, held, ahead)
        if day < extend:
            last = phases[held - 1]
            left = max(last.start - extend, timedelta(0))
            return Window(key, len(phases), held, last.end, extend, extend + max(left // 2, timedelta(1)))
        held = _over(phases, extend) + PHASES
    return None


def _step(phases: Sequence[Period], held: int, ahead: int) -> date:
    """Return the first day on which the window must be longer."""
    room = day_after(phases[held - PHASES].end)
    rest_fits = day_after(phases[len(phases) - PHASES - 1].end)
    return min(rest_fits, max(room, phases[held - 1].start - timedelta(days=ahead)))


def _over(phases: Sequence[Period], day: date) -> int:
    """Return how many phases were over before a day; Stripe may enter a phase some minutes after midnight."""
    return sum(1 for phase in phases if phase.end < day)


def windowed(compiled: Compiled, day: date, ahead: int = AHEAD) -> Compiled:
    """Cut schedules to what Stripe is to hold on a day; the told phases (`schedules`) stay whole."""
    desired = compiled.desired
    specs = desired.schedules if desired else ()
    found = [window(spec.key, [phase.period for phase in spec.phases], day, ahead) for spec in specs]
    windows = {one.key: one for one in found if one is not None}
    if desired is None or not windows:
        return compiled
    resources = tuple(_cut(resource, windows) for resource in desired.resources)
    return replace(compiled, desired=replace(desired, resources=resources, windows=tuple(windows.values())))


def _cut(resource: Resource, windows: Mapping[str, Window]) -> Resource:
    cut = windows.get(resource.key.name) if resource.key.kind == "subscription_schedule" else None
    if cut is None:
        return resource
    told = cast("list[Params]", resource.params["phases"])
    later = tuple(phase for phase in told if not _is_held(phase, cut))
    create = resource.create and _shortened(resource.create, cut)
    return replace(resource, params=_shortened(resource.params, cut), create=create, later=later)


def _shortened(params: Params, cut: Window) -> Params:
    held = [phase for phase in cast("list[Params]", params["phases"]) if _is_held(phase, cut)]
    return {**params, "phases": cast("Value", held), "end_behavior": "release"}


def _is_held(phase: Params, cut: Window) -> bool:
    return cast("date", phase["end_date"]) <= cut.until
