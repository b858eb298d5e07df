"""The whole connector against the emulators, over real HTTP through the real SDKs, on a frozen clock."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from zoneinfo import ZoneInfo

from connector.billing.account import StripeAccount
from connector.billing.client import StripeApi
from connector.billing.limiter import Limiter, Rates
from connector.crm.protocol import ContractRef
from connector.crm.salesforce.adapter import SalesforceCrm
from connector.crm.salesforce.settings import ClientCredentials, SalesforceSettings
from connector.journal import Journal, open_journal
from connector.offline import bundled_mapping, read_mapping
from connector.plan.safety import Limits
from connector.poll import sync_refs
from connector.sandbox.salesforce import SalesforceSandbox
from connector.sandbox.seed import ORDERS, seed
from connector.sandbox.stripe import StripeSandbox
from connector.sync import Desk, Result

TODAY = date(2026, 11, 24)
MAPPING = read_mapping(bundled_mapping("salesforce"))
KEY = "sk_test_world"


class World:
    """Both emulators, and as many desks on them as a test wants."""

    def __init__(self, today: date = TODAY, records: dict[str, Any] | None = None) -> None:
        self.now = datetime.combine(today, time(9), UTC)
        self.salesforce = SalesforceSandbox(records=records or seed(today), now=self.now)
        self.stripe = StripeSandbox(now=self.now)
        self.orders = ORDERS
        self.journal: Journal | None = None

    def __enter__(self) -> Self:
        self.salesforce.start()
        self.stripe.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.journal:
            self.journal.close()
        self.stripe.stop()
        self.salesforce.stop()

    def reset(self) -> None:
        """Back to the seeded company and an empty Stripe account."""
        self.salesforce.reset()
        self.stripe.reset()

    def desk(
        self,
        journal: Journal | None = None,
        *,
        limits: Limits | None = None,
        clock: Callable[[], datetime] | None = None,
    ) -> Desk:
        """Wire a desk; without a journal, on one in memory that the world closes."""
        if journal is None:
            self.journal = self.journal or open_journal("sqlite://", upgrade=True)
            journal = self.journal
        return Desk(
            name="salesforce",
            crm=SalesforceCrm(self.settings()),
            mapping=MAPPING,
            account=StripeAccount("salesforce", ZoneInfo("UTC"), self.api(), journal),
            limits=limits or Limits(),
            clock=clock or (lambda: self.now),
            dashboard="https://dashboard.stripe.com/test",
        )

    def settings(self) -> SalesforceSettings:
        """Return how to log in to the emulated org."""
        app = self.salesforce.connected_app
        auth = ClientCredentials(app.consumer_key, app.consumer_secret)
        return SalesforceSettings(auth=auth, domain="acme.my", base_url=self.salesforce.url)

    def api(self) -> StripeApi:
        """Return a Stripe client without a rate limit worth speaking of, that gives up at the first failure."""
        return StripeApi(KEY, base_url=self.stripe.url, limiter=Limiter(Rates(10_000, 10_000, 100)), attempts=1)

    def sync(self, desk: Desk, *names: str, shown: frozenset[str] | None = None) -> list[Result]:
        """Sync seeded orders by their names."""
        refs = [ContractRef("salesforce", self.orders[name]) for name in names]
        return list(sync_refs(desk, refs, job="test", config_hash="", shown=shown))

    def later(self, hours: float) -> datetime:
        """Move the connector's and both vendors' clocks on."""
        self.now += timedelta(hours=hours)
        self.stripe.move_clock(now=self.now)
        return self.now

    def stripe_calls(self) -> list[str]:
        """Return what Stripe was asked, as "POST /v1/customers"."""
        return [f"{record.method} {record.path}" for record in self.stripe.log]

    def salesforce_calls(self) -> list[str]:
        """Return what Salesforce was asked, logins left out."""
        return [f"{r.method} {r.path}" for r in self.salesforce.log if not r.path.endswith("/token")]


def file_journal(path: Path) -> Journal:
    """Open a journal in a file, making its tables."""
    return open_journal(f"sqlite:///{path}", upgrade=True)
