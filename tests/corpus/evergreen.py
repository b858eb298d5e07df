"""Contracts without an end: what Stripe holds for us against the recorded subscription.

The recorded connector makes a subscription, or for one that begins later a schedule with a phase of a second; what that
holds is what runs, or begins, on the day of the run.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from tests.corpus.held import ENDED, day_of
from tests.corpus.result import Comparison

NO_PHASE = "recorded as a subscription, or a phase of a second; here a phase that ends far ahead and releases"


def compare_evergreen(result: Comparison, schedules: Iterable[Mapping[str, Any]], today: str) -> None:
    """Compare the items and the end of a contract without an end."""
    answers = [entry for run in result.recording.runs for entry in run["results"]]
    recorded = next((entry for entry in reversed(answers) if "items" in entry or "phases" in entry), None)
    if recorded is None:
        return
    result.phases = True
    alive = [schedule for schedule in schedules if schedule["status"] not in ENDED]
    if recorded["status"] == "canceled":
        if alive:
            result.fault("phases", f"recorded as cancelled, ours {[(s['id'], s['status']) for s in alive]}")
        return
    ended = _ended(recorded)
    ours = [(schedule["end_behavior"], day_of(schedule["phases"][-1]["end_date"])) for schedule in alive]
    if len(ours) != 1 or ours[0][0] != ("cancel" if ended else "release") or (ended and ours[0][1] != ended):
        result.fault("phases", f"recorded end {ended}, ours {ours}")
        return
    result.explain("phases", NO_PHASE)
    mine, theirs = _ours(result, alive[0], today), Counter(_recorded(item) for item in _items(recorded))
    if mine != theirs:
        result.fault("phases", f"items: ours {mine}, recorded {theirs}")


def _ended(recorded: Mapping[str, Any]) -> str | None:
    moment = recorded.get("cancel_at")
    return datetime.fromtimestamp(moment, UTC).date().isoformat() if moment else None


def _items(recorded: Mapping[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = recorded["phases"][-1]["items"] if "phases" in recorded else recorded["items"]
    return found


def _ours(result: Comparison, schedule: Mapping[str, Any], today: str) -> Counter[tuple[Any, ...]]:
    phases = schedule["phases"]
    running = next((p for p in phases if day_of(p["start_date"]) <= today < day_of(p["end_date"])), phases[0])
    return Counter(_held(result, item) for item in running["items"])


def _held(result: Comparison, item: Mapping[str, Any]) -> tuple[Any, ...]:
    line, price = str(item["metadata"]["salesforce_order_item_id"]), item["price"]
    product = result.recording.line(line).get("Product2Id")
    amount = Decimal(price["unit_amount_decimal"])
    return (product, line[:15], item["quantity"], amount, price["recurring"]["interval"])


def _recorded(item: Mapping[str, Any]) -> tuple[Any, ...]:
    line = str(item["salesforce_order_item_id"])[:15]
    amount = Decimal(str(item["unit_amount_decimal"]))
    return (item["salesforce_product2_id"], line, item["quantity"], amount, item["interval"])
