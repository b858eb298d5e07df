"""Salesforce and Stripe, each in a process of its own (`serving.py`): `emulators` starts them.

None of the emulators' code is loaded here: the memory that is measured is the connector's alone.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import requests

from benchmarks.day import TODAY
from connector.billing.account import StripeAccount
from connector.billing.client import StripeApi
from connector.billing.limiter import Limiter, Rates
from connector.crm.salesforce.adapter import SalesforceCrm
from connector.crm.salesforce.settings import ClientCredentials, SalesforceSettings
from connector.journal import Journal
from connector.offline import bundled_mapping, read_mapping
from connector.plan.safety import Limits
from connector.sync import Desk

if TYPE_CHECKING:
    from benchmarks.limited import Gate

NOW = datetime.combine(TODAY, time(9), UTC)
#: As good as no limit: what is measured is not the waiting.
UNLIMITED = Rates(100_000, 100_000, 1_000)


@dataclass(frozen=True, slots=True)
class Emulators:
    """Where the two listen, and how to log in."""

    salesforce: str
    stripe: str
    key: str
    secret: str

    def desk(
        self, journal: Journal, rates: Rates = UNLIMITED, *, threads: int = 32, key: str = "sk_test_benchmark"
    ) -> Desk:
        """Wire a desk as `connector` does."""
        auth = ClientCredentials(self.key, self.secret)
        api = StripeApi(key, base_url=self.stripe, limiter=Limiter(rates))
        return Desk(
            name="salesforce",
            crm=SalesforceCrm(SalesforceSettings(auth=auth, domain="acme.my", base_url=self.salesforce)),
            mapping=read_mapping(bundled_mapping("salesforce")),
            account=StripeAccount("salesforce", ZoneInfo("UTC"), api, journal),
            limits=Limits(),
            clock=lambda: NOW,
            dashboard="",
            threads=threads,
        )

    def counters(self) -> dict[str, int]:
        """Return how many calls there were so far: to Salesforce for reading and for writing, and to Stripe."""
        log = requests.get(f"{self.salesforce}/_sandbox/requests", timeout=60).json()["requests"]
        calls = [record for record in log if not record["path"].endswith("/token")]
        stripe = requests.get(f"{self.stripe}/_sandbox/counters", timeout=60).json()["total"]
        return {"salesforce": len(calls), "stripe": stripe}

    def gate(self, gate: "Gate") -> None:
        """Set Stripe's limits and latency, and its counts to nothing."""
        requests.post(f"{self.stripe}/_sandbox/gate", json=asdict(gate), timeout=60).raise_for_status()

    def passed(self) -> dict[str, float]:
        """Return what went through the gate since it was set: answered, refused, schedules, and their span in s."""
        return dict(requests.get(f"{self.stripe}/_sandbox/gate", timeout=60).json())

    def slow_down_salesforce(self, seconds: float) -> None:
        """Let every answer of Salesforce take its time."""
        rule = {"action": "delay", "delay": seconds, "times": None}
        requests.post(f"{self.salesforce}/_sandbox/faults", json=rule, timeout=60).raise_for_status()

    def change(self, table: str, record_id: str, fields: dict[str, Any]) -> None:
        """Change a record in the org."""
        address = f"{self.salesforce}/_sandbox/records/{table}/{record_id}"
        requests.patch(address, json=fields, timeout=60).raise_for_status()


@contextmanager
def emulators(orders: int, *, customers: bool) -> Iterator[Emulators]:
    """Start both with a company of that many ramp orders; they end with the block."""
    with _running("stripe") as stripe, _running("salesforce", str(orders), str(int(customers))) as salesforce:
        yield Emulators(
            stripe=stripe["url"], salesforce=salesforce["url"], key=salesforce["key"], secret=salesforce["secret"]
        )


@contextmanager
def _running(*arguments: str) -> Iterator[dict[str, str]]:
    command = [sys.executable, "-m", "benchmarks.serving", *arguments]
    root = Path(__file__).parents[1]
    with subprocess.Popen(command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())
        process.stdin.close()
