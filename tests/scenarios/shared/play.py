"""A sale played through one CRM: written down, synced into Stripe, changed, synced again, run to its end."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Any, Protocol

from connector.billing.targets import sdk_targets
from connector.crm.protocol import ContractRef
from connector.crm.salesforce.adapter import SalesforceCrm
from connector.mapping.grammar import load_mapping
from connector.mapping.mapping_file import MappingFile
from connector.offline import bundled_mapping
from connector.plan.safety import Limits
from connector.poll import sync_refs
from connector.sandbox.stripe import StripeSandbox
from connector.sync import Desk, Planned, Result
from tests.hubspot.world import HubSpotWorld
from tests.money.world import billed_apart
from tests.scenarios.shared.in_hubspot import InHubSpot
from tests.scenarios.shared.in_salesforce import InSalesforce
from tests.scenarios.shared.sales import Change, Sale
from tests.scenarios.shared.stripe import neutral
from tests.wiring import TODAY, World

_ENOUGH = 800  # days that something without an end is watched


@dataclass(frozen=True)
class Step:
    """What a sync came to: outcomes, failures, codes of the issues that block, what Stripe should hold, the account."""

    outcomes: list[str]
    errors: list[str | None]
    codes: frozenset[str]
    desired: list[Any]
    bills: list[tuple[date, int]]
    tie_out: list[tuple[int, int, int, int]]


@dataclass(frozen=True)
class Played:
    """A sale's life: a step for its signature and for each change, and what Stripe invoiced in the end."""

    steps: list[Step]
    invoices: list[tuple[str, int]]


@cache
def mapping_with(crm: str, policies: tuple[tuple[str, str], ...]) -> MappingFile:
    """Return the shipped mapping of a CRM with other policies."""
    path = bundled_mapping(crm)
    text = path.read_text(encoding="utf-8")
    for name, value in policies:
        text, found = re.subn(rf"(?m)^  {name}:.*\n(?:    .*\n)*", f"  {name}: {value}\n", text)
        assert found == 1, name
    loaded = load_mapping(text, name=path.name, targets=sdk_targets())
    assert loaded.mapping is not None, loaded.problems
    return loaded.mapping


def in_salesforce(sale: Sale) -> Played:
    """Play a sale in Salesforce."""
    mapping = mapping_with("salesforce", tuple(sale.policies.items()))
    written = InSalesforce(sale, TODAY)
    with World(records=written.records()) as world:
        crm = SalesforceCrm(world.settings(), renewal=mapping.renewal)
        desk = replace(world.desk(limits=_LIMITS), crm=crm, mapping=mapping)
        written.arrived(world.salesforce)
        return Life(world, desk, sale).play(written.order, lambda change: written.write(world.salesforce, change))


#: The two files ship with different policies: parts of months as CPQ counts them, Stripe's own prorations for HubSpot.
#: The same business is billed alike under the same policy alone, so HubSpot's side is given that of Salesforce.
BY_DAYS = {"proration": "crm"}


def in_hubspot(sale: Sale, *, restates: bool = False, as_shipped: bool = False) -> Played:
    """Play a sale in HubSpot; with `restates` changes list all that is to be.

    `as_shipped` leaves the mapping file's own `proration`; else parts of periods are billed as in Salesforce.
    """
    policies = dict(sale.policies) if as_shipped else BY_DAYS | dict(sale.policies)
    mapping = mapping_with("hubspot", tuple(policies.items()))
    with HubSpotWorld(now=datetime.combine(TODAY, time(9), UTC)) as world:
        desk = replace(world.desk(world.crm(renewal=mapping.renewal)), mapping=mapping, limits=_LIMITS)
        written = InHubSpot(sale, world.portal, world.label("Amends"), restates=restates)
        return Life(world, desk, sale).play(written.deal, written.write)


_LIMITS = Limits(max_terminations=10)


class Timed(Protocol):
    """What a life needs of its world: the present, and Stripe."""

    now: datetime
    stripe: StripeSandbox


class Life:
    """One sale in one world."""

    def __init__(self, world: Timed, desk: Desk, sale: Sale) -> None:
        self.world = world
        self.desk = desk
        self.sale = sale
        self.refs: list[str] = []
        self.last: list[Planned] = []

    def play(self, first: str, write: Callable[[Change], str]) -> Played:
        """Sync the first record, write and sync each change, and let time pass."""
        steps = [self._sync([first])]
        for change in self.sale.changes:
            if change.heard:
                self._move(change.heard)
            steps.append(self._sync([first, write(change)]))
        if steps[-1].codes:
            return Played(steps, self._invoices())
        self._run_out()
        return Played(steps, self._invoices())

    def _sync(self, records: Sequence[str]) -> Step:
        self.refs = list(dict.fromkeys((*self.refs, *records)))
        refs = [ContractRef(self.desk.name, record) for record in records]
        results = list(sync_refs(self.desk, refs, job="shared", config_hash=""))
        results.sort(key=lambda result: result.planned.contract.start if result.planned.contract else date.min)
        self.last = [result.planned for result in results]
        return _step(results)

    def _move(self, day: date) -> None:
        self.world.now += day - self.world.now.date()
        self.world.stripe.move_clock(now=self.world.now)

    def _run_out(self) -> None:
        """Let time pass until all is over; what comes due apart on the way is synced on its day."""
        contracts = [planned.contract for planned in self.last if planned.contract]
        ends = [line.end or line.start + timedelta(days=_ENOUGH) for one in contracts for line in one.lines]
        last = max(ends, default=TODAY) + timedelta(days=2)
        for day in sorted({day for planned in self.last for day in billed_apart(planned)}):
            if self.world.now.date() < day < last:
                self._move(day)
                self._sync(self.refs)
        self._move(last)

    def _invoices(self) -> list[tuple[str, int]]:
        rows = self.desk.account.api.get("/v1/invoices", {"limit": 100})["data"]
        days = ((datetime.fromtimestamp(row["created"], UTC).date().isoformat(), row["total"]) for row in rows)
        return sorted(days)


def _step(results: Sequence[Result]) -> Step:
    plans = [result.planned.plan for result in results if result.planned.plan]
    return Step(
        outcomes=[result.outcome for result in results],
        errors=[result.error for result in results],
        codes=frozenset(issue.code.value for one in results for issue in one.planned.issues if issue.blocks),
        desired=[neutral(plan.desired) for plan in plans],
        bills=sorted((bill.day, bill.amount) for plan in plans for bill in plan.bills),
        tie_out=list(_accounts(results)),
    )


def _accounts(results: Sequence[Result]) -> Iterator[tuple[int, int, int, int]]:
    for result in results:
        found = result.planned.plan.tie_out if result.planned.plan else None
        if found is not None:
            yield found.crm, found.billed, found.scheduled, found.credited
