"""Our invoices beside those of the recorded schedules: the same days, or why not."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from connector.domain.period import add_months, months_since
from tests.corpus.days import Days, as_of, never_later, shown
from tests.corpus.phases import LINE_DATES
from tests.corpus.recordings import Recording
from tests.corpus.result import Comparison

SOONER = "what is due is invoiced on its own day; recorded it waits for the next billing date"
COUPON_FROM_SYNC = (
    "recorded fault: a coupon's months are counted from the moment of the sync, and reach an invoice more"
)
CUT_SHORT = "recorded fault: whole periods for a time that ends within one; Stripe takes off what lies after the end"
KEPT = "recorded fault: what a contract that is ended on its first day was billed is not given back"

OTHER_SUM = "recorded fault: its schedules invoice another sum than was sold"


def compare_with_recorded(result: Comparison, ours: Days, sold: int, today: date) -> None:
    """Ask whether we invoice on the same days as the recorded schedules, where their amounts are confirmed.

    `sold` is what the CRM sold in all contracts of the recording, and the truth where the recorded schedules differ.
    """
    recording, recorded = result.recording, result.recorded_days
    if recorded is None or recording.evergreen or recording.outcome != "success" or not recording.agrees:
        return
    mine, theirs = as_of(today, ours), as_of(today, recorded)
    if mine == theirs:
        return
    if sum(mine.values()) == sold != sum(theirs.values()):
        result.explain("invoiced", _cause(result, sum(theirs.values()) - sold))
    elif LINE_DATES in result.explained.get("phases", ()):
        result.explain("invoiced", LINE_DATES)
    elif never_later(mine, theirs):
        result.explain("invoiced", SOONER)
    else:
        result.fault("invoiced", f"ours {shown(mine)}, recorded {shown(theirs)}")


def _cause(result: Comparison, more: int) -> str:
    """Name why the recorded schedules invoice more (or less) than was sold."""
    if more < 0 and _repeats(result.recording):
        return COUPON_FROM_SYNC
    if more < 0 and _cut_short(result.recording):
        return CUT_SHORT
    if more > 0 and _canceled(result.recording):
        return KEPT
    return OTHER_SUM


def _cut_short(recording: Recording) -> bool:
    """Tell whether a recorded schedule ends within a billing period that it bills as a whole."""
    schedules = [entry for run in recording.runs for entry in run["results"] if entry.get("phases")]
    return any(_ends_within(held["phases"][0], held["phases"][-1]) for held in schedules)


def _ends_within(first: Mapping[str, Any], last: Mapping[str, Any]) -> bool:
    start, end = date.fromisoformat(first["start_date"][:10]), date.fromisoformat(last["end_date"][:10])
    months = months_since(start, end)
    intervals = [item["interval_count"] * {"month": 1, "year": 12}.get(item["interval"], 1) for item in last["items"]]
    return add_months(start, months) != end or any(months % interval for interval in intervals)


def _canceled(recording: Recording) -> bool:
    return any(entry.get("status") == "canceled" for run in recording.runs for entry in run["results"])


def _repeats(recording: Recording) -> bool:
    coupons = recording.table("Order_Stripe_Coupon__c").values()
    return any(coupon.get("Duration__c") == "repeating" for coupon in coupons)
