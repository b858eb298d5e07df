"""What Stripe invoiced from the first day of a contract to its last, against what the CRM sold."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from connector.desk import Planned
from connector.domain.contract import Charge
from tests.corpus.result import Comparison
from tests.corpus.stage import Stage

#: How far evergreen contracts are followed: they have no last day.
HORIZON = timedelta(days=3 * 366)
_FINAL = frozenset({"open", "paid", "uncollectible"})
Days = Mapping[date, int]


def run_out(stage: Stage, contracts: Iterable[Planned]) -> None:
    """Let time pass until a few days after the last day of every contract, or for some years where there is none."""
    horizon = (stage.now + HORIZON).date()
    lines = [line for planned in contracts if planned.contract for line in planned.contract.lines]
    ends = [line.end or (horizon if line.charge is not Charge.ONE_TIME else line.start) for line in lines]
    last = max(ends, default=stage.now.date())
    stage.move_to(datetime(last.year, last.month, last.day, tzinfo=UTC) + timedelta(days=3))


def compare_invoiced(result: Comparison, planned: Planned, invoices: Iterable[Mapping[str, Any]], today: date) -> None:
    """Ask whether Stripe invoiced what the CRM sold, and after the last run day by day what the plan promised."""
    days: dict[date, int] = defaultdict(int)
    result.invoiced = True
    for invoice in invoices:
        days[datetime.fromtimestamp(invoice["created"], UTC).date()] += invoice["total"]
        if invoice["status"] not in _FINAL and invoice["total"]:
            result.fault("invoiced", f"an invoice over {invoice['total']} is {invoice['status']} to the end")
    if result.document["verdict"] == "refuse":
        if days:
            result.fault("invoiced", f"refused, but Stripe invoiced {dict(days)}")
        return
    assert planned.plan is not None
    account = planned.plan.tie_out
    assert account is not None
    settled = account.crm - sum(explanation.amount for explanation in account.explanations)
    if sum(days.values()) != settled:
        result.fault("invoiced", f"Stripe invoiced {sum(days.values())}, the CRM sold {settled}: {_shown(days)}")
    promised = _by_day((bill.day, bill.amount) for bill in planned.plan.bills if not bill.skipped)
    coming, done = (_after(today, found) for found in (promised, days))
    if coming != done:
        result.fault("invoiced", f"after {today} promised {_shown(coming)}, invoiced {_shown(done)}")


def _by_day(amounts: Iterable[tuple[date, int]]) -> Days:
    days: dict[date, int] = defaultdict(int)
    for day, amount in amounts:
        days[day] += amount
    return days


def _after(today: date, days: Days) -> Days:
    return {day: amount for day, amount in sorted(days.items()) if day > today and amount}


def _shown(days: Days) -> str:
    return ", ".join(f"{day} {amount}" for day, amount in sorted(days.items())) or "nothing"
