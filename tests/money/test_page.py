"""The examples of docs/money.md, executed: what is sold on the left is invoiced as it says on the right."""

import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from connector.compile.contract import compile_contract
from connector.domain.contract import Contract, Discount, Line
from connector.domain.money import to_major
from connector.plan.existing import NOTHING
from connector.plan.plan import make_plan
from tests.builders import amendment, contract, coupon, day, line, once

PAGE = Path(__file__).resolve().parents[2] / "docs" / "money.md"
INTERVALS = {"monthly": 1, "quarterly": 3, "half-yearly": 6, "yearly": 12}
_SOLD = re.compile(r"(amended )?(-?\d+) x ([\d.]+) ([A-Z]{3}), (\S+) to (\S+)")
_ONCE = re.compile(r"once ([\d.]+) ([A-Z]{3}), (\S+)")
_COUPON = re.compile(r"([\d.]+)( %)?(?: (once)| for (\d+) months)?")


def examples() -> Iterator[dict[str, str]]:
    """Yield the rows of every table that has a column "Invoiced"."""
    head: list[str] = []
    for row in PAGE.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in row.strip("|").split("|")] if row.startswith("|") else []
        if not cells:
            head = []
        elif not head:
            head = cells
        elif "Invoiced" in head and set(cells[0]) != {"-"}:
            yield dict(zip(head, cells, strict=True))


def sold(example: dict[str, str]) -> Contract:
    """Return the contract that an example describes."""
    interval = INTERVALS[example["Billed"]]
    found: list[Any] = [_line(number, text, interval) for number, text in enumerate(example["Sold"].split("; "), 1)]
    first = [entry for entry in found if isinstance(entry, Line)]
    said = example.get("With", "")
    policies = {
        name: value
        for name, value in (("stub", "first"), ("rounding", "adjust"), ("backdated_start", "skip"))
        if value in said
    }
    return contract(
        *found,
        start=first[0].start,
        end=max(entry.end for entry in first if entry.end),
        currency=re.findall(r"[A-Z]{3}", example["Sold"])[0].lower(),
        policies=policies,
        discounts=list(_coupons(said)),
    )


def _line(number: int, text: str, interval: int) -> Any:
    if single := _ONCE.fullmatch(text):
        return once(f"O{number}", on=date.fromisoformat(single[3]), price=single[1])
    ((amended, quantity, price, _, start, end),) = _SOLD.findall(text)
    fields: dict[str, Any] = {"start": date.fromisoformat(start), "end": date.fromisoformat(end), "interval": interval}
    if amended:
        change = line(f"L{number}", quantity=quantity, price=price, revises="L1", **fields)
        return amendment("A1", change.start, change)
    return line(f"L{number}", of=f"P{number}", quantity=quantity, price=price, **fields)


def _coupons(said: str) -> Iterator[Discount]:
    told = said.removeprefix("coupon ") if said.startswith("coupon") else ""
    for number, (amount, percent, single, months) in enumerate(_COUPON.findall(told)):
        duration = "once" if single else "repeating" if months else "forever"
        off = {"percent": Decimal(amount)} if percent else {"amount": Decimal(amount)}
        yield coupon(f"C{number}", duration=duration, months=int(months) if months else None, **off)


def made_on(example: dict[str, str]) -> date:
    found = re.search(r"made (\S+?)(,|$)", example.get("With", ""))
    return date.fromisoformat(found[1]) if found else day(2026)


@pytest.mark.parametrize(
    "example", list(examples()), ids=lambda example: f"{example['Sold']} {example.get('With', '')}"
)
def test_an_example_of_the_page(example):
    made, today = sold(example), made_on(example)
    plan = make_plan(made, compile_contract(made, today), NOTHING, today)
    assert [issue for issue in plan.issues if issue.blocks] == []
    told = [f"{bill.day} {to_major(bill.amount, bill.currency)}" for bill in plan.bills if not bill.skipped]
    assert ", ".join(told) == example["Invoiced"]


def test_the_page_has_examples():
    assert len(list(examples())) > 25
