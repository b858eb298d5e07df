"""However a running schedule is changed, with prorations everywhere its invoices come to what was used, by the second.

The oracle knows nothing of periods that are credited or debited: it adds up price x quantity over time, month by month.
"""

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest

from connector.sandbox.stripe import StripeSandbox

MONTHS = [int(datetime(2026, month, 1, tzinfo=UTC).timestamp()) for month in range(1, 13)]
START, LAST = MONTHS[0], MONTHS[8]
BEHAVIORS = ("create_prorations", "always_invoice")


@dataclass
class Story:
    """A schedule and what really was sold since when."""

    sandbox: StripeSandbox
    mode: str
    dice: random.Random
    now: int = START
    end: int = LAST
    sold: list[tuple[int, dict[str, int]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Sell something from the first of January to the end of August."""
        self.client = self.sandbox.client()
        self.client.v1.products.create({"id": "sku", "name": "SKU"})
        terms: Any = {"product": "sku", "currency": "usd", "recurring": {"interval": "month"}}
        amounts = [self.dice.randint(100, 90_000) for _ in range(4)]
        self.prices = {}
        for one in amounts:
            terms["unit_amount"] = one
            self.prices[self.client.v1.prices.create(terms).id] = one
        self.customer = self.client.v1.customers.create({"name": "ACME"}).id
        order: Any = {
            "customer": self.customer,
            "start_date": START,
            "end_behavior": "cancel",
            "billing_mode": {"type": self.mode},
            "default_settings": {"collection_method": "send_invoice", "invoice_settings": {"days_until_due": 30}},
            "phases": [{"items": self.sell(), "end_date": self.end}],
        }
        self.schedule: Any = self.client.v1.subscription_schedules.create(order)

    def sell(self) -> list[dict[str, Any]]:
        """Choose items, and note them as sold from now on."""
        chosen = self.dice.sample(sorted(self.prices), self.dice.randint(1, 3))
        self.sold.append((self.now, {price: self.dice.randint(1, 9) for price in chosen}))
        return self.items()

    def items(self) -> list[dict[str, Any]]:
        """Show what is sold now as items."""
        return [{"price": price, "quantity": quantity} for price, quantity in self.sold[-1][1].items()]

    def wait(self) -> bool:
        """Let up to six weeks pass; False when the schedule has ended by then."""
        self.now += self.dice.randint(3_600, 42 * 86_400)
        if self.now >= self.end - 3_600:
            return False
        self.sandbox.move_clock(now=datetime.fromtimestamp(self.now, UTC))
        return True

    def change(self) -> None:
        """Do one of the things that can be done to a running schedule."""
        start = self.client.v1.subscription_schedules.retrieve(self.schedule.id).phases[-1].start_date
        what = self.dice.choice((self.split, self.replace, self.move_end, self.directly))
        what(start, self.dice.choice(BEHAVIORS))

    def split(self, start: int, behavior: str) -> None:
        """End the running phase now, and begin another one now."""
        before = {"start_date": start, "end_date": "now", "items": self.items()}
        after = {"start_date": "now", "end_date": self.end, "items": self.sell(), "proration_behavior": behavior}
        self.update([before, after], "none")

    def replace(self, start: int, behavior: str) -> None:
        """Change the running phase in place."""
        self.update([{"start_date": start, "end_date": self.end, "items": self.sell()}], behavior)

    def move_end(self, start: int, behavior: str) -> None:
        """Let it end sooner or later, at some second."""
        self.end = self.dice.randint(self.now + 7_200, MONTHS[10])
        self.update([{"start_date": start, "end_date": self.end, "items": self.items()}], behavior)

    def directly(self, start: int, behavior: str) -> None:
        """Change a quantity of the subscription under the schedule."""
        assert start <= self.now
        found = self.client.v1.subscriptions.retrieve(self.schedule.subscription)["items"].data
        item = self.dice.choice(found)
        quantity = self.dice.randint(1, 9)
        self.sold.append((self.now, {**self.sold[-1][1], item.price.id: quantity}))
        change: Any = {"items": [{"id": item.id, "quantity": quantity}], "proration_behavior": behavior}
        self.client.v1.subscriptions.update(self.schedule.subscription, change)

    def update(self, phases: list[Any], behavior: str) -> None:
        """Send phases."""
        params: Any = {"phases": phases, "proration_behavior": behavior}
        self.client.v1.subscription_schedules.update(self.schedule.id, params)

    def worth(self) -> Fraction:
        """Add up what was sold, over time."""
        total = Fraction(0)
        for (since, items), (until, _) in pairwise([*self.sold, (self.end, {})]):
            rate = sum(self.prices[price] * quantity for price, quantity in items.items())
            for first, next_first in pairwise(MONTHS):
                seconds = max(0, min(until, next_first) - max(since, first))
                total += Fraction(rate * seconds, next_first - first)
        return total


@pytest.mark.parametrize("mode", ["classic", "flexible"])
@pytest.mark.parametrize("seed", range(12))
def test_what_is_invoiced_is_what_was_used(mode, seed):
    with StripeSandbox(now=datetime.fromtimestamp(START, UTC)) as sandbox:
        story = Story(sandbox, mode, random.Random(seed))  # noqa: S311
        changes = 0
        while changes < 8 and story.wait():
            story.change()
            changes += 1
        sandbox.move_clock(now=datetime(2027, 1, 1, tzinfo=UTC))
        sub = story.client.v1.subscriptions.retrieve(story.schedule.subscription)
        assert (sub.status, sub.ended_at) == ("canceled", story.end)
        pending = story.client.v1.invoice_items.list({"customer": story.customer, "pending": True}).data
        assert pending == []
        invoices: list[Any] = list(
            story.client.v1.invoices.list({"customer": story.customer, "limit": 100}).auto_paging_iter()
        )
        lines = sum(invoice.lines.total_count for invoice in invoices)
        assert abs(sum(invoice.total for invoice in invoices) - story.worth()) <= Fraction(lines, 2)
