"""What Stripe holds after a run, from that day on, against the recorded schedule from that day on.

The past of a schedule cannot be changed, so what is over may be split in other places; what it billed is asked of the
money. A phase that runs begins, for the comparison, on the day of the run.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from tests.corpus.phases import compare_lists
from tests.corpus.recorded import Phase, within_segments
from tests.corpus.recordings import Recording
from tests.corpus.result import Comparison

Coupons = Callable[[str], dict[str, Any]]
ENDED = frozenset({"canceled", "completed", "released"})


def compare_held(
    result: Comparison,
    schedules: Iterable[Mapping[str, Any]],
    recorded: Mapping[str, Any],
    coupons: Coupons,
    today: str,
) -> None:
    """Compare the running and coming phases that Stripe holds for us with those of the recorded schedule."""
    alive = [schedule for schedule in schedules if schedule["status"] not in ENDED]
    ours = [_held(phase, result.recording, coupons) for schedule in alive for phase in schedule["phases"]]
    theirs = [] if recorded["status"] in ENDED else [_recorded(phase) for phase in recorded["phases"]]
    compare_lists(result, from_today(ours, today), within_segments(from_today(theirs, today), result))


def from_today(phases: Iterable[Phase], today: str) -> list[Phase]:
    """Return what is not over, from today on."""
    return [replace(phase, start=max(phase.start, today)) for phase in phases if phase.end > today]


def _recorded(phase: Mapping[str, Any]) -> Phase:
    days = phase["start_date"][:10], phase["end_date"][:10]
    return Phase(*days, tuple(phase["items"]), phase["metadata"], tuple(phase["discounts"]))


def _held(phase: Mapping[str, Any], recording: Recording, coupons: Coupons) -> Phase:
    metadata = phase["metadata"]
    return Phase(
        day_of(phase["start_date"]),
        day_of(phase["end_date"]),
        tuple(_item(item, recording, coupons) for item in phase["items"]),
        {
            **metadata,
            "index": metadata.get("salesforce_segment_index"),
            "label": metadata.get("salesforce_segment_label"),
        },
        tuple(coupons(discount["coupon"]) for discount in phase["discounts"]),
    )


def _item(item: Mapping[str, Any], recording: Recording, coupons: Coupons) -> dict[str, Any]:
    price, line = item["price"], str(item["metadata"].get("salesforce_order_item_id") or "")
    return {
        "product": recording.line(line).get("Product2Id"),
        "lines": [line],
        "quantity": item.get("quantity"),
        "unit_amount": price["unit_amount_decimal"],
        "interval": price["recurring"]["interval"],
        "interval_count": price["recurring"]["interval_count"],
        "discounts": [coupons(discount["coupon"]) for discount in item["discounts"]],
        "metadata": item["metadata"],
    }


def day_of(moment: int) -> str:
    """Return the day of a Stripe timestamp."""
    return datetime.fromtimestamp(moment, UTC).date().isoformat()
