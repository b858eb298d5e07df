"""One recording's world: a Stripe emulator and a journal that live from its first run to the end of its contracts."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
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
from tests.corpus.before import Before

KEY = "sk_test_corpus"
ZONE = ZoneInfo("UTC")
#: What a recording does is not held up for approval: the limits of a run are tested elsewhere.
_LIMITS = Limits(max_backdating_days=100_000, max_terminations=100, min_population=100)
Tables = dict[str, dict[str, dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Acted:
    """One run, done over: what became of it, when, and whether Stripe was written to."""

    result: Result
    now: datetime
    writes: int


class Stage:
    """The emulator, the journal and what our write-backs left in the CRM. A context manager."""

    def __init__(self, data: Mapping[str, Any], mapping: MappingFile, start: datetime) -> None:
        self._before = Before(data)
        self.now = min(start, self._before.since or start)
        self.sandbox = StripeSandbox(now=self.now)
        self.journal = open_journal("sqlite://", upgrade=True)
        self._mapping = mapping
        self._written: dict[str, dict[str, Any]] = {}

    def __enter__(self) -> Self:
        self.sandbox.start()
        self.api = StripeApi(
            KEY, base_url=self.sandbox.url, limiter=Limiter(Rates(10_000, 10_000, 100)), attempts=1
        )
        self._before.make(self.sandbox.client(KEY))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.journal.close()
        self.sandbox.stop()

    def act(self, root: str, records: Tables, now: datetime) -> Acted:
        """Sync the contract of an order for real, on what the runs before have left in Stripe and in the CRM."""
        self.move_to(now)
        crm = SnapshotCrm(load_records(_text(root, self._as_left(records))), name="salesforce")
        account = StripeAccount("salesforce", ZONE, self.api, self.journal)
        desk = Desk("salesforce", crm, self._mapping, account, _LIMITS, lambda: self.now, "https://stripe.test")
        before = self._writes()
        (result,) = sync_refs(desk, [ContractRef("salesforce", root)], job="corpus", config_hash="")
        for write in crm.written:
            self._written.setdefault(write.id, {}).update(write.fields)
        return Acted(result, self.now, self._writes() - before)

    def move_to(self, now: datetime) -> None:
        """Let time pass in Stripe and for us; never back, as the clocks of a recording may disagree by a minute."""
        self.now = max(now, self.now)
        self.sandbox.move_clock(now=self.now)

    def schedules(self, contract_key: str) -> list[dict[str, Any]]:
        """Return the schedules that Stripe holds for a contract, with their prices."""
        links = self.journal.contract_links("salesforce", contract_key)
        expand = {"expand": ["phases.items.price", "phases.add_invoice_items.price", "phases.discounts.coupon"]}
        found = [link.stripe_id for link in links if link.kind == "subscription_schedule"]
        return [self.api.get(f"/v1/subscription_schedules/{stripe_id}", expand) for stripe_id in found]

    def _writes(self) -> int:
        return sum(1 for record in self.sandbox.log if record.method == "POST")

    def _as_left(self, records: Tables) -> Tables:
        """Return the records with ids that our Stripe knows, and with what we wrote back."""
        return {
            name: {key: {**self._before.translated(row), **self._written.get(key, {})} for key, row in rows.items()}
            for name, rows in records.items()
        }


def moment(text: str) -> datetime:
    """Return a recorded moment in UTC."""
    return datetime.fromisoformat(text).astimezone(UTC)


def day_later(now: datetime, days: int) -> datetime:
    """Return a moment some days later."""
    return now + timedelta(days=days)


def _text(root: str, records: Tables) -> str:
    document = {"format": "crm-records/1", "crm": "salesforce", "root": {"object": "Order", "id": root}}
    return json.dumps({**document, "records": records}, default=str)
