from __future__ import annotations

import pytest

from connector.sandbox.salesforce import SalesforceSandbox
from tests.sandbox.salesforce_org import connect, refusal

BASE = "/services/data/v59.0"


@pytest.fixture
def org():
    with SalesforceSandbox() as running:
        yield running


@pytest.fixture
def sf(org):
    return connect(org)


def composite(sf, *parts, all_or_none=False):
    body = {"allOrNone": all_or_none, "compositeRequest": list(parts)}
    return sf.restful("composite", method="POST", json=body)["compositeResponse"]


def part(name, method, path, body=None):
    request = {"referenceId": name, "method": method, "url": BASE + path}
    return request | ({"body": body} if body is not None else {})


def collection(sf, method, path="composite/sobjects", *, all_or_none=False, records):
    return sf.restful(path, method=method, json={"allOrNone": all_or_none, "records": records})


def test_later_parts_use_earlier_answers(org, sf):
    answers = composite(
        sf,
        part("made", "POST", "/sobjects/Account", {"Name": "Made here"}),
        part("found", "GET", "/query?q=SELECT Id, Name FROM Account WHERE Name = 'Made here'"),
        part("contact", "POST", "/sobjects/Contact", {"LastName": "X", "AccountId": "@{found.records[0].Id}"}),
        part("change", "PATCH", "/sobjects/Account/@{made.id}", {"Description": "of @{found.records[0].Name}"}),
        part("read", "GET", "/sobjects/Account/@{made.id}?fields=Description"),
    )
    assert [answer["httpStatusCode"] for answer in answers] == [201, 200, 201, 204, 200]
    assert [answer["referenceId"] for answer in answers] == ["made", "found", "contact", "change", "read"]
    assert answers[4]["body"]["Description"] == "of Made here"
    assert next(iter(org.records("Contact").values()))["AccountId"] == answers[0]["body"]["id"]


def test_encoded_queries_in_a_part(sf):
    answers = composite(
        sf,
        part("plus", "GET", "/query?q=SELECT+COUNT()+FROM+User"),
        part("percent", "GET", "/query/?q=SELECT%20COUNT%28%29%20FROM%20User%20WHERE%20Name%20LIKE%20%27Int%25%27"),
    )
    assert [answer["body"]["totalSize"] for answer in answers] == [1, 1]


def test_dependants_of_a_failure_are_halted(org, sf):
    bad, halted, alone = composite(
        sf,
        part("bad", "POST", "/sobjects/Account", {"Nope": 1}),
        part("halted", "POST", "/sobjects/Contact", {"LastName": "X", "AccountId": "@{bad.id}"}),
        part("alone", "POST", "/sobjects/Account", {"Name": "Alone"}),
    )
    assert (bad["httpStatusCode"], bad["body"][0]["errorCode"]) == (400, "INVALID_FIELD")
    assert (halted["httpStatusCode"], halted["body"][0]["errorCode"]) == (400, "PROCESSING_HALTED")
    assert alone["httpStatusCode"] == 201
    assert len(org.records("Account")) == 1


def test_all_or_none_rolls_back(org, sf):
    first = sf.Account.create({"Name": "Before"})["id"]
    answers = composite(
        sf,
        part("change", "PATCH", f"/sobjects/Account/{first}", {"Name": "After"}),
        part("make", "POST", "/sobjects/Account", {"Name": "New"}),
        part("bad", "POST", "/sobjects/Account", {"Nope": 1}),
        all_or_none=True,
    )
    assert [answer["body"][0]["errorCode"] for answer in answers] == [
        "PROCESSING_HALTED",
        "PROCESSING_HALTED",
        "INVALID_FIELD",
    ]
    assert [row["Name"] for row in org.records("Account").values()] == ["Before"]
    assert sf.query("SELECT COUNT() FROM Account WHERE Name = 'New'")["totalSize"] == 0


def test_composite_limits(sf):
    query = "/query?q=SELECT COUNT() FROM User"
    many = [part(f"p{n}", "GET", "/limits") for n in range(26)]
    assert refusal(lambda: composite(sf, *many))[1] == "LIMIT_EXCEEDED"
    assert len(composite(sf, *many[:25])) == 25
    queries = [part(f"p{n}", "GET", query) for n in range(6)]
    assert refusal(lambda: composite(sf, *queries))[1] == "LIMIT_EXCEEDED"
    assert refusal(lambda: composite(sf, many[0], many[0]))[1] == "INVALID_INPUT"


def test_one_composite_is_one_api_call(sf):
    sf.limits()
    before = sf.api_usage["api-usage"].used
    composite(sf, *[part(f"p{n}", "GET", "/limits") for n in range(10)])
    assert sf.api_usage["api-usage"].used == before + 1


def test_collections_report_each_record(org, sf):
    made = collection(
        sf,
        "POST",
        records=[
            {"attributes": {"type": "Account"}, "Name": "One"},
            {"attributes": {"type": "Account"}},
            {"attributes": {"type": "Contact"}, "LastName": "Two"},
        ],
    )
    assert [row["success"] for row in made] == [True, False, True]
    assert made[1]["errors"][0]["statusCode"] == "REQUIRED_FIELD_MISSING"
    assert made[1]["errors"][0]["fields"] == ["Name"]
    changed = collection(
        sf,
        "PATCH",
        records=[
            {"attributes": {"type": "Account"}, "id": made[0]["id"], "Name": "Changed"},
            {"attributes": {"type": "Account"}, "Id": "001000000000001AAA", "Name": "Nobody"},
            {"attributes": {"type": "Account"}, "Name": "No id"},
        ],
    )
    assert [row["success"] for row in changed] == [True, False, False]
    assert [row["errors"][0]["statusCode"] for row in changed[1:]] == ["NOT_FOUND", "MISSING_ARGUMENT"]
    assert org.records("Account")[made[0]["id"]]["Name"] == "Changed"


def test_a_collection_rolls_back_as_a_whole(org, sf):
    records = [{"attributes": {"type": "Account"}, "Name": "One"}, {"attributes": {"type": "Account"}, "Nope": 1}]
    made = collection(sf, "POST", all_or_none=True, records=records)
    assert made[0]["errors"][0]["statusCode"] == "ALL_OR_NONE_OPERATION_ROLLED_BACK"
    assert made[1]["errors"][0]["statusCode"] == "INVALID_FIELD"
    assert org.records("Account") == {}


def test_collections_upsert_retrieve_delete(sf):
    path = "composite/sobjects/Account/Stripe_Customer_Id__c"
    typed = {"attributes": {"type": "Account"}}
    first = collection(sf, "PATCH", path, records=[{**typed, "Name": "A", "Stripe_Customer_Id__c": "cus_a"}])
    again = collection(
        sf,
        "PATCH",
        path,
        records=[
            {**typed, "Name": "A2", "Stripe_Customer_Id__c": "cus_a"},
            {**typed, "Name": "B", "Stripe_Customer_Id__c": "cus_b"},
            {**typed, "Name": "nobody"},
        ],
    )
    assert first[0]["created"] is True
    assert [row.get("created") for row in again] == [False, True, None]
    ids = [again[1]["id"], "001000000000001AAA", again[0]["id"]]
    found = sf.restful("composite/sobjects/Account", method="POST", json={"ids": ids, "fields": ["Name"]})
    assert [row and row["Name"] for row in found] == ["B", None, "A2"]
    got = sf.restful("composite/sobjects/Account", params={"ids": ",".join(ids), "fields": "Id,Name"})
    assert got == found
    gone = sf.restful("composite/sobjects", method="DELETE", params={"ids": ",".join(ids), "allOrNone": "false"})
    assert [row["success"] for row in gone] == [True, False, True]


def test_collection_limits(sf):
    accounts = [{"attributes": {"type": "Account"}, "Name": str(n)} for n in range(201)]
    assert refusal(lambda: collection(sf, "POST", records=accounts))[1] == "LIMIT_EXCEEDED"
    mixed = [{"attributes": {"type": ("Account", "Contact")[n % 2]}} for n in range(11)]
    assert refusal(lambda: collection(sf, "POST", records=mixed))[1] == "LIMIT_EXCEEDED"


def test_a_collection_inside_a_composite(org, sf):
    accounts = [{"attributes": {"type": "Account"}, "Name": "In"}, {"attributes": {"type": "Account"}, "Nope": 1}]
    (answer,) = composite(sf, part("c", "POST", "/composite/sobjects", {"records": accounts}))
    assert answer["httpStatusCode"] == 200
    assert [row["success"] for row in answer["body"]] == [True, False]
    assert len(org.records("Account")) == 1
