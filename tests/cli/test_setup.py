"""`connector setup`: the plan first, then only what is missing, and nothing the second time."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connector.app import now_utc
from connector.cli.playground import Playground
from connector.sandbox.hubspot import HubSpotSandbox
from tests.cli.conftest import Shop


@pytest.fixture
def bare_shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> Iterator[Shop]:
    """A HubSpot account in which setup is yet to run."""
    made = Playground(now_utc().date(), crms=("hubspot",))
    made.hubspot = HubSpotSandbox(billing_sync=False)
    with made:
        shop = Shop(made, tmp_path, monkeypatch, capsys)
        assert shop.run("db", "upgrade").code == 0
        yield shop


def test_it_asks_before_it_makes_anything(bare_shop: Shop):
    ran = bare_shop.run("setup", "hubspot", stdin="n\n")
    assert ran.code == 0
    assert "+ property deals.bsync_action: Billing action (enumeration)" in ran.out
    assert "Nothing was changed." in ran.err
    assert bare_shop.bare("doctor", "--config", str(bare_shop.config)).code == 3


def test_it_makes_what_is_missing_once(bare_shop: Shop):
    ran = bare_shop.run("setup", "--yes", "--json")
    assert ran.code == 0
    assert {part["state"] for part in ran.document["parts"]} == {"made"}
    again = bare_shop.run("setup", "hubspot", "--json")
    assert {part["state"] for part in again.document["parts"]} == {"there"}
    assert bare_shop.run("doctor").code == 0


def test_the_folder_for_salesforce_needs_no_login(bare_shop: Shop, tmp_path: Path):
    ran = bare_shop.bare("setup", "--folder", str(tmp_path / "sf"))
    assert ran.code == 0
    fields = tmp_path / "sf" / "force-app" / "main" / "default" / "objects" / "Order" / "fields"
    assert (fields / "Stripe_Schedule_Id__c.field-meta.xml").exists()
