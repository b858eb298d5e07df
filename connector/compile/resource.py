"""Desired Stripe objects in Stripe's own parameter vocabulary, before they have ids.

Params are nested dicts and lists with these leaves: str, int, bool, Decimal (amounts in minor units), date (a day in
the account's time zone; `billing/` makes it a timestamp), datetime (a moment that Stripe named) and Ref (the id of
another object, once it has one).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Literal

from connector.compile.bills import Bill
from connector.compile.spec import AdoptedEdit, InvoiceSpec, ScheduleSpec, Terms, Window
from connector.domain.contract import Discount
from connector.domain.issues import Issue

Kind = Literal[
    "customer",
    "product",
    "meter",
    "price",
    "coupon",
    "subscription_schedule",
    "invoice",
    "invoice_lines",
    "invoice_finalization",
    "balance_credit",
    "credit_note",
]


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """Our own stable name of a Stripe object: Key("customer", "001…"), Key("price", "cn_5f0c…")."""

    kind: Kind
    name: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"


@dataclass(frozen=True, slots=True, order=True)
class Ref:
    """Stands in params where another object's Stripe id belongs."""

    key: Key


Leaf = str | int | bool | Decimal | date | Ref | None
Value = Leaf | list["Value"] | Mapping[str, "Value"]
Params = Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Resource:
    """One object Stripe should hold. `adopt` is an id the CRM already names for it.

    `create` is what is sent to make it, where that depends on the day and `params` does not: a schedule that is late.
    `later` are a schedule's phases that Stripe has no room for yet (`window.py`).
    """

    key: Key
    params: Params
    adopt: str | None = None
    create: Params | None = None
    later: tuple[Params, ...] = ()


@dataclass(frozen=True, slots=True)
class DesiredState:
    """Everything Stripe should hold for one contract, and the same told in the business's own words (`schedules`).

    `made` is the day on which its schedules are, or were, made; only what is sent to make them depends on it.
    `fresh` are those that are made on a later day, by their keys.
    `prices` and `coupons` tell what price objects and coupons stand for, by the names of their keys.
    `look_again` is the day on which more of what has no end is told.
    `elsewhere` is what was due before the day `billed_through`, and was billed elsewhere (`takeover.py`).
    `adopted` are edits made in Stripe that count in place of what the contract says, `untouched` the schedules as the
    contract alone says them (none without such edits); `lapsed` are edits whose part of the contract has changed since.
    `windows` tells of the schedules that have more phases than Stripe holds; `schedules` tells them whole.
    """

    contract_key: str
    currency: str
    resources: tuple[Resource, ...]
    schedules: tuple[ScheduleSpec, ...]
    invoices: tuple[InvoiceSpec, ...]
    made: date | None = None
    fresh: Mapping[str, date] = field(default_factory=dict)
    look_again: date | None = None
    prices: Mapping[str, Terms] = field(default_factory=dict)
    coupons: Mapping[str, Discount] = field(default_factory=dict)
    windows: tuple[Window, ...] = ()
    elsewhere: tuple[Bill, ...] = ()
    billed_through: date | None = None
    adopted: tuple[AdoptedEdit, ...] = ()
    lapsed: tuple[AdoptedEdit, ...] = ()
    untouched: tuple[ScheduleSpec, ...] = ()

    def of(self, kind: Kind) -> Iterator[Resource]:
        """Yield the resources of one kind."""
        return (resource for resource in self.resources if resource.key.kind == kind)

    def get(self, key: Key) -> Resource | None:
        """Return the resource with this key."""
        return next((resource for resource in self.resources if resource.key == key), None)


@dataclass(frozen=True, slots=True)
class Compiled:
    """What compile returns: the desired state (None when a blocking issue stands in the way) and the issues."""

    desired: DesiredState | None
    issues: tuple[Issue, ...]
