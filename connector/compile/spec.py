"""A schedule in the business's own words: phases, items and one-offs, with the CRM ids they come from.

This is what the plan prints and what the offline JSON document shows; `schedule.py` writes it as Stripe parameters.
Amounts are minor units per billing period; dates are half-open days.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Literal

from connector.domain.contract import CollectionMethod, Discount, Line, TiersMode
from connector.domain.period import Period, Span

IntervalUnit = Literal["day", "month"]
Reason = Literal["one_time", "proration", "credit", "stub", "correction"]
#: How a one-off is billed: with the schedule's next invoice, apart from it on its own day, or not at all by policy.
Way = Literal["invoice", "apart", "waived"]


@dataclass(frozen=True, slots=True, order=True)
class Interval:
    """A billing interval: `count` months, or days for a stub that is not whole months."""

    unit: IntervalUnit
    count: int

    @property
    def months(self) -> Fraction:
        """Return the length in months."""
        return (Span(self.count) if self.unit == "month" else Span(0, self.count)).in_months

    def __str__(self) -> str:
        return {("month", 1): "month", ("month", 12): "year"}.get((self.unit, self.count), f"{self.count} {self.unit}s")


@dataclass(frozen=True, slots=True, order=True)
class TierSpec:
    """Up to and including `up_to` units (None: no end), in minor units."""

    up_to: int | None
    unit_amount: Decimal | None = None
    flat_amount: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """What a recurring price says. Equal terms are one price, wherever they occur."""

    product: str
    currency: str
    interval: Interval
    usage: bool = False
    unit_amount: Decimal | None = None
    tiers: tuple[TierSpec, ...] = ()
    tiers_mode: TiersMode | None = None


@dataclass(frozen=True, slots=True)
class ItemSpec:
    """A recurring item of a phase; `quantity` is None for usage."""

    line: Line
    terms: Terms
    quantity: int | None
    discounts: tuple[Discount, ...] = ()


@dataclass(frozen=True, slots=True)
class OneOffSpec:
    """An amount billed once. `unit_amount` may be negative (a credit); a net amount takes no discount of the order.

    `due` is the day from which it is owed, where that is not the first day of its phase.
    """

    line: Line
    reason: Reason
    quantity: int
    unit_amount: Decimal
    period: Period | None
    discounts: tuple[Discount, ...] = ()
    discountable: bool = True
    due: date | None = None
    way: Way = "invoice"


@dataclass(frozen=True, slots=True)
class PhaseSpec:
    """One phase. `revision` is the CRM record that put it into this shape; the label is the segment's, if any.

    `prorates`: Stripe reckons the rest of the period in which it begins.
    """

    period: Period
    revision: str
    segment_index: int | None
    segment_label: str | None
    items: tuple[ItemSpec, ...]
    one_offs: tuple[OneOffSpec, ...]
    discounts: tuple[Discount, ...]
    bills_from_start: bool
    restarts_cycle: bool = False
    prorates: bool = False


@dataclass(frozen=True, slots=True)
class Told:
    """How far what has no end is told, and what its lines come to until then at the CRM's prices.

    `amounts`: (line, exact minor units), signed. `renews` is the day from which a contract goes on by itself.
    """

    until: date
    amounts: tuple[tuple[str, Fraction], ...] = ()
    renews: date | None = None


@dataclass(frozen=True, slots=True)
class ScheduleSpec:
    """A subscription schedule. `key` tells linked schedules of one contract apart (by billing frequency).

    `whole` is the schedule from its own beginning, where the first part of it was billed elsewhere (takeover.py);
    `collection` is how its invoices are paid, where that is not as the contract's settings say (parts.py).
    """

    key: str
    currency: str
    interval: int
    phases: tuple[PhaseSpec, ...]
    told: Told | None = None
    end_behavior: Literal["cancel", "release"] = "cancel"
    whole: "ScheduleSpec | None" = None
    collection: CollectionMethod | None = None

    @property
    def start(self) -> date:
        """Return the first day."""
        return self.phases[0].period.start

    @property
    def end(self) -> date:
        """Return the day after the last."""
        return self.phases[-1].period.end

    @property
    def open(self) -> bool:
        """Tell whether it runs on after its last day, as was sold: what it bills then is its last phase."""
        return self.told is not None and self.told.until == self.end


@dataclass(frozen=True, slots=True)
class AdoptedEdit:
    """One value that was edited in Stripe by hand, and adopted: it counts in place of what the contract says.

    `name` is quantity or unit_amount (minor units, as text) of the item of `line` in the phases from `start` to `end`
    (None: on without an end); or, without a line, the path of a setting of the schedule. `before` is what the contract
    said there when it was adopted, `after` what counts, both as JSON; `sold` is how much of the product the contract
    had there in all, by whatever lines: with more or less of it, it has changed there. `id` is the journal's.
    """

    schedule: str
    name: str
    before: str | int | bool | None
    after: str | int | bool | None
    line: str | None = None
    start: date | None = None
    end: date | None = None
    sold: int | None = None
    by: str = ""
    on: date | None = None
    reason: str = ""
    id: int = 0


@dataclass(frozen=True, slots=True)
class Window:
    """What of a schedule is held on a day: the first `held` of its phases, up to and without the day `until`.

    `extend` is the day of the next step; from `short` on somebody should ask why it was not taken.
    """

    key: str
    phases: int
    held: int
    until: date
    extend: date
    short: date


@dataclass(frozen=True, slots=True)
class InvoiceSpec:
    """An invoice for an order that has only one-time lines; `collection` as for schedules."""

    key: str
    currency: str
    lines: tuple[OneOffSpec, ...]
    discounts: tuple[Discount, ...] = ()
    collection: CollectionMethod | None = None
