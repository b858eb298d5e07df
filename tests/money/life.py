"""The life of a contract on the Stripe emulator: heard of version by version, planned, applied, billed to the end."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from connector.billing.adopt import link_found
from connector.billing.apply import apply
from connector.billing.look import Glance, look
from connector.compile.contract import compile_contract
from connector.domain.contract import Contract
from connector.domain.timeline import line_end
from connector.plan.plan import Plan, make_plan
from connector.write_back import save_subscriptions
from tests.money.ledger import Days, day_of
from tests.wiring import World


@dataclass
class Life:
    """One contract in a world of its own."""

    world: World
    plans: list[Plan] = field(default_factory=list)
    days: Days = field(default_factory=dict)

    def hear(self, contract: Contract, on: date) -> Plan:
        """Let a version of the contract be heard of on a day, at nine in the morning, and carry it out."""
        self.move_to(on)
        account = self.world.desk().account
        compiled, existing = look(contract, account, Glance(self.world.now))
        assert compiled.desired is not None, compiled.issues
        plan = make_plan(contract, compiled, existing, on)
        self.plans.append(plan)
        if plan.blocked:
            return plan
        link_found(plan, existing, account, self.world.now)
        outcome = apply(plan, existing, account, lambda: self.world.now)
        save_subscriptions(plan, outcome.subscriptions, account, self.world.now)
        return plan

    def live_to_the_end(self, contract: Contract) -> None:
        """Let time pass; on days on which something is billed apart, the contract is looked at."""
        desired = compile_contract(contract).desired
        assert desired is not None
        phases = [phase for spec in desired.schedules for phase in spec.phases]
        apart = {phase.period.start for phase in phases if any(one.way == "apart" for one in phase.one_offs)}
        for day in sorted(day for day in apart if day > self.world.now.date()):
            self.hear(contract, day)
        self.move_to(max(line_end(line, contract) for line in contract.lines) + timedelta(days=2))

    def move_to(self, day: date) -> None:
        """Move the clock to nine in the morning of a day to come."""
        if day > self.world.now.date():
            self.world.now += day - self.world.now.date()
            self.world.stripe.move_clock(now=self.world.now)

    def invoiced(self) -> Days:
        """Return what was invoiced less what was given back, by day, in minor units."""
        api = self.world.api()
        days: Days = defaultdict(int)
        for invoice in _all(api, "/v1/invoices"):
            if invoice["status"] in {"open", "paid"}:
                days[day_of(invoice["created"])] += invoice["total"]
        for customer in _all(api, "/v1/customers"):
            for credit in _all(api, f"/v1/customers/{customer['id']}/balance_transactions"):
                if credit["type"] == "adjustment":
                    days[day_of(credit["created"])] += credit["amount"]
        for note in _all(api, "/v1/credit_notes"):
            days[day_of(note["created"])] -= note["total"]
        return {day: amount for day, amount in sorted(days.items()) if amount}


def play(versions: Sequence[tuple[date, Contract]]) -> Life:
    """Play a contract's versions, each on the day on which it is heard of, to the end of the last."""
    first, _ = versions[0]
    with World(first) as world:
        life = Life(world)
        for day, contract in versions:
            life.hear(contract, day)
        life.live_to_the_end(versions[-1][1])
        life.days = life.invoiced()
        return life


def _all(api: Any, path: str) -> list[dict[str, Any]]:
    page, found = {"limit": 100}, []
    while True:
        answer = api.get(path, page)
        found += answer["data"]
        if not answer["has_more"]:
            return found
        page["starting_after"] = found[-1]["id"]
