"""`connector doctor`: the exact thing that is missing, and how to get it."""

import pytest

from connector.sandbox.http import FaultRule
from tests.cli.conftest import Shop


def test_all_is_well(shop: Shop):
    ran = shop.run("doctor")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("Stripe\n  ok account: Sandbox (acct_sandbox), test mode, API 2026-")
    assert "CRM salesforce\n  ok login: " in ran.out
    assert "  ok api version: 62.0 is served\n" in ran.out
    assert "  ok mode: sandbox org with a test key\n" in ran.out
    assert ran.out.endswith("  ok push: not configured; changes are found by polling every 60 s\n")
    assert "!!" not in ran.out
    assert not any(record.method != "GET" for record in shop.stripe.log)


def test_as_json(shop: Shop):
    ran = shop.run("doctor", "--json")
    assert (ran.code, ran.document["schema_version"]) == (0, 1)
    assert all(probe["ok"] for probe in ran.document["probes"])
    assert {probe["group"] for probe in ran.document["probes"]} == {"Stripe", "CRM salesforce"}


@pytest.mark.parametrize(
    ("table", "field", "access"),
    [
        ("Order", "Stripe_MRR__c", "edit"),
        ("Account", "Stripe_Customer_Id__c", "edit"),
        ("OrderItem", "SBQQ__SegmentKey__c", "read"),
        ("Product2", "Description", "read"),
    ],
)
def test_a_missing_field_is_named_with_what_to_grant(shop: Shop, table: str, field: str, access: str):
    shop.salesforce.remove_field(table, field)
    ran = shop.run("doctor")
    assert ran.code == 3
    lines = ran.out.splitlines()
    bad = [number for number, line in enumerate(lines) if line.startswith("  !! ") and field in line]
    assert bad, ran.out
    assert any(f"{access} access on " in lines[number + 1] and field in lines[number + 1] for number in bad)
    assert all(lines[number + 1].startswith("     fix: ") for number in bad)


def test_a_wrong_secret_is_said_once_and_nothing_else_is_guessed(shop: Shop):
    secret = shop.config.parent / "client_secret"
    secret.write_text("wrong", encoding="utf-8")
    ran = shop.run("doctor")
    assert ran.code == 3
    assert "  !! login: " in ran.out
    assert "  ok account: " in ran.out, "Stripe is looked at all the same"


def test_a_stripe_key_that_is_refused(shop: Shop):
    error = {"error": {"type": "invalid_request_error", "message": "Invalid API Key provided."}}
    shop.stripe.inject(FaultRule("GET", "=/v1/account", status=401, body=error))
    ran = shop.run("doctor")
    assert ran.code == 3
    assert "  !! account: Stripe refuses the API key (401): Invalid API Key provided. Check stripe.api_key" in ran.out


def test_a_restricted_key_that_may_not_read_prices(shop: Shop):
    error = {"error": {"type": "invalid_request_error", "message": "The provided key does not have the permissions."}}
    shop.stripe.inject(FaultRule("GET", "=/v1/prices", status=403, body=error))
    ran = shop.run("doctor")
    assert ran.code == 3
    assert "  !! prices: " in ran.out
    assert "     fix: Give the restricted key read and write access to prices." in ran.out
    assert "  ok customers: readable" in ran.out
