"""A stateful emulator of Stripe's API, in the parts that turn subscription schedules into invoices.

Start it, and point the SDK at it:

    with StripeSandbox() as sandbox:
        client = sandbox.client("sk_test_any")

Every API key is an account of its own. Requests are checked against the SDK's request types, state is kept in the
shape of API version 2026-10-28.endive, and time is real, frozen, or moved by test clocks.

What is not emulated answers 501 and says so. Not emulated are above all: quotes, payments other than by a test card
that always pays, tax rates, trials, billing thresholds, pauses, usage of meters, search, Connect, and the delivery of
webhooks. Events that tell of what is to come (`invoice.upcoming`, `subscription_schedule.expiring`) are not recorded.

Classic billing mode is checked against recorded traffic. Flexible mode follows the vendor's documentation; where that
is silent (a first period cut short by the end of its schedule is billed whole) it is not known to be right.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import stripe

from connector.sandbox.http import FaultRule, RequestRecord, SandboxServer
from connector.sandbox.stripe import (
    catalog,
    clocks,
    credit_notes,
    customers,
    events,
    invoice_endpoints,
    invoice_item_endpoints,
    payments,
    previews,
    prices,
    schedules,
    subscription_endpoints,
)
from connector.sandbox.stripe.app import API_VERSION, StripeApp
from connector.sandbox.stripe.state import Tenant

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["API_VERSION", "FaultRule", "RequestRecord", "StripeSandbox", "Tenant"]

MODULES: tuple[Any, ...] = (
    previews,
    catalog,
    clocks,
    credit_notes,
    customers,
    events,
    invoice_endpoints,
    invoice_item_endpoints,
    payments,
    prices,
    schedules,
    subscription_endpoints,
)


class StripeSandbox(SandboxServer):
    """The emulator on a loopback port; `now` freezes its clock."""

    app: StripeApp

    def __init__(self, *, port: int = 0, now: datetime | None = None) -> None:
        endpoints = [endpoint for module in MODULES for endpoint in module.ENDPOINTS]
        super().__init__(StripeApp(endpoints, int(now.timestamp()) if now else None), port=port)

    def client(self, key: str = "sk_test_sandbox", **options: Any) -> stripe.StripeClient:
        """Build an SDK client that talks to this emulator and to nothing else."""
        bases: Any = dict.fromkeys(("api", "connect", "files", "meter_events"), self.url)
        return stripe.StripeClient(key, base_addresses=bases, **{"max_network_retries": 0, **options})

    @property
    def state(self) -> dict[str, Tenant]:
        """The accounts by API key, for tests."""
        return self.app.tenants

    def move_clock(self, *, now: datetime | None = None, advance: int | None = None) -> None:
        """Move the accounts' own clock, and let happen what falls due."""
        self.app.move_clock(now=int(now.timestamp()) if now else None, advance=advance)
