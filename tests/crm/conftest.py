"""An emulated org behind real HTTP, and the adapter in front of it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

import pytest

from connector.crm.salesforce.adapter import SalesforceCrm
from connector.crm.salesforce.settings import Auth, ClientCredentials, SalesforceSettings
from connector.retry import retry_policy
from connector.sandbox.salesforce import SalesforceSandbox
from tests.crm.builders import Tables

NOW = datetime(2027, 1, 4, 12, tzinfo=UTC)

StartOrg = Callable[..., SalesforceSandbox]


@pytest.fixture
def start_org() -> Iterator[StartOrg]:
    """Start orgs that end with the test; their clock stands at NOW unless told otherwise."""
    with ExitStack() as running:

        def start(tables: Tables, **options: Any) -> SalesforceSandbox:
            return running.enter_context(SalesforceSandbox(records=tables, **{"now": NOW, **options}))

        yield start


def settings_for(org: SalesforceSandbox, auth: Auth | None = None, **options: Any) -> SalesforceSettings:
    """Return settings that reach an emulated org, by client credentials unless told otherwise."""
    app = org.connected_app
    known = auth or ClientCredentials(app.consumer_key, app.consumer_secret)
    return SalesforceSettings(auth=known, **{"domain": "acme.my", "base_url": org.url, **options})


def crm_for(org: SalesforceSandbox, *, renewal: str = "hand_over", **options: Any) -> SalesforceCrm:
    """Return the adapter for an emulated org; it waits for nothing between attempts."""
    return SalesforceCrm(settings_for(org, **options), policy=retry_policy(sleep=lambda _: None), renewal=renewal)


def calls(org: SalesforceSandbox) -> dict[str, int]:
    """Count requests since the start by the end of their route, logins left out."""
    found: dict[str, int] = {}
    for (method, route), count in org.counters.items():
        if "oauth2" not in route:
            name = f"{method} {route.removeprefix('/services/data/v{version}/')}"
            found[name] = found.get(name, 0) + count
    return found
