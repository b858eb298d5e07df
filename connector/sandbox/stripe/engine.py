"""Lets time pass: takes what is due from a clock's agenda, in order, and makes it happen.

At equal moments a phase begins before a period does, and a period before an invoice is finalised. Everything happens
at the moment it was due, however late the clock is looked at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from connector.sandbox.stripe import billing, events, subscriptions
from connector.sandbox.stripe.invoice_life import finalize

if TYPE_CHECKING:
    from connector.sandbox.stripe.state import Clock, Due, Object, Tenant

ENDED = frozenset({"canceled", "completed", "released"})


def run(tenant: Tenant, clock: Clock, until: int) -> None:
    """Let everything happen that is due on a clock until a moment."""
    while (due := clock.pop_due(until)) is not None:
        step(tenant, due)


def step(tenant: Tenant, due: Due) -> None:
    """Let one thing happen, if it still applies."""
    match due.kind:
        case "transition":
            schedule = tenant.objects["subscription_schedule"].get(due.ref)
            if schedule and schedule["status"] not in ENDED:
                move_schedule(tenant, schedule, due.at)
        case "cycle":
            _cycle(tenant, due.ref, due.at)
        case "cancel":
            sub = tenant.objects["subscription"][due.ref]
            if sub["cancel_at"] == due.at and not sub["ended_at"] and not sub["schedule"]:
                subscriptions.end(tenant, sub, due.at)
        case "finalize":
            invoice = tenant.objects["invoice"].get(due.ref)
            if invoice and invoice["status"] == "draft" and invoice["automatically_finalizes_at"] == due.at:
                finalize(tenant, invoice, due.at)
        case _:
            invoice = tenant.objects["invoice"].get(due.ref)
            if invoice and invoice["status"] == "open" and invoice["due_date"] == due.at:
                events.record(tenant, "overdue", invoice, due.at)


def _cycle(tenant: Tenant, ref: str, at: int) -> None:
    sub = tenant.objects["subscription"].get(ref)
    if sub and not sub["ended_at"] and billing.due_items(sub, at):
        billing.bill(tenant, sub, at, "subscription_cycle")
        events.record(tenant, "updated", sub, at, {})


# --- schedules -------------------------------------------------------------------------------------------------


def current_phase(schedule: Object, at: int) -> Object | None:
    """Find the phase that contains a moment; phases are half open."""
    return next((p for p in schedule["phases"] if p["start_date"] <= at < p["end_date"]), None)


def plan_schedule(tenant: Tenant, schedule: Object, at: int) -> None:
    """Note the next moment a schedule changes."""
    phase = current_phase(schedule, at)
    moment = phase["end_date"] if phase else schedule["phases"][0]["start_date"]
    if moment > at:
        tenant.clock_of(schedule).plan("transition", moment, schedule["id"])


def move_schedule(tenant: Tenant, schedule: Object, at: int) -> None:
    """Bring a schedule to where it belongs at a moment: begin, enter the next phase, or end."""
    if schedule["phases"][0]["start_date"] > at:
        return
    tenant.touch("subscription_schedule", schedule["id"])
    phase, running = current_phase(schedule, at), schedule["current_phase"]
    if phase is None:
        _finish(tenant, schedule, at)
        return
    if running and running["start_date"] == phase["start_date"]:
        running["end_date"] = phase["end_date"]
    elif schedule["subscription"] is None:
        schedule["status"] = "active"
        schedule["subscription"] = subscriptions.begin(tenant, schedule, phase, at)["id"]
    else:
        sub = tenant.objects["subscription"][schedule["subscription"]]
        subscriptions.enter(tenant, sub, schedule, phase, at)
    schedule["current_phase"] = {"end_date": phase["end_date"], "start_date": phase["start_date"]}
    plan_schedule(tenant, schedule, at)
    events.record(tenant, "updated", schedule, at, {})


def _finish(tenant: Tenant, schedule: Object, at: int) -> None:
    """End a schedule: `cancel` completes it with its subscription, `release` lets that live on (recorded traffic)."""
    released = schedule["end_behavior"] == "release"
    schedule["status"], schedule["current_phase"] = "released" if released else "completed", None
    schedule["released_at" if released else "completed_at"] = at
    sub = tenant.objects["subscription"].get(schedule["subscription"] or "")
    if sub and not sub["ended_at"]:
        tenant.touch("subscription", sub["id"])
        if not released:
            subscriptions.end(tenant, sub, at)
        else:
            sub["schedule"], sub["cancel_at"] = None, None
            schedule["released_subscription"], schedule["subscription"] = sub["id"], None
            events.record(tenant, "updated", sub, at, {})
    events.record(tenant, "released" if released else "completed", schedule, at)
