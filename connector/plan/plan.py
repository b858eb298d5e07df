"""The plan: what has to happen in Stripe for one contract, as data."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from typing import cast

from connector.compile.backdating import as_sent, bills_as_sent
from connector.compile.bills import one_off_charge, schedule_bills
from connector.compile.contract import coupon_resources
from connector.compile.resource import Compiled, DesiredState, Key, Params, Ref, Resource, Value
from connector.compile.schedule import schedule_key
from connector.domain.contract import Contract
from connector.domain.issues import Issue, IssueCode, Source, block
from connector.plan.canonical import canonical, digest
from connector.plan.cleared import without_cleared
from connector.plan.diff import Change
from connector.plan.drift import Edit, drift_issue, find_edits, lapsed_edits
from connector.plan.existing import OVER, ExistingObject, ExistingState
from connector.plan.kinds import BILLING_KINDS, KINDS
from connector.plan.live import differences
from connector.plan.operation import Create, Operation, Retire, Update, operation_json
from connector.plan.payer import check_payer
from connector.plan.prices import Terms, by_terms, reuse_prices, terms_of
from connector.plan.projection import Bill, project
from connector.plan.schedules import Outlook, managed_params, not_as_told, outlook
from connector.plan.settle import Settlement, check_settlement, is_settlement, settle, settled_bills
from connector.plan.tieout import TieOut, check_steps, check_tie_out, tie_out

#: What bills nothing (more): over, or an invoice taken back.
_ENDED = OVER | {"void"}


@dataclass(frozen=True)
class Plan:
    """Operations in the order they must run, with the money and the issues that belong to them."""

    contract: Contract
    desired: DesiredState | None
    operations: tuple[Operation, ...]
    issues: tuple[Issue, ...]
    bills: tuple[Bill, ...]
    tie_out: TieOut | None
    today: date
    settles: tuple[str, ...] = ()
    """What time that has begun is made up for by, in words."""
    edits: tuple[Edit, ...] = ()
    """What was edited in Stripe by hand, which the operations would undo."""

    @property
    def blocked(self) -> bool:
        """Tell whether an issue forbids applying the plan."""
        return any(issue.blocks for issue in self.issues)

    @cached_property
    def fingerprint(self) -> str:
        """Return the name of what this contract bills; an approval is of a fingerprint, never of "the plan".

        What contracts share (customer, products, prices by their content) counts only when nothing else changes:
        whichever contract comes first makes it, and the approval of the others stays good.
        """
        own = [operation for operation in self.operations if not KINDS[operation.key.kind].shared]
        return digest([self.contract.key, [operation_json(operation) for operation in own or self.operations]])


def make_plan(
    contract: Contract, compiled: Compiled, existing: ExistingState, today: date, issues: Iterable[Issue] = ()
) -> Plan:
    """Return what has to change; `today` is the day in the account's time zone, `issues` those of the reader."""
    read = tuple(issues)
    found = (*read, *_not_told(compiled.issues, read), *existing.issues)
    desired = compiled.desired
    if desired is None:
        return Plan(contract, None, (), tuple(dict.fromkeys(found)), (), None, today)
    begun = outlook(contract, desired, existing, today)
    settlement = settle(contract, existing, begun.unsettled, today, begun.settlement)
    bills, account = _money(contract, desired, existing, begun, settlement)
    operations, more = _changes(contract, desired, existing, begun)
    settling = check_settlement(contract, settlement, begun.waived)
    if not any(issue.blocks for issue in (*begun.issues, *settling)):  # else what would be billed is anybody's guess
        found += check_tie_out(account, contract)
    steps = check_steps(contract, (*bills, *_as_made(contract, desired, existing, today)))
    found += (*steps, *begun.issues, *more, *settling, *check_payer(contract, desired, existing))
    edits = (
        *find_edits(contract, desired, existing, operations, today),
        *lapsed_edits(contract, desired, existing, operations),
    )
    unique = tuple(dict.fromkeys((*found, *drift_issue(contract, edits))))
    refused = any(issue.blocks for issue in unique)
    needed = () if refused else _needed(_settled_first(operations, settlement))
    return Plan(contract, desired, needed, unique, bills, account, today, () if refused else begun.words, edits)


def _as_made(contract: Contract, desired: DesiredState, existing: ExistingState, today: date) -> Iterator[Bill]:
    """Yield the bills of schedules that are made late, as they are sent: corrections have amounts of their own."""
    for spec in desired.schedules:
        if schedule_key(spec) not in existing.objects:
            yield from schedule_bills(as_sent(spec, contract, today), today)


def _money(
    contract: Contract, desired: DesiredState, existing: ExistingState, begun: Outlook, settlement: Settlement
) -> tuple[tuple[Bill, ...], TieOut]:
    """Return what is billed in all, as Stripe will bill it, and whether that is what was sold."""
    days = {key.name: made for key, (_, made) in begun.specs.items()}
    told = project(replace(desired, fresh={**desired.fresh, **days}), begun.today)
    bills = told
    if begun.specs and not any(issue.blocks for issue in begun.issues):
        settled = settled_bills(existing, contract, begun.today)
        running = {key: bills_as_sent(spec, contract, made) for key, (spec, made) in begun.specs.items()}
        bills = (*project(desired, begun.today, running), *settled, *settlement.bills)
    since = begun.today if any(key.kind in BILLING_KINDS for key in existing.objects) else None
    waived = _waived(contract, desired, begun, settlement)
    horizons = [schedule.told for schedule in desired.schedules if schedule.told]
    untouched = _untouched(desired, begun.today)
    account = tie_out(contract, bills, since, told=told, waived=waived, horizons=horizons, untouched=untouched)
    return bills, account


def _untouched(desired: DesiredState, today: date) -> tuple[tuple[Bill, ...], str] | None:
    """Return what the contract would bill without the edits that were adopted in Stripe, and who adopted them why."""
    if not desired.adopted:
        return None
    words = dict.fromkeys(f"by {one.by}: {one.reason}" for one in desired.adopted)
    return project(replace(desired, schedules=desired.untouched), today), "; ".join(words)


def _changes(
    contract: Contract, desired: DesiredState, existing: ExistingState, begun: Outlook
) -> tuple[list[Operation], tuple[Issue, ...]]:
    """Plan every object of the contract, in the order of their kinds."""
    operations, issues = _retire(desired, existing, contract)
    terms = terms_of(desired.of("price"))
    phases = (*(phase for spec, _ in begun.specs.values() for phase in spec.phases), *begun.running)
    going_on = coupon_resources(contract, phases, ())
    rest = [one for one in going_on if desired.get(one.key) is None and one.key not in existing.known]
    for resource in sorted((*desired.resources, *rest), key=lambda r: (KINDS[r.key.kind].rank, r.key)):
        if resource.key in begun.specs:
            operations += [one for one in begun.operations if one.key == resource.key]
            continue
        anew = resource.key.name in desired.fresh
        changed, more = _operations(resource, existing.objects.get(resource.key), contract, terms, anew=anew)
        operations += changed
        issues += more
    return operations + [one for one in begun.operations if desired.get(one.key) is None], issues


def left_to_do(plan: Plan, existing: ExistingState, key: Key, held: ExistingObject) -> tuple[Change, ...]:
    """Return how a schedule, as Stripe answered a write of it, still differs from what the plan wants of it."""
    desired = plan.desired
    resource = desired.get(key) if desired else None
    if desired is None or resource is None:
        return ()
    if held.status != "not_started":
        return not_as_told(plan.contract, desired, replace(existing, objects={key: held}), plan.today)
    terms = terms_of(desired.of("price"))
    return differences(by_terms(canonical(managed_params(resource)), terms), by_terms(held.params, terms))


def _settled_first(operations: Sequence[Operation], settlement: Settlement) -> list[Operation]:
    """Put what settles before the schedules: cut short in between, the next plan still sees that something changed."""
    shared = [one for one in operations if KINDS[one.key.kind].shared]
    return [*shared, *settlement.operations, *(one for one in operations if one not in shared)]


def _waived(contract: Contract, desired: DesiredState, begun: Outlook, settlement: Settlement) -> Mapping[str, int]:
    """Return what is not billed, or not given back, by policy: minor units by reason."""
    parts = sum(
        one_off_charge(one, phase.period.start, spec.currency).net
        for spec in desired.schedules
        for phase in spec.phases
        for one in phase.one_offs
        if one.way == "waived"
    )
    reason = "stripe" if contract.policies.proration == "stripe" else "proration"
    return {reason: parts + begun.waived, "settlement": settlement.kept}


def _retire(
    desired: DesiredState, existing: ExistingState, contract: Contract
) -> tuple[list[Operation], tuple[Issue, ...]]:
    """End what the contract has in Stripe beside what is desired, first of all: two would bill the same.

    A schedule that has not begun is canceled; one that runs, and an invoice, is a matter for people.
    """
    operations: list[Operation] = []
    issues: list[Issue] = []
    for key, held in sorted(existing.objects.items()):
        row = KINDS[key.kind]
        if row.shared or desired.get(key) is not None or held.status in _ENDED or is_settlement(key):
            continue
        if key.kind == "subscription_schedule" and held.status == "active":
            continue  # it has begun: what it billed is settled with it
        if held.status == "not_started" and row.retire:
            operations.append(Retire(key, held.id, row.retire))
        else:
            issues.append(_orphan(key, held, contract))
    return operations, tuple(issues)


def _orphan(key: Key, held: ExistingObject, contract: Contract) -> Issue:
    what = key.kind.replace("_", " ").removeprefix("subscription ")
    return block(
        IssueCode.LIVE_CHANGE,
        Source(contract.ref),
        f"the Stripe {what} {held.id} was made for this contract, but nothing that is left in it is billed there",
        f"End or void the {what} in Stripe and settle what it billed, or change the order back.",
    )


def _needed(operations: Sequence[Operation]) -> tuple[Operation, ...]:
    """Leave out prices and coupons that nothing sent refers to: a schedule has them under ids that are sent instead."""
    used = {key for one in operations for key in _references(one.params)}
    return tuple(one for one in operations if one.key.kind not in {"price", "coupon"} or one.key in used)


def _references(value: Value | Mapping[str, Value]) -> Iterator[Key]:
    if isinstance(value, Ref):
        yield value.key
    elif isinstance(value, Mapping):
        for entry in value.values():
            yield from _references(entry)
    elif isinstance(value, list):
        for entry in value:
            yield from _references(entry)


def _not_told(issues: Iterable[Issue], read: Iterable[Issue]) -> Iterable[Issue]:
    """Leave out what the reader has said already of the same record, and more exactly: with the field."""
    told = {(issue.code, issue.record, place) for issue in read for place in (issue.field, None)}
    return (issue for issue in issues if (issue.code, issue.record, issue.field) not in told)


def _operations(
    resource: Resource, existing: ExistingObject | None, contract: Contract, terms: Terms, *, anew: bool
) -> tuple[list[Operation], tuple[Issue, ...]]:
    """Plan one object that has not begun to bill; a schedule that should have begun by now is made `anew`."""
    row = KINDS[resource.key.kind]
    if existing is None:
        return [_create(resource)], ()
    currency = _currency_issue(resource, existing, contract)
    if not row.mutable:
        return [], currency
    managed = managed_params(resource)
    changes = differences(by_terms(canonical(managed), terms), by_terms(existing.params, terms))
    if not changes:
        return [], currency
    if resource.key.kind != "subscription_schedule":
        return [Update(resource.key, existing.id, managed, resource.params, changes)], currency
    if anew:
        return [Retire(resource.key, existing.id, row.retire or ""), _create(resource)], currency
    return [_schedule_update(resource, existing, changes, terms)], currency


def _create(resource: Resource) -> Create:
    return Create(resource.key, _create_params(resource), resource.params)


def _create_params(resource: Resource) -> Params:
    """Leave out what a create does not take: cleared values, and starts of phases, which follow each other."""
    params = without_cleared(resource.create or resource.params)
    if resource.key.kind != "subscription_schedule":
        return params
    phases = [
        {key: value for key, value in phase.items() if key != "start_date"}
        for phase in cast("list[Params]", params["phases"])
    ]
    return {**params, "phases": cast("Value", phases)}


def _schedule_update(resource: Resource, existing: ExistingObject, changes: tuple[Change, ...], terms: Terms) -> Update:
    """Replace the phases of a schedule that has not begun; equal terms keep the price ids Stripe has for them."""
    managed = managed_params(resource)
    known = existing.params.get("price_ids", {}) if isinstance(existing.params, Mapping) else {}
    sent = [reuse_prices(phase, known, terms) for phase in cast("list[Params]", managed["phases"])]
    params: Params = {**managed, "phases": cast("Value", sent), "proration_behavior": "none"}
    return Update(resource.key, existing.id, params, resource.params, changes)


def _currency_issue(resource: Resource, existing: ExistingObject, contract: Contract) -> tuple[Issue, ...]:
    if resource.key.kind != "customer" or existing.currency in {None, contract.currency}:
        return ()
    return (
        block(
            IssueCode.CUSTOMER_CURRENCY,
            contract.source(contract.ref, "currency"),
            f"the order is in {contract.currency.upper()}, but the Stripe customer {existing.id} is billed in "
            f"{(existing.currency or '').upper()}; a Stripe customer has one currency at a time",
            "Bill this order to another account, or wait until the customer's other subscriptions have ended.",
        ),
    )
