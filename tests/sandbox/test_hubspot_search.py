"""Search: operators, limits, the index that lags, and polling that survives all of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from connector.sandbox.hubspot import HubSpotSandbox
from connector.sandbox.hubspot.clock import to_ms
from connector.sandbox.hubspot.store import make_id
from tests.sandbox.hubspot_portal import Portal

NOW = datetime(2026, 11, 24, 8, 0, 0, 0, UTC)
DEALS = [
    {"dealname": "Alpha renewal", "amount": "100", "dealtype": "newbusiness", "closedate": "2026-01-10T00:00:00Z"},
    {"dealname": "Beta", "amount": "250.5", "dealtype": "existingbusiness", "closedate": "2026-02-10T00:00:00Z"},
    {"dealname": "Gamma RENEWAL", "amount": "1000", "bsync_effective_date": "2027-01-01"},
    {"dealname": "Delta"},
]


@pytest.fixture(scope="module")
def portal():
    with HubSpotSandbox(now=NOW) as sandbox:
        client = Portal(sandbox)
        for values in DEALS:
            client.post("/objects/deals", {"properties": {**values, "dealstage": "contractsent"}})
            sandbox.clock.advance(timedelta(minutes=1))
        yield client


def names(answer):
    return [row["properties"]["dealname"].split()[0] for row in answer["results"]]


def ms(month):
    return str(to_ms(datetime(2026, month, 10, tzinfo=UTC)))


def where(name, operator, value=None, **more):
    return {"propertyName": name, "operator": operator, **({"value": value} if value is not None else {}), **more}


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (where("amount", "EQ", "100.0"), ["Alpha"]),
        (where("amount", "NEQ", "100"), ["Beta", "Gamma", "Delta"]),
        (where("amount", "GT", "100"), ["Beta", "Gamma"]),
        (where("amount", "GTE", "100"), ["Alpha", "Beta", "Gamma"]),
        (where("amount", "LT", "250.5"), ["Alpha"]),
        (where("amount", "LTE", "250.5"), ["Alpha", "Beta"]),
        (where("amount", "BETWEEN", "100", highValue="300"), ["Alpha", "Beta"]),
        (where("amount", "IN", values=["100", "1000"]), ["Alpha", "Gamma"]),
        (where("amount", "NOT_IN", values=["100", "1000"]), ["Beta", "Delta"]),
        (where("amount", "HAS_PROPERTY"), ["Alpha", "Beta", "Gamma"]),
        (where("amount", "NOT_HAS_PROPERTY"), ["Delta"]),
        (where("dealname", "EQ", "BETA"), ["Beta"]),
        (where("dealname", "IN", values=["beta"]), ["Beta"]),
        (where("dealname", "IN", values=["Beta"]), []),
        (where("dealtype", "EQ", "newbusiness"), ["Alpha"]),
        (where("dealtype", "EQ", "NewBusiness"), []),
        (where("dealname", "CONTAINS_TOKEN", "renewal"), ["Alpha", "Gamma"]),
        (where("dealname", "CONTAINS_TOKEN", "ren*"), ["Alpha", "Gamma"]),
        (where("dealname", "CONTAINS_TOKEN", "new"), []),
        (where("dealname", "NOT_CONTAINS_TOKEN", "renewal"), ["Beta", "Delta"]),
        (where("closedate", "GTE", ms(2)), ["Beta"]),
        (where("closedate", "BETWEEN", ms(1), highValue=ms(2)), ["Alpha", "Beta"]),
        (where("bsync_effective_date", "EQ", "1798761600000"), ["Gamma"]),
        (where("hs_object_id", "GT", make_id("0-3", 2)), ["Gamma", "Delta"]),
        (where("hs_object_id", "IN", values=[make_id("0-3", 1)]), ["Alpha"]),
        (where("createdate", "GTE", str(to_ms(NOW) + 60_000)), ["Beta", "Gamma", "Delta"]),
        (where("hs_is_closed_won", "EQ", "false"), ["Alpha", "Beta", "Gamma", "Delta"]),
    ],
    ids=lambda given: " ".join(map(str, given.values())) if isinstance(given, dict) else "",
)
def test_operators(portal, given, found):
    answer = portal.search("deals", given)
    assert names(answer) == found
    assert answer["total"] == len(found)


def test_filters_of_a_group_all_hold_and_one_group_is_enough(portal):
    both = [where("amount", "GT", "50"), where("dealname", "CONTAINS_TOKEN", "renewal")]
    groups = [{"filters": both}, {"filters": [where("dealname", "EQ", "Delta")]}]
    assert names(portal.search("deals", *both)) == ["Alpha", "Gamma"]
    assert names(portal.post("/objects/deals/search", {"filterGroups": groups})) == ["Alpha", "Gamma", "Delta"]


@pytest.mark.parametrize(
    ("sorts", "first"),
    [
        ([{"propertyName": "amount", "direction": "DESCENDING"}], "Gamma"),
        ([{"propertyName": "dealname", "direction": "DESCENDING"}], "Gamma"),
        (["-createdate"], "Delta"),
        (["amount"], "Alpha"),
        ([{"propertyName": "hs_object_id", "direction": "DESCENDING"}], "Delta"),
        ([], "Alpha"),
    ],
)
def test_one_sort(portal, sorts, first):
    answer = portal.search("deals", sorts=sorts, limit=1)
    assert names(answer) == [first]
    assert answer["paging"]["next"]["after"] == "1"


def test_words(portal):
    assert names(portal.search("deals", query="rene")) == ["Alpha", "Gamma"]
    assert names(portal.search("deals", query="gam rene")) == ["Gamma"]


def test_properties_are_as_for_reads(portal):
    (row,) = portal.search("deals", where("dealname", "EQ", "delta"), properties=["amount", "no_such"])["results"]
    assert set(row["properties"]) == {"amount", "createdate", "hs_lastmodifieddate", "hs_object_id"}
    assert row["properties"]["amount"] is None
    assert "associations" not in row


MANY = [{"filters": [where("amount", "GT", "1")] * 6}] * 3


@pytest.mark.parametrize(
    "body",
    [
        {"limit": 201},
        {"after": "abc"},
        {"after": "9999", "limit": 2},
        {"sorts": ["amount", "dealname"]},
        {"sorts": ["no_such_property"]},
        {"filterGroups": [{"filters": [where("amount", "GT", "1")]}] * 6},
        {"filterGroups": [{"filters": [where("amount", "GT", "1")] * 7}]},
        {"filterGroups": [*MANY, {"filters": [where("amount", "GT", "1")]}]},
        {"filterGroups": [{"filters": [where("no_such_property", "EQ", "1")]}]},
        {"filterGroups": [{"filters": [where("amount", "LIKE", "1")]}]},
        {"filterGroups": [{"filters": [where("amount", "GT", "many")]}]},
        {"filterGroups": [{"filters": [where("amount", "BETWEEN", "1")]}]},
        {"filterGroups": [{"filters": [where("amount", "IN", "1")]}]},
        {"filterGroups": [{"filters": [where("closedate", "GT", "yesterday")]}]},
        {"properties": ["x" * 3_000]},
    ],
    ids=lambda body: str(body)[:60],
)
def test_limits(portal, body):
    assert portal.refused("POST", "/objects/deals/search", body)[:2] == (400, "VALIDATION_ERROR")


def test_the_greatest_request_is_taken(portal):
    assert portal.post("/objects/deals/search", {"filterGroups": MANY, "limit": 200})["total"] == 3


def test_by_association(portal):
    company = portal.post("/objects/companies", {"properties": {"name": "C"}})["id"]
    portal.ok("PUT", f"/objects/deals/{make_id('0-3', 2)}/associations/default/companies/{company}")
    assert names(portal.search("deals", where("associations.company", "EQ", company))) == ["Beta"]
    assert portal.search("deals", where("associations.company", "EQ", "1"))["total"] == 0


# --- the index ---------------------------------------------------------------------------------------------


def test_the_index_lags_behind_reads():
    with HubSpotSandbox(now=NOW, lag=(5, 5)) as sandbox:
        portal = Portal(sandbox)
        deal_id = portal.post("/objects/deals", {"properties": {**DEALS[0], "dealstage": "closedwon"}})["id"]
        assert portal.get(f"/objects/deals/{deal_id}")["id"] == deal_id
        assert portal.search("deals")["total"] == 0
        sandbox.clock.advance(timedelta(seconds=5))
        assert portal.search("deals")["total"] == 1
        portal.ok("PATCH", f"/objects/deals/{deal_id}", {"properties": {"dealname": "Changed"}})
        assert names(portal.search("deals")) == ["Alpha"]
        sandbox.clock.advance(timedelta(seconds=5))
        assert names(portal.search("deals")) == ["Changed"]
        portal.ok("DELETE", f"/objects/deals/{deal_id}")
        assert portal.search("deals")["total"] == 0


def test_a_later_write_seen_sooner_is_not_undone_by_the_earlier_one():
    with HubSpotSandbox(now=NOW) as sandbox:
        portal = Portal(sandbox)
        deal_id = portal.post("/objects/deals", {"properties": {**DEALS[0], "dealstage": "closedwon"}})["id"]
        sandbox.set_lag(30)
        sandbox.update("deals", deal_id, {"dealname": "First"})
        sandbox.clock.advance(timedelta(seconds=1))
        sandbox.set_lag(2)
        sandbox.update("deals", deal_id, {"dealname": "Second"})
        sandbox.clock.advance(timedelta(seconds=2))
        assert names(portal.search("deals")) == ["Second"]
        sandbox.clock.advance(timedelta(seconds=60))
        assert names(portal.search("deals")) == ["Second"]


@pytest.fixture(scope="module")
def crowd():
    """A bulk edit: 12,000 companies of one moment."""
    rows = {make_id("0-2", n): {"name": f"C{n}"} for n in range(1, 12_001)}
    with HubSpotSandbox(now=NOW, records={"companies": rows}) as sandbox:
        yield Portal(sandbox), set(rows)


def test_paging_by_cursor_ends_at_ten_thousand(crowd):
    portal, _ = crowd
    last = portal.search("companies", limit=200, after="9800")
    assert (last["total"], last["paging"]["next"]["after"]) == (12_000, "10000")
    assert portal.refused("POST", "/objects/companies/search", {"limit": 200, "after": "10000"})[0] == 400


def test_a_keyset_poll_sees_everything_once(crowd):
    portal, wanted = crowd
    low, high = str(to_ms(NOW)), str(to_ms(NOW) + 1)
    seen, last = [], "0"
    while True:
        window = where("hs_lastmodifieddate", "BETWEEN", low, highValue=high)
        sort = [{"propertyName": "hs_object_id", "direction": "ASCENDING"}]
        page = portal.search("companies", window, where("hs_object_id", "GT", last), sorts=sort, limit=200)
        seen += [row["id"] for row in page["results"]]
        if len(page["results"]) < 200:
            break
        last = seen[-1]
    assert len(seen) == len(set(seen)) == 12_000
    assert set(seen) == wanted
