"""Any edits of a billed deal, some cut short by a kill: every month is billed as the deal was when it began."""

from contextlib import suppress
from dataclasses import replace
from datetime import date, timedelta
from random import Random
from typing import Any

import pytest

from connector.billing.apply import apply
from connector.domain.period import add_months
from tests.hubspot.test_edits import Killed, Told, with_edits
from tests.hubspot.world import HubSpotWorld, monthly

START, END = date(2026, 12, 1), date(2027, 12, 1)
#: What the deal sells: quantity and price by line.
Deal = dict[str, tuple[int, int]]


class Bookkeeper:
    """What each month must cost, by another rule than the connector's: the deal as it was known before it began."""

    def __init__(self, first: Deal) -> None:
        self.known: list[tuple[date, Deal]] = [(date.min, first)]

    def heard(self, day: date, deal: Deal) -> None:
        self.known.append((day, dict(deal)))

    def amount(self, month: date) -> int:
        last = [deal for day, deal in self.known if day < max(month, START)][-1]
        return sum(quantity * price for quantity, price in last.values()) * 100

    def invoices(self) -> dict[str, int]:
        days = [add_months(START, number) for number in range(12)]
        return {day.isoformat(): self.amount(day) for day in days}


def seat(quantity: int, price: int, number: int) -> dict[str, Any]:
    made = monthly(quantity, price, START.isoformat(), name=f"Seat {number}", hs_sku=f"SEAT{number}")
    return {**made, "bsync_end_date": END.isoformat()}


@pytest.mark.parametrize("seed", range(8))
def test_every_month_is_billed_as_the_deal_was_when_it_began(
    world: HubSpotWorld, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    chance = Random(seed)  # noqa: S311 -- which edits, no secret
    told = Told(world, seat(10, 20, 1), seat(3, 7, 2), edits=with_edits("amend", "crm"))
    first, second = sorted(world.portal.associated("deals", told.deal, "line_items"))
    deal: Deal = {first: (10, 20), second: (3, 7)}
    book = Bookkeeper(dict(deal))
    days = sorted(chance.sample(range(1, 365), 8))
    for number, day in enumerate(date(2026, 11, 24) + timedelta(each) for each in days):
        told.on(day.isoformat())
        edit(told, deal, chance, number + 3)
        book.heard(day, deal)
        look(told, monkeypatch, chance.choice(["whole", "whole", "before", "after"]))
    told.on("2028-01-10")
    told.look("nothing")
    assert told.invoices() == book.invoices()


def edit(told: Told, deal: Deal, chance: Random, number: int) -> None:
    """Change something, add or remove a line; now and then edit a line back to what it was."""
    kind = chance.choice(["quantity", "quantity", "price", "add", "remove"])
    line = chance.choice(sorted(deal))
    quantity, price = deal[line]
    if kind == "add":
        added = told.world.line(told.deal, **seat(chance.randint(1, 9), 5, number))
        deal[added] = (int(told.world.portal.records("line_items")[added]["quantity"]), 5)
    elif kind == "remove" and len(deal) > 1:
        told.world.portal.archive("line_items", line)
        del deal[line]
    elif kind == "price":
        deal[line] = (quantity, chance.choice([20, 25]))
    else:
        deal[line] = (chance.choice([3, 10, 12]), price)
    if line in deal:
        new = {"quantity": str(deal[line][0]), "price": str(deal[line][1])}
        told.world.portal.update("line_items", line, new)


def look(told: Told, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    """Sync, perhaps killed before or after Stripe was written to, and then once more."""

    def killed(*args: Any, **more: Any) -> None:
        if how == "after":
            apply(*args, **more)
        raise Killed

    if how != "whole":
        with monkeypatch.context() as patched:
            patched.setattr("connector.sync.apply", killed)
            with suppress(Killed):  # an edit that changes nothing writes nothing
                told.world.sync(told.deal, desk=told.desk)
    told.look("applied", "nothing")
    assert told.operations() == 0
    told.look("nothing")
    told.desk = replace(told.desk)  # as a process that has begun anew
