"""Tokens, scopes, limits, clock and faults: everything that goes wrong around a call."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
import requests

from connector.sandbox.hubspot import SERVICE_KEY, FaultRule, HubSpotSandbox, Limits, Token, rate_limit_body
from tests.sandbox.hubspot_portal import Portal, check, check_contract

NOW = datetime(2026, 11, 24, 8, 0, 0, 0, UTC)


@pytest.fixture
def sandbox():
    with HubSpotSandbox(now=NOW) as made:
        yield made


def control(sandbox, method, path, body=None):
    return requests.request(method, f"{sandbox.url}/_sandbox/{path}", json=body, timeout=5).json()


# --- tokens and scopes -------------------------------------------------------------------------------------


@pytest.mark.parametrize("header", [None, "Bearer ", "Basic abc", "Bearer pat-na1-unknown"])
def test_no_token_no_answer(sandbox, header):
    headers = {"Authorization": header} if header else {}
    answer = requests.get(f"{sandbox.url}/crm/v3/objects/deals", headers=headers, timeout=5)
    check_contract("GET", "/objects/deals", None, answer)
    assert (answer.status_code, answer.json()["category"]) == (401, "INVALID_AUTHENTICATION")


def test_tokens_are_revoked_and_run_out(sandbox):
    sandbox.add_token(Token("oauth-token", kind="oauth", expires=NOW + timedelta(minutes=30)))
    portal = Portal(sandbox, token="oauth-token")
    portal.get("/objects/deals")
    sandbox.clock.advance(timedelta(minutes=30))
    assert portal.refused("GET", "/objects/deals")[:2] == (401, "EXPIRED_AUTHENTICATION")
    service = Portal(sandbox, token=SERVICE_KEY.value)
    service.get("/objects/deals")
    sandbox.revoke_tokens()
    assert service.refused("GET", "/objects/deals")[:2] == (401, "INVALID_AUTHENTICATION")


@pytest.mark.parametrize(
    ("method", "path", "body", "needed"),
    [
        ("GET", "/objects/deals", None, "crm.objects.deals.read"),
        ("POST", "/objects/deals", {"properties": {}}, "crm.objects.deals.write"),
        ("POST", "/objects/line_items/search", {}, "crm.objects.line_items.read"),
        ("POST", "/objects/notes", {"properties": {}}, "crm.objects.contacts.write"),
        ("POST", "/properties/deals", {}, "crm.schemas.deals.write"),
        ("GET", "/owners", None, "crm.objects.owners.read"),
        ("POST", "/associations/deals/line_items/batch/read", {"inputs": [{"id": "1"}]}, "crm.objects.deals.read"),
    ],
)
def test_a_missing_scope_is_named(sandbox, method, path, body, needed):
    sandbox.add_token(Token("narrow", scopes=frozenset({"oauth"})))
    status, category, answer = Portal(sandbox, token="narrow").refused(method, path, body)
    assert (status, category) == (403, "MISSING_SCOPES")
    assert needed in next(iter(answer["errors"][0]["context"].values()))
    sandbox.add_token(Token("narrow", scopes=frozenset({needed})))
    assert Portal(sandbox, token="narrow").call(method, path, body).status_code != 403


# --- limits ------------------------------------------------------------------------------------------------


def test_a_burst_is_refused_until_the_window_has_passed():
    with HubSpotSandbox(limits=Limits(burst=3)) as sandbox:
        portal = Portal(sandbox)
        left = [portal.call("GET", "/objects/deals").headers["X-HubSpot-RateLimit-Remaining"] for _ in range(3)]
        assert left == ["2", "1", "0"]
        answer = portal.call("GET", "/objects/deals")
        assert answer.status_code == 429
        assert answer.json()["policyName"] == "TEN_SECONDLY_ROLLING"
        assert "Retry-After" not in answer.headers
        assert Portal(sandbox, token=SERVICE_KEY.value).call("GET", "/objects/deals").ok
        sandbox.clock.advance(timedelta(seconds=10))
        assert portal.call("GET", "/objects/deals").ok


def test_search_has_a_limit_of_its_own_and_no_headers():
    with HubSpotSandbox(limits=Limits(burst=2, searches=5, retry_after=True)) as sandbox:
        portal, other = Portal(sandbox), Portal(sandbox, token=SERVICE_KEY.value)
        answers = [each.call("POST", "/objects/deals/search", {}) for each in (portal, other, portal, other, portal)]
        assert [answer.status_code for answer in answers] == [200] * 5
        assert not [name for name in answers[0].headers if "RateLimit" in name]
        refused = portal.call("POST", "/objects/line_items/search", {})
        assert (refused.status_code, refused.json()["policyName"]) == (429, "SECONDLY")
        assert refused.headers["Retry-After"] == "1"
        assert portal.call("GET", "/objects/deals").ok
        sandbox.clock.advance(timedelta(seconds=1))
        assert portal.call("POST", "/objects/deals/search", {}).ok


def test_the_day_ends_at_midnight_of_the_account():
    with HubSpotSandbox(now=NOW, limits=Limits(daily=2)) as sandbox:
        portal = Portal(sandbox)
        assert portal.call("GET", "/objects/deals").headers["X-HubSpot-RateLimit-Daily-Remaining"] == "1"
        portal.get("/objects/deals")
        answer = portal.call("GET", "/objects/deals")
        assert (answer.status_code, answer.json()["policyName"]) == (429, "DAILY")
        sandbox.clock.advance(timedelta(hours=20))
        assert portal.call("GET", "/objects/deals").status_code == 429
        sandbox.clock.advance(timedelta(hours=1))
        assert portal.call("GET", "/objects/deals").ok


def test_without_limits_nothing_is_refused_and_the_headers_stay(sandbox):
    portal = Portal(sandbox)
    answers = [portal.call("GET", "/objects/deals") for _ in range(200)]
    assert {answer.status_code for answer in answers} == {200}
    assert answers[-1].headers["X-HubSpot-RateLimit-Remaining"] == "189"
    assert answers[-1].headers["X-HubSpot-RateLimit-Interval-Milliseconds"] == "10000"


@pytest.mark.parametrize(("policy", "seconds"), [("TEN_SECONDLY_ROLLING", 10), ("SECONDLY", 1), ("DAILY", 24 * 3600)])
def test_a_neighbour_may_use_a_budget_up(sandbox, policy, seconds):
    portal = Portal(sandbox)
    sandbox.exhaust(policy)
    method, path = ("POST", "/objects/deals/search") if policy == "SECONDLY" else ("GET", "/objects/deals")
    answer = portal.call(method, path, {} if policy == "SECONDLY" else None)
    assert (answer.status_code, answer.json()["policyName"]) == (429, policy)
    if policy == "TEN_SECONDLY_ROLLING":
        assert answer.headers["X-HubSpot-RateLimit-Remaining"] == "0"
    sandbox.clock.advance(timedelta(seconds=seconds))
    assert portal.call(method, path, {} if policy == "SECONDLY" else None).ok


# --- faults ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [423, 477, 500, 502, 503, 524])
def test_any_status(sandbox, status):
    sandbox.inject({"route": "/objects/deals", "status": status, "body": {"status": "error", "message": "no"}})
    portal = Portal(sandbox)
    assert portal.call("GET", "/objects/deals").status_code == status
    assert portal.call("GET", "/objects/deals").ok


def test_a_connection_lost_after_the_write(sandbox):
    sandbox.inject(FaultRule(method="POST", route="/objects/deals", action="drop_after"))
    portal = Portal(sandbox)
    with pytest.raises(requests.ConnectionError):
        portal.call("POST", "/objects/deals", {"properties": {"dealname": "D", "dealstage": "closedwon"}})
    assert len(sandbox.records("deals")) == 1


def test_half_an_answer(sandbox):
    sandbox.inject({"route": "/objects/deals", "action": "truncate"})
    answer = requests.get(
        f"{sandbox.url}/crm/v3/objects/deals", headers={"Authorization": f"Bearer {sandbox.token}"}, timeout=5
    )
    assert answer.status_code == 200
    with pytest.raises(json.JSONDecodeError):
        json.loads(answer.text)


def test_a_429_made_by_hand(sandbox):
    body = rate_limit_body("TEN_SECONDLY_ROLLING")
    check("wire-extras.schema.json", "RateLimitBody", body)
    sandbox.inject({"status": 429, "body": body, "times": 2})
    portal = Portal(sandbox)
    assert [portal.call("GET", "/objects/deals").status_code for _ in range(3)] == [429, 429, 200]


@pytest.mark.parametrize("path", ["/crm/v3/unknown", "/crm/v3/objects/deals/1/other", "/crm/v9/objects/deals", "/"])
def test_what_is_not_emulated_says_so(sandbox, path):
    answer = Portal(sandbox).session.get(sandbox.url + path, timeout=5)
    assert (answer.status_code, answer.json()["category"]) == (501, "NOT_EMULATED")


@pytest.mark.parametrize(
    "path",
    ["/crm/v4/objects/deals", "/crm/v3/objects/deals/1/associations/companies", "/crm/objects/2024-09/deals"],
)
def test_a_path_of_the_wrong_version_leads_nowhere(sandbox, path):
    assert Portal(sandbox).session.get(sandbox.url + path, timeout=5).status_code == 501


def test_the_wrong_method(sandbox):
    assert Portal(sandbox).session.put(f"{sandbox.url}/crm/v3/objects/deals", timeout=5).status_code == 405


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"'])
def test_a_body_that_is_no_object(sandbox, body):
    portal = Portal(sandbox)
    for path in ("/objects/deals", "/objects/deals/search", "/objects/deals/batch/read", "/properties/deals"):
        answer = portal.session.post(portal.url(path), data=body, timeout=5)
        assert (answer.status_code, answer.json()["category"]) == (400, "VALIDATION_ERROR"), path


# --- the control path ----------------------------------------------------------------------------------------


def test_the_control_path(sandbox):
    assert control(sandbox, "GET", "clock") == {"now": "2026-11-24T08:00:00.000Z"}
    moved = control(sandbox, "POST", "clock", {"advance_seconds": 90})
    assert moved == {"now": "2026-11-24T08:01:30.000Z"}
    assert control(sandbox, "POST", "clock", {"now": "2027-01-01T00:00:00Z"})["now"] == "2027-01-01T00:00:00.000Z"
    deal = {"dealname": "D", "dealstage": "closedwon"}
    first, second = (control(sandbox, "POST", "records/deals", deal)["id"] for _ in range(2))
    control(sandbox, "PATCH", f"records/deals/{first}", {"dealname": "E"})
    assert sandbox.records("deals")[first]["dealname"] == "E"
    control(sandbox, "POST", "associations", {"from": ["deals", second], "to": ["deals", first], "type_id": -1})
    assert sandbox.associated("deals", first, "deals") == [second]
    control(sandbox, "DELETE", "associations", {"from": ["deals", second], "to": ["deals", first]})
    assert sandbox.associated("deals", first, "deals") == []
    control(sandbox, "DELETE", f"records/deals/{first}")
    assert first not in sandbox.records("deals")
    control(sandbox, "POST", f"records/deals/{first}/restore")
    merged = control(sandbox, "POST", f"records/deals/{first}/merge", {"with": second})["id"]
    assert list(sandbox.records("deals")) == [merged]
    assert len(control(sandbox, "GET", "records/deals")["records"]) == 3
    control(sandbox, "POST", "rules", {"object": "deals", "property": "dealname", "max_length": 3})
    body = {"properties": {"dealname": "too long"}}
    assert Portal(sandbox).refused("PATCH", f"/objects/deals/{merged}", body)[0] == 400
    control(sandbox, "DELETE", "rules")
    Portal(sandbox).ok("PATCH", f"/objects/deals/{merged}", body)
    control(sandbox, "POST", "lag", {"seconds": [1, 2]})
    sandbox.insert("deals", {**deal, "dealname": "late"})
    assert Portal(sandbox).search("deals", query="late")["total"] == 0
    control(sandbox, "POST", "clock", {"advance_seconds": 2})
    assert Portal(sandbox).search("deals", query="late")["total"] == 1
    control(sandbox, "POST", "clock", {"advance_seconds": 10})
    control(sandbox, "POST", "limits", {"burst": 1})
    assert [Portal(sandbox).call("GET", "/objects/deals").status_code for _ in range(2)] == [200, 429]
    control(sandbox, "POST", "limits", None)
    control(sandbox, "POST", "tokens", {"value": "t", "scopes": ["crm.objects.deals.read"]})
    assert Portal(sandbox, token="t").call("GET", "/objects/deals").ok
    control(sandbox, "POST", "tokens/revoke")
    assert Portal(sandbox).call("GET", "/objects/deals").status_code == 401
    control(sandbox, "POST", "reset")
    assert Portal(sandbox).get("/objects/deals")["results"] == []


def test_the_log_counts_by_route_whatever_the_version(sandbox):
    for version in ("v3", "2026-03"):
        Portal(sandbox, version=version).search("0-8")
    assert sandbox.counters == {("POST", "/objects/line_items/search"): 2}
