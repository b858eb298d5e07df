"""What the plan said would be billed, and what the Stripe emulator invoiced, day by day."""

from collections import defaultdict
from datetime import UTC, date, datetime
from typing import Any

from connector.billing.client import Api
from connector.domain.period import FOREVER
from connector.journal import Journal, Link
from connector.sync import Planned
from tests.money.world import MoneyWorld, Synced

Days = dict[date, int]


def promised(planned: Planned, today: date) -> Days:
    """Return the plan's own bills by day; what was due before the first sync is invoiced on the day of the sync."""
    days: Days = defaultdict(int)
    assert planned.plan is not None
    for bill in planned.plan.bills:
        if not bill.skipped:
            days[max(bill.day, today)] += bill.amount
    return _without_zeros(days)


def invoiced(world: MoneyWorld, synced: Synced) -> Days:
    """Return what Stripe invoiced for an order, by the day the invoice was made."""
    days: Days = defaultdict(int)
    for invoice in invoices(world, synced):
        assert invoice["status"] in {"open", "paid"}, f"{invoice['id']} was not finalized"
        days[day_of(invoice["created"])] += invoice["total"]
    for credit in given_back(world, synced):
        days[day_of(credit["created"])] += credit["amount"]
    return _without_zeros(days)


def given_back(world: MoneyWorld, synced: Synced) -> list[dict[str, Any]]:
    """Return what was given back on the balance of an order's customer (negative amounts)."""
    api, journal = world.api(), world.journal
    assert journal is not None
    customer = journal.link("salesforce", "customer", _account(synced))
    ids = {link.stripe_id for link in _links(journal, synced) if link.kind == "balance_credit"}
    if not ids or customer is None:
        return []
    listed = api.get(f"/v1/customers/{customer.stripe_id}/balance_transactions", {"limit": 100})["data"]
    return [one for one in listed if one["id"] in ids]


def _account(synced: Synced) -> str:
    contract = synced.planned.contract
    assert contract is not None
    return contract.party.ref


def invoices(world: MoneyWorld, synced: Synced) -> list[dict[str, Any]]:
    """Return the invoices of an order's subscriptions, or its own invoice."""
    api, journal = world.api(), world.journal
    assert journal is not None
    found = []
    for link in _links(journal, synced):
        if link.kind == "invoice":
            found.append(api.get(f"/v1/invoices/{link.stripe_id}"))
        elif link.kind == "subscription_schedule":
            schedule = api.get(f"/v1/subscription_schedules/{link.stripe_id}")
            subscription = schedule["subscription"] or schedule["released_subscription"]
            found += _all(api, {"subscription": subscription}) if subscription else []
    return found


def invoices_of_customer(world: MoneyWorld, synced: Synced) -> Days:
    """Return what Stripe invoiced an order's customer in all, by the day the invoice was made."""
    assert world.journal is not None
    assert synced.planned.contract is not None
    link = world.journal.link("salesforce", "customer", synced.planned.contract.party.ref)
    assert link is not None
    days: Days = defaultdict(int)
    for invoice in _all(world.api(), {"customer": link.stripe_id}):
        days[day_of(invoice["created"])] += invoice["total"]
    return _without_zeros(days)


def faults(world: MoneyWorld, synced: Synced) -> list[str]:
    """Tell on which days Stripe invoiced something else than the plan promised, or than the CRM sold in all.

    What has no end is promised until its horizon; what is invoiced later is not looked at here.
    """
    told, until = promised(synced.planned, world.first_day), horizon_of(synced.planned)
    done = {day: amount for day, amount in invoiced(world, synced).items() if day < until}
    name = synced.case.name
    found = [
        f"{name}: {day} promised {told.get(day, 0)}, invoiced {done.get(day, 0)}"
        for day in sorted({*told, *done})
        if told.get(day) != done.get(day)
    ]
    if sum(done.values()) != settled(synced.planned):
        found.append(f"{name}: {sum(done.values())} in all, the tie-out says {settled(synced.planned)}")
    return found


def settled(planned: Planned) -> int:
    """Return what the tie-out says will be invoiced: what the CRM sold, minus what it explains."""
    assert planned.plan is not None
    account = planned.plan.tie_out
    assert account is not None
    return account.crm - sum(explanation.amount for explanation in account.explanations)


def horizon_of(planned: Planned) -> date:
    """Return how far the plan told what has no end; FOREVER when all of it ends."""
    desired = planned.plan.desired if planned.plan else None
    ends = [schedule.end for schedule in desired.schedules if schedule.open] if desired else []
    return min(ends, default=FOREVER)


def day_of(moment: int) -> date:
    """Return the day of a Stripe timestamp."""
    return datetime.fromtimestamp(moment, UTC).date()


def _links(journal: Journal, synced: Synced) -> tuple[Link, ...]:
    return journal.contract_links("salesforce", synced.planned.raw.key)


def _all(api: Api, params: dict[str, Any]) -> list[dict[str, Any]]:
    page, found = {**params, "limit": 100}, []
    while True:
        answer = api.get("/v1/invoices", page)
        found += answer["data"]
        if not answer["has_more"]:
            return found
        page["starting_after"] = found[-1]["id"]


def _without_zeros(days: Days) -> Days:
    return {day: amount for day, amount in sorted(days.items()) if amount}
