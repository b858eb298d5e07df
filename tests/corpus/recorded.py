"""A recorded schedule read as the contract: from its first day, changes on the days on which they count.

Stripe's past cannot be changed, so the recorded connector puts a change of the past at the moment of its sync. Such a
boundary is moved to the day on which the change counts; what is then empty is dropped.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

from tests.corpus.recordings import Recording
from tests.corpus.result import Comparison

CUT_AT_SYNC = "a change of the past: recorded at the moment of the sync, here on the day on which it counts"
SAME_DAY = "a change on the day of the sync: recorded from that hour, here from that day"
TAKEN_OVER = "a contract from before the connector: recorded from the sync on, here from its first day"
OUT_OF_ORDER = "changes of the past that came out of order: compared is what was still to come"
BEYOND_SEGMENT = (
    "recorded fault: a change of one segment without its key (cleared by the test) is put into the others as well"
)


@dataclass(frozen=True)
class Phase:
    """One phase, ours or recorded: days, items and the metadata of the recording."""

    start: str
    end: str
    items: tuple[dict[str, Any], ...]
    metadata: Mapping[str, Any] = field(default_factory=dict)
    discounts: tuple[dict[str, Any], ...] = ()


def recorded_phases(schedule: dict[str, Any], result: Comparison) -> list[Phase]:
    """Return the phases of a recorded schedule as the contract has them."""
    starts = [_start(index, phase, result) for index, phase in enumerate(schedule["phases"])]
    ends = [*starts[1:], schedule["phases"][-1]["end_date"][:10]]
    phases = [
        Phase(start, end, tuple(held["items"]), held["metadata"], tuple(held["discounts"]))
        for start, end, held in zip(starts, ends, schedule["phases"], strict=True)
    ]
    if any(one > other for one, other in pairwise(starts)):
        result.explain("phases", OUT_OF_ORDER)
        today = result.recording.now[:10]
        return [replace(phase, start=max(phase.start, today)) for phase in phases if phase.end > today]
    return within_segments([phase for phase in phases if phase.start < phase.end], result)


def order_of(phase: Mapping[str, Any]) -> str:
    """Return the id (15 characters) of the order that a recorded phase or schedule names."""
    return str((phase.get("metadata") or {}).get("salesforce_order_id") or "")[:15]


def schedule_of(recording: Recording, orders: set[str]) -> dict[str, Any] | None:
    """Return the contract's schedule after the run: the last answer to a write until then, else what the test saw."""
    told = [entry for run in recording.runs for entry in run["results"]]
    seen = [*(recording.data["expected_schedule"] or ()), *told] if recording.is_last else told
    mine = [entry for entry in seen if "phases" in entry and order_of(entry) in orders]
    return mine[-1] if mine else None


def _start(index: int, phase: dict[str, Any], result: Comparison) -> str:
    contract = result.document["contract"]
    day, hour = str(phase["start_date"])[:10], str(phase["start_date"])[11:]
    counts = {revision["ref"][:15]: revision["effective"] for revision in contract["revisions"]}.get(order_of(phase))
    if index == 0:
        if day > contract["start"] and not order_of(phase):
            result.explain("phases", TAKEN_OVER)
            return str(contract["start"])
        return day
    if counts and counts < day <= _today(result.recording):
        result.explain("phases", CUT_AT_SYNC)
        return str(counts)
    if not hour.startswith("00:00:00"):
        result.explain("phases", SAME_DAY)
    return day


def _today(recording: Recording) -> str:
    run = recording.run or {}
    return max(recording.now[:10], str(run.get("now") or "")[:10])


def within_segments(phases: Iterable[Phase], result: Comparison) -> list[Phase]:
    """Drop items whose own segment is over: the test took the key away from them."""
    found = []
    for phase in phases:
        kept = tuple(item for item in phase.items if not _strayed(item, phase, result.recording))
        if len(kept) < len(phase.items):
            result.explain("phases", BEYOND_SEGMENT)
        found.append(replace(phase, items=kept))
    return found


def _strayed(item: dict[str, Any], phase: Phase, recording: Recording) -> bool:
    line = recording.line(str(item["salesforce_order_item_id"] or ""))
    keyless = bool(line.get("SBQQ__DimensionType__c")) and not line.get("SBQQ__SegmentKey__c")
    over = str(line.get("EndDate") or "9999") < phase.start
    return keyless and (over or str(line.get("ServiceDate") or "") >= phase.end)
