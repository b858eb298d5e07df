"""Batches: a hundred at a time, and what happens when some of them fail."""

from __future__ import annotations

import pytest

from connector.sandbox.hubspot import HubSpotSandbox
from tests.sandbox.hubspot_portal import Portal, value_faults

LINE = {"quantity": "1", "price": "10"}


@pytest.fixture(params=["v3", "2026-09"])
def portal(request):
    with HubSpotSandbox() as sandbox:
        yield Portal(sandbox, version=request.param)


def batch(portal, name, *inputs, kind="line_items", **more):
    return portal.call("POST", f"/objects/{kind}/batch/{name}", {"inputs": list(inputs), **more})


def made(portal, count):
    inputs = [{"properties": {**LINE, "name": f"Line {n}"}} for n in range(count)]
    return [row["id"] for row in batch(portal, "create", *inputs).json()["results"]]


def partial(portal, plain):
    """A batch that partly failed: 207, or the plain status in the version that folds errors in."""
    return plain if portal.version == "2026-09" else 207


def test_read(portal):
    ids = made(portal, 3)
    asked = [{"id": each} for each in [ids[2], ids[0], ids[0]]]
    answer = batch(portal, "read", *asked, properties=["name"], propertiesWithHistory=[])
    assert answer.status_code == 200
    assert [row["id"] for row in answer.json()["results"]] == [ids[0], ids[2]]
    assert answer.json()["results"][0]["properties"]["name"] == "Line 0"
    assert "errors" not in answer.json()


def test_read_names_what_is_missing(portal):
    (found,) = made(portal, 1)
    answer = batch(portal, "read", {"id": found}, {"id": "17"}, {"id": "18"}, properties=[], propertiesWithHistory=[])
    assert answer.status_code == partial(portal, 200)
    body = answer.json()
    assert [row["id"] for row in body["results"]] == [found]
    assert (body["numErrors"], body["errors"][0]["category"]) == (1, "OBJECT_NOT_FOUND")
    assert body["errors"][0]["context"]["ids"] == ["17", "18"]


def test_read_by_a_unique_property(portal):
    portal.post("/objects/companies", {"properties": {"name": "A", "bsync_stripe_customer_id": "cus_A"}})
    inputs = [{"id": "cus_A"}, {"id": "cus_B"}]
    answer = batch(
        portal,
        "read",
        *inputs,
        kind="companies",
        idProperty="bsync_stripe_customer_id",
        properties=["name"],
        propertiesWithHistory=[],
    )
    assert [row["properties"]["name"] for row in answer.json()["results"]] == ["A"]
    assert answer.json()["errors"][0]["context"]["ids"] == ["cus_B"]


@pytest.mark.parametrize("name", ["read", "create", "update", "upsert", "archive"])
def test_a_hundred_and_no_more(portal, name):
    inputs = [{"id": str(n), "properties": {"name": str(n)}} for n in range(101)]
    status, category, answer = portal.refused("POST", f"/objects/line_items/batch/{name}", {"inputs": inputs})
    assert (status, category) == (400, "VALIDATION_ERROR")
    assert "100" in answer["message"]
    assert portal.refused("POST", f"/objects/line_items/batch/{name}", {"inputs": []})[0] == 400


def test_create_is_all_or_nothing(portal):
    good, bad = {"properties": {**LINE, "name": "good"}}, {"properties": {**LINE, "nope": "x"}}
    status, _, answer = portal.refused("POST", "/objects/line_items/batch/create", {"inputs": [good, bad]})
    assert status == 400
    assert value_faults(answer) == {"nope": "PROPERTY_DOESNT_EXIST"}
    assert portal.get("/objects/line_items")["results"] == []


def test_create_with_trace_ids_is_partial(portal):
    good = {"properties": {**LINE, "name": "good"}, "objectWriteTraceId": "a"}
    bad = {"properties": {**LINE, "nope": "x"}, "objectWriteTraceId": "b"}
    answer = batch(portal, "create", good, bad)
    assert answer.status_code == partial(portal, 201)
    assert [row["objectWriteTraceId"] for row in answer.json()["results"]] == ["a"]
    assert answer.json()["errors"][0]["context"]["objectWriteTraceId"] == ["b"]
    assert len(portal.get("/objects/line_items")["results"]) == 1


def test_create_merges_identical_inputs(portal):
    """Lines that do not differ become one, which is why every line needs something of its own."""
    inputs = [{"properties": {**LINE, "name": name}} for name in ("twin", "twin", "other")]
    assert len(batch(portal, "create", *inputs).json()["results"]) == 2


def test_create_associates(portal):
    deal_id = portal.post("/objects/deals", {"properties": {"dealname": "D", "dealstage": "closedwon"}})["id"]
    types = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 20}]
    tie = [{"to": {"id": deal_id}, "types": types}]
    lines = [{**LINE, "name": name} for name in "12"]
    inputs = [{"properties": line, "associations": tie} for line in lines]
    ids = [row["id"] for row in batch(portal, "create", *inputs).json()["results"]]
    assert portal.sandbox.associated("deals", deal_id, "line_items") == ids
    wrong = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 19}]
    properties = {**LINE, "name": "wrong way"}
    body = {"inputs": [{"properties": properties, "associations": [{"to": {"id": deal_id}, "types": wrong}]}]}
    assert portal.refused("POST", "/objects/line_items/batch/create", body)[0] == 400
    assert portal.sandbox.associated("deals", deal_id, "line_items") == ids


def test_update_goes_on_after_a_failure(portal):
    first, second = made(portal, 2)
    inputs = [
        {"id": first, "properties": {"quantity": "5"}},
        {"id": second, "properties": {"price": "-1"}},
        {"id": "17", "properties": {"quantity": "5"}},
    ]
    answer = batch(portal, "update", *inputs)
    assert answer.status_code == partial(portal, 200)
    body = answer.json()
    assert [(row["id"], row["properties"]["amount"]) for row in body["results"]] == [(first, "50")]
    assert [error["context"]["ids"] for error in body["errors"]] == [[second], ["17"]]
    assert value_faults(body["errors"][0]) == {"price": "INVALID_NUMBER"}


def test_update_may_be_refused_as_a_whole():
    with HubSpotSandbox(whole_batches=True) as sandbox:
        portal = Portal(sandbox)
        first, second = made(portal, 2)
        good, bad = {"id": first, "properties": {"quantity": "5"}}, {"id": second, "properties": {"price": "-1"}}
        status, _, answer = portal.refused("POST", "/objects/line_items/batch/update", {"inputs": [good, bad]})
        assert (status, value_faults(answer)) == (400, {"price": "INVALID_NUMBER"})
        assert portal.get(f"/objects/line_items/{first}")["properties"]["quantity"] == "1"


def test_a_locked_record_fails_alone(portal):
    first, second = made(portal, 2)
    portal.sandbox.lock_once(second)
    answer = batch(portal, "update", *[{"id": each, "properties": {"quantity": "5"}} for each in (first, second)])
    assert answer.status_code == partial(portal, 200)
    assert [row["id"] for row in answer.json()["results"]] == [first]
    assert answer.json()["errors"][0]["context"]["ids"] == [second]


def test_fifty_with_history(portal):
    inputs = [{"id": str(n)} for n in range(51)]
    body = {"inputs": inputs, "properties": [], "propertiesWithHistory": ["name"]}
    assert portal.refused("POST", "/objects/line_items/batch/read", body)[0] == 400
    batch(portal, "read", *inputs[:50], properties=[], propertiesWithHistory=["name"])


def test_upsert(portal):
    inputs = [
        {"id": f"cus_{n}", "idProperty": "bsync_stripe_customer_id", "properties": {"name": f"Company {n}"}}
        for n in (1, 2)
    ]
    portal.post("/objects/companies", {"properties": {"name": "Old", "bsync_stripe_customer_id": "cus_1"}})
    rows = batch(portal, "upsert", *inputs, kind="companies").json()["results"]
    assert [(row["new"], row["properties"]["name"]) for row in rows] == [(False, "Company 1"), (True, "Company 2")]
    assert len(portal.get("/objects/companies")["results"]) == 2


def test_archive(portal):
    ids = made(portal, 3)
    assert batch(portal, "archive", {"id": ids[0]}, {"id": ids[1]}, {"id": "17"}).status_code == 204
    assert [row["id"] for row in portal.get("/objects/line_items")["results"]] == ids[2:]
    gone = portal.call(
        "POST",
        "/objects/line_items/batch/read",
        {"inputs": [{"id": ids[0]}], "properties": [], "propertiesWithHistory": []},
        archived="true",
    )
    assert [row["archived"] for row in gone.json()["results"]] == [True]
