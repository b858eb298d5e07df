"""The schedules of a contract that have begun: how each goes on, what is settled, and what cannot be done.

A schedule that has not begun is compared and replaced as a whole (plan.py); here is what runs, or ran.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import pairwise
from typing import cast

from connector.compile.bills import bills_after, one_off_charge, recurring_days
from connector.compile.resource import DesiredState, Key, Params, Resource, Value
from connector.compile.schedule import schedule_key
from connector.compile.spec import OneOffSpec, PhaseSpec, ScheduleSpec
from connector.compile.ways import leaves_parts, leaves_to_stripe
from connector.domain.contract import Contract, SettlementPolicy
from connector.domain.issues import Issue, IssueCode, Source, block
from connector.domain.period import day_after
from connector.plan.canonical import canonical
from connector.plan.corrections import Account, corrections, due_apart, fees
from connector.plan.diff import Change, diff
from connector.plan.existing import OVER, ExistingObject, ExistingState
from connector.plan.held import Held, UnreadableError, read_held, spec_of
from connector.plan.kinds import KINDS
from connector.plan.live import Running, bills_alike
from connector.plan.operation import End, Operation, Retire, Update
from connector.plan.prices import terms_of
from connector.plan.settle import settled_by_line
from connector.plan.wording import in_words
from connector.plan.words import vocabulary

_SETTLED: Mapping[SettlementPolicy, str] = {
    "credit_balance": "credited to the customer's balance",
    "credit_note": "credited by credit note",
    "refund": "refunded by credit note",
    "none": "kept by policy",
}
#: Bill what waits, and let Stripe reckon nothing of its own: what is owed back is settled by the plan.
_END_NOW: Params = {"invoice_now": True, "prorate": False}


@dataclass(frozen=True, slots=True)
class Begun:
    """One schedule that has begun, as told (None: the contract stands for none any more) and as held."""

    key: Key
    told: ScheduleSpec | None
    resource: Resource | None
    existing: ExistingObject
    held: Held

    @property
    def over(self) -> bool:
        """Tell whether it bills nothing more."""
        return self.existing.status in OVER


@dataclass(frozen=True, slots=True)
class Outlook:
    """What becomes of the schedules that have begun.

    `specs` tells by key how each bills in all, and the day it was made; `running` is what runs from now on in those
    that are changed, be it for hours. `unsettled` is what no schedule can bill, `waived` what is left as it was billed
    by policy (minor units; more than was billed is positive). `settlement` is how what is owed back is given back.
    """

    operations: tuple[Operation, ...]
    issues: tuple[Issue, ...]
    specs: Mapping[Key, tuple[ScheduleSpec, date]]
    unsettled: tuple[OneOffSpec, ...]
    today: date
    running: tuple[PhaseSpec, ...] = ()
    waived: int = 0
    words: tuple[str, ...] = ()
    settlement: SettlementPolicy = "credit_balance"


def outlook(contract: Contract, desired: DesiredState, existing: ExistingState, today: date) -> Outlook:
    """Plan the schedules that have begun."""
    found, issues = _begun(contract, desired, existing)
    account = Account(contract, [(one.told, one.held) for one in found], today, settled_by_line(existing))
    owed = corrections(account) if found else ()
    able = () if contract.policies.correction == "now" else [one for one in found if _bills_again(one, today)]
    billed, apart = _ours(account, found, owed)
    waived = _sum(owed, contract) - _sum((*billed, *apart), contract) if leaves_parts(contract) else 0
    carriers, left = _carriers(able, billed)
    unsettled = (*left, *apart)
    steps = [_Step(contract, desired, one, today, tuple(carriers.get(one.key, ()))) for one in found]
    taken = [step.take() for step in steps]
    operations = tuple(one.operation for one in taken if one.operation)
    issues += [issue for one in taken for issue in one.issues]
    specs = {one.key: (step.spec, one.held.made) for one, step in zip(found, taken, strict=True)}
    running = tuple(one.now for one in taken if one.now)
    settlement = _settlement(contract, desired, today)
    words = [
        *_carried_in_words(carriers, specs, contract.currency, today),
        *_settled_in_words(unsettled, contract, _SETTLED[settlement]),
    ]
    return Outlook(operations, tuple(issues), specs, unsettled, today, running, waived, tuple(words), settlement)


def _settlement(contract: Contract, desired: DesiredState, today: date) -> SettlementPolicy:
    """Return how what is owed back is settled: `none` keeps it only where no invoice of the contract could carry it.

    A schedule that is made by this very plan carries none yet, so the customer's balance does.
    """
    policies = contract.policies
    follows = policies.correction == "next_invoice" and any(bills_after(spec, today) for spec in desired.schedules)
    return "credit_balance" if policies.settlement == "none" and follows else policies.settlement


def _ours(
    account: Account, found: Sequence[Begun], owed: tuple[OneOffSpec, ...]
) -> tuple[tuple[OneOffSpec, ...], tuple[OneOffSpec, ...]]:
    """Return what is ours to bill of what is owed: with an invoice that follows, or apart at once.

    What is left to Stripe is ours all the same in a period that no invoice follows: Stripe would keep it pending. So
    are periods that were over when a change was heard of: Stripe reckons from then on.
    """
    if not leaves_parts(account.contract):
        return owed, ()
    reckoned = [one for one in found if leaves_to_stripe(account.contract)]
    ours = [(one, days) for one in reckoned if (days := _our_periods(one, account.today)) != frozenset()]
    mine = replace(
        account,
        pairs=[(_with_parts(one.told, days), one.held) for one, days in ours],
        periods={one.held.key: days for one, days in ours if days is not None},
    )
    rest = [one for one in found if not any(one is each for each, _ in ours)]
    others = replace(account, pairs=[(one.told, one.held) for one in rest])
    parts = corrections(mine) if ours else ()
    once = fees(account, parts)
    return (*fees(account, owed), *(one for one in parts if one not in once)), due_apart(others)


def _our_periods(one: Begun, today: date) -> frozenset[date] | None:
    """Return the billing dates of the periods in which Stripe has nothing to reckon, or nothing to send; None for all.

    Those are the periods that are over, in which the schedule went on as it was, and the one that no invoice follows.
    A first invoice that came late is of several periods: if it was the last one too, all of them are looked at.
    """
    told, made = one.told, one.held.made
    if told is None:
        return None
    days = [day for day in recurring_days(told) if day <= today]
    breaks = [stretch.start for stretch in one.held.stretches]
    periods = [(day, following) for day, following in pairwise(days) if not any(day < b < following for b in breaks)]
    over = frozenset(day for day, _ in periods if made <= told.start or day > made)
    if _bills_again(one, today):
        return over
    return over | {days[-1]} if days and days[-1] > made else None


def _with_parts(told: ScheduleSpec | None, days: frozenset[date] | None) -> ScheduleSpec | None:
    """Return a schedule with what changed within some of its periods to be billed, although Stripe was to reckon it."""
    if told is None or days is None:
        return told
    every = recurring_days(told)
    began = {phase.period.start: [day for day in every if day <= phase.period.start][-1:] for phase in told.phases}
    phases = (
        replace(phase, one_offs=tuple(replace(one, way="invoice") for one in phase.one_offs))
        if days.intersection(began[phase.period.start])
        else phase
        for phase in told.phases
    )
    return replace(told, phases=tuple(phases))


def _carried_in_words(
    carriers: Mapping[Key, Iterable[OneOffSpec]],
    specs: Mapping[Key, tuple[ScheduleSpec, date]],
    currency: str,
    today: date,
) -> Iterator[str]:
    for key, one_offs in carriers.items():
        yield from (in_words(one, currency, specs[key][0], today) for one in one_offs)


def _sum(one_offs: Iterable[OneOffSpec], contract: Contract) -> int:
    return sum(one_off_charge(one, date.min, contract.currency).net for one in one_offs)


def _settled_in_words(unsettled: Sequence[OneOffSpec], contract: Contract, back: str) -> Iterator[str]:
    how = "invoiced at once" if _sum(unsettled, contract) >= 0 else back
    yield from (f"{in_words(one, contract.currency)}, {how}" for one in unsettled)


def not_as_told(contract: Contract, desired: DesiredState, existing: ExistingState, today: date) -> tuple[Change, ...]:
    """Return how the schedules that run differ from what is told from now on, whatever has still to be settled."""
    found, _ = _begun(contract, desired, existing)
    steps = (_Step(contract, desired, one, today, ()).take().operation for one in found)
    return tuple(change for step in steps if isinstance(step, Update) for change in step.changes)


def _begun(contract: Contract, desired: DesiredState, existing: ExistingState) -> tuple[list[Begun], list[Issue]]:
    told = {schedule_key(spec): spec for spec in desired.schedules}
    words = vocabulary(contract, desired, existing)
    found: list[Begun] = []
    issues: list[Issue] = []
    for key, held in sorted(existing.objects.items()):
        if key.kind != "subscription_schedule":
            continue
        try:
            read = read_held(key.name, held, words)
        except UnreadableError as error:
            issues.append(_unreadable(contract, held, error))
            continue
        if read is not None:
            own = _told_of(told.get(key), read)
            found.append(Begun(key, own, desired.get(key), held, read))
    return found, issues


def _told_of(told: ScheduleSpec | None, held: Held) -> ScheduleSpec | None:
    """Return a schedule as told; from its own beginning where Stripe's began before the contract was taken over."""
    return told.whole if told and told.whole and held.stretches[0].start < told.start else told


def _carriers(
    able: Sequence[Begun], owed: Iterable[OneOffSpec]
) -> tuple[Mapping[Key, list[OneOffSpec]], tuple[OneOffSpec, ...]]:
    """Deal corrections out to schedules that still send an invoice; what none can carry is left over."""
    dealt: dict[Key, list[OneOffSpec]] = {}
    left = []
    for correction in owed:
        own = [one for one in able if one.told and _has_line(one.told, correction.line.ref)]
        carrier = next(iter(own or able), None)
        if carrier is None:
            left.append(correction)
        else:
            dealt.setdefault(carrier.key, []).append(correction)
    return dealt, tuple(left)


def _bills_again(one: Begun, today: date) -> bool:
    """Tell whether a schedule goes on and has an invoice to come, with which a correction is to be billed."""
    if one.told is None or one.over or not one.told.start <= today < one.told.end:
        return False
    return bills_after(one.told, today)


def _has_line(told: ScheduleSpec, ref: str) -> bool:
    return any(item.line.ref == ref for phase in told.phases for item in phase.items)


@dataclass(frozen=True, slots=True)
class _Taken:
    """What becomes of a schedule: the operation, how it then bills in all, what stands in the way, and what runs."""

    operation: Operation | None
    spec: ScheduleSpec
    issues: tuple[Issue, ...] = ()
    now: PhaseSpec | None = None


@dataclass(frozen=True, slots=True)
class _Step:
    contract: Contract
    desired: DesiredState
    one: Begun
    today: date
    settling: tuple[OneOffSpec, ...]

    def take(self) -> _Taken:
        """Return what is done with the schedule."""
        told, held = self.one.told, self.one.held
        if self.one.over:
            completed = self.one.existing.status == "completed"
            rest = told is not None and told.end > max(self.today, held.spec.end if completed else self.today)
            spec = held.spec if completed else self._until_now()
            return _Taken(None, spec, (_over(self.one.existing, self.contract),) if rest else ())
        if told is None:
            return _Taken(Retire(self.one.key, held.id, "cancel", _END_NOW), self._until_now())
        if told.start > self.today:
            return _Taken(None, held.spec, (_live(self.contract, f"it is to start on {told.start}, but runs already"),))
        if told.end <= self.today:
            return _Taken(self._end(), self._until_now())
        return self._go_on(told)

    def _end(self) -> Operation | None:
        if self.one.held.spec.end <= self.today or self.one.resource is None:
            return None
        return End(self.one.key, self.one.held.id, "cancel", _END_NOW, self.one.resource.params)

    def _go_on(self, told: ScheduleSpec) -> _Taken:
        one = self.one
        resource = cast("Resource", one.resource)
        terms = terms_of(self.desired.of("price"))
        running = Running(self.contract, told, resource, one.held, self.today, terms)
        going = running.go_on(self.settling, one.existing.params.get("price_ids", {}))
        rest = {name: value for name, value in managed_params(resource).items() if name != "phases"}
        changes: tuple[Change, ...] = (*diff(canonical(rest), one.existing.params), *going.changes)
        if not changes:
            return _Taken(None, going.spec)
        if running.changes_interval() or not bills_alike(told, going.spec, one.held.made, self.today):
            words = "its billing dates would have to move within a period that has begun"
            return _Taken(None, going.spec, (_live(self.contract, words),))
        params: Params = {**rest, "phases": cast("Value", list(going.phases)), "proration_behavior": going.proration}
        return _Taken(Update(one.key, one.held.id, params, resource.params, changes), going.spec, (), going.now)

    def _until_now(self) -> ScheduleSpec:
        """Return the schedule as it has billed, with nothing to come."""
        held = self.one.held
        tomorrow = day_after(min(self.today, held.ended) if held.ended else self.today)
        kept = [replace(s, end=min(s.end, tomorrow)) for s in held.stretches if s.start <= tomorrow]
        return spec_of(held.key, held.currency, kept)


def managed_params(resource: Resource) -> Params:
    """Return the parameters of a resource that an update takes."""
    create_only = KINDS[resource.key.kind].create_only
    return {key: value for key, value in resource.params.items() if key not in create_only}


def _unreadable(contract: Contract, existing: ExistingObject, error: UnreadableError) -> Issue:
    return block(
        IssueCode.LIVE_CHANGE,
        Source(contract.ref),
        f"the Stripe schedule {existing.id} cannot be followed: {error}",
        "Undo in Stripe what was changed there by hand, or bill the change of the order by hand.",
    )


def _over(existing: ExistingObject, contract: Contract) -> Issue:
    return block(
        IssueCode.SCHEDULE_OVER,
        Source(contract.ref),
        f"the Stripe schedule {existing.id} is {existing.status}; it bills nothing more and cannot be changed",
        "Bill what is left by a new order, or put this order on hold.",
    )


def _live(contract: Contract, words: str) -> Issue:
    return block(
        IssueCode.LIVE_CHANGE,
        Source(contract.ref),
        f"the change concerns time that has begun, and {words}",
        "Make the change effective from a billing date to come, or change the schedule in Stripe by hand.",
    )
