# ruff: noqa: S608 - the queries are the tests' own texts
"""Clocks, quotas, faults and the traps a poller must survive."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import partial

import pytest
import requests

from connector.sandbox.salesforce import SalesforceSandbox, faults
from tests.sandbox.salesforce_org import connect, refusal

NOW = datetime(2026, 3, 2, 9, 30, 30, tzinfo=UTC)
DATA = "/services/data/v59.0"


@pytest.fixture
def org():
    with SalesforceSandbox(now=NOW) as running:
        yield running


@pytest.fixture
def sf(org):
    return connect(org)


def get(org, sf, path, **headers):
    return requests.get(org.url + path, headers={"Authorization": f"Bearer {sf.session_id}", **headers}, timeout=5)


def test_the_date_header_tells_the_orgs_time(org, sf):
    assert parsedate_to_datetime(get(org, sf, f"{DATA}/limits").headers["Date"]) == NOW
    requests.post(f"{org.url}/_sandbox/clock", json={"advance_seconds": 60}, timeout=5)
    assert parsedate_to_datetime(get(org, sf, f"{DATA}/limits").headers["Date"]) == NOW + timedelta(minutes=1)
    moved = requests.post(f"{org.url}/_sandbox/clock", json={"now": "2027-01-31T00:00:00Z"}, timeout=5)
    assert moved.json() == {"now": "2027-01-31T00:00:00.000+0000"}


def test_quota(org, sf):
    headers = get(org, sf, f"{DATA}/limits").headers
    assert headers["Sforce-Limit-Info"] == "api-usage=1/100000"
    assert sf.limits()["DailyApiRequests"] == {"Max": 100_000, "Remaining": 99_998}
    with SalesforceSandbox(api_limit=1) as small:
        client = connect(small)
        client.limits()
        assert refusal(client.limits)[:2] == (403, "REQUEST_LIMIT_EXCEEDED")


def test_long_addresses_and_odd_versions(org, sf):
    assert get(org, sf, f"{DATA}/query?q={'x' * 16_400}").status_code == 414
    assert get(org, sf, "/services/data/v20.0/limits").json()[0]["errorCode"] == "UNSUPPORTED_API_VERSION"
    assert get(org, sf, "/services/data/v99.0/limits").status_code == 404
    assert get(org, sf, "/services/data/v60.0").json()["query"] == "/services/data/v60.0/query"


def test_what_is_not_emulated_says_so(org, sf):
    answer = get(org, sf, f"{DATA}/jobs/query")
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (501, "NOT_EMULATED")
    assert requests.post(f"{org.url}/services/Soap/u/59.0", timeout=5).status_code == 501
    wrong = requests.delete(f"{org.url}{DATA}/limits", headers={"Authorization": f"Bearer {sf.session_id}"}, timeout=5)
    assert (wrong.status_code, wrong.json()[0]["errorCode"]) == (405, "METHOD_NOT_ALLOWED")


def test_data_calls_need_a_session(org):
    answer = requests.get(f"{org.url}{DATA}/limits", timeout=5)
    assert answer.status_code == 401
    assert answer.json() == [{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}]


def test_malformed_bodies(org, sf):
    headers = {"Authorization": f"Bearer {sf.session_id}"}
    for body in (b"{", b"[]"):
        answer = requests.post(f"{org.url}{DATA}/sobjects/Account", data=body, headers=headers, timeout=5)
        assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "JSON_PARSER_ERROR")


def test_a_row_is_locked_once(org, sf):
    account = sf.Account.create({"Name": "Busy"})["id"]
    org.lock_rows_once(account)
    record = {"attributes": {"type": "Account"}, "id": account, "Name": "Free"}
    body = {"allOrNone": False, "records": [record]}
    (first,) = sf.restful("composite/sobjects", method="PATCH", json=body)
    assert first["errors"][0]["statusCode"] == "UNABLE_TO_LOCK_ROW"
    assert sf.restful("composite/sobjects", method="PATCH", json=body)[0]["success"] is True


def test_a_slow_transaction_surfaces_with_an_old_stamp(org, sf):
    account = sf.Account.create({"Name": "Before"})["id"]
    org.clock.advance(timedelta(minutes=10))
    org.update_late("Account", account, {"Name": "After"}, visible_in=timedelta(minutes=3))
    stamp = org.clock.stamp()
    org.clock.advance(timedelta(minutes=2))
    text = f"SELECT Name, SystemModstamp FROM Account WHERE SystemModstamp >= {stamp.replace('+0000', 'Z')}"
    assert sf.query(text)["totalSize"] == 0
    covered = sf.Account.updated(NOW, org.clock.now())
    assert covered["latestDateCovered"] <= stamp
    org.clock.advance(timedelta(minutes=1))
    assert sf.query(text)["records"][0]["Name"] == "After"
    assert sf.query(text)["records"][0]["SystemModstamp"] == stamp


def test_updated_and_deleted(org, sf):
    old = sf.Account.create({"Name": "Old"})["id"]
    org.clock.advance(timedelta(minutes=30))
    new, gone = sf.Account.create({"Name": "New"})["id"], sf.Account.create({"Name": "Gone"})["id"]
    sf.Account.delete(gone)
    org.clock.advance(timedelta(minutes=5))
    since = NOW + timedelta(minutes=20)
    updated = sf.Account.updated(since, org.clock.now())
    assert updated == {"ids": [new], "latestDateCovered": "2026-03-02T10:05:00.000+0000"}
    assert old in sf.Account.updated(NOW - timedelta(hours=1), org.clock.now())["ids"]
    deleted = sf.Account.deleted(since, org.clock.now())
    assert deleted["deletedRecords"] == [{"id": gone, "deletedDate": "2026-03-02T10:00:30.000+0000"}]
    assert deleted["earliestDateAvailable"] < "2026-02-16"
    for start, end in ((NOW, NOW), (NOW - timedelta(days=31), NOW)):
        assert refusal(partial(sf.Account.updated, start, end))[1] == "INVALID_REPLICATION_DATE"


def test_http_faults(org, sf):
    for fault, status, code in (
        (faults.unavailable("/query"), 503, "SERVER_UNAVAILABLE"),
        (faults.concurrent_limit(), 403, "REQUEST_LIMIT_EXCEEDED"),
        (faults.daily_limit(), 403, "REQUEST_LIMIT_EXCEEDED"),
        (faults.query_timeout(), 400, "QUERY_TIMEOUT"),
        (faults.apex_error("System.DmlException: no"), 500, "APEX_ERROR"),
    ):
        org.inject(fault)
        assert refusal(lambda: sf.query("SELECT Id FROM User"))[:2] == (status, code)
    org.clear_faults()
    assert sf.query("SELECT Id FROM User")["totalSize"] == 1
    org.inject(faults.lost_answer("*/sobjects/{sobject}", method="POST"))
    with pytest.raises(requests.ConnectionError):
        sf.Account.create({"Name": "Committed all the same"})
    assert len(org.records("Account")) == 1


def test_the_log_and_the_counters(org, sf):
    sf.query("SELECT Id FROM User")
    sf.Account.create({"Name": "A"})
    assert org.counters[("GET", "/services/data/v{version}/query")] == 1
    assert [record.status for record in org.log] == [200, 200, 201]
    org.reset()
    assert org.counters == {}
    assert org.records("Account") == {}


def test_control_paths(org, sf):
    made = requests.post(f"{org.url}/_sandbox/records/Account", json={"Name": "By hand"}, timeout=5).json()["id"]
    requests.patch(f"{org.url}/_sandbox/records/Account/{made}", json={"Name": "Changed"}, timeout=5)
    rows = requests.get(f"{org.url}/_sandbox/records/Account", timeout=5).json()["records"]
    assert [row["Name"] for row in rows] == ["Changed"]
    late = {"visible_in_seconds": 5, "fields": {"Name": "Later"}}
    requests.patch(f"{org.url}/_sandbox/records/Account/{made}", json=late, timeout=5)
    assert sf.Account.get(made)["Name"] == "Changed"
    org.clock.advance(timedelta(seconds=5))
    assert sf.Account.get(made)["Name"] == "Later"
    requests.post(f"{org.url}/_sandbox/locks", json={"ids": [made]}, timeout=5)
    assert refusal(lambda: sf.Account.update(made, {"Name": "x"}))[1] == "UNABLE_TO_LOCK_ROW"
    requests.delete(f"{org.url}/_sandbox/records/Account/{made}", timeout=5)
    assert org.records("Account") == {}
    requests.post(f"{org.url}/_sandbox/tokens/expire", timeout=5)
    assert get(org, sf, f"{DATA}/limits").status_code == 401
    assert requests.get(f"{org.url}/_sandbox/clock", timeout=5).json() == {"now": org.clock.stamp()}
    assert requests.get(f"{org.url}/_sandbox/records/Nope", timeout=5).json()[0]["errorCode"] == "INVALID_TYPE"


def test_many_clients_at_once(org, sf):
    def make(n):
        return sf.restful("sobjects/Account", method="POST", json={"Name": f"A{n}"})["id"]

    with ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(make, range(64)))
    assert len(set(ids)) == 64
    assert len(org.records("Account")) == 64
