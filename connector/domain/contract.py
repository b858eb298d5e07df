"""A contract as the business sees it, from whatever CRM it came.

Glossary (one word per idea, the same in the console and the docs):
  contract   what a customer agreed to buy, with everything that changed it later
  revision   one dated step of a contract: the first order, an amendment, a termination
  line       one product in one revision, with its own dates; an amendment's line carries the *change* of quantity
  segment    one stretch of a ramp: lines that share a key and follow each other in time
  party      who pays
  slice      a stretch of time in which nothing of the contract changes (`timeline.py`)
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Literal

from connector.domain.issues import NOWHERE, Source


class Charge(StrEnum):
    """How a line is charged."""

    RECURRING = "recurring"
    ONE_TIME = "one_time"
    USAGE = "usage"


class RevisionKind(StrEnum):
    """What a revision does to the contract."""

    INITIAL = "initial"
    AMENDMENT = "amendment"
    RENEWAL = "renewal"


class TiersMode(StrEnum):
    """How a quantity is rated: every unit at the tier it reaches, or each unit at its own tier."""

    VOLUME = "volume"
    GRADUATED = "graduated"


#: How an invoice is paid, in Stripe's words: by the customer's payment method, or by whoever gets it sent.
CollectionMethod = Literal["charge_automatically", "send_invoice"]

#: Values the mapping passes through to Stripe: kind ("customer", "phase", …) → ((path, value), …).
Extras = Mapping[str, tuple[tuple[tuple[str, ...], object], ...]]


@dataclass(frozen=True, slots=True)
class Address:
    """A postal address; `country` is the two-letter code Stripe wants."""

    line1: str | None = None
    line2: str | None = None
    city: str | None = None
    state: str | None = None
    postal_code: str | None = None
    country: str | None = None


@dataclass(frozen=True, slots=True)
class TaxId:
    """A tax number with Stripe's type for it, for example ("eu_vat", "DE123456789")."""

    type: str
    value: str


@dataclass(frozen=True, slots=True)
class Party:
    """Who pays: a CRM account."""

    ref: str
    name: str | None
    email: str | None = None
    phone: str | None = None
    description: str | None = None
    address: Address | None = None
    shipping: Address | None = None
    tax_ids: tuple[TaxId, ...] = ()
    stripe_id: str | None = None
    link: str | None = None


@dataclass(frozen=True, slots=True)
class Product:
    """A product of the CRM catalogue."""

    ref: str
    name: str
    description: str | None = None
    stripe_id: str | None = None
    link: str | None = None
    extras: Extras = field(default_factory=dict)


@dataclass(frozen=True, slots=True, order=True)
class Segment:
    """Which stretch of a ramp a line is. The index is the CRM's; amendments renumber it, so nothing depends on it."""

    key: str
    index: int | None
    label: str | None


@dataclass(frozen=True, slots=True, order=True)
class DatedSegment:
    """A stretch of a ramp that the whole contract has, in a CRM where dates make the segments; `end` is exclusive."""

    start: date
    end: date
    index: int
    label: str


@dataclass(frozen=True, slots=True)
class Tier:
    """Up to and including `up_to` units (None: without end) cost these amounts of major units per billing period."""

    up_to: int | None
    unit_price: Decimal | None = None
    flat_price: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Discount:
    """A coupon of the CRM. Exactly one of percent and amount (major units) is given.

    `until` is known of a repeating one that was given already: the day from which it holds no more. It follows from
    the moment at which it was given, which months that are counted from a day cannot say at the end of a month.
    """

    ref: str
    name: str | None
    percent: Decimal | None
    amount: Decimal | None
    currency: str | None
    duration: Literal["once", "repeating", "forever"]
    months: int | None = None
    max_redemptions: int | None = None
    until: date | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Line:
    """One product in one revision.

    `unit_price` is per unit for the whole time of the line, as CPQ prices it, in major units; `total` is the CRM's
    figure for the line. `interval` is the billing frequency in months. In an amendment `quantity` is the change
    (negative for less) and `revises` names the line of the first order. `list_price` is per `list_term` months.
    A line without an end (evergreen) runs until it is taken away; its `unit_price` and `total` stand for `price_term`
    months. `collection_method` is None where the line is paid as its contract is.
    """

    ref: str
    product: Product
    charge: Charge
    quantity: Decimal
    unit_price: Decimal
    total: Decimal
    start: date
    end: date | None
    interval: int
    currency: str | None = None
    segment: Segment | None = None
    revises: str | None = None
    period_price: Decimal | None = None
    list_price: Decimal | None = None
    list_term: int | None = None
    price_term: Decimal | None = None
    multiplier: Decimal | None = None
    discount_percent: Decimal | None = None
    tiers: tuple[Tier, ...] = ()
    tiers_mode: TiersMode | None = None
    discounts: tuple[Discount, ...] = ()
    collection_method: CollectionMethod | None = None
    link: str | None = None
    extras: Extras = field(default_factory=dict)

    @property
    def rated(self) -> bool:
        """Tell whether what the line costs is found by counting (usage or tiers), not from its price in the CRM."""
        return self.charge is Charge.USAGE or bool(self.tiers)


@dataclass(frozen=True, slots=True)
class Revision:
    """One dated step of a contract. `effective` is the first day on which it counts, `value` the CRM's total of it."""

    ref: str
    kind: RevisionKind
    effective: date
    lines: tuple[Line, ...]
    value: Decimal | None = None
    discounts: tuple[Discount, ...] = ()
    link: str | None = None


SettlementPolicy = Literal["credit_balance", "credit_note", "refund", "none"]


@dataclass(frozen=True, slots=True)
class Policies:
    """What the mapping decides once per contract, where more than one answer is right (docs/policies.md).

    The last three only tighten the limits of the configuration; the amount is in major units of its currency.
    """

    proration: Literal["crm", "stripe", "none"] = "crm"
    correction: Literal["next_invoice", "now", "manual"] = "next_invoice"
    settlement: SettlementPolicy = "credit_balance"
    precision: Literal["month", "month_day", "day"] = "month_day"
    rounding: Literal["report", "adjust"] = "report"
    stub: Literal["last", "first"] = "last"
    backdated_start: Literal["bill", "skip"] = "bill"
    crm_rules: Literal["warn", "enforce", "off"] = "warn"
    end_behavior: Literal["cancel", "release"] = "cancel"
    renewal: Literal["hand_over", "append", "separate"] = "hand_over"
    auto_renew: Literal["none", "same_price"] = "none"
    billing_mode: Literal["flexible", "classic"] = "flexible"
    metadata_prefix: str = "salesforce_"
    approval: Literal["limits", "always"] = "limits"
    max_contract_amount: Decimal | None = None
    max_backdating_days: int | None = None


@dataclass(frozen=True, slots=True)
class Contract:
    """What a customer agreed to buy: the first order and everything that changed it. Dates are days, half-open.

    `end` is None when something of it runs without an end; a line that ends then says so itself. `renews` and
    `renewed_by` name the first orders of the contracts before and after it, where a renewal is handed over. `segments`
    are given where dates make them; else the lines say which segment they are. `inputs` is a fingerprint of what the
    first order sold, for CRMs in which orders are edited after they were billed. What was due before the day
    `billed_through` was billed elsewhere.
    """

    key: str
    crm: str
    ref: str
    party: Party
    currency: str
    start: date
    end: date | None
    revisions: tuple[Revision, ...]
    policies: Policies = Policies()
    stripe_id: str | None = None
    billed_through: date | None = None
    other_currencies: frozenset[str] = frozenset()
    segments: tuple[DatedSegment, ...] = ()
    inputs: str | None = None
    link: str | None = None
    renews: str | None = None
    renewed_by: str | None = None
    extras: Extras = field(default_factory=dict)
    origins: Mapping[tuple[str, str], Source] = field(default_factory=lambda: MappingProxyType({}), compare=False)

    @property
    def lines(self) -> tuple[Line, ...]:
        """Return the lines of all revisions, in order of the revisions."""
        return tuple(line for revision in self.revisions for line in revision.lines)

    def source(self, ref: str, slot: str) -> Source:
        """Return the CRM record and field that filled `slot` of the object `ref`."""
        return self.origins.get((ref, slot), Source(ref, NOWHERE.field))
