from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import requests
import responses

from connector.crm.salesforce.client import SalesforceClient
from connector.crm.salesforce.errors import error_of, row_error
from connector.crm.salesforce.settings import OpenSession, SalesforceSettings
from connector.domain.errors import ConfigError, ConnectorError, RejectedError, RetryableError
from connector.retry import retry_policy

HOST = "https://acme.my.salesforce.com"
QUERY = f"{HOST}/services/data/v62.0/query/"
SOQL = "SELECT Id FROM Order WHERE Id != null ORDER BY Id"
EMPTY = {"totalSize": 0, "done": True, "records": []}


@pytest.fixture
def net() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as mock:
        yield mock


def client_of(slept: list[float] | None = None) -> SalesforceClient:
    settings = SalesforceSettings(auth=OpenSession("token", "acme.my.salesforce.com"))
    sleep = slept.append if slept is not None else lambda _: None
    return SalesforceClient(settings, policy=retry_policy(sleep=sleep))


def refusal(code: str, message: str = "no") -> list[dict[str, Any]]:
    return [{"errorCode": code, "message": message}]


def test_a_call_carries_our_headers_and_timeouts(net: responses.RequestsMock):
    seen: list[dict[str, Any]] = []

    def answer(request: Any) -> tuple[int, dict[str, str], str]:
        seen.append({"headers": request.headers, "timeout": request.req_kwargs["timeout"]})
        headers = {"Sforce-Limit-Info": "api-usage=18/5000", "Date": "Mon, 04 Jan 2027 12:00:00 GMT"}
        return 200, headers, '{"totalSize":0,"done":true,"records":[]}'

    net.add_callback(responses.GET, QUERY, answer)
    client = client_of()
    assert list(client.rows(SOQL)) == []
    assert seen[0]["headers"]["X-PrettyPrint"] == "0"
    assert seen[0]["headers"]["Authorization"] == "Bearer token"
    assert seen[0]["timeout"] == (5.0, 60.0)
    assert client.usage == (18, 5000)
    now = client.transport.server_clock.now()
    assert now is not None
    assert 0 <= (now - datetime(2027, 1, 4, 12, tzinfo=UTC)).total_seconds() < 5
    assert client.instance_url == HOST


@pytest.mark.parametrize(
    "trouble",
    [
        {"status": 429, "headers": {"Retry-After": "7"}, "json": refusal("TOO_MANY")},
        {"status": 503, "body": "<html>maintenance</html>"},
        {"status": 500, "json": refusal("UNKNOWN_EXCEPTION", "ErrorId: 1")},
        {"status": 400, "json": refusal("QUERY_TIMEOUT")},
        {"status": 403, "json": refusal("REQUEST_LIMIT_EXCEEDED", "ConcurrentRequests Limit exceeded.")},
        {"body": requests.ConnectionError("cut")},
        {"body": requests.ReadTimeout("slow")},
        {"body": requests.exceptions.ChunkedEncodingError("half")},
    ],
)
def test_trouble_that_passes_is_waited_out(net: responses.RequestsMock, trouble: dict[str, Any]):
    slept: list[float] = []
    net.add(responses.GET, QUERY, **trouble)
    net.add(responses.GET, QUERY, json=EMPTY)
    assert list(client_of(slept).rows(SOQL)) == []
    assert len(slept) == 1
    assert slept[0] >= {429: 7.0, 403: 5.0}.get(trouble.get("status", 0), 0.0)


def test_the_daily_limit_is_not_stormed(net: responses.RequestsMock):
    slept: list[float] = []
    body = refusal("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
    net.add(responses.GET, QUERY, status=403, json=body)
    with pytest.raises(RetryableError) as caught:
        list(client_of(slept).rows(SOQL))
    assert (caught.value.after, slept) == (3600.0, [])


def test_pages_stay_on_the_orgs_host(net: responses.RequestsMock):
    net.add(
        responses.GET, QUERY, json={"totalSize": 2, "done": False, "records": [], "nextRecordsUrl": "@evil.example/"}
    )
    with pytest.raises(ConfigError, match="may not leave the org"):
        list(client_of().rows(SOQL))


def test_redirects_are_not_followed(net: responses.RequestsMock):
    net.add(responses.GET, QUERY, status=302, headers={"Location": "https://evil.example/"})
    with pytest.raises(RejectedError):
        list(client_of().rows(SOQL))


def test_a_page_in_the_way_is_no_answer(net: responses.RequestsMock):
    net.add(responses.GET, QUERY, status=401, body="<html>proxy login</html>")
    net.add(responses.GET, QUERY, status=401, body="<html>proxy login</html>")
    with pytest.raises(ConfigError, match=r"an answer that is not Salesforce's API \(401\)"):
        list(client_of().rows(SOQL))


def test_a_part_that_fails_for_the_moment_sends_the_composite_again(net: responses.RequestsMock):
    def parts(status: int, body: Any) -> dict[str, Any]:
        fine = {"referenceId": "part0", "httpStatusCode": 200, "httpHeaders": {}, "body": EMPTY}
        return {"compositeResponse": [fine, {**fine, "referenceId": "part1", "httpStatusCode": status, "body": body}]}

    url = f"{HOST}/services/data/v62.0/composite"
    net.add(responses.POST, url, json=parts(400, refusal("QUERY_TIMEOUT")))
    net.add(responses.POST, url, json=parts(400, refusal("INVALID_FIELD", "No such column 'X' on entity 'Order'")))
    fine, refused = client_of().compose([SOQL, SOQL])
    assert fine == []
    assert isinstance(refused, RejectedError)
    assert refused.code == "INVALID_FIELD"


def test_the_librarys_object_layer_is_closed():
    with pytest.raises(AttributeError):
        client_of().Order  # noqa: B018


def test_what_is_not_there_reads_as_nothing(net: responses.RequestsMock):
    url = f"{HOST}/services/data/v62.0/sobjects/Nonsense__c/describe"
    net.add(responses.GET, url, status=404, json=refusal("NOT_FOUND"))
    assert client_of().read("sobjects/Nonsense__c/describe") is None
    net.add(responses.GET, url, status=400, json=refusal("INVALID_TYPE"))
    with pytest.raises(RejectedError):
        client_of().read("sobjects/Nonsense__c/describe")


def test_a_write_says_that_rules_of_assignment_do_not_apply(net: responses.RequestsMock):
    net.add(responses.PATCH, f"{HOST}/services/data/v62.0/sobjects/Order/801", status=204)
    assert client_of().write("PATCH", "sobjects/Order/801", {"A__c": 1}) is None
    assert net.calls[0].request.headers["Sforce-Auto-Assign"] == "FALSE"


# --- errors -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "body", "kind", "says"),
    [
        (400, refusal("UNABLE_TO_LOCK_ROW"), RetryableError, "UNABLE_TO_LOCK_ROW"),
        (502, "", RetryableError, "502"),
        (500, refusal("APEX_ERROR", "System.DmlException: no"), RejectedError, "System.DmlException"),
        (403, refusal("API_DISABLED_FOR_ORG"), ConfigError, "API Enabled"),
        (410, refusal("UNSUPPORTED_API_VERSION"), ConfigError, "set api_version"),
        (400, refusal("MALFORMED_QUERY", "unexpected token"), ConfigError, "mapping file"),
        (400, refusal("FIELD_CUSTOM_VALIDATION_EXCEPTION", "PO number needed"), RejectedError, "PO number needed"),
        (404, refusal("NOT_FOUND"), RejectedError, "NOT_FOUND"),
        (300, ["/services/data/v62.0/sobjects/X/1"], RejectedError, "several records match"),
        (400, {"error": "invalid_request", "error_description": "bad"}, RejectedError, "invalid_request"),
        (400, {}, RejectedError, "no reason given"),
    ],
)
def test_refusals_are_told_apart(status: int, body: Any, kind: type[ConnectorError], says: str):
    error = error_of(status, body)
    assert type(error) is kind
    assert says in str(error)


def test_queries_and_long_texts_stay_out_of_messages():
    text = (
        "\nSELECT Id, Secret__c FROM Order WHERE Name = 'Jane'\n           ^\nERROR at Row:1:Column:12\nNo such column"
    )
    error = str(error_of(400, refusal("INVALID_FIELD", text)))
    assert "Jane" not in error
    assert "No such column" in error
    assert len(str(error_of(400, refusal("X", "y" * 5000)))) < 400


def test_a_refused_row_names_its_fields():
    row = [{"statusCode": "STRING_TOO_LONG", "message": "too long", "fields": ["A__c"]}]
    assert row_error(row) == ("STRING_TOO_LONG", "too long [A__c]")
    assert row_error([]) == ("UNKNOWN", "an answer that is not Salesforce's API")


def test_an_unreadable_wait_is_no_wait():
    error = error_of(503, "", {"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"})
    assert isinstance(error, RetryableError)
    assert error.after is None
