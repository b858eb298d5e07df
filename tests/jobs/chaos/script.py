"""What people do in the Salesforce org, step by step: the same for the calm run and for the one in the storm.

A script is made from a seed. It edits orders and lines, commits late, amends, ends, deletes amendments again, corrects
mistakes, activates a draft, and at the end deletes an order that is billed.
"""

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from connector.sandbox.seed import ORDERS
from tests.jobs.chaos.emulators import Org

#: Orders that begin next month, and whose lines are sold by quantity. Not `dinar`: parts of its price cannot be
#: charged, so an amendment is refused, and what is billed then depends on whether the order was billed before.
FUTURE = ("ramp", "quarters", "months", "two_ramps", "yen", "free_line")
#: Orders that run already.
RUNNING = ("flat", "backdated")
#: The order that is deleted in the end.
DELETED = "volume"


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that people do in a CRM, given its `Org` or `Portal`; `words` are for the report."""

    words: str
    do: Callable[[Any], object]


def script(seed: int, number: int, today: date) -> Iterator[Step]:
    """Yield about `number` steps."""
    chance = random.Random(seed)  # noqa: S311 -- no secret
    yield from _corrections()
    for count in range(number):
        yield _any(chance, count, today)
    yield Step(f"delete {DELETED} once it is billed", _delete_billed)


def _corrections() -> Iterator[Step]:
    yield Step("round the quantity of fractional", lambda org: _set_line(org, "fractional", "Quantity", 3.0))
    yield Step("activate draft", _activate_draft)
    yield Step("edit no_start: still without dates", lambda org: _edit(org, "no_start", {"PoNumber": "PO-LATER"}))


def _any(chance: random.Random, count: int, today: date) -> Step:
    kinds: tuple[Callable[[random.Random, int, date], Step], ...] = (
        _purchase_order,
        _purchase_order,
        _late_commit,
        _late_commit,
        _amendment,
        _amendment,
        _amendment_of_what_runs,
        _amendment_that_is_deleted,
        _end,
    )
    return kinds[count % len(kinds)](chance, count, today)


def _purchase_order(chance: random.Random, count: int, _: date) -> Step:
    name = chance.choice((*FUTURE, *RUNNING))
    return Step(f"edit {name}", lambda org: _edit(org, name, {"PoNumber": f"PO-{count}"}))


def _late_commit(chance: random.Random, count: int, _: date) -> Step:
    name, late = chance.choice(FUTURE), chance.randint(30, 480)
    fields = {"PoNumber": f"PO-LATE-{count}"}
    words = f"edit {name}, seen after {late} s"
    return Step(words, lambda org: org.edit("Order", ORDERS[name], fields, visible_in=late))


def _amendment(chance: random.Random, _: int, today: date) -> Step:
    name, months, more = chance.choice(FUTURE), chance.randint(1, 5), chance.randint(1, 9)
    start = months_on(next_month(today), months)
    return Step(f"amend {name} from {start}: {more} more", lambda org: _amend(org, name, start, more))


def _amendment_of_what_runs(chance: random.Random, _: int, today: date) -> Step:
    name, days, more = chance.choice(RUNNING), chance.randint(3, 60), chance.randint(1, 9)
    start = today + timedelta(days=days)
    return Step(f"amend {name} from {start}: {more} more", lambda org: _amend(org, name, start, more))


def _amendment_that_is_deleted(chance: random.Random, _: int, today: date) -> Step:
    name, more = chance.choice(FUTURE), chance.randint(1, 9)
    start = months_on(next_month(today), 2)

    def do(org: Org) -> None:
        made = _amend(org, name, start, more)
        if made:
            time.sleep(0.7)  # long enough for a sync to see it, or not
            org.delete("Order", made)

    return Step(f"amend {name} from {start}, and delete the amendment", do)


def _end(chance: random.Random, count: int, today: date) -> Step:
    name = ("free_line", "quarters", "yen")[count // 9 % 3]
    day = months_on(next_month(today), chance.randint(6, 9))
    return Step(f"end {name} on {day}", lambda org: _terminate(org, name, day))


def _edit(org: Org, name: str, fields: dict[str, object]) -> None:
    org.edit("Order", ORDERS[name], fields)


def _set_line(org: Org, name: str, field: str, value: object) -> None:
    line = next(line for line in org.lines(ORDERS[name]) if line[field] != int(line[field]))
    org.edit("OrderItem", line["Id"], {field: value})


def _activate_draft(org: Org) -> None:
    for line in org.lines(ORDERS["draft"]):
        org.edit("OrderItem", line["Id"], {"SBQQ__Activated__c": True})
    org.edit("Order", ORDERS["draft"], {"Status": "Activated"})


def _amend(org: Org, name: str, start: date, more: int) -> str:
    """Sell more of the first line that is sold by quantity and still runs on a day; nothing once it was ended."""
    for line in org.lines(ORDERS[name]):
        runs = (line.get("EndDate") or "") > start.isoformat() and line["ServiceDate"] <= start.isoformat()
        if runs and line["Quantity"] > 1 and not line.get("SBQQ__TerminatedDate__c"):
            held = line["Quantity"] + sum(
                row["Quantity"]
                for row in org.rows("OrderItem").values()
                if row.get("SBQQ__RevisedOrderProduct__c") == line["Id"] and not row["IsDeleted"]
            )
            return org.amend(ORDERS[name], start, {line["Id"]: int(held) + more})
    return ""


def _terminate(org: Org, name: str, day: date) -> None:
    if not any(line.get("SBQQ__TerminatedDate__c") for line in org.lines(ORDERS[name])):
        org.terminate(ORDERS[name], day)


def _delete_billed(org: Org) -> None:
    deadline = time.monotonic() + 120
    while not org.rows("Order")[ORDERS[DELETED]].get("Stripe_Schedule_Id__c"):
        assert time.monotonic() < deadline, f"{DELETED} was never billed"
        time.sleep(0.2)
    org.delete("Order", ORDERS[DELETED])


def next_month(today: date) -> date:
    """Return the first day of the month after."""
    return months_on(today.replace(day=1), 1)


def months_on(day: date, months: int) -> date:
    """Return the first day of the month so many months on."""
    index = day.year * 12 + day.month - 1 + months
    return date(index // 12, index % 12 + 1, 1)
