"""One recording's world: a Stripe emulator and a journal that live from its first run to the end of its contracts."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from types import TracebackType
from typing import Any, Self
from zoneinfo import ZoneInfo

from connector.billing.account import StripeAccount
from connector.billing.client import StripeApi
from connector.billing.limiter import Limiter, Rates
from connector.crm.protocol import ContractRef
from connector.crm.snapshot import SnapshotCrm, load_records
from connector.desk import Desk, Result
from connector.journal import open_journal
from connector.mapping.mapping_file import MappingFile
from connector.plan.safety import Limits
from connector.poll import sync_refs
from connector.sandbox.stripe import StripeSandbox
from connector.sync import plan_contracts
from tests.corpus.before import Before

KEY = "sk_test_corpus"
ZONE = ZoneInfo("UTC")
#: What a recording does is not held up for approval: the limits of a run are tested elsewhere.
_LIMITS = Limits(max_backdating_days=100_000, max_terminations=100, min_population=100)
Tables = dict[str, dict[str, dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Acted:
    """One run, done over: what became of it, when, and the desk it was done at."""

    result: Result
    now: datetime
    desk: Desk


class Stage:
    """The emulator, the journal and what our write-backs left in the CRM. A context manager."""

    def __init__(self, data: Mapping[str, Any], mapping: MappingFile, start: datetime) -> None:
        self._before = Before(data)
        self.now = min(start, self._before.since or start)
        self.sandbox = StripeSandbox(now=self.now)
        self.journal = open_journal("sqlite://", upgrade=True)
        self._mapping = mapping
        self._written: dict[str, dict[str, Any]] = {}
        self._last: dict[str, tuple[str, Tables]] = {}
        self._coupons: dict[str, dict[str, Any]] = {}

    def __enter__(self) -> Self:
        self.sandbox.start()
        self.api = StripeApi(KEY, base_url=self.sandbox.url, limiter=Limiter(Rates(10_000, 10_000, 100)), attempts=1)
        self._before.make(self.sandbox.client(KEY))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.journal.close()
        self.sandbox.stop()

    def act(self, root: str, records: Tables, now: datetime) -> list[Acted]:
        """Sync the contract of an order for real, on what the runs before have left in Stripe and in the CRM.

        The contract of the order comes first; contracts that hang together with it, as what it renews does, follow.
        """
        self.move_to(now)
        crm = SnapshotCrm(load_records(_text(root, self._as_left(records))), name="salesforce")
        account = StripeAccount("salesforce", ZONE, self.api, self.journal)
        desk = Desk("salesforce", crm, self._mapping, account, _LIMITS, lambda: self.now, "https://stripe.test")
        results = list(sync_refs(desk, [ContractRef("salesforce", root)], job="corpus", config_hash=""))
        for write in crm.written:
            self._written.setdefault(write.id, {}).update(write.fields)
        for result in results:
            self._last[result.planned.raw.key] = (result.planned.raw.root.id, records)
        results.sort(key=lambda result: root not in _orders(result))
        return [Acted(result, self.now, desk) for result in results]

    def plan_again(self, acted: Acted) -> list[str]:
        """Plan the contract of a run once more, with a look at what Stripe holds; return what there is to do."""
        if acted.result.planned.plan is None:
            return []
        root = acted.result.planned.raw.root.id
        again = plan_contracts(acted.desk, [ContractRef("salesforce", root)], live=True)
        plans = [planned.plan for planned in again if planned.raw.root.id == root]
        operations = [operation for plan in plans if plan for operation in plan.operations]
        return [f"{type(operation).__name__} {operation.key}" for operation in operations]

    def wait(self, until: date) -> Iterator[Acted]:
        """Let time pass until a day; contracts that a day changes by itself are looked at on that day, as the job does.

        Yields what came of each look.
        """
        seen: set[tuple[str, date]] = set()
        while True:
            states = [state for state in self.journal.due_contracts("salesforce", until) if state.next_change]
            fresh = [one for one in states if one.next_change and (one.contract_key, one.next_change) not in seen]
            if not fresh:
                break
            state = fresh[0]
            assert state.next_change is not None
            seen.add((state.contract_key, state.next_change))
            yield from self.act(*self._last[state.contract_key], _morning(state.next_change))
        self.move_to(_morning(until))

    def move_to(self, now: datetime) -> None:
        """Let time pass in Stripe and for us; never back, as the clocks of a recording may disagree by a minute."""
        self.now = max(now, self.now)
        self.sandbox.move_clock(now=self.now)

    def schedules(self, contract_key: str) -> list[dict[str, Any]]:
        """Return the schedules that Stripe holds for a contract, with their prices."""
        expand = {"expand": ["phases.items.price", "phases.add_invoice_items.price"]}
        return [self.api.get(f"/v1/subscription_schedules/{ident}", expand) for ident in self._ids(contract_key)]

    def invoices(self, contract_key: str) -> list[dict[str, Any]]:
        """Return every invoice of a contract: its own, and those of its subscriptions."""
        found = [self.api.get(f"/v1/invoices/{ident}") for ident in self._ids(contract_key, "invoice")]
        for schedule in self.schedules(contract_key):
            subscription = schedule["subscription"] or schedule["released_subscription"]
            found += self._all("/v1/invoices", {"subscription": subscription}) if subscription else []
        return found

    def strays(self, contract_keys: Iterable[str]) -> list[str]:
        """Return invoices that belong to none of the contracts: somebody would be billed twice."""
        own = {invoice["id"] for key in contract_keys for invoice in self.invoices(key)}
        return [f"{one['id']} over {one['total']}" for one in self._all("/v1/invoices", {}) if one["id"] not in own]

    def credits(self, contract_key: str) -> list[dict[str, Any]]:
        """Return what a contract was given back beside its invoices, as invoices over less than nothing."""
        found = [self.api.get(f"/v1/credit_notes/{ident}") for ident in self._ids(contract_key, "credit_note")]
        back = [{**note, "total": -note["amount"], "status": "paid"} for note in found]
        own = self._ids(contract_key, "balance_credit")
        for customer in self._all("/v1/customers", {}) if own else ():
            entries = self._all(f"/v1/customers/{customer['id']}/balance_transactions", {})
            back += [{**one, "total": one["amount"], "status": "paid"} for one in entries if one["id"] in own]
        return back

    def coupon(self, ident: str) -> dict[str, Any]:
        """Return a coupon; each is asked for once."""
        if ident not in self._coupons:
            self._coupons[ident] = self.api.get(f"/v1/coupons/{ident}")
        return self._coupons[ident]

    def _ids(self, contract_key: str, kind: str = "subscription_schedule") -> list[str]:
        links = self.journal.contract_links("salesforce", contract_key)
        return [link.stripe_id for link in links if link.kind == kind]

    def _all(self, path: str, params: dict[str, Any]) -> list[dict[str, Any]]:
        page, found = {**params, "limit": 100}, []
        while True:
            answer = self.api.get(path, page)
            found += answer["data"]
            if not answer["has_more"]:
                return found
            page["starting_after"] = found[-1]["id"]

    def _as_left(self, records: Tables) -> Tables:
        """Return the records with ids that our Stripe knows, and with what we wrote back."""
        return {
            name: {key: {**self._before.translated(row), **self._written.get(key, {})} for key, row in rows.items()}
            for name, rows in records.items()
        }


def _orders(result: Result) -> set[str]:
    return {revision.record.id for revision in result.planned.raw.revisions}


def _morning(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 9, tzinfo=UTC)


def _text(root: str, records: Tables) -> str:
    document = {"format": "crm-records/1", "crm": "salesforce", "root": {"object": "Order", "id": root}}
    return json.dumps({**document, "records": records}, default=str)
