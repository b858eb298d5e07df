"""Changing a schedule: its phases are declared anew, the past stays (SDK reference of the update; recorded traffic)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from connector.sandbox.stripe import events, subscriptions
from connector.sandbox.stripe.engine import move_schedule, plan_schedule
from connector.sandbox.stripe.errors import invalid
from connector.sandbox.stripe.item_changes import Change, bill_change, change_end, change_items
from connector.sandbox.stripe.limits import check_phase_count
from connector.sandbox.stripe.phase_items import Context
from connector.sandbox.stripe.phases import build_phases

if TYPE_CHECKING:
    from connector.sandbox.stripe.state import Object, Tenant


def update_phases(tenant: Tenant, schedule: Object, params: dict[str, Any], at: int) -> None:
    """Take the phases of an update, if any, and bring the subscription in line."""
    given = params.get("phases")
    behavior = params.get("proration_behavior", "create_prorations")
    had = _billed_extras(schedule)
    if given:
        schedule["phases"] = _merged(tenant, schedule, given, at)
    if schedule["status"] == "active" and (given or "default_settings" in params):
        _change_running(tenant, schedule, behavior, at, had)
    elif schedule["status"] == "active":
        _note_end(tenant, schedule, behavior, at)
    move_schedule(tenant, schedule, at)
    plan_schedule(tenant, schedule, at)


def _billed_extras(schedule: Object) -> set[str]:
    """Find the one-off items of the running phase; they were billed when it began."""
    running = _running(schedule)
    return {extra["price"] for extra in running["add_invoice_items"]} if running else set()


def _running(schedule: Object) -> Object | None:
    current = schedule["current_phase"]
    return next((p for p in schedule["phases"] if current and p["start_date"] == current["start_date"]), None)


def _merged(tenant: Tenant, schedule: Object, given: list[Object], at: int) -> list[Object]:
    """Check the phases of an update and put the past ones that were left out before them."""
    if "start_date" not in given[0]:
        message = (
            "The subscription schedule update is missing at least one phase with a `start_date` to anchor end dates to."
        )
        raise invalid(message)
    known = {entry["price"] for p in schedule["phases"] for entry in (*p["items"], *p["add_invoice_items"])}
    context = Context(
        tenant, at, schedule["billing_mode"]["type"], schedule["default_settings"], schedule["customer"], known
    )
    phases = build_phases(context, given, at)
    check_phase_count([phase for phase in phases if phase["end_date"] > at])
    current = schedule["current_phase"]
    if current is None:
        return _not_started(phases, at)
    before = [p for p in schedule["phases"] if p["end_date"] <= current["start_date"]]
    repeated = [p for p in phases if p["end_date"] <= current["start_date"]]
    _check_past(repeated, before)
    coming = phases[len(repeated) :]
    _check_current(coming, current, at)
    return [*before, *coming]


def _not_started(phases: list[Object], at: int) -> list[Object]:
    if phases[-1]["end_date"] <= at:
        message = "The last phase of a schedule must end in the future."
        raise invalid(message, f"phases[{len(phases) - 1}][end_date]")
    return phases


def _check_past(repeated: list[Object], before: list[Object]) -> None:
    stored = [_terms(phase) for phase in before]
    for index, phase in enumerate(repeated):
        if _terms(phase) not in stored:
            message = "You can not modify a phase that has already ended."
            raise invalid(message, f"phases[{index}]")


def _terms(phase: Object) -> Object:
    items = sorted((item["price"], item.get("quantity")) for item in phase["items"])
    return {"dates": (phase["start_date"], phase["end_date"]), "items": items}


def _check_current(coming: list[Object], current: Object, at: int) -> None:
    if not coming or coming[0]["start_date"] != current["start_date"]:
        message = "You can not modify the start date of the current phase."
        raise invalid(message)
    if coming[0]["end_date"] < at:
        message = "You can only adjust the end date to a future date for the current phase."
        raise invalid(message)


def _change_running(tenant: Tenant, schedule: Object, behavior: str, at: int, had: set[str]) -> None:
    """Change the running phase in place; the request's own proration behaviour governs it."""
    phase = _running(schedule)
    if phase is None:
        return
    sub = tenant.touch("subscription", schedule["subscription"])
    ends = subscriptions.scheduled_end(schedule, phase)
    if phase["end_date"] <= at:
        if ends is not None:
            change_end(tenant, sub, ends, behavior, at)
        return
    change_items(tenant, sub, phase["items"], Change(behavior, at, ends, discounts=phase["discounts"]))
    subscriptions.take_settings(tenant, sub, schedule, phase, at)
    fresh = [extra for extra in phase["add_invoice_items"] if extra["price"] not in had]
    subscriptions.add_extras(tenant, sub, {**phase, "add_invoice_items": fresh}, at)
    bill_change(tenant, sub, behavior, at)
    events.record(tenant, "updated", sub, at, {})


def _note_end(tenant: Tenant, schedule: Object, behavior: str, at: int) -> None:
    """Keep the subscription's cancel date in step with end_behavior once the last phase runs."""
    phase = _running(schedule)
    if phase is not None:
        sub = tenant.touch("subscription", schedule["subscription"])
        change_end(tenant, sub, subscriptions.scheduled_end(schedule, phase), behavior, at)
        bill_change(tenant, sub, behavior, at)
