"""Contracts in plain values: everything has a default, a test names only what it is about.

    contract(line(quantity=50), amendment("A1", day(2027, 3), line("L2", quantity=20, revises="L1")))

The first order runs through 2027 unless told otherwise; a line costs 1200.00 for its whole time.
"""

import random
from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from connector.compile.contract import compile_contract
from connector.compile.resource import DesiredState
from connector.domain.contract import (
    Charge,
    Contract,
    Discount,
    Line,
    Party,
    Policies,
    Product,
    Revision,
    RevisionKind,
    Segment,
    Tier,
    TiersMode,
)
from connector.domain.issues import Source

Number = int | str | Decimal

#: Slots a check may point at; builders say they came from a field of the same name.
_SLOTS = ("quantity", "unit_price", "start", "end", "revises", "currency", "term_months")


def day(year: int, month: int = 1, of_month: int = 1) -> date:
    """Return a day; the first of January or of a month when the rest is left out."""
    return date(year, month, of_month)


START, END = day(2027), day(2028)


def seeded(seed: int) -> random.Random:
    """Return chance that is the same at every run."""
    return random.Random(seed)  # noqa: S311


def product(ref: str = "P1", **fields: Any) -> Product:
    """Return a product named after its ref."""
    return Product(**{"ref": ref, "name": f"Product {ref}", **fields})


def line(
    ref: str = "L1", *, quantity: Number = 1, price: Number = "1200", of: str | Product = "P1", **fields: Any
) -> Line:
    """Return a recurring line billed yearly; `price` is per unit for the whole time of the line."""
    count, unit = Decimal(quantity), Decimal(price)
    sold = product(of) if isinstance(of, str) else of
    given = {"charge": Charge.RECURRING, "start": START, "end": END, "interval": 12, "total": count * unit, **fields}
    return Line(ref=ref, product=sold, quantity=count, unit_price=unit, **given)


def evergreen(ref: str = "L1", *, price: Number = "120", **fields: Any) -> Line:
    """Return a line without an end, billed monthly; the contract around it must have none either (`end=None`)."""
    return line(ref, price=price, **{"end": None, "interval": 1, "price_term": Decimal(1), **fields})


def once(ref: str = "O1", *, on: date = START, **fields: Any) -> Line:
    """Return a one-time line."""
    return line(ref, **{"of": "P9", "charge": Charge.ONE_TIME, "start": on, "end": None, "interval": 1, **fields})


def usage(ref: str = "U1", **fields: Any) -> Line:
    """Return a line billed monthly by what is used."""
    return line(ref, **{"of": "P5", "charge": Charge.USAGE, "price": 0, "interval": 1, **fields})


def ramp(*segments: tuple[date, date, Number, Number], ref: str = "S", **fields: Any) -> tuple[Line, ...]:
    """Return the segments of one product, each as (start, end, quantity, price)."""
    return tuple(
        line(
            f"{ref}{number}",
            quantity=quantity,
            price=price,
            **{"start": start, "end": end, "segment": Segment(f"key {ref}", number, f"Year {number}"), **fields},
        )
        for number, (start, end, quantity, price) in enumerate(segments, start=1)
    )


def tiers(*rows: tuple[int | None, str | None, str | None], mode: TiersMode = TiersMode.VOLUME) -> dict[str, Any]:
    """Return the fields of a line that is priced in tiers, each as (up to, price per unit, flat price)."""

    def amount(text: str | None) -> Decimal | None:
        return None if text is None else Decimal(text)

    found = tuple(Tier(up_to, unit_price=amount(unit), flat_price=amount(flat)) for up_to, unit, flat in rows)
    return {"tiers": found, "tiers_mode": mode}


def coupon(ref: str = "C1", **fields: Any) -> Discount:
    """Return a coupon of 25 percent, forever, unless told otherwise."""
    given = {"name": f"Coupon {ref}", "amount": None, "currency": None, "duration": "forever", **fields}
    percent = given.pop("percent", None if given["amount"] is not None else Decimal(25))
    return Discount(ref=ref, percent=percent, **given)


def amendment(ref: str, effective: date, *lines: Line, **fields: Any) -> Revision:
    """Return a later order that changes the contract."""
    return Revision(**{"ref": ref, "kind": RevisionKind.AMENDMENT, "effective": effective, "lines": lines, **fields})


def contract(
    *parts: Line | Revision, discounts: Iterable[Discount] = (), policies: Any = None, **fields: Any
) -> Contract:
    """Return a contract of a first order with the given lines, and of the given amendments."""
    lines = tuple(part for part in parts if isinstance(part, Line))
    later = tuple(part for part in parts if isinstance(part, Revision))
    start = fields.get("start", START)
    first = Revision("R1", RevisionKind.INITIAL, start, lines, discounts=tuple(discounts))
    given = {
        "key": "R1",
        "crm": "salesforce",
        "ref": "R1",
        "party": Party("ACC", "Example Ltd", email="pay@example.com"),
        "currency": "usd",
        "start": start,
        "end": END,
        "policies": Policies(**(policies or {})),
        **fields,
    }
    made = Contract(revisions=(first, *later), **given)
    origins = {(ref, slot): Source(ref, f"{slot}__c") for ref in _refs(made) for slot in _SLOTS}
    return replace(made, origins=origins)


def compiled(*parts: Line | Revision, **fields: Any) -> DesiredState:
    """Compile a contract that must have no issues."""
    result = compile_contract(contract(*parts, **fields))
    assert result.issues == ()
    assert result.desired is not None
    return result.desired


def _refs(made: Contract) -> Iterable[str]:
    return (made.ref, *(line.ref for line in made.lines))
