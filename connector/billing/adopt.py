"""Objects that exist although the journal has no link to them: the CRM names them, or the answer to a write was lost.

They are linked before anything else is written, so that the next run knows them without looking.
"""

from datetime import datetime

from connector.billing.account import StripeAccount
from connector.compile.resource import Resource
from connector.journal import Operation
from connector.plan.canonical import canonical, digest
from connector.plan.existing import ExistingObject, ExistingState
from connector.plan.kinds import BILLING_KINDS
from connector.plan.plan import Plan


def link_found(plan: Plan, existing: ExistingState, account: StripeAccount, now: datetime) -> None:
    """Link what was found without a link; an intent that waited for its answer is closed with what was found."""
    if plan.desired is None:
        return
    waiting = account.journal.pending_intents(account.connection, plan.contract.key)
    creates = {(intent.kind, intent.key): intent for intent in waiting if intent.verb == "create"}
    for intent in waiting:
        if intent.verb != "create":
            _settle_change(intent, plan, existing, account, now)
    changing = {operation.key for operation in plan.operations}
    for resource in plan.desired.resources:
        held = existing.objects.get(resource.key)
        if held is None:
            continue
        if held.linked:
            if held.status is not None and not plan.operations:
                _confirm(resource, held, plan, account, now)
            continue
        created = creates.get((resource.key.kind, resource.key.name))
        if created is not None:
            _settle(created, held, account, now)
            continue
        applied = canonical(resource.params)
        account.journal.save_link(
            account.connection,
            resource.key.kind,
            resource.key.name,
            stripe_id=held.id,
            applied_hash="" if resource.key in changing else digest(applied),
            applied=applied,
            contract_key=plan.contract.key,
            account_key=plan.contract.party.ref,
            now=now,
            currency=plan.contract.currency if resource.key.kind in BILLING_KINDS else None,
        )


def _confirm(resource: Resource, held: ExistingObject, plan: Plan, account: StripeAccount, now: datetime) -> None:
    """Remember that a schedule that was read is as desired: what differs lies in the past, or was settled apart."""
    applied = canonical(resource.params)
    account.journal.save_link(
        account.connection,
        resource.key.kind,
        resource.key.name,
        stripe_id=held.id,
        applied_hash=digest(applied),
        applied=applied,
        contract_key=plan.contract.key,
        account_key=plan.contract.party.ref,
        now=now,
        currency=plan.contract.currency,
    )


def _settle_change(
    intent: Operation, plan: Plan, existing: ExistingState, account: StripeAccount, now: datetime
) -> None:
    """Close an update or end whose answer was lost, as Stripe was found: done, or overtaken by what comes now.

    What is sent again has the same idempotency key, and is left to that.
    """
    key = next((key for key in existing.objects if (key.kind, key.name) == (intent.kind, intent.key)), None)
    if key is None:
        return
    held = existing.objects[key]
    resource = plan.desired.get(key) if plan.desired else None
    if resource is None:
        done = intent.verb == "retire" and held.status == "canceled"
    else:
        done = intent.verb == "update" and all(operation.key != key for operation in plan.operations)
    if done:
        _settle(intent, held, account, now)
    elif resource is not None and intent.applied_hash != digest(canonical(resource.params)):
        facts = {"message": "the answer was lost, and a later write takes its place"}
        account.journal.record_failure(intent.id, facts, now)


def _settle(intent: Operation, held: ExistingObject, account: StripeAccount, now: datetime) -> None:
    """Close the intent with what was found; its link says what the intent wanted, so a difference shows at once."""
    account.journal.record_result(intent.id, held.id, None, now)
