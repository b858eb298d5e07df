"""Door two: what Stripe holds of what we want, answered from the journal where it can be, by reading where it must.

An object whose desired parameters hash to what we applied last is not read: unchanged contracts cost no call. A
schedule that must change is read once, whole. Ids the CRM names but the journal does not know are looked at first.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, tzinfo
from typing import Any

from connector.billing.account import StripeAccount
from connector.billing.client import Api
from connector.billing.endpoints import ENDPOINTS
from connector.billing.known import known_of
from connector.billing.normalize import read_schedule
from connector.billing.orphans import orphans
from connector.billing.recover import LostCreates, find_by_metadata, find_lost, lost_creates, step_done
from connector.billing.seek import seek_schedule
from connector.billing.settlements import creditable_invoices, settlements
from connector.compile.continued import Continued, continued_by
from connector.compile.resource import DesiredState, Key, Kind, Resource
from connector.domain.contract import Contract
from connector.domain.errors import RejectedError
from connector.domain.issues import Issue, IssueCode, Source, block, warn
from connector.journal import Link, Operation
from connector.plan.canonical import canonical, digest
from connector.plan.existing import ExistingObject, ExistingState
from connector.plan.kinds import BILLING_KINDS, KINDS, Identity

#: Ids people may have typed into the CRM count only when they can be of the kind.
_PREFIXES: Mapping[Kind, str] = {"customer": "cus_", "subscription_schedule": "sub_sched_", "invoice": "in_"}
_STEPS = frozenset({"invoice_lines", "invoice_finalization"})


@dataclass(frozen=True, slots=True)
class Own:
    """What the journal has of a contract: the objects that are its own, and its writes without an answer."""

    links: Sequence[Link]
    intents: Sequence[Operation]

    @property
    def schedules(self) -> list[Link]:
        """Return the schedules that were not taken back."""
        return [link for link in self.links if link.kind == "subscription_schedule" and not link.retired_at]

    @property
    def schedules_meant(self) -> list[Operation]:
        """Return the creates of schedules that nobody knows the answer of."""
        return [one for one in self.intents if (one.kind, one.verb) == ("subscription_schedule", "create")]


def own_of(contract: Contract, account: StripeAccount) -> Own:
    """Return what the journal has of a contract."""
    key = (account.connection, contract.key)
    return Own(account.journal.contract_links(*key), account.journal.pending_intents(*key))


def observe(
    contract: Contract,
    desired: DesiredState,
    account: StripeAccount,
    now: datetime,
    *,
    live: bool = False,
    seek: bool = False,
    own: Own | None = None,
) -> ExistingState:
    """Return what exists of the desired state, and what the contract has beside it.

    `own` is what the journal has of the contract, where it was read already.
    `live` reads every schedule, to find edits made by hand; `seek` looks for schedules that nothing names, too.
    """
    of_contract = own or own_of(contract, account)
    links = _links(desired, account)
    names = _own_ids(desired) | {link.stripe_id: key for key, link in links.items() if key.kind not in _STEPS}
    lost = lost_creates(account, now) if len(links) < len(desired.resources) else {}
    unsure = {(intent.kind, intent.key) for intent in of_contract.intents}
    held = of_contract.links
    live = live or _has_changed(desired, held, unsure) or _is_due(desired, held, account, now)
    objects: dict[Key, ExistingObject] = {}
    issues: list[Issue] = []
    for resource in desired.resources:
        link = links.get(resource.key)
        if link is not None and link.retired_at is None:
            doubt = (link.kind, link.key) in unsure
            objects[resource.key] = _linked(resource, link, names, account, live=live, doubt=doubt)
            continue
        found, more = _unlinked(contract, resource, names, account, lost)
        if seek and found is None and not more and resource.key.kind == "subscription_schedule":
            stripe_id, more = seek_schedule(contract, resource, names, account.api)
            found = _read_schedule(stripe_id, names, account) if stripe_id else None
        issues += more
        if found is not None:
            objects[resource.key] = replace(found, linked=False)
            if resource.key.kind not in _STEPS:  # a step has the id of its invoice
                names[found.id] = resource.key
    objects |= orphans(held, desired, {one.id for one in objects.values()}, names, account)
    objects |= settlements(held, names, account, live=live)
    _set_currency(contract, objects, account)
    return ExistingState(
        objects,
        tuple(issues),
        known=known_of(objects, desired, account),
        invoices=creditable_invoices(contract, desired, objects, account, now),
    )


def _is_due(desired: DesiredState, own: Sequence[Link], account: StripeAccount, now: datetime) -> bool:
    """Tell whether an amount that is billed apart has come due since its schedule was last looked at."""
    schedules = [link for link in own if link.kind == "subscription_schedule" and not link.retired_at]
    seen = {link.key: link.updated_at.astimezone(account.zone).date() for link in schedules}
    today = now.astimezone(account.zone).date()
    return any(
        one.way == "apart" and seen[spec.key] < phase.period.start <= today
        for spec in desired.schedules
        if spec.key in seen
        for phase in spec.phases
        for one in phase.one_offs
    )


def _has_changed(desired: DesiredState, own: Sequence[Link], unsure: Collection[tuple[str, str]]) -> bool:
    """Tell whether a schedule of the contract has to be read; then all of them are: they settle with each other."""
    schedules = {link.key: link for link in own if link.kind == "subscription_schedule" and not link.retired_at}
    wanted = {resource.key.name: resource for resource in desired.of("subscription_schedule")}
    known = {name: resource for name, resource in wanted.items() if name in schedules}
    return (
        bool(schedules.keys() - wanted.keys())
        or any(("subscription_schedule", name) in unsure for name in known)
        or any(schedules[name].applied_hash != digest(canonical(one.params)) for name, one in known.items())
    )


def made_on(own: Own, zone: tzinfo) -> date | None:
    """Return the day on which the contract's schedules were made, or were meant to be by a write without an answer."""
    moments = [link.created_at for link in own.schedules] or [one.started_at for one in own.schedules_meant]
    return min(moments).astimezone(zone).date() if moments else None


def continued_on(own: Own) -> Continued:
    """Return where schedules go on that began after others had ended, or were meant to by a write without an answer."""
    return continued_by((*(link.key for link in own.schedules), *(one.key for one in own.schedules_meant)))


def _own_ids(desired: DesiredState) -> dict[str, Key]:
    """Return the keys behind the ids that we chose ourselves: a schedule may name them before they are linked."""
    own = (resource for resource in desired.resources if KINDS[resource.key.kind].identity is Identity.OWN_ID)
    return {str(resource.params["id"]): resource.key for resource in own}


def _links(desired: DesiredState, account: StripeAccount) -> Mapping[Key, Link]:
    wanted = {(resource.key.kind, resource.key.name): resource.key for resource in desired.resources}
    found = account.journal.links(account.connection, wanted)
    return {key: found[pair] for pair, key in wanted.items() if pair in found}


def _linked(
    resource: Resource, link: Link, names: Mapping[str, Key], account: StripeAccount, *, live: bool, doubt: bool
) -> ExistingObject:
    """Return what we applied last; `doubt` says that a later write has no answer, so that it may be something else."""
    wanted = canonical(resource.params)
    same = link.applied_hash == digest(wanted)
    if resource.key.kind == "subscription_schedule" and (live or doubt or not same):
        held = _read_schedule(link.stripe_id, names, account)
        sure = bool(link.applied_hash) and not doubt
        return replace(held, applied=dict(link.applied)) if sure else held
    if doubt and KINDS[resource.key.kind].mutable:
        return ExistingObject(link.stripe_id, {})
    return ExistingObject(link.stripe_id, wanted if same else dict(link.applied))


def _read_schedule(stripe_id: str, names: Mapping[str, Key], account: StripeAccount) -> ExistingObject:
    return read_schedule(_get("subscription_schedule", stripe_id, account.api), names, account.zone)


def _get(kind: Kind, stripe_id: str, api: Api) -> Mapping[str, Any]:
    endpoint = ENDPOINTS[kind]
    return api.get(endpoint.object.format(id=stripe_id), {"expand": endpoint.expand} if endpoint.expand else None)


def _unlinked(
    contract: Contract, resource: Resource, names: Mapping[str, Key], account: StripeAccount, lost: LostCreates
) -> tuple[ExistingObject | None, list[Issue]]:
    """Look at the id the CRM holds, then for a write of ours whose answer was lost; mostly neither exists."""
    if resource.key.kind in _STEPS:
        return _step(resource, names, account, lost), []
    if resource.adopt:
        found, issues = _adopted(contract, resource, names, account)
        if found is not None or issues:
            return found, issues
    stripe_id = find_lost(resource, names, lost, account.api) or _forgotten(contract, resource, names, account)
    if stripe_id is None:
        return None, []
    if resource.key.kind == "subscription_schedule":
        return _read_schedule(stripe_id, names, account), []
    return ExistingObject(stripe_id, canonical(resource.params)), []


def _step(
    resource: Resource, names: Mapping[str, Key], account: StripeAccount, lost: LostCreates
) -> ExistingObject | None:
    """Tell whether a step of an invoice is done that the journal knows nothing of: the invoice was adopted or found."""
    invoice = Key("invoice", resource.key.name)
    if account.journal.link(account.connection, invoice.kind, invoice.name) is not None:
        stripe_id = find_lost(resource, names, lost, account.api)
    else:
        stripe_id = step_done(resource, names, account.api)
    return ExistingObject(stripe_id, canonical(resource.params)) if stripe_id else None


def _forgotten(contract: Contract, resource: Resource, names: Mapping[str, Key], account: StripeAccount) -> str | None:
    """Find a linked schedule that the CRM does not name by itself: the contract was billed, the journal was lost."""
    if resource.key.kind != "subscription_schedule" or not contract.stripe_id or resource.adopt:
        return None
    return find_by_metadata(resource, names, account.api)


def _adopted(
    contract: Contract, resource: Resource, names: Mapping[str, Key], account: StripeAccount
) -> tuple[ExistingObject | None, list[Issue]]:
    stripe_id = resource.adopt or ""
    if not stripe_id.startswith(_PREFIXES.get(resource.key.kind, "")):
        return None, []
    answer = _lookup(resource, stripe_id, account.api)
    source = contract.source(resource.key.name, "stripe_id")
    if answer is None:
        return None, [_unknown(resource, stripe_id, source)] if resource.key.kind == "customer" else []
    if answer.get("deleted"):
        return None, [_deleted(resource, stripe_id, source)]
    if resource.key.kind == "subscription_schedule":
        if not _ours(answer, contract):
            return None, []
        return read_schedule(answer, names, account.zone), []
    return ExistingObject(stripe_id, canonical(resource.params), currency=answer.get("currency")), []


def _lookup(resource: Resource, stripe_id: str, api: Api) -> Mapping[str, Any] | None:
    try:
        return _get(resource.key.kind, stripe_id, api)
    except RejectedError as error:
        if error.status == 404:
            return None
        raise


def _ours(answer: Mapping[str, Any], contract: Contract) -> bool:
    key = f"{contract.policies.metadata_prefix}order_id"
    return str((answer.get("metadata") or {}).get(key, ""))[:15] == contract.ref[:15]


def _unknown(resource: Resource, stripe_id: str, source: Source) -> Issue:
    return warn(
        IssueCode.CUSTOMER_UNKNOWN,
        source,
        f"the CRM names {stripe_id!r} as the Stripe {resource.key.kind}; Stripe does not know it, a new one is made",
        "Nothing to do, unless the id was entered by hand: then check it.",
    )


def _deleted(resource: Resource, stripe_id: str, source: Source) -> Issue:
    return block(
        IssueCode.CUSTOMER_DELETED,
        source,
        f"the Stripe {resource.key.kind} {stripe_id} that the CRM names was deleted in Stripe",
        "Clear the Stripe id on the CRM record; a new one is made at the next sync.",
    )


def _set_currency(contract: Contract, objects: dict[Key, ExistingObject], account: StripeAccount) -> None:
    """Tell the plan in which currency the customer is billed already, by its other contracts."""
    key = Key("customer", contract.party.ref)
    customer = objects.get(key)
    if customer is None or customer.currency:
        return
    others = account.journal.account_links(account.connection, contract.party.ref)
    billed = [link.currency for link in others if _bills_elsewhere(link, contract)]
    other = next((currency for currency in billed if currency != contract.currency), None)
    if other:
        objects[key] = replace(customer, currency=other)


def _bills_elsewhere(link: Link, contract: Contract) -> bool:
    return link.kind in BILLING_KINDS and not link.retired_at and link.contract_key != contract.key
