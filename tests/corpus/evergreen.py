"""Contracts without an end: our last phase against the recorded subscription, which has no schedule or one of a second.

What the recorded subscription holds after the run is what runs, or begins, on the day of the run.
"""

from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from tests.corpus.result import Comparison

NO_PHASE = "recorded as a subscription, or a phase of one second; ours is a phase that ends far ahead and releases"


def compare_evergreen(result: Comparison) -> None:
    """Compare the items and the end of a contract without an end."""
    assert result.recording.run is not None
    recorded = next((e for e in reversed(result.recording.run["results"]) if "items" in e or "phases" in e), None)
    if recorded is None:
        return
    result.phases = True
    ours, ended = result.document["schedules"], _ended(recorded)
    if recorded["status"] == "canceled":
        if ours:
            result.fault("phases", f"recorded as cancelled, ours {ours}")
        return
    if [schedule["end_behavior"] for schedule in ours] != ["cancel" if ended else "release"] or (
        ended and ours[-1]["end"] != ended
    ):
        result.fault("phases", f"recorded end {ended}, ours {[(s['end'], s['end_behavior']) for s in ours]}")
        return
    result.explain("phases", NO_PHASE)
    mine, theirs = _ours(result), Counter(_recorded(item) for item in _items(recorded))
    if mine != theirs:
        result.fault("phases", f"items: ours {mine}, recorded {theirs}")


def _ended(recorded: dict[str, Any]) -> str | None:
    moment = recorded.get("cancel_at")
    return datetime.fromtimestamp(moment, UTC).date().isoformat() if moment else None


def _items(recorded: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = recorded["phases"][-1]["items"] if "phases" in recorded else recorded["items"]
    return found


def _ours(result: Comparison) -> Counter[tuple[Any, ...]]:
    """Return the items that run on the day of the run; a schedule that begins later is not yet amended there."""
    phases = [phase for schedule in result.document["schedules"] for phase in schedule["phases"]]
    today = result.recording.now[:10]
    running = next((phase for phase in phases if phase["start"] <= today < phase["end"]), phases[0])
    return Counter(
        (item["product"], item["lines"][0][:15], item["quantity"], Decimal(item["unit_amount"]), item["interval"])
        for item in running["items"]
    )


def _recorded(item: dict[str, Any]) -> tuple[Any, ...]:
    line = str(item["salesforce_order_item_id"])[:15]
    amount = Decimal(str(item["unit_amount_decimal"]))
    return (item["salesforce_product2_id"], line, item["quantity"], amount, item["interval"])
