"""Property definitions, groups, pipelines, owners, the account."""

from __future__ import annotations

import pytest

from connector.sandbox.hubspot import PORTAL_ID, SERVICE_KEY, HubSpotSandbox
from tests.sandbox.hubspot_portal import Portal

FIELD = {"name": "bsync_note", "label": "Note", "groupName": "billing_sync", "type": "string", "fieldType": "text"}
OPTIONS = [{"label": "One", "value": "one", "hidden": False}, {"label": "Two", "value": "two", "hidden": False}]
CHOICE = {**FIELD, "name": "bsync_choice", "type": "enumeration", "fieldType": "select", "options": OPTIONS}


@pytest.fixture(params=["v3", "2026-03", "2026-09"])
def portal(request):
    with HubSpotSandbox() as sandbox:
        yield Portal(sandbox, version=request.param)


@pytest.fixture
def bare():
    """A portal in which setup is yet to run."""
    with HubSpotSandbox(billing_sync=False) as sandbox:
        yield Portal(sandbox)


def test_setup_from_nothing(bare):
    assert bare.refused("GET", "/properties/deals/bsync_status")[0] == 404
    assert bare.refused("POST", "/properties/deals", FIELD)[0] == 400
    bare.post("/properties/deals/groups", {"name": "billing_sync", "label": "Billing sync"})
    made = bare.post("/properties/deals", FIELD)
    assert (made["name"], made["hubspotDefined"], made["hasUniqueValue"]) == ("bsync_note", False, False)
    deal = {"dealname": "D", "dealstage": "closedwon", "bsync_note": "hello"}
    deal_id = bare.post("/objects/deals", {"properties": deal})["id"]
    assert bare.get(f"/objects/deals/{deal_id}", properties="bsync_note")["properties"]["bsync_note"] == "hello"
    assert bare.get("/associations/deals/deals/labels")["results"][0]["typeId"] == 451
    assert len(bare.get("/associations/deals/deals/labels")["results"]) == 1


def test_after_setup(portal):
    names = {row["name"]: row for row in portal.get("/properties/deals")["results"]}
    assert names["bsync_status"]["groupName"] == "billing_sync"
    assert [each["value"] for each in names["bsync_action"]["options"]] == [
        "new",
        "amend",
        "renew",
        "terminate",
        "skip",
    ]
    assert names["hs_is_closed_won"]["modificationMetadata"]["readOnlyValue"] is True
    assert portal.get("/properties/companies/bsync_stripe_customer_id")["hasUniqueValue"] is True
    groups = {row["name"] for row in portal.get("/properties/deals/groups")["results"]}
    assert groups == {"dealinformation", "billing_sync"}


def test_a_taken_name_is_a_conflict(portal):
    portal.post("/properties/deals", FIELD)
    for name in ("bsync_note", "amount"):
        status, category, answer = portal.refused("POST", "/properties/deals", {**FIELD, "name": name})
        assert (status, category) == (409, "OBJECT_ALREADY_EXISTS")
        assert name in answer["message"]
    portal.ok("DELETE", "/properties/deals/bsync_note")
    assert portal.refused("GET", "/properties/deals/bsync_note")[0] == 404
    assert portal.refused("POST", "/properties/deals", FIELD)[0] == 409
    assert [row["name"] for row in portal.get("/properties/deals", archived="true")["results"]] == ["bsync_note"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "Bsync_Note"},
        {"name": "1note"},
        {"name": ""},
        {"label": ""},
        {"type": "money"},
        {"fieldType": "number"},
        {"groupName": "no_such_group"},
        {"type": "enumeration", "fieldType": "select"},
        {"type": "enumeration", "fieldType": "select", "options": [*OPTIONS, OPTIONS[0]]},
        {"type": "enumeration", "fieldType": "select", "options": [{"value": "x"}]},
    ],
    ids=str,
)
def test_definitions_that_are_refused(portal, wrong):
    assert portal.refused("POST", "/properties/deals", {**FIELD, **wrong})[:2] == (400, "VALIDATION_ERROR")


def test_ten_unique_properties(portal):
    for n in range(10):
        portal.post("/properties/deals", {**FIELD, "name": f"key_{n}", "hasUniqueValue": True})
    assert portal.refused("POST", "/properties/deals", {**FIELD, "name": "key_10", "hasUniqueValue": True})[0] == 400
    portal.post("/properties/deals", {**FIELD, "name": "key_10"})


def test_changes(portal):
    portal.post("/properties/deals", CHOICE)
    more = [*OPTIONS, {"label": "Three", "value": "three", "hidden": False}]
    changed = portal.ok("PATCH", "/properties/deals/bsync_choice", {"label": "Choice", "options": more})
    assert (changed["label"], len(changed["options"])) == ("Choice", 3)
    deal = {"dealname": "D", "dealstage": "closedwon", "bsync_choice": "three"}
    portal.post("/objects/deals", {"properties": deal})
    assert portal.refused("PATCH", "/properties/deals/amount", {"label": "Sum"})[0] == 400
    assert portal.refused("DELETE", "/properties/deals/amount")[0] == 400
    assert portal.refused("PATCH", "/properties/deals/bsync_choice", {"type": "money"})[0] == 400


def test_batches(portal):
    created = portal.call("POST", "/properties/deals/batch/create", {"inputs": [FIELD, {**FIELD, "name": "amount"}]})
    assert created.status_code == (201 if portal.version == "2026-09" else 207)
    assert [row["name"] for row in created.json()["results"]] == ["bsync_note"]
    assert created.json()["errors"][0]["context"]["name"] == ["amount"]
    body = {"archived": False, "inputs": [{"name": "bsync_note"}, {"name": "no_such"}]}
    found = portal.call("POST", "/properties/deals/batch/read", body)
    assert [row["name"] for row in found.json()["results"]] == ["bsync_note"]
    portal.ok("POST", "/properties/deals/batch/archive", {"inputs": [{"name": "bsync_note"}]})
    assert portal.refused("GET", "/properties/deals/bsync_note")[0] == 404


def test_groups(portal):
    assert portal.get("/properties/deals/groups/billing_sync")["label"] == "Billing sync"
    body = {"name": "billing_sync", "label": "Again"}
    assert portal.refused("POST", "/properties/deals/groups", body)[0] == 409
    portal.post("/properties/deals/groups", {"name": "spare", "label": "Spare"})
    assert portal.ok("PATCH", "/properties/deals/groups/spare", {"label": "Other"})["label"] == "Other"
    portal.ok("DELETE", "/properties/deals/groups/spare")
    assert portal.refused("DELETE", "/properties/deals/groups/billing_sync")[0] == 400


# --- the account -------------------------------------------------------------------------------------------


def test_pipelines(portal):
    default, own = portal.get("/pipelines/deals")["results"]
    won = [
        stage["id"] for stage in default["stages"] if stage["metadata"] == {"isClosed": "true", "probability": "1.0"}
    ]
    assert won == ["closedwon"]
    assert own["id"].isdigit()
    assert portal.get(f"/pipelines/deals/{own['id']}")["label"] == "Expansion"
    assert portal.refused("GET", "/pipelines/deals/none")[0] == 404
    assert portal.get("/pipelines/quotes")["results"] == []


def test_owners(portal):
    page = portal.get("/owners", limit=1)
    after = page["paging"]["next"]["after"]
    second = portal.get("/owners", limit=1, after=after)
    assert page["results"][0]["id"] != second["results"][0]["id"]
    assert "paging" not in second
    assert [row["id"] for row in portal.get("/owners", archived="true")["results"]] == ["70311844"]
    assert portal.get("/owners", email="sales.two@example.com")["results"][0]["id"] == "70311843"
    assert portal.get("/owners/70311842")["email"] == "sales.one@example.com"
    assert portal.refused("GET", "/owners/70311844")[0] == 404


def test_account(portal):
    details = portal.get("/account-info/details")
    assert (details["portalId"], details["timeZone"], details["companyCurrency"]) == (
        PORTAL_ID,
        "America/New_York",
        "USD",
    )
    assert details["accountType"] == "SANDBOX"
    before = portal.get("/account-info/api-usage/daily/private-apps")["results"][0]["currentUsage"]
    after = portal.get("/account-info/api-usage/daily/private-apps")["results"][0]["currentUsage"]
    assert after == before + 1


def test_what_a_token_may_do(portal):
    told = portal.post("/oauth/v2/private-apps/get/access-token-info", {"tokenKey": portal.sandbox.token})
    assert told["hubId"] == PORTAL_ID
    assert "crm.objects.deals.write" in told["scopes"]
    path = "/oauth/v2/private-apps/get/access-token-info"
    assert portal.refused("POST", path, {"tokenKey": SERVICE_KEY.value})[0] == 400


def test_an_account_can_be_another():
    with HubSpotSandbox(
        portal={"account_type": "STANDARD", "time_zone": "Europe/Berlin", "currency": "EUR"}
    ) as sandbox:
        details = Portal(sandbox).get("/account-info/details")
        assert (details["accountType"], details["timeZone"]) == ("STANDARD", "Europe/Berlin")
        assert details["companyCurrency"] == "EUR"
