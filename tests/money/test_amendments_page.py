"""The examples of docs/amendments.md, executed: sold, changed and billed to the end on the emulated Stripe."""

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from connector.domain.contract import Contract, Revision
from connector.domain.money import to_major
from tests.builders import amendment, contract, line, once
from tests.money.life import play

PAGE = Path(__file__).resolve().parents[2] / "docs" / "amendments.md"
INTERVALS = {"monthly": 1, "quarterly": 3, "yearly": 12}
_FEE = re.compile(r"fee of ([\d.]+) USD, (\S+)")
_LINE = re.compile(r"(-?\d+) x ([\d.]+) USD, (\S+) to (\S+)")


def examples() -> Iterator[dict[str, str]]:
    """Yield the rows of the page's tables."""
    head: list[str] = []
    for row in PAGE.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in row.strip("|").split("|")] if row.startswith("|") else []
        if not cells:
            head = []
        elif not head:
            head = cells
        elif set(cells[0]) != {"-"}:
            yield dict(zip(head, cells, strict=True))


def versions(example: dict[str, str]) -> list[tuple[date, Contract]]:
    """Return the contract as it was first, and as it was each time that a change was heard of."""
    interval = INTERVALS[example["Billed"]]
    ((quantity, price, start, end),) = _LINE.findall(example["Sold"])
    first, last = date.fromisoformat(start), date.fromisoformat(end)
    policies = dict([example["With"].split()]) if example["With"] else {}
    sold = line("L1", quantity=quantity, price=price, start=first, end=last, interval=interval)
    heard = [date.fromisoformat(day) for day in example["Heard of"].split("; ")]
    changes = [_change(number, text, interval) for number, text in enumerate(example["Changed"].split("; "), 1)]
    arrived = sorted(zip(heard, changes, strict=True), key=lambda pair: pair[0])
    found = [(first, contract(sold, start=first, end=last, policies=policies))]
    for number, (day, _) in enumerate(arrived, 1):
        known = sorted((change for _, change in arrived[:number]), key=lambda change: change.effective)
        found.append((day, contract(sold, *known, start=first, end=last, policies=policies)))
    return found


def _change(number: int, text: str, interval: int) -> Revision:
    for price, day in _FEE.findall(text):
        return amendment(
            f"A{number}", date.fromisoformat(day), once(f"C{number}", price=price, on=date.fromisoformat(day))
        )
    ((quantity, price, start, end),) = _LINE.findall(text)
    fields: dict[str, Any] = {"start": date.fromisoformat(start), "end": date.fromisoformat(end), "interval": interval}
    changed = line(f"C{number}", quantity=quantity, price=price, revises="L1", **fields)
    return amendment(f"A{number}", changed.start, changed)


def _shown(example: dict[str, str]) -> str:
    return f"{example['Changed']} {example['Billed']} on {example['Heard of']} {example['With']}"


@pytest.mark.parametrize("example", list(examples()), ids=_shown)
def test_an_example_of_the_page(example):
    life = play(versions(example))
    assert [issue for plan in life.plans for issue in plan.issues if issue.blocks] == []
    told = ", ".join(f"{day} {to_major(amount, 'usd')}" for day, amount in life.days.items())
    assert told == example["Invoiced"]


def test_the_page_has_examples():
    assert len(list(examples())) > 15
