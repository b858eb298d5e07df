"""A HubSpot portal and a Stripe account, over real HTTP through the real SDKs, and deals to put into the portal."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from types import TracebackType
from typing import Any, Self
from zoneinfo import ZoneInfo

from connector.billing.account import StripeAccount
from connector.billing.client import StripeApi
from connector.billing.limiter import Limiter, Rates
from connector.crm.hubspot.adapter import HubSpotCrm
from connector.crm.hubspot.settings import HubSpotSettings
from connector.crm.protocol import ContractRef
from connector.journal import open_journal
from connector.offline import bundled_mapping, read_mapping
from connector.plan.safety import Limits
from connector.poll import sync_changed, sync_refs
from connector.retry import retry_policy
from connector.sandbox.hubspot import HubSpotSandbox
from connector.sandbox.stripe import StripeSandbox
from connector.sync import Desk, Planned, Result, plan_contracts

TODAY = date(2026, 11, 24)
MAPPING = read_mapping(bundled_mapping("hubspot"))
PRIMARY_COMPANY = 5


def no_wait(attempts: int = 3) -> Any:
    """Return a retry policy that does not sleep."""
    return retry_policy(attempts=attempts, sleep=lambda _: None)


class HubSpotWorld:
    """Both emulators and one desk on them."""

    def __init__(self, today: date = TODAY, **portal: Any) -> None:
        self.now = datetime.combine(today, time(9), UTC)
        self.portal = HubSpotSandbox(**portal)
        self.stripe = StripeSandbox(now=self.now)
        self.journal = open_journal("sqlite://", upgrade=True)

    def __enter__(self) -> Self:
        self.portal.start()
        self.stripe.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.journal.close()
        self.stripe.stop()
        self.portal.stop()

    def crm(self, *, renewal: str = "hand_over", **settings: Any) -> HubSpotCrm:
        """Return an adapter of the portal that is fast and gives up soon."""
        fast = {"burst": 100_000, "searches": 100_000.0, **settings}
        known = HubSpotSettings(self.portal.token, base_url=self.portal.url, **fast)
        return HubSpotCrm(known, policy=no_wait(), renewal=renewal)

    def desk(self, crm: HubSpotCrm | None = None) -> Desk:
        """Wire the portal to the Stripe account."""
        api = StripeApi(
            "sk_test_world", base_url=self.stripe.url, limiter=Limiter(Rates(10_000, 10_000, 100)), attempts=1
        )
        return Desk(
            name="hubspot",
            crm=crm or self.crm(),
            mapping=MAPPING,
            account=StripeAccount("hubspot", ZoneInfo("UTC"), api, self.journal),
            limits=Limits(max_terminations=10),
            clock=lambda: self.now,
            dashboard="https://dashboard.stripe.com/test",
        )

    def later(self, **by: float) -> None:
        """Move the connector's and Stripe's clocks on."""
        self.now += timedelta(**by)
        self.stripe.move_clock(now=self.now)

    # --- what people put into the portal ---------------------------------------------------------------

    def company(self, name: str = "Northlight Labs", **values: Any) -> str:
        """Add a company that can be billed."""
        known = {"hs_country_code": "US", "city": "Boston", "bsync_billing_email": "ap@northlight.example"}
        return self.portal.insert("companies", {"name": name, **known, **values})

    def product(self, name: str = "Seat", **values: Any) -> str:
        """Add a product."""
        return self.portal.insert("products", {"name": name, "hs_sku": name.upper(), **values})

    def deal(
        self,
        company: str | None,
        lines: Sequence[dict[str, Any]] = (),
        *,
        amends: str | None = None,
        **values: Any,
    ) -> str:
        """Add a won deal with its lines; `amends` associates it with the deal that it changes."""
        known = {
            "dealname": "A deal",
            "dealstage": "closedwon",
            "pipeline": "default",
            "closedate": "2026-11-20T15:00:00Z",
            "deal_currency_code": "USD",
        }
        deal = self.portal.insert("deals", {**known, **values})
        if company:
            self.portal.associate("deals", deal, "companies", company, PRIMARY_COMPANY)
        for line in lines:
            self.line(deal, **line)
        if amends:
            self.portal.associate("deals", deal, "deals", amends, self.label("Amends"))
        return deal

    def line(self, deal: str, **values: Any) -> str:
        """Add a line to a deal."""
        line = self.portal.insert("line_items", {"quantity": "1", **{k: str(v) for k, v in values.items()}})
        self.portal.associate("deals", deal, "line_items", line)
        return line

    def label(self, label: str) -> int:
        """Return the type of a label, as `associate` takes it: negative for the account's own."""
        return next(-int(row["typeId"]) for row in self.crm().client.labels("deals", "deals") if row["label"] == label)

    # --- what the connector does -----------------------------------------------------------------------

    def plan(self, *deals: str, desk: Desk | None = None) -> list[Planned]:
        """Plan deals."""
        return list(plan_contracts(desk or self.desk(), [ContractRef("hubspot", deal) for deal in deals]))

    def sync(self, *deals: str, desk: Desk | None = None) -> list[Result]:
        """Sync deals."""
        refs = [ContractRef("hubspot", deal) for deal in deals]
        return list(sync_refs(desk or self.desk(), refs, job="test", config_hash=""))

    def ref(self, deal: str) -> ContractRef:
        """Name a deal."""
        return ContractRef("hubspot", deal)

    def poll(self, desk: Desk) -> list[Result]:
        """Sync what changed since the last poll."""
        return list(sync_changed(desk, job="test", config_hash=""))

    def calls(self, since: int = 0) -> list[str]:
        """Return what the portal was asked, as "POST /objects/deals/search"."""
        return [f"{record.method} {record.route}" for record in self.portal.log[since:]]


def yearly(quantity: int, price: float, start: str = "", years: int = 1, **values: Any) -> dict[str, Any]:
    """Return a line that is billed yearly."""
    made = {
        "quantity": quantity,
        "price": price,
        "recurringbillingfrequency": "annually",
        "hs_recurring_billing_period": f"P{12 * years}M",
        **values,
    }
    return {**made, "hs_recurring_billing_start_date": start} if start else made


def monthly(quantity: int, price: float, start: str = "", months: int = 12, **values: Any) -> dict[str, Any]:
    """Return a line that is billed monthly."""
    return yearly(
        quantity,
        price,
        start,
        **{"recurringbillingfrequency": "monthly", "hs_recurring_billing_period": f"P{months}M", **values},
    )
