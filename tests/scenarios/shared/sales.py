"""What was sold, in words that no CRM owns: a sale, and what happens to it later. Two writers put it into a CRM.

A price is for one unit and one billing period, before the discount. Ends are the first day that is not billed.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from connector.domain.period import add_months

ONCE = 0


@dataclass(frozen=True)
class Product:
    """Something sold. `every`: months of a billing period, or ONCE; `tiers`: (up to, price), the last up to None."""

    key: str
    price: str
    every: int = 12
    tiers: tuple[tuple[int | None, str], ...] = ()
    metered: bool = False


@dataclass(frozen=True)
class Item:
    """One line. Items of one `key` are one thing sold; several of them that follow each other are a ramp.

    `months` is None for what is charged once and for what has no end. `ends` says another end than the months.
    """

    key: str
    product: Product | None
    quantity: str
    start: date
    months: int | None = None
    percent: str = "0"
    off: str = "0"
    ends: date | None = None
    price: str | None = None
    label: str | None = None
    currency: str | None = None
    weekly: bool = False

    @property
    def listed(self) -> Decimal | None:
        """Return the price before the discount; None where nobody gave one."""
        text = self.price if self.price is not None else self.product.price if self.product else ""
        return Decimal(text) if text else None

    @property
    def end(self) -> date | None:
        """Return the first day that is not billed; None for what has no end."""
        if self.ends is not None or self.months is None:
            return self.ends
        return add_months(self.start, self.months)

    @property
    def net(self) -> Decimal | None:
        """Return the price after the discount."""
        listed = self.listed
        return None if listed is None else listed * (100 - Decimal(self.percent)) / 100 - Decimal(self.off)


@dataclass(frozen=True)
class Quantities:
    """A change: from a day on the things sold have other quantities; nothing of it is left at 0."""

    on: date
    new: Mapping[str, str]
    heard: date | None = None


@dataclass(frozen=True)
class More:
    """A change: from a day on something is sold beside what there is."""

    on: date
    items: tuple[Item, ...]
    heard: date | None = None


@dataclass(frozen=True)
class Ended:
    """A termination. `on` is the first day not billed; HubSpot has a `mode` and the day that was `said`."""

    on: date
    mode: str = "on_date"
    said: date | None = None
    heard: date | None = None


@dataclass(frozen=True)
class Renewed:
    """A renewal from the end on (or from another day), for some months, at prices raised by some percent."""

    months: int = 12
    uplift: str = "0"
    starts: date | None = None
    heard: date | None = None


Change = Quantities | More | Ended | Renewed


@dataclass(frozen=True)
class Customer:
    """Who pays."""

    name: str = "Everbright Cold Chain Inc."
    email: str | None = "ap@everbright.example"


@dataclass(frozen=True)
class Sale:
    """A contract from its signature on. `months` is its term; None where the lines alone say so.

    `policies` are what both mapping files say other than as they come. `codes` are the issues that keep it from being
    billed: none for a good sale.
    """

    name: str
    start: date | None
    items: Sequence[Item]
    months: int | None = 12
    changes: Sequence[Change] = ()
    currency: str | None = "USD"
    customer: Customer | None = field(default_factory=Customer)
    won: bool = True
    policies: Mapping[str, str] = field(default_factory=dict)
    codes: frozenset[str] = frozenset()

    @property
    def endless(self) -> bool:
        """Tell whether something of it has no end."""
        return any(item.end is None and item.product and item.product.every != ONCE for item in self.items)

    def every_item(self) -> Iterator[Item]:
        """Yield what is sold at first and later."""
        yield from self.items
        for change in self.changes:
            yield from change.items if isinstance(change, More) else ()
