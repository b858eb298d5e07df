"""The client at HTTP level: which answers are tried again, with which key, and what the others become."""

from collections.abc import Iterator
from typing import Any

import pytest

from connector.billing.client import API_VERSION, StripeApi
from connector.billing.limiter import Limiter, Rates
from connector.domain.errors import ConfigError, RejectedError, RetryableError
from tests.billing.wire import Wire

CUSTOMERS = "/v1/customers"
FAST = Rates(10_000, 10_000, 100)


@pytest.fixture
def wire() -> Iterator[Wire]:
    with Wire() as served:
        yield served


@pytest.fixture
def slept() -> list[float]:
    return []


@pytest.fixture
def api(wire: Wire, slept: list[float]) -> StripeApi:
    return StripeApi("sk_test_1", base_url=wire.url, limiter=Limiter(FAST), sleep=slept.append)


def fails(status: int, *, headers: dict[str, str] | None = None, **error: Any) -> dict[str, Any]:
    body = {"error": {"type": "invalid_request_error", "message": f"No, {status}.", **error}}
    return {"status": status, "data": body, "headers": {"Request-Id": "req_no", **(headers or {})}}


def post(api: StripeApi) -> dict[str, Any]:
    return api.post("/v1/customers", {"name": "Example Ltd"}, idempotency_key="cn_1")


def keys(wire: Wire) -> list[str | None]:
    return [call.headers.get("Idempotency-Key") for call in wire.calls]


PASSING: list[tuple[str, dict[str, Any]]] = [
    ("429 with a reason", fails(429, headers={"Stripe-Rate-Limited-Reason": "global-rate"})),
    ("429 without a header", fails(429, code="lock_timeout")),
    ("429 that says no", fails(429, headers={"Stripe-Should-Retry": "false"}, code="rate_limit")),
    ("409", fails(409, code="idempotency_key_in_use")),
    ("409 in capitals", fails(409, headers={"STRIPE-SHOULD-RETRY": "TRUE"})),
    ("500", fails(500)),
    ("502 of a proxy", {"status": 502, "body": "<html>Bad gateway</html>"}),
    ("503", fails(503)),
    ("504", fails(504)),
    ("400 that Stripe says to repeat", fails(400, headers={"Stripe-Should-Retry": "true"})),
    ("cut connection", {"cut": "request"}),
    ("cut answer", {"cut": "answer", "body": "{"}),
]


@pytest.mark.parametrize("answer", [answer for _, answer in PASSING], ids=[name for name, _ in PASSING])
def test_what_may_pass_is_sent_again_with_the_same_key(wire, api, slept, answer):
    for _ in range(2):
        wire.add("POST", CUSTOMERS, **answer)
    wire.add("POST", CUSTOMERS, data={"id": "cus_1"}, headers={"Request-Id": "req_yes"})
    assert post(api) == {"id": "cus_1", "request_id": "req_yes"}
    assert keys(wire) == ["cn_1"] * 3
    assert len(slept) == 2


@pytest.mark.parametrize("answer", [answer for _, answer in PASSING], ids=[name for name, _ in PASSING])
def test_in_the_end_it_gives_up_and_says_that_it_may_pass(wire, api, answer):
    wire.add("POST", CUSTOMERS, **answer)
    with pytest.raises(RetryableError, match=r"Stripe is busy|Stripe could not be reached"):
        post(api)
    paced = "Stripe-Rate-Limited-Reason" in answer.get("headers", {})
    assert keys(wire) == ["cn_1"] * (18 if paced else 6)


@pytest.mark.parametrize("status", [409, 500, 503])
def test_a_final_failure_is_not_sent_again(wire, api, status):
    wire.add("POST", CUSTOMERS, **fails(status, headers={"Stripe-Should-Retry": "false"}))
    with pytest.raises(RejectedError):
        post(api)
    assert len(wire.calls) == 1


def test_a_named_time_is_waited_for(wire, api, slept):
    wire.add("POST", CUSTOMERS, **fails(503, headers={"Retry-After": "7"}))
    wire.add("POST", CUSTOMERS, **fails(503, headers={"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}))
    wire.add("POST", CUSTOMERS, data={"id": "cus_1"})
    post(api)
    assert slept[0] >= 7
    assert slept[1] < 7


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_is_a_matter_of_configuration(wire, api, status):
    wire.add("POST", CUSTOMERS, **fails(status, message="Invalid API Key provided: sk_test_***1"))
    with pytest.raises(ConfigError, match=r"refuses the API key \(40.\): .*sk_test_\*\*\*1 Check stripe.api_key"):
        post(api)
    assert len(wire.calls) == 1


@pytest.mark.parametrize("status", [400, 402, 404])
def test_a_refusal_keeps_what_stripe_said(wire, api, status):
    wire.add("POST", CUSTOMERS, **fails(status, code="resource_missing", param="items[0][price]"))
    with pytest.raises(RejectedError) as caught:
        post(api)
    error = caught.value
    assert str(error) == f"No, {status}."
    assert (error.vendor, error.code, error.param) == ("stripe", "resource_missing", "items[0][price]")
    assert (error.request_id, error.status) == ("req_no", status)
    assert len(wire.calls) == 1


def test_a_key_used_for_another_body_is_final(wire, api):
    wire.add(
        "POST", CUSTOMERS, **fails(400, type="idempotency_error", message="Keys can only be used with the same body")
    )
    with pytest.raises(RejectedError, match="same body"):
        post(api)
    assert len(wire.calls) == 1


def test_what_every_request_says(wire, api):
    wire.add("POST", CUSTOMERS, data={"id": "cus_1"})
    wire.add("GET", CUSTOMERS, data={"data": []})
    post(api)
    api.get("/v1/customers", {"limit": 1, "expand": ["data.tax_ids"]})
    sent, read = wire.calls
    for request in (sent, read):
        assert request.headers["Stripe-Version"] == API_VERSION
        assert request.headers["Authorization"] == "Bearer sk_test_1"
        assert "connector/" in request.headers["User-Agent"]
        assert "X-Stripe-Client-Telemetry" not in request.headers
    assert sent.body == "name=Example+Ltd"
    assert read.url == f"{CUSTOMERS}?limit=1&expand%5B0%5D=data.tax_ids"


def test_no_telemetry_is_sent_after_the_first_answer_either(wire, api):
    wire.add("POST", CUSTOMERS, data={"id": "cus_1"}, headers={"Request-Id": "req_1"})
    post(api)
    post(api)
    assert "X-Stripe-Client-Telemetry" not in wire.calls[1].headers


def test_an_answer_that_never_comes_is_given_up(wire, slept):
    wire.add("POST", CUSTOMERS, cut="never")
    wire.add("POST", CUSTOMERS, data={"id": "cus_1"})
    api = StripeApi("sk_test_1", base_url=wire.url, limiter=Limiter(FAST), sleep=slept.append, read_seconds=0.1)
    assert post(api)["id"] == "cus_1"
    assert keys(wire) == ["cn_1", "cn_1"]


def test_calls_are_counted_by_endpoint_and_answer(wire, api):
    wire.add("POST", CUSTOMERS, **fails(503))
    wire.add("POST", CUSTOMERS, cut="request")
    wire.add("POST", CUSTOMERS, data={"id": "cus_1"})
    post(api)
    assert api.transport.calls == {("post v1/customers", status): 1 for status in (503, 0, 200)}


def test_no_redirect_is_followed(wire, api):
    wire.add("GET", CUSTOMERS, status=302, headers={"Location": f"{wire.url}/elsewhere"})
    with pytest.raises(RejectedError):
        api.get(CUSTOMERS)
    assert [call.url for call in wire.calls] == [CUSTOMERS]


def test_the_proxy_of_the_environment_is_used(wire, monkeypatch):
    monkeypatch.setenv("http_proxy", wire.url)
    monkeypatch.delenv("no_proxy", raising=False)
    wire.add("GET", "http://stripe.invalid/v1/customers", data={"data": []})
    api = StripeApi("sk_test_1", base_url="http://stripe.invalid", limiter=Limiter(FAST))
    assert api.get(CUSTOMERS)["data"] == []


class Recorder(Limiter):
    """A limiter that keeps what it was told."""

    def __init__(self) -> None:
        super().__init__(Rates(10_000, 10_000, 100))
        self.told: list[tuple[str, str]] = []

    def wait(self, endpoint: str) -> float:
        self.told.append(("wait", endpoint))
        return 0.0

    def rejected(self, endpoint: str, reason: str = "") -> None:
        self.told.append((reason, endpoint))


@pytest.mark.parametrize(
    ("path", "endpoint"),
    [
        ("/v1/customers", "get v1/customers"),
        ("/v1/customers/cus_R4nd0m", "get v1/customers/{id}"),
        ("/v1/subscription_schedules", "get v1/subscription_schedules"),
        ("/v1/subscription_schedules/sub_sched_1Ab/cancel", "get v1/subscription_schedules/{id}/cancel"),
        ("/v1/billing/meters", "get v1/billing/meters"),
        ("/v1/billing/meters/mtr_test_61", "get v1/billing/meters/{id}"),
        ("/v1/invoices/in_AbCdEf/add_lines", "get v1/invoices/{id}/add_lines"),
        ("/v1/products/salesforce_01t000000000001AAA", "get v1/products/{id}"),
        ("/v1/coupons/cn_0a1b", "get v1/coupons/{id}"),
        ("/v1/coupons/SPRING", "get v1/coupons/{id}"),
    ],
)
def test_limits_are_kept_by_endpoint_not_by_object(wire, path, endpoint):
    recorder = Recorder()
    wire.add("GET", path, data={"id": "x"})
    StripeApi("sk_test_1", base_url=wire.url, limiter=recorder).get(path)
    assert recorder.told == [("wait", endpoint)]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (fails(429, headers={"Stripe-Rate-Limited-Reason": "endpoint-rate"}), "endpoint-rate"),
        (fails(429, code="rate_limit"), "global-rate"),
        (fails(429, code="lock_timeout"), ""),
    ],
)
def test_the_limiter_hears_of_a_429_and_why(wire, answer, reason):
    recorder = Recorder()
    wire.add("POST", CUSTOMERS, **answer)
    wire.add("POST", CUSTOMERS, data={"id": "cus_1"})
    post(StripeApi("sk_test_1", base_url=wire.url, limiter=recorder, sleep=lambda _: None))
    endpoint = "post v1/customers"
    assert recorder.told == [("wait", endpoint), (reason, endpoint), ("wait", endpoint)]
