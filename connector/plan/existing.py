"""What Stripe holds for a contract, as far as the plan needs to know; `billing/observe.py` fills it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType

from connector.compile.continued import Continued, continuation_key, continued_by
from connector.compile.resource import DesiredState, Key
from connector.domain.issues import Issue
from connector.plan.canonical import Json

#: Ends the keys under which schedules are known that were taken back: another may have been made under their own.
RETIRED = ":retired"

#: What a schedule is called that bills nothing more, however that came.
OVER = frozenset({"completed", "canceled", "released"})


@dataclass(frozen=True, slots=True)
class ExistingObject:
    """One object that Stripe holds. `params` is canonical: what we last applied, or what was read live.

    `status`, `current_start`, `made` and `ended` (the days on which it was made, and ended by somebody) are a
    schedule's, when it was read, and the id of its subscription; a customer has `currency` once something was billed.
    `applied` is what was applied last to a schedule that was read, when the journal is sure of it.
    `linked` is False for an object that was found although the journal does not know it.
    """

    id: str
    params: Json
    status: str | None = None
    current_start: date | None = None
    currency: str | None = None
    linked: bool = True
    made: date | None = None
    ended: date | None = None
    subscription: str | None = None
    applied: Json | None = None


@dataclass(frozen=True, slots=True)
class InvoiceFact:
    """An invoice that money can be given back on, in minor units.

    `creditable` is not credited yet. Of it `due` has still to be paid, and `refundable` was paid through Stripe; the
    rest came off the customer's balance, or was paid elsewhere.
    """

    id: str
    day: date
    creditable: int
    due: int = 0
    refundable: int = 0


@dataclass(frozen=True, slots=True)
class ExistingState:
    """The objects found, and what people should know about those that were named but not found."""

    objects: Mapping[Key, ExistingObject] = field(default_factory=lambda: MappingProxyType({}))
    issues: tuple[Issue, ...] = ()
    known: Mapping[Key, ExistingObject] = field(default_factory=lambda: MappingProxyType({}))
    """Prices and coupons that schedules name although the contract has no use for them any more, as we made them."""
    invoices: tuple[InvoiceFact, ...] = ()
    """Invoices of the contract's schedules, read where money may have to be given back by credit note."""

    @property
    def made(self) -> date | None:
        """Return the day on which the first of the schedules that were read was made, but those taken back for good."""
        days = (held.made for key, held in self.objects.items() if not key.name.endswith(RETIRED))
        return min((day for day in days if day), default=None)


def to_be_made(desired: DesiredState, existing: ExistingState, today: date) -> frozenset[str]:
    """Return the told schedules (by key) that are made today although others of the contract are there already.

    One that has not begun, but should have by now, is made anew: Stripe bills no past for a start that is moved back.
    """
    found = {key.name: held for key, held in existing.objects.items() if key.kind == "subscription_schedule"}
    missing = {spec.key for spec in desired.schedules if spec.key not in found}
    late = (spec for spec in desired.schedules if spec.key in found and spec.start <= today)
    overdue = {spec.key for spec in late if found[spec.key].status == "not_started"}
    return frozenset(missing | overdue) if existing.made else frozenset()


def over_since(desired: DesiredState, existing: ExistingState) -> Continued:
    """Return where the contract goes on although the schedule has completed, since that was heard of too late.

    One that released its subscription is left alone: the subscription bills on by itself.
    """
    found = {key.name: held for key, held in existing.objects.items() if key.kind == "subscription_schedule"}
    over = ((spec, found[spec.key]) for spec in desired.schedules if spec.key in found)
    ended = ((spec, held.params) for spec, held in over if held.status == "completed")
    ends = ((spec, said["phases"][-1]["end_date"]) for spec, said in ended if said.get("end_behavior") == "cancel")
    days = ((spec, date.fromisoformat(end[:10])) for spec, end in ends)
    new = (continuation_key(spec.key, day) for spec, day in days if spec.start < day < spec.end)
    return continued_by((*(spec.key for spec in desired.schedules), *new))


NOTHING = ExistingState()
