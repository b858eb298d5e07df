"""What may still change on a schedule that runs: what is coming, and when the running phase ends."""

from collections.abc import Iterable, Sequence
from datetime import date

from connector.plan.canonical import Json
from connector.plan.diff import Change


def running_phase(phases: Sequence[Json], since: date | None) -> int | None:
    """Return which of the (canonical) phases began on `since`; the first when the schedule does not run yet."""
    if since is None:
        return 0
    return next((i for i, phase in enumerate(phases) if phase.get("start_date") == since.isoformat()), None)


def without_past_metadata(changes: Iterable[Change], running: int) -> tuple[Change, ...]:
    """Leave out the metadata of phases that are over: Stripe keeps it as it was, and nothing is billed by it."""
    return tuple(change for change in changes if not (_phase(change) < running and _is_metadata(change)))


def is_too_late(change: Change, running: int, today: date) -> bool:
    """Tell whether a change of a running schedule concerns time that has begun.

    The running phase may end on another day that is still to come (Stripe moves the end to "a future date").
    """
    phase = _phase(change)
    if phase > running or _is_metadata(change):
        return False
    if phase == running and change.path == f"phases.{phase}.end_date":
        return not all(_is_coming(day, today) for day in (change.before, change.after))
    return True


def _phase(change: Change) -> float:
    """Return the index of the phase that a change is of; what is not of a phase can always change."""
    head, *rest = change.path.split(".")
    return int(rest[0]) if head == "phases" and rest else float("inf")


def _is_metadata(change: Change) -> bool:
    return "metadata" in change.path.split(".")


def _is_coming(day: Json, today: date) -> bool:
    return isinstance(day, str) and day[:10] > today.isoformat()
