"""Adopted edits between the journal's rows and the values that plans are made with."""

from dataclasses import replace
from datetime import date
from typing import Any

from connector.compile.spec import AdoptedEdit
from connector.desk import Desk
from connector.journal import AdoptedRow
from connector.plan.plan import Plan


def adopted_edits(desk: Desk, contract_key: str) -> tuple[AdoptedEdit, ...]:
    """Return the edits that are adopted for a contract, whether they still count or not."""
    rows = desk.account.journal.adopted_edits(desk.name, contract_key)
    return tuple(_edit(row, desk) for row in rows)


def edit_json(edit: AdoptedEdit) -> dict[str, Any]:
    """Return an edit as the journal keeps it; who, when and why stand beside it."""
    return {
        "schedule": edit.schedule,
        "name": edit.name,
        "before": edit.before,
        "after": edit.after,
        "line": edit.line,
        "start": edit.start.isoformat() if edit.start else None,
        "end": edit.end.isoformat() if edit.end else None,
        "sold": edit.sold,
    }


def end_lapsed(desk: Desk, plan: Plan) -> None:
    """End adopted edits whose part of the contract has changed, once Stripe is right without them.

    They must not come back when the contract does.
    """
    lapsed = plan.desired.lapsed if plan.desired else ()
    if lapsed:
        reason = "the contract changed there, and Stripe says what it says now"
        desk.account.journal.end_adopted(
            desk.name, plan.contract.key, [one.id for one in lapsed], by="sync", reason=reason, now=desk.clock()
        )


def _edit(row: AdoptedRow, desk: Desk) -> AdoptedEdit:
    said = dict(row.edit)
    days = {name: date.fromisoformat(said[name]) if said[name] else None for name in ("start", "end")}
    on = row.adopted_at.astimezone(desk.account.zone).date()
    return replace(AdoptedEdit(**{**said, **days}), by=row.adopted_by, on=on, reason=row.reason, id=row.id)
