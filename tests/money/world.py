"""A world of orders for money tests: own records, and policies that differ from order to order."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import cache
from typing import Any

from connector.billing.targets import sdk_targets
from connector.crm.protocol import ContractRef
from connector.crm.salesforce.adapter import SalesforceCrm
from connector.mapping.grammar import load_mapping
from connector.mapping.mapping_file import MappingFile
from connector.offline import bundled_mapping
from connector.plan.safety import Limits
from connector.poll import sync_refs
from connector.sandbox.seed.closing import Deal, order
from connector.sync import Desk, Planned, Result, plan_contracts
from tests.money.goods import Shelf
from tests.wiring import TODAY, World


@dataclass(frozen=True)
class Amended:
    """A later order: from `start` on, the lines (counted from 1) have new quantities."""

    start: date
    quantities: Mapping[int, int]


@dataclass(frozen=True)
class Case:
    """An order to be billed to its end. `policies` are what its mapping says other than the bundled one."""

    deal: Deal
    amendments: tuple[Amended, ...] = ()
    policies: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Return what the case is called in a failed test."""
        return self.deal.key


@dataclass(frozen=True)
class Synced:
    """A case after its sync."""

    case: Case
    order: str
    result: Result

    @property
    def planned(self) -> Planned:
        """Return what was planned."""
        return self.result.planned

    @property
    def end(self) -> date:
        """Return the first day on which nothing of the contract is left to bill."""
        contract = self.planned.contract
        assert contract is not None
        return max(line.end or line.start for line in contract.lines)


class MoneyWorld(World):
    """Emulators that hold the orders of some cases."""

    def __init__(self, cases: Iterable[Case], today: date = TODAY, limits: Limits | None = None) -> None:
        book = Shelf(today)
        book.stock()
        self.first_day = today
        self.limits = limits or Limits()
        self.cases = {case.name: case for case in cases}
        orders = {name: order(book, case.deal) for name, case in self.cases.items()}
        super().__init__(today, {name: dict(rows) for name, rows in book.records.items()})
        self.orders = orders

    def amend_all(self) -> None:
        """Amend in the CRM what is to be amended."""
        for name, case in self.cases.items():
            for amended in case.amendments:
                lines = self._lines(self.orders[name])
                quantities = {lines[number - 1]: quantity for number, quantity in amended.quantities.items()}
                self.salesforce.amend(self.orders[name], amended.start, quantities)

    def sync_all(self) -> list[Synced]:
        """Sync every case under its own policies, in as few runs as possible."""
        return [synced for group in self._groups() for synced in self._sync(group)]

    def sync_order(self, name: str, order_id: str) -> list[Synced]:
        """Sync one more order under the policies of a case; it may lead to another contract as well."""
        case = self.cases[name]
        refs = [ContractRef("salesforce", order_id)]
        results = sync_refs(self._desk(case), refs, job="money", config_hash="")
        return [Synced(case, result.planned.raw.root.id, result) for result in results]

    def plan_live(self) -> list[tuple[Case, Planned]]:
        """Plan everything again, reading what Stripe holds."""
        found = []
        for group in self._groups():
            names = {self.orders[case.name]: case for case in group}
            planned = plan_contracts(self._desk(group[0]), self._refs(group), live=True)
            found += [(names[one.raw.root.id], one) for one in planned]
        return found

    def _sync(self, group: list[Case]) -> list[Synced]:
        names = {self.orders[case.name]: case for case in group}
        results = sync_refs(self._desk(group[0]), self._refs(group), job="money", config_hash="")
        return [Synced(names[r.planned.raw.root.id], r.planned.raw.root.id, r) for r in results]

    def _refs(self, group: list[Case]) -> list[ContractRef]:
        return [ContractRef("salesforce", self.orders[case.name]) for case in group]

    def _groups(self, cases: Iterable[Case] | None = None) -> list[list[Case]]:
        groups: dict[tuple[tuple[str, str], ...], list[Case]] = {}
        for case in self.cases.values() if cases is None else cases:
            groups.setdefault(tuple(sorted(case.policies.items())), []).append(case)
        return list(groups.values())

    def _desk(self, case: Case) -> Desk:
        mapping = mapping_with(tuple(sorted(case.policies.items())))
        crm = SalesforceCrm(self.settings(), renewal=mapping.renewal)
        return replace(self.desk(limits=self.limits), crm=crm, mapping=mapping)

    def _lines(self, order_id: str) -> list[str]:
        return [key for key, line in self.salesforce.records("OrderItem").items() if line["OrderId"] == order_id]

    def run_out(self, synced: Iterable[Synced]) -> None:
        """Let time pass until two days after the last of some contracts has ended; what comes due apart is synced."""
        every = list(synced)
        self.live_to(max(one.end for one in every) + timedelta(days=2), every)

    def live_to(self, last: date, every: Iterable[Synced]) -> None:
        """Let time pass until a day; what comes due apart on the way is synced on its day."""
        every = list(every)
        for day in sorted({day for one in every for day in billed_apart(one.planned) if self.now.date() < day < last}):
            self.move_to(day)
            due = [one.case for one in every if day in billed_apart(one.planned)]
            for group in self._groups(due):
                self._sync(group)
        self.move_to(last)

    def move_to(self, day: date) -> None:
        """Move the connector's and Stripe's clocks to a day."""
        self.now += day - self.now.date()
        self.stripe.move_clock(now=self.now)


def billed_apart(planned: Planned) -> set[date]:
    """Return the days on which something of a contract is billed that no invoice of its schedule follows."""
    desired = planned.plan.desired if planned.plan else None
    phases = [phase for spec in desired.schedules for phase in spec.phases] if desired else []
    return {phase.period.start for phase in phases if any(one.way == "apart" for one in phase.one_offs)}


@cache
def mapping_with(policies: tuple[tuple[str, str], ...]) -> MappingFile:
    """Return the bundled mapping with other policies."""
    text = bundled_mapping("salesforce").read_text(encoding="utf-8")
    for name, value in policies:
        text, found = re.subn(rf"(?m)^  {name}:.*\n(?:    .*\n)*", f"  {name}: {value}\n", text)
        assert found == 1, name
    loaded: Any = load_mapping(text, name="money.yaml", targets=sdk_targets())
    assert loaded.mapping is not None, loaded.problems
    return loaded.mapping  # type: ignore[no-any-return]
