"""The plan: what has to happen in Stripe for one contract, as data."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import cast

from connector.compile.resource import Compiled, DesiredState, Key, Params, Ref, Resource, Value
from connector.domain.contract import Contract
from connector.domain.issues import Issue, IssueCode, Source, block
from connector.plan.canonical import canonical, digest
from connector.plan.cleared import without_cleared
from connector.plan.diff import Change, diff
from connector.plan.existing import ExistingObject, ExistingState
from connector.plan.kinds import KINDS
from connector.plan.operation import Create, Operation, Retire, Update, operation_json
from connector.plan.prices import Terms, by_terms, reuse_prices, terms_of
from connector.plan.projection import Bill, project
from connector.plan.running import is_too_late, running_phase, without_past_metadata
from connector.plan.tieout import TieOut, check_steps, check_tie_out, tie_out

_OVER = frozenset({"completed", "canceled", "released"})
#: What bills nothing (more): over, or an invoice taken back.
_ENDED = _OVER | {"void"}


@dataclass(frozen=True)
class Plan:
    """Operations in the order they must run, with the money and the issues that belong to them."""

    contract: Contract
    desired: DesiredState | None
    operations: tuple[Operation, ...]
    issues: tuple[Issue, ...]
    bills: tuple[Bill, ...]
    tie_out: TieOut | None

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
        return Plan(contract, None, (), tuple(dict.fromkeys(found)), (), None)
    bills = project(desired, today)
    account = tie_out(contract, bills, existing.billed.get(contract.currency, 0))
    found += check_tie_out(account, contract) + check_steps(contract, bills)
    operations, more = _retire(desired, existing, contract)
    found += more
    terms = terms_of(desired.of("price"))
    for resource in sorted(desired.resources, key=lambda r: (KINDS[r.key.kind].rank, r.key)):
        operation, more = _operation(resource, existing.objects.get(resource.key), contract, today, terms)
        operations += [operation] if operation else []
        found += more
    unique = tuple(dict.fromkeys(found))
    refused = any(issue.blocks for issue in unique)
    return Plan(contract, desired, () if refused else _without_unused_prices(operations), unique, bills, account)


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
        if row.shared or desired.get(key) is not None or held.status in _ENDED:
            continue
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


def _without_unused_prices(operations: Sequence[Operation]) -> tuple[Operation, ...]:
    """Leave out prices that nothing sent refers to: the schedule has their terms under ids that are sent instead."""
    used = {key for one in operations if not isinstance(one, Retire) for key in _references(one.params)}
    return tuple(one for one in operations if one.key.kind != "price" or one.key in used)


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


def _operation(
    resource: Resource, existing: ExistingObject | None, contract: Contract, today: date, terms: Terms
) -> tuple[Operation | None, tuple[Issue, ...]]:
    row = KINDS[resource.key.kind]
    if existing is None:
        return Create(resource.key, _create_params(resource), resource.params), ()
    currency = _currency_issue(resource, existing, contract)
    if not row.mutable:
        return None, currency
    managed = _managed(resource)
    changes = tuple(diff(by_terms(canonical(managed), terms), by_terms(existing.params, terms)))
    if existing.status in _OVER and (changes or _ended_early(existing, contract, today)):
        return None, (*currency, _over(existing, contract))
    if not changes:
        return None, currency
    if resource.key.kind == "subscription_schedule":
        update, issues = _schedule_update(resource, existing, changes, contract=contract, today=today, terms=terms)
        return update, currency + issues
    return Update(resource.key, existing.id, managed, resource.params, changes), currency


def _create_params(resource: Resource) -> Params:
    """Leave out what a create does not take: cleared values, and starts of phases, which follow each other."""
    params = without_cleared(resource.params)
    if resource.key.kind != "subscription_schedule":
        return params
    phases = [
        {key: value for key, value in phase.items() if key != "start_date"}
        for phase in cast("list[Params]", params["phases"])
    ]
    return {**params, "phases": cast("Value", phases)}


def _ended_early(existing: ExistingObject, contract: Contract, today: date) -> bool:
    """Tell whether somebody ended the schedule in Stripe while the contract still runs."""
    return existing.status != "completed" and contract.end is not None and today < contract.end


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


def _schedule_update(
    resource: Resource,
    existing: ExistingObject,
    changes: tuple[Change, ...],
    *,
    contract: Contract,
    today: date,
    terms: Terms,
) -> tuple[Operation | None, tuple[Issue, ...]]:
    """Cut an update to what Stripe accepts: running and coming phases, the running one's start untouched."""
    managed = _managed(resource)
    phases = cast("list[Params]", managed["phases"])
    running = running_phase(canonical(managed)["phases"], existing.current_start)
    if running is None:
        return None, (_live(contract),)
    changes = without_past_metadata(changes, running)
    if existing.current_start and any(is_too_late(change, running, today) for change in changes):
        return None, (_live(contract),)
    if not changes:
        return None, ()
    known = existing.params.get("price_ids", {}) if isinstance(existing.params, Mapping) else {}
    sent = [reuse_prices(phase, known, terms) for phase in phases[running:]]
    params: Params = {**managed, "phases": cast("Value", sent), "proration_behavior": "none"}
    return Update(resource.key, existing.id, params, resource.params, changes), ()


def _managed(resource: Resource) -> Params:
    create_only = KINDS[resource.key.kind].create_only
    return {key: value for key, value in resource.params.items() if key not in create_only}


def _over(existing: ExistingObject, contract: Contract) -> Issue:
    return block(
        IssueCode.SCHEDULE_OVER,
        Source(contract.ref),
        f"the Stripe schedule {existing.id} is {existing.status}; it bills nothing more and cannot be changed",
        "Bill what is left by a new order, or put this order on hold.",
    )


def _live(contract: Contract) -> Issue:
    return block(
        IssueCode.LIVE_CHANGE,
        Source(contract.ref),
        "the change concerns time that has begun; changing what is running or past is not supported yet",
        "Make the change effective from a day to come, or change the schedule in Stripe by hand.",
    )
