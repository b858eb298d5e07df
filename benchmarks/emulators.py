"""Salesforce and Stripe in a process of their own: `Emulators` starts it, the module run as a program is it."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import requests

from benchmarks.company import TODAY, company
from connector.billing.account import StripeAccount
from connector.billing.client import StripeApi
from connector.billing.limiter import Limiter, Rates
from connector.crm.salesforce.adapter import SalesforceCrm
from connector.crm.salesforce.login import ClientCredentials, SalesforceSettings
from connector.journal import Journal
from connector.offline import bundled_mapping, read_mapping
from connector.plan.safety import Limits
from connector.sandbox.salesforce import SalesforceSandbox
from connector.sandbox.stripe import StripeSandbox
from connector.sync import Desk

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

    def desk(self, journal: Journal, rates: Rates = UNLIMITED) -> Desk:
        """Wire a desk as `connector` does."""
        auth = ClientCredentials(self.key, self.secret)
        api = StripeApi("sk_test_benchmark", base_url=self.stripe, limiter=Limiter(rates))
        return Desk(
            name="salesforce",
            crm=SalesforceCrm(SalesforceSettings(auth=auth, domain="acme.my", base_url=self.salesforce)),
            mapping=read_mapping(bundled_mapping("salesforce")),
            account=StripeAccount("salesforce", ZoneInfo("UTC"), api, journal),
            limits=Limits(),
            clock=lambda: NOW,
            dashboard="",
        )

    def counters(self) -> dict[str, int]:
        """Return how many calls there were so far: to Salesforce for reading and for writing, and to Stripe."""
        log = requests.get(f"{self.salesforce}/_sandbox/requests", timeout=60).json()["requests"]
        calls = [record for record in log if not record["path"].endswith("/token")]
        stripe = requests.get(f"{self.stripe}/_sandbox/counters", timeout=60).json()["total"]
        return {"salesforce": len(calls), "stripe": stripe}

    def slow_down_stripe(self, seconds: float) -> None:
        """Let every answer of Stripe take its time."""
        rule = {"action": "delay", "delay": seconds, "times": None}
        requests.post(f"{self.stripe}/_sandbox/faults", json=rule, timeout=60).raise_for_status()

    def change(self, table: str, record_id: str, fields: dict[str, Any]) -> None:
        """Change a record in the org."""
        address = f"{self.salesforce}/_sandbox/records/{table}/{record_id}"
        requests.patch(address, json=fields, timeout=60).raise_for_status()


@contextmanager
def emulators(orders: int, *, customers: bool) -> Iterator[Emulators]:
    """Start both with a company of that many ramp orders; they end with the block."""
    command = [sys.executable, "-m", "benchmarks.emulators", str(orders), str(int(customers))]
    root = Path(__file__).parents[1]
    with subprocess.Popen(command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield Emulators(**json.loads(process.stdout.readline()))
        process.stdin.close()


def main() -> None:
    """Serve until standard input is closed."""
    orders, customers = int(sys.argv[1]), bool(int(sys.argv[2]))
    salesforce = SalesforceSandbox(records=company(orders, customers=customers), now=NOW)
    with salesforce, StripeSandbox(now=NOW) as stripe:
        app = salesforce.connected_app
        place = {"salesforce": salesforce.url, "stripe": stripe.url}
        sys.stdout.write(json.dumps({**place, "key": app.consumer_key, "secret": app.consumer_secret}) + "\n")
        sys.stdout.flush()
        sys.stdin.read()


if __name__ == "__main__":
    main()
