"""What Stripe invoiced from the first day of a contract to its last, against what the CRM sold."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from itertools import accumulate
from typing import Any

from connector.desk import Planned
from connector.domain.contract import Charge
from connector.domain.period import add_months, months_since
from tests.corpus.phases import LINE_DATES
from tests.corpus.recordings import Recording
from tests.corpus.result import Comparison

SOONER = "what is due is invoiced on its own day; recorded it waits for the next billing date"
COUPON_FROM_SYNC = (
    "recorded fault: a coupon's months are counted from the moment of the sync, and reach an invoice more"
)
CUT_SHORT = "recorded fault: whole periods for a time that ends within one; Stripe takes off what lies after the end"
KEPT = "recorded fault: what a contract that is ended on its first day was billed is not given back"
#: How far evergreen contracts are followed: they have no last day.
HORIZON = timedelta(days=3 * 366)
_FINAL = frozenset({"open", "paid", "uncollectible"})
Days = Mapping[date, int]


def last_day(contracts: Iterable[Planned], today: date) -> date:
    """Return a day by which everything is invoiced: after the end of all contracts, or years on without one."""
    lines = [line for planned in contracts if planned.contract for line in planned.contract.lines]
    ends = [line.end or (today + HORIZON if line.charge is not Charge.ONE_TIME else line.start) for line in lines]
    return max([*ends, today]) + timedelta(days=3)


def sold(planned: Planned) -> int | None:
    """Return what the CRM sold, without what a policy takes off; None for what cannot be compiled."""
    account = planned.plan.tie_out if planned.plan else None
    return account.crm - sum(explanation.amount for explanation in account.explanations) if account else None


def compare_invoiced(result: Comparison, planned: Planned, invoices: Iterable[Mapping[str, Any]], today: date) -> None:
    """Ask whether Stripe invoiced what the CRM sold, and after the last run day by day what the plan promised."""
    held = list(invoices)
    result.days = by_day(held)
    days, later = _until(_horizon(result), result.days)
    result.invoiced = True
    for invoice in held:
        if invoice["status"] not in _FINAL and invoice["total"]:
            result.fault("invoiced", f"an invoice over {invoice['total']} is {invoice['status']} to the end")
    if result.document["verdict"] == "refuse":
        if days:
            result.fault("invoiced", f"refused, but Stripe invoiced {dict(days)}")
        return
    assert planned.plan is not None
    if sum(days.values()) != result.sold:
        result.fault("invoiced", f"Stripe invoiced {sum(days.values())}, the CRM sold {result.sold}: {_shown(days)}")
    if _horizon(result) and not later:
        result.fault("invoiced", f"a contract without an end is not billed after {_horizon(result)}")
    promised = _sums((bill.day, bill.amount) for bill in planned.plan.bills if not bill.skipped)
    coming, done = (_after(today, found) for found in (promised, days))
    if coming != done:
        result.fault("invoiced", f"after {today} promised {_shown(coming)}, invoiced {_shown(done)}")


def compare_with_recorded(result: Comparison, ours: Days, today: date) -> None:
    """Ask whether we invoice on the same days as the recorded schedules, where those bill what was sold."""
    recorded = result.recorded_days
    if (
        recorded is None
        or result.recording.evergreen
        or result.recording.outcome != "success"
        or not result.recording.agrees
    ):
        return
    mine, theirs = _as_of(today, ours), _as_of(today, recorded)
    if mine == theirs:
        return
    if LINE_DATES in result.explained.get("phases", ()):
        result.explain("invoiced", LINE_DATES)
    elif _repeats(result.recording) and sum(theirs.values()) < sum(mine.values()):
        result.explain("invoiced", COUPON_FROM_SYNC)
    elif _cut_short(result.recording) and sum(theirs.values()) < sum(mine.values()):
        result.explain("invoiced", CUT_SHORT)
    elif _canceled(result.recording) and sum(theirs.values()) > sum(mine.values()):
        result.explain("invoiced", KEPT)
    elif _never_later(mine, theirs):
        result.explain("invoiced", SOONER)
    else:
        result.fault("invoiced", f"ours {_shown(mine)}, recorded {_shown(theirs)}")


def _horizon(result: Comparison) -> date | None:
    """Return how far a contract without an end is told; its bills go on after that."""
    ends = [held["end"] for held in result.document["schedules"] if held["end_behavior"] == "release"]
    return date.fromisoformat(max(ends)) if ends and result.recording.evergreen else None


def _until(horizon: date | None, days: Days) -> tuple[Days, Days]:
    """Split what was invoiced at the day until which a contract is told."""
    later = {day: amount for day, amount in days.items() if horizon and day >= horizon}
    return {day: amount for day, amount in days.items() if day not in later}, later


def _as_of(today: date, days: Days) -> Days:
    """Return what was invoiced until a day as one sum, and what came later day by day."""
    coming = _after(today, days)
    return {today: sum(days.values()) - sum(coming.values()), **coming}


def _never_later(mine: Days, theirs: Days) -> bool:
    """Tell whether charges and credits come to the same in all, and ours are at no time behind the recorded ones."""
    days = sorted({*mine, *theirs})
    charged = accumulate(max(mine.get(day, 0), 0) - max(theirs.get(day, 0), 0) for day in days)
    credited = accumulate(max(-mine.get(day, 0), 0) - max(-theirs.get(day, 0), 0) for day in days)
    ahead = [*charged], [*credited]
    return all(min(each) >= 0 and each[-1] == 0 for each in ahead)


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


def by_day(invoices: Iterable[Mapping[str, Any]]) -> Days:
    """Return what invoices come to, by the day on which they were made."""
    return _sums((datetime.fromtimestamp(one["created"], UTC).date(), one["total"]) for one in invoices)


def together(several: Iterable[Days]) -> Days:
    """Return what several contracts invoiced, by day."""
    return _sums(entry for days in several for entry in days.items())


def _sums(amounts: Iterable[tuple[date, int]]) -> Days:
    days: dict[date, int] = defaultdict(int)
    for day, amount in amounts:
        days[day] += amount
    return days


def _after(today: date, days: Days) -> Days:
    return {day: amount for day, amount in sorted(days.items()) if day > today and amount}


def _shown(days: Days) -> str:
    return ", ".join(f"{day} {amount}" for day, amount in sorted(days.items())) or "nothing"
