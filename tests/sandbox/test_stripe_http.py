"""The wire: idempotency, faults, counters, authentication, time out of the way of the account's state."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
import requests
import stripe

from connector.sandbox.http import SandboxServer
from connector.sandbox.stripe import StripeSandbox
from connector.sandbox.stripe.state import Stored


@pytest.fixture
def sandbox():
    with StripeSandbox(now=datetime(2026, 1, 1, tzinfo=UTC)) as running:
        yield running


@pytest.fixture
def client(sandbox):
    return sandbox.client()


def until(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline, "it never came to be"
        time.sleep(0.01)


def test_only_loopback():
    with pytest.raises(ValueError, match="loopback only"):
        SandboxServer(StripeSandbox().app, host="0.0.0.0")  # noqa: S104


def test_replay_returns_the_first_answer(client, sandbox):
    first = client.v1.customers.create({"name": "A"}, {"idempotency_key": "k1"})
    again = client.v1.customers.create({"name": "A"}, {"idempotency_key": "k1"})
    assert again.id == first.id
    headers = again.last_response.headers
    assert headers["idempotent-replayed"] == "true"
    assert headers["original-request"] == first.last_response.request_id
    assert headers["request-id"] != first.last_response.request_id
    assert headers["stripe-version"] == "2026-10-28.endive"
    assert len(client.v1.customers.list().data) == 1
    assert [record.replayed for record in sandbox.log] == [False, True, False]


def test_same_key_with_other_parameters(client):
    client.v1.customers.create({"name": "A"}, {"idempotency_key": "k1"})
    with pytest.raises(stripe.IdempotencyError, match="can only be used with the same parameters"):
        client.v1.customers.create({"name": "B"}, {"idempotency_key": "k1"})


def test_a_key_is_forgotten_after_a_day(client, sandbox):
    first = client.v1.customers.create({"name": "A"}, {"idempotency_key": "k1"})
    sandbox.move_clock(advance=86_401)
    assert client.v1.customers.create({"name": "A"}, {"idempotency_key": "k1"}).id != first.id


def test_refused_parameters_are_not_stored_but_executed_errors_are(client):
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.customers.create({"nome": "A"}, {"idempotency_key": "k1"})
    assert "stripe-should-retry" not in (refused.value.headers or {})
    assert client.v1.customers.create({"name": "A"}, {"idempotency_key": "k1"}).name == "A"

    order = {"customer": "cus_none", "phases": [{"items": [{"price": "price_none"}]}]}
    for replayed in (None, "true"):
        with pytest.raises(stripe.InvalidRequestError, match="No such customer: 'cus_none'") as missing:
            client.v1.subscription_schedules.create(order, {"idempotency_key": "k2"})
        headers = missing.value.headers or {}
        assert headers["stripe-should-retry"] == "false"
        assert headers.get("idempotent-replayed") == replayed


def test_concurrent_use_of_a_key(sandbox):
    tenant = sandbox.app.tenant("sk_test_sandbox")
    tenant.answers["k1"] = Stored('["POST", "/v1/customers", {"name": "A"}]', "req_running", 2**40)  # still at work
    with pytest.raises(stripe.APIError, match="another in-progress request") as conflict:
        sandbox.client().v1.customers.create({"name": "A"}, {"idempotency_key": "k1"})
    assert conflict.value.http_status == 409
    assert conflict.value.error is not None
    assert conflict.value.error.code == "idempotency_key_in_use"


def test_drop_after_commit_leaves_exactly_one_object(sandbox, client):
    sandbox.inject({"method": "POST", "route": "/v1/customers", "nth": 1, "action": "drop_after"})
    with pytest.raises(stripe.APIConnectionError):
        client.v1.customers.create({"name": "A"}, {"idempotency_key": "k1"})
    again = client.v1.customers.create({"name": "A"}, {"idempotency_key": "k1"})
    assert again.last_response.headers["idempotent-replayed"] == "true"
    assert [customer.id for customer in client.v1.customers.list().data] == [again.id]


def test_drop_before_leaves_nothing(sandbox, client):
    sandbox.inject({"route": "=/v1/customers", "action": "drop_before"})
    with pytest.raises(stripe.APIConnectionError):
        client.v1.customers.create({"name": "A"})
    assert client.v1.customers.list().data == []
    assert [(record.status, record.fault) for record in sandbox.log] == [(0, "drop_before"), (200, None)]


def test_injected_status_over_http(sandbox, client):
    rule = {
        "route": "/v1/subscription_schedules",
        "times": 2,
        "action": "status",
        "status": 429,
        "body": {"error": {"code": "rate_limit", "message": "slow down", "type": "invalid_request_error"}},
        "headers": {"Stripe-Rate-Limited-Reason": "endpoint-rate"},
    }
    assert requests.post(f"{sandbox.url}/_sandbox/faults", json=rule, timeout=5).status_code == 200
    for _ in range(2):
        with pytest.raises(stripe.RateLimitError) as limited:
            client.v1.subscription_schedules.list()
        assert limited.value.error is not None
        assert limited.value.error.code == "rate_limit"
    assert client.v1.subscription_schedules.list().data == []
    bad = requests.post(f"{sandbox.url}/_sandbox/faults", json={"action": "explode"}, timeout=5)
    assert bad.status_code == 400


def test_counters_log_and_reset(sandbox, client):
    customer = client.v1.customers.create({"name": "A"}, {"idempotency_key": "k1"})
    client.v1.customers.retrieve(customer.id)
    counters = requests.get(f"{sandbox.url}/_sandbox/counters", timeout=5).json()
    assert counters == {"total": 2, "routes": {"GET /v1/customers/{customer}": 1, "POST /v1/customers": 1}}
    log = requests.get(f"{sandbox.url}/_sandbox/requests", timeout=5).json()["requests"]
    assert [(row["method"], row["route"], row["status"], row["idempotency_key"]) for row in log] == [
        ("POST", "/v1/customers", 200, "k1"),
        ("GET", "/v1/customers/{customer}", 200, None),
    ]
    requests.post(f"{sandbox.url}/_sandbox/counters/reset", timeout=5)
    assert sandbox.counters == {}
    assert len(client.v1.customers.list().data) == 1
    requests.post(f"{sandbox.url}/_sandbox/reset", timeout=5)
    assert client.v1.customers.list().data == []


def test_a_call_under_way_at_a_reset_is_never_carried_out(sandbox, client):
    """Else the account that comes after would hold it, and its answer under a key that a call of its own may have."""
    sandbox.inject({"method": "POST", "route": "=/v1/customers", "action": "delay", "delay": 60})
    key = {"idempotency_key": "k1"}
    with ThreadPoolExecutor(1) as left:
        under_way = left.submit(client.v1.customers.create, {"name": "A"}, key)
        rule = sandbox.faults[0]
        until(lambda: rule.seen)
        sandbox.reset()
        with pytest.raises(stripe.APIConnectionError):
            under_way.result(10)
    assert client.v1.customers.create({"name": "B"}, key).name == "B"
    assert [one.name for one in client.v1.customers.list().data] == ["B"]
    assert [record.status for record in sandbox.log] == [200, 200], "nor is it told of"


def test_a_call_that_waits_goes_on_when_its_rule_is_disarmed(sandbox, client):
    sandbox.inject({"method": "POST", "route": "=/v1/customers", "action": "delay", "delay": 60})
    with ThreadPoolExecutor(1) as patient:
        waits = patient.submit(client.v1.customers.create, {"name": "A"})
        rule = sandbox.faults[0]
        until(lambda: rule.seen)
        assert client.v1.customers.list().data == []
        sandbox.clear_faults()
        assert waits.result(10).name == "A"


def test_accounts_are_apart(sandbox, client):
    customer = client.v1.customers.create({"name": "A"})
    with pytest.raises(stripe.InvalidRequestError, match="No such customer") as missing:
        sandbox.client("sk_test_other").v1.customers.retrieve(customer.id)
    assert (missing.value.http_status, missing.value.code, missing.value.param) == (404, "resource_missing", "id")


def test_authentication(sandbox):
    with pytest.raises(stripe.AuthenticationError, match="Invalid API Key provided"):
        sandbox.client("nonsense").v1.customers.list()


def test_account_tells_its_mode(client):
    account = client.v1.accounts.retrieve_current()
    assert account.id.startswith("acct_")
    assert account["livemode"] is False
    assert account.business_profile.name == "Sandbox"


def test_what_is_not_emulated_says_so(client):
    for call in (client.v1.quotes.list, client.v1.payment_intents.list, client.v1.balance.retrieve):
        with pytest.raises(stripe.APIError, match="not emulated") as refused:
            call()
        assert refused.value.http_status == 501


def test_clock_over_http(sandbox, client):
    url = f"{sandbox.url}/_sandbox/clock"
    start = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp())
    assert requests.get(url, timeout=5).json() == {"frozen": True, "now": start}
    assert requests.post(url, json={"advance": 60}, timeout=5).json()["now"] == start + 60
    assert client.v1.customers.create({"name": "A"}).created == start + 60
    assert requests.post(url, json={"now": start}, timeout=5).status_code == 400


def test_requests_on_one_connection_are_fast(sandbox):
    """A regression guard against Nagle's algorithm, which costs 40 ms for every answer written in pieces."""
    with requests.Session() as session:
        session.auth = ("sk_test_x", "")
        answers = [session.get(f"{sandbox.url}/v1/customers", timeout=5) for _ in range(30)]
    assert sorted(answer.elapsed.total_seconds() for answer in answers)[15] < 0.02
