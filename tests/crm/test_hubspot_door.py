"""The door under HubSpot's SDK: paths, pace, retries, refusals, and where a token may go."""

import json
from typing import Any

import pytest
import responses

from connector.crm.hubspot.client import HubSpotClient
from connector.crm.hubspot.door import HOST, dated
from connector.crm.hubspot.pace import Pace
from connector.crm.hubspot.settings import HubSpotSettings
from connector.domain.errors import ConfigError, RejectedError, RetryableError
from connector.retry import retry_policy

WAITS: list[float] = []


def client(**settings: Any) -> HubSpotClient:
    WAITS.clear()
    return HubSpotClient(HubSpotSettings("pat-test", **settings), policy=retry_policy(attempts=3, sleep=WAITS.append))


PATHS = [
    ("/crm/v3/objects/deals/batch/read", "/crm/objects/2026-09/deals/batch/read"),
    ("/crm/v4/associations/deals/line_items/batch/read", "/crm/associations/2026-09/deals/line_items/batch/read"),
    ("/crm/v4/associations/deals/deals/labels", "/crm/associations/2026-09/deals/deals/labels"),
    ("/crm/v3/properties/deals", "/crm/properties/2026-09/deals"),
    ("/account-info/v3/details", "/account-info/2026-09/details"),
]


@pytest.mark.parametrize(("undated", "path"), PATHS)
def test_paths_of_a_dated_version(undated: str, path: str) -> None:
    assert dated(undated, "2026-09") == path
    assert dated(undated, "v3") == undated


def test_a_path_without_a_dated_form_is_told() -> None:
    with pytest.raises(ConfigError, match="no form in API version"):
        dated("/crm/v3/imports", "2026-09")


@pytest.mark.parametrize("version", ["2026-09", "2026-03", "v3"])
@responses.activate
def test_the_version_is_in_every_path(version: str) -> None:
    responses.post(f"{HOST}{dated('/crm/v3/objects/deals/search', version)}", json={"total": 0, "results": []})
    assert client(api_version=version).search("deals", [], ["dealname"]) == []
    sent = responses.calls[0].request
    assert sent.headers["Authorization"] == "Bearer pat-test"
    body = json.loads(str(sent.body if isinstance(sent.body, str) else (sent.body or b"").decode()))
    assert body["filterGroups"][0]["filters"] == [{"propertyName": "hs_object_id", "operator": "GT", "value": "0"}]
    assert "after" not in body


@responses.activate
def test_numbers_are_exact_and_text_stays_text() -> None:
    responses.post(
        f"{HOST}/crm/objects/2026-09/deals/batch/read",
        body='{"results":[{"id":"1","properties":{"a":"1.10"},"x":0.1}]}',
    )
    (row,) = client().read("deals", ["1"], ["a"])
    assert (row["properties"]["a"], str(row["x"])) == ("1.10", "0.1")


def refuse(status: int, body: Any, headers: dict[str, str] | None = None) -> None:
    responses.post(f"{HOST}/crm/objects/2026-09/deals/batch/read", json=body, status=status, headers=headers)


BUSY = [
    (429, {"policyName": "TEN_SECONDLY_ROLLING", "message": "ten_secondly_rolling limit"}, {}, 5.0),
    (429, {"policyName": "SECONDLY", "message": "secondly limit"}, {}, 1.0),
    (429, {"message": "You have reached your secondly limit."}, {}, 1.0),
    (429, {"policyName": "TEN_SECONDLY_ROLLING"}, {"Retry-After": "7"}, 7.0),
    (423, {"message": "locked"}, {}, 2.0),
    (502, {}, {}, None),
    (524, {}, {}, None),
]


@pytest.mark.parametrize(("status", "body", "headers", "after"), BUSY)
@responses.activate
def test_what_passes_is_tried_again(status: int, body: Any, headers: dict[str, str], after: float | None) -> None:
    refuse(status, body, headers)
    responses.post(f"{HOST}/crm/objects/2026-09/deals/batch/read", json={"results": []})
    assert list(client().read("deals", ["1"], [])) == []
    assert len(WAITS) == 1
    assert WAITS[0] >= (after or 0)


@responses.activate
def test_a_day_that_is_used_up_is_not_waited_for() -> None:
    refuse(429, {"policyName": "DAILY", "message": "daily limit"})
    with pytest.raises(RetryableError) as caught:
        list(client().read("deals", ["1"], []))
    assert (caught.value.after, WAITS) == (3600.0, [])


@responses.activate
def test_a_broken_connection_is_tried_again_then_told() -> None:
    with pytest.raises(RetryableError, match="HubSpot did not answer"):
        list(client().read("deals", ["1"], []))
    assert len(WAITS) == 2


@responses.activate
def test_a_refused_token_is_for_the_admin() -> None:
    refuse(401, {"category": "INVALID_AUTHENTICATION", "message": "Authentication credentials not found."})
    with pytest.raises(ConfigError, match="check the access token"):
        list(client().read("deals", ["1"], []))
    assert WAITS == []


@responses.activate
def test_a_missing_scope_is_named() -> None:
    context = {"requiredGranularScopes": ["crm.objects.deals.read"]}
    refuse(403, {"category": "MISSING_SCOPES", "message": "no", "errors": [{"message": "m", "context": context}]})
    with pytest.raises(ConfigError, match=r"give the app or service key the scope crm\.objects\.deals\.read"):
        list(client().read("deals", ["1"], []))


@responses.activate
def test_the_properties_at_fault_are_read_from_the_text() -> None:
    faults = [
        {
            "isValid": False,
            "message": "x was not one of the allowed options",
            "error": "INVALID_OPTION",
            "name": "bsync_status",
        }
    ]
    refuse(400, {"category": "VALIDATION_ERROR", "message": f"Property values were not valid: {json.dumps(faults)}"})
    with pytest.raises(RejectedError) as caught:
        list(client().read("deals", ["1"], []))
    assert (caught.value.code, caught.value.param) == ("INVALID_OPTION", "bsync_status")
    assert "x was not one of the allowed options" in str(caught.value)


@responses.activate
def test_no_token_leaves_the_host() -> None:
    made = client()
    made._basic.api_client.configuration.host = "https://evil.example"
    with pytest.raises(ConfigError, match="may not leave"):
        made.get("deals", "1", [])
    assert len(responses.calls) == 0


def test_a_token_is_never_printed() -> None:
    assert "pat-test" not in repr(HubSpotSettings("pat-test"))


@pytest.mark.parametrize("wrong", [{"api_version": "2025-01"}, {"prefix": "Bad"}, {"batch": 0}])
def test_settings_that_cannot_be(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        HubSpotSettings("t", **wrong)


# --- pace ----------------------------------------------------------------------------------------------


class Clock:
    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def paced(burst: int = 3, searches: float = 2.0) -> tuple[Pace, Clock]:
    clock = Clock()
    return Pace(burst, searches, clock=lambda: clock.now, sleep=clock.sleep), clock


def test_a_burst_goes_at_once_and_then_waits_for_the_window() -> None:
    pace, clock = paced()
    for _ in range(3):
        pace.wait(search=False)
    assert clock.slept == []
    clock.now = 4.0
    pace.wait(search=False)
    assert clock.slept == [6.0]


def test_searches_are_spaced_and_do_not_count_in_the_window() -> None:
    pace, clock = paced()
    for _ in range(4):
        pace.wait(search=True)
    assert clock.slept == [0.5, 0.5, 0.5]
    for _ in range(3):
        pace.wait(search=False)
    assert clock.slept == [0.5, 0.5, 0.5]


def test_a_window_that_others_have_used_is_left_alone() -> None:
    pace, clock = paced(burst=100)
    pace.learn({"X-HubSpot-RateLimit-Remaining": "4", "X-HubSpot-RateLimit-Max": "100"}, search=False)
    pace.wait(search=False)
    assert clock.slept == [1.0]
    pace.learn({"X-HubSpot-RateLimit-Remaining": "50", "X-HubSpot-RateLimit-Max": "100"}, search=False)
    pace.wait(search=False)
    assert clock.slept == [1.0]


def test_what_is_left_of_the_day_is_known() -> None:
    pace, _ = paced()
    pace.learn({"X-HubSpot-RateLimit-Daily-Remaining": "249000"}, search=False)
    assert pace.daily_left == 249_000
