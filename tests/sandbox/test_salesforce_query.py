# ruff: noqa: S608 - the queries are the tests' own texts
from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
import requests

from connector.sandbox.salesforce import SalesforceSandbox
from connector.sandbox.seed import ORDERS, seed
from tests.sandbox.salesforce_org import connect, refusal

TODAY = date(2026, 11, 24)
NOW = datetime(2026, 11, 24, 8, tzinfo=UTC)
HERO = ORDERS["ramp"]


@pytest.fixture(scope="module")
def org():
    with SalesforceSandbox(records=seed(TODAY), now=NOW) as running:
        yield running


@pytest.fixture(scope="module")
def sf(org):
    return connect(org)


def rows(sf, text):
    return sf.query_all(text)["records"]


def test_parents_nest_over_lookups(sf):
    (row,) = rows(
        sf,
        "SELECT Id, Account.Name, SBQQ__Quote__r.SBQQ__StartDate__c, SBQQ__Quote__r.SBQQ__PrimaryContact__r.Email,"
        f" Opportunity.SBQQ__AmendedContract__r.SBQQ__Quote__c FROM Order WHERE Id = '{HERO}'",
    )
    assert row["attributes"]["type"] == "Order"
    assert row["attributes"]["url"].endswith(f"/sobjects/Order/{HERO}")
    assert row["Account"]["attributes"]["type"] == "Account"
    assert row["Account"]["Name"] == "Everbright Cold Chain Inc."
    assert row["SBQQ__Quote__r"]["SBQQ__StartDate__c"] == "2026-12-01"
    assert row["SBQQ__Quote__r"]["SBQQ__PrimaryContact__r"]["Email"] == "dana.whitfield@example.com"
    assert row["Opportunity"]["SBQQ__AmendedContract__r"] is None


def test_children_nest_as_lists(sf):
    (order,) = rows(
        sf,
        f"SELECT Id, (SELECT Quantity FROM OrderItems WHERE SBQQ__SegmentIndex__c > 0 ORDER BY ServiceDate) "
        f"FROM Order WHERE Id = '{HERO}'",
    )
    assert order["OrderItems"]["totalSize"] == 3
    assert [line["Quantity"] for line in order["OrderItems"]["records"]] == [20.0, 35.0, 50.0]
    (quote,) = rows(
        sf,
        "SELECT Id, (SELECT SBQQ__SegmentLabel__c FROM SBQQ__LineItems__r ORDER BY SBQQ__Number__c LIMIT 1) "
        f"FROM SBQQ__Quote__c WHERE Id IN (SELECT SBQQ__Quote__c FROM Order WHERE Id = '{HERO}')",
    )
    assert quote["SBQQ__LineItems__r"]["records"][0]["SBQQ__SegmentLabel__c"] == "Year 1"
    (other,) = rows(sf, f"SELECT (SELECT Id FROM Order_Stripe_Coupons__r) FROM Order WHERE Id = '{HERO}'")
    assert other["Order_Stripe_Coupons__r"] is None


@pytest.mark.parametrize(
    ("where", "count"),
    [
        ("Status = 'activated'", 19),
        ("Status != 'Activated'", 1),
        ("NOT Status = 'Activated'", 1),
        ("Status NOT IN ('Draft')", 19),
        ("PoNumber = null", 18),
        ("PoNumber != null AND TotalAmount > 100000", 1),
        ("(TotalAmount >= 162000 AND CurrencyIsoCode = 'USD') OR CurrencyIsoCode IN ('JPY','KWD')", 3),
        ("Account.Name LIKE 'blue%' OR Account.Name LIKE '_orvo %'", 2),
        ("SBQQ__Contracted__c = false", 20),
        ("SBQQ__Contracted__c = true", 0),
        ("EffectiveDate = TODAY", 3),
        ("EffectiveDate = 2026-09-01", 1),
        ("EffectiveDate > 2026-12-01", 1),
        ("EffectiveDate < LAST_N_DAYS:30", 1),
        ("EffectiveDate = NEXT_MONTH", 16),
        ("ActivatedDate >= 2026-11-23T00:00:00Z", 5),
        ("ActivatedDate = YESTERDAY", 5),
        ("SystemModstamp > 2026-11-23T15:21:00+01:00", 0),
        ("SystemModstamp >= 2026-11-23T14:19:00.000+0000 AND SystemModstamp < 2026-11-24T00:00:00Z", 6),
        ("Account.BillingCountry = 'de' AND Id IN (SELECT OrderId FROM OrderItem WHERE Quantity = 80)", 1),
        ("Id NOT IN (SELECT OrderId FROM OrderItem WHERE SBQQ__SegmentIndex__c != null)", 15),
        (f"Id = '{HERO[:15]}'", 1),
        (f"Id IN ('{HERO}', '801000000000001')", 1),
        ("OpportunityId = null", 0),
        ("Opportunity.SBQQ__AmendedContract__c = null", 20),
        ("PoNumber = 'it\\'s \\\\ here'", 0),
        ("PoNumber LIKE '%'", 2),
    ],
)
def test_conditions(sf, where, count):
    assert sf.query(f"SELECT COUNT() FROM Order WHERE {where}")["totalSize"] == count


def test_count_answers_without_rows(sf):
    assert dict(sf.query("SELECT COUNT() FROM OrderItem")) == {"totalSize": 50, "done": True, "records": []}


def test_aggregates(sf):
    (row,) = rows(
        sf, "SELECT COUNT(Id) n, MAX(TotalAmount), MIN(EffectiveDate) FROM Order WHERE CurrencyIsoCode = 'USD'"
    )
    assert (row["n"], row["expr0"], row["expr1"]) == (9, 162000.0, "2026-11-24")
    groups = rows(sf, "SELECT CurrencyIsoCode, COUNT(Id) FROM Order GROUP BY CurrencyIsoCode")
    assert {g["CurrencyIsoCode"]: g["expr0"] for g in groups} == {"USD": 9, "EUR": 7, "GBP": 2, "JPY": 1, "KWD": 1}


def test_order_limit_offset(sf):
    totals = [r["TotalAmount"] for r in rows(sf, "SELECT TotalAmount FROM Order ORDER BY TotalAmount DESC, Id LIMIT 2")]
    assert totals == [2_700_000.0, 162_000.0]
    (third,) = rows(sf, "SELECT TotalAmount FROM Order ORDER BY TotalAmount DESC LIMIT 1 OFFSET 2")
    assert third["TotalAmount"] < 162_000
    ends = [r["EndDate"] for r in rows(sf, f"SELECT EndDate FROM OrderItem WHERE OrderId = '{HERO}' ORDER BY EndDate")]
    assert ends[0] is None
    last = rows(sf, f"SELECT EndDate FROM OrderItem WHERE OrderId = '{HERO}' ORDER BY EndDate DESC NULLS LAST")
    assert last[-1]["EndDate"] is None


def test_no_order_is_implied(sf):
    ids = [r["Id"] for r in rows(sf, "SELECT Id FROM OrderItem")]
    assert ids != sorted(ids)


def test_all_fields_needs_a_limit(sf):
    (row,) = rows(sf, f"SELECT FIELDS(ALL) FROM Order WHERE Id = '{HERO}' LIMIT 200")
    assert row["TotalAmount"] == 162_000.0
    assert row["BillToContactId"].startswith("003")
    assert refusal(lambda: sf.query("SELECT FIELDS(ALL) FROM Order LIMIT 201"))[1] == "MALFORMED_QUERY"
    assert "Name" not in rows(sf, "SELECT FIELDS(CUSTOM) FROM Product2 LIMIT 1")[0]


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        ("SELECT Nope__c FROM Order", "INVALID_FIELD", "No such column 'Nope__c' on entity 'Order'"),
        ("SELECT Id FROM Order WHERE Account.Nope = 1", "INVALID_FIELD", "No such column 'Nope' on entity 'Account'"),
        ("SELECT Nope__r.Name FROM Order", "INVALID_FIELD", "relationship 'Nope__r'"),
        ("SELECT Id FROM Nope", "INVALID_TYPE", "sObject type 'Nope' is not supported"),
        ("SELECT Id, (SELECT Id FROM Nopes) FROM Order", "INVALID_TYPE", "'Nopes'"),
        ("SELECT Id FROM Order WHERE TotalAmount = '5'", "INVALID_FIELD", "of type currency"),
        ("SELECT Id FROM Order WHERE EffectiveDate > 2026-01-01T00:00:00Z", "INVALID_FIELD", "of type date"),
        ("SELECT Id FROM Order WHERE Status = 5", "INVALID_FIELD", "should be enclosed in quotes"),
        ("SELECT Id FROM Order WHERE AccountId = 'xyz'", "INVALID_QUERY_FILTER_OPERATOR", "invalid ID field: xyz"),
        ("SELECT Id, Id FROM Order", "INVALID_FIELD", "duplicate field"),
        ("SELECT Id FROM Order WHERE", "MALFORMED_QUERY", "unexpected end of query"),
        ("SELECT Id FROM Order WHERE Id IN ()", "MALFORMED_QUERY", "')'"),
        ("SELECT Id FROM Order WHERE Status = 'A' AND Type = 'B' OR Type = 'C'", "MALFORMED_QUERY", "'OR'"),
        ("SELECT Id FROM Order ORDER Id", "MALFORMED_QUERY", "'ORDER'"),
        ("SELECT Id FROM Order LIMIT 5 extra", "MALFORMED_QUERY", "'extra'"),
        ('SELECT Id FROM Order WHERE Name = "x"', "MALFORMED_QUERY", "character"),
        ("SELECT Id FROM Order WHERE Description = 'x'", "INVALID_FIELD", "can not be filtered"),
        ("SELECT Id FROM Order WHERE EffectiveDate = 2026-02-30", "MALFORMED_QUERY", "2026-02-30"),
        ("SELECT Id FROM Order OFFSET 2001", "NUMBER_OUTSIDE_VALID_RANGE", "2000"),
    ],
)
def test_refusals(sf, text, code, message):
    status, found, told = refusal(lambda: sf.query(text))
    assert (status, found) == (400, code)
    assert message in told


def test_names_in_any_case_come_back_as_they_are(sf):
    (row,) = rows(sf, f"select id, ACCOUNT.name from ORDER where ID = '{HERO}'")
    assert list(row) == ["attributes", "Id", "Account"]
    assert list(row["Account"]) == ["attributes", "Name"]


def test_large_results_come_in_pages():
    with SalesforceSandbox(records=seed(TODAY), page_size=10) as org:
        sf = connect(org)
        first = sf.query("SELECT Id FROM OrderItem ORDER BY Id")
        assert (first["totalSize"], first["done"], len(first["records"])) == (50, False, 10)
        assert first["nextRecordsUrl"].startswith("/services/data/v59.0/query/0r8")
        assert len({row["Id"] for row in sf.query_all_iter("SELECT Id FROM OrderItem ORDER BY Id")}) == 50
        assert refusal(lambda: sf.query_more("0r8000000000001AAA-10"))[1] == "INVALID_QUERY_LOCATOR"


def test_batch_size_header(org, sf):
    for n in range(205):
        org.insert("Contact", {"LastName": f"Reader {n}"})
    headers = {"Authorization": f"Bearer {sf.session_id}"}
    sizes = {}
    for asked in (1, 200, 5000):
        options = {**headers, "Sforce-Query-Options": f"batchSize={asked}"}
        url = f"{org.url}/services/data/v59.0/query?q=SELECT+Id+FROM+Contact"
        sizes[asked] = len(requests.get(url, headers=options, timeout=5).json()["records"])
    assert sizes == {1: 200, 200: 200, 5000: 224}


def test_deleted_rows_show_in_query_all():
    with SalesforceSandbox(records=seed(TODAY)) as org:
        sf = connect(org)
        org.delete("Order", HERO)
        text = f"SELECT IsDeleted FROM OrderItem WHERE OrderId = '{HERO}'"
        assert sf.query(text)["totalSize"] == 0
        gone = sf.query(text, include_deleted=True)["records"]
        assert len(gone) == 5
        assert all(row["IsDeleted"] for row in gone)


def test_a_lookup_filter_spares_the_scan(sf):
    """The same rows through an index over two lookups and through a scan that cannot use one."""
    through = "SELECT Id FROM OrderItem WHERE Order.SBQQ__Quote__c IN (SELECT SBQQ__Quote__c FROM Order WHERE {})"
    fast = rows(sf, through.format(f"Id = '{HERO}'"))
    slow = rows(sf, "SELECT Id FROM OrderItem WHERE Order.OrderNumber LIKE '00000001'")
    assert {r["Id"] for r in fast} == {r["Id"] for r in slow}
    assert len(fast) == 5
