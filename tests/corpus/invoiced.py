"""What Stripe invoiced from the first day of a contract to its last, against what the CRM sold."""

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Any

from connector.desk import Planned
from connector.domain.contract import Charge, Contract, Line
from tests.corpus.days import Days, after, by_day, shown, sums
from tests.corpus.result import Comparison

#: How far evergreen contracts are followed: they have no last day.
HORIZON = timedelta(days=3 * 366)
_FINAL = frozenset({"open", "paid", "uncollectible"})


def last_day(contracts: Iterable[Planned], today: date) -> date:
    """Return a day by which everything is invoiced: after the end of all contracts, or years on without one."""
    found = [planned.contract for planned in contracts if planned.contract]
    ends = [_end(line, contract, today) for contract in found for line in contract.lines]
    return max([*ends, today]) + timedelta(days=3)


def _end(line: Line, contract: Contract, today: date) -> date:
    if line.charge is Charge.ONE_TIME:
        return line.start
    return line.end or contract.end or today + HORIZON


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
        result.fault("invoiced", f"Stripe invoiced {sum(days.values())}, the CRM sold {result.sold}: {shown(days)}")
    if _horizon(result) and not later:
        result.fault("invoiced", f"a contract without an end is not billed after {_horizon(result)}")
    promised = sums((bill.day, bill.amount) for bill in planned.plan.bills if not bill.skipped)
    coming, done = (after(today, found) for found in (promised, days))
    if coming != done:
        result.fault("invoiced", f"after {today} promised {shown(coming)}, invoiced {shown(done)}")


def _horizon(result: Comparison) -> date | None:
    """Return how far a contract without an end is told; its bills go on after that."""
    ends = [held["end"] for held in result.document["schedules"] if held["end_behavior"] == "release"]
    return date.fromisoformat(max(ends)) if ends and result.recording.evergreen else None


def _until(horizon: date | None, days: Days) -> tuple[Days, Days]:
    """Split what was invoiced at the day until which a contract is told."""
    later = {day: amount for day, amount in days.items() if horizon and day >= horizon}
    return {day: amount for day, amount in days.items() if day not in later}, later
