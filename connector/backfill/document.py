"""A back-fill as JSON: amounts are minor units as strings, times ISO 8601 in UTC."""

from typing import Any

from connector.backfill.overview import Estimate, IssueCount, Money, Overview
from connector.journal import Backfill, BackfillItem

SCHEMA_VERSION = 1


def overview_json(page: Overview) -> dict[str, Any]:
    """Return the one page of a back-fill; a script may rely on the names."""
    return {
        "schema_version": SCHEMA_VERSION,
        **backfill_json(page.backfill),
        "selected": page.selected,
        "not_planned": page.not_planned,
        "left_out": dict(page.left_out),
        "verdicts": dict(page.verdicts),
        "changes": dict(page.changes),
        "outcomes": dict(page.outcomes),
        "planned_money": {name: [_money(each) for each in some] for name, some in page.planned_money.items()},
        "money": {name: [_money(each) for each in some] for name, some in page.money.items()},
        "stripe_writes": page.writes,
        "issues": [_issue(each) for each in page.issues],
        "estimate": _estimate(page.estimate),
    }


def backfill_json(backfill: Backfill) -> dict[str, Any]:
    """Return what a back-fill is, without its contracts."""
    times = {name: getattr(backfill, name) for name in ("started_at", "planned_at", "applied_at", "finished_at")}
    return {
        "id": backfill.id,
        "connection": backfill.connection,
        "phase": backfill.phase,
        "paused": _said(backfill.paused),
        "selection": {key: value for key, value in backfill.selection.items() if key != "start_path"},
        "billed_through": backfill.billed_through.isoformat() if backfill.billed_through else None,
        "mapping_hash": backfill.mapping_hash,
        "config_hash": backfill.config_hash,
        "digest": backfill.digest,
        "verdict": backfill.verdict,
        "reasons": list(backfill.reasons),
        "started_by": backfill.started_by,
        "approved": _said(backfill.approved),
        "applied_by": backfill.applied_by,
        **{name: moment.isoformat() if moment else None for name, moment in times.items()},
    }


def item_json(item: BackfillItem) -> dict[str, Any]:
    """Return one contract of a back-fill."""
    amounts = {name: getattr(item, name) for name in ("sold", "to_bill", "elsewhere")}
    return {
        "record": item.record,
        "contract": item.contract_key,
        "name": item.name,
        "state": item.state,
        "change": item.change,
        "verdict": item.verdict,
        "outcome": item.outcome or ("open" if item.state != "left_out" else None),
        "currency": item.currency,
        **{name: None if amount is None else str(amount) for name, amount in amounts.items()},
        "differences": {reason: str(minor) for reason, minor in (item.differences or {}).items()},
        "billed_through": item.billed_through.isoformat() if item.billed_through else None,
        "stripe_writes": item.writes,
        "fingerprint": item.fingerprint,
        "why": item.words,
        "reasons": list(item.reasons or ()),
        "issues": [dict(issue) for issue in item.issues or ()],
        "ids": dict(item.ids or {}),
    }


def _said(said: Any) -> Any:
    return dict(said) if said else None


def _money(money: Money) -> dict[str, Any]:
    return {
        "currency": money.currency,
        "contracts": money.contracts,
        "sold": str(money.sold),
        "to_bill": str(money.to_bill),
        "difference": str(money.difference),
        "reasons": {reason: str(minor) for reason, minor in money.reasons.items()},
    }


def _issue(issue: IssueCount) -> dict[str, Any]:
    return {
        "code": issue.code,
        "severity": issue.severity,
        "contracts": issue.count,
        "examples": list(issue.records),
        "message": issue.message,
        "remedy": issue.remedy,
    }


def _estimate(estimate: Estimate) -> dict[str, Any]:
    return {
        "stripe_calls": estimate.stripe_calls,
        "stripe_writes": dict(estimate.stripe_writes),
        "crm_calls": estimate.crm_calls,
        "crm_left": estimate.crm_left,
        "hours": round(estimate.seconds / 3600, 4),
    }
