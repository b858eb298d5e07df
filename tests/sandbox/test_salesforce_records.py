from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from connector.sandbox.salesforce import SalesforceSandbox
from connector.sandbox.salesforce.ids import canonical, checksum, make_id
from tests.sandbox.salesforce_org import connect, refusal

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


@pytest.fixture
def org():
    with SalesforceSandbox(now=NOW) as running:
        yield running


@pytest.fixture
def sf(org):
    return connect(org)


@pytest.fixture
def account(sf):
    return sf.Account.create({"Name": "Everbright", "BillingCity": "Chicago", "Stripe_Customer_Id__c": "cus_1"})["id"]


@pytest.fixture
def order(org, account):
    return org.insert("Order", {"AccountId": account, "Status": "Draft", "EffectiveDate": "2026-03-02"})


@pytest.mark.parametrize(
    "known", ["8018N00000030U1QAI", "0018N00000JaJQuQAN", "a0z8N000000z7EZQAY", "a1B7e00000EX5FFEA1"]
)
def test_ids_carry_the_checksum_of_recorded_ones(known):
    assert known[:15] + checksum(known[:15]) == known
    assert canonical(known[:15]) == canonical(known) == canonical(known.upper()) == known
    assert canonical("8018N00000030U1Q") is None
    assert canonical("../../evil") is None
    assert make_id("801", 62)[:15] == "8018Z0000000010"


def test_create_and_read(sf, account):
    assert account.startswith("001")
    record = sf.Account.get(account)
    assert record["attributes"] == {"type": "Account", "url": f"/services/data/v59.0/sobjects/Account/{account}"}
    assert record["CreatedDate"] == record["SystemModstamp"] == "2026-03-02T09:00:00.000+0000"
    assert record["BillingAddress"]["city"] == "Chicago"
    assert record["ShippingAddress"] is None
    assert record["IsDeleted"] is False
    assert sf.Account.get(account[:15])["Id"] == account


def test_read_some_fields(sf, account):
    some = sf.restful(f"sobjects/Account/{account}", params={"fields": "name,billingcity"})
    assert list(some) == ["attributes", "Id", "Name", "BillingCity"]
    bad = refusal(lambda: sf.restful(f"sobjects/Account/{account}", params={"fields": "Nope"}))
    assert bad[:2] == (400, "INVALID_FIELD")


def test_update_moves_the_stamps(org, sf, account):
    org.clock.advance(timedelta(seconds=90))
    assert sf.Account.update(account, {"name": "Everbright Inc."}) == 204
    record = sf.Account.get(account)
    assert record["Name"] == "Everbright Inc."
    assert record["SystemModstamp"] == record["LastModifiedDate"] == "2026-03-02T09:01:30.000+0000"
    assert record["CreatedDate"] == "2026-03-02T09:00:00.000+0000"


def test_delete_goes_to_the_recycle_bin(sf, account):
    assert sf.Account.delete(account) == 204
    assert refusal(lambda: sf.Account.get(account))[:2] == (404, "ENTITY_IS_DELETED")
    assert refusal(lambda: sf.Account.update(account, {"Name": "x"}))[:2] == (404, "ENTITY_IS_DELETED")
    assert sf.query("SELECT COUNT() FROM Account")["totalSize"] == 0
    assert sf.query("SELECT COUNT() FROM Account", include_deleted=True)["totalSize"] == 1


def test_unknown_records_and_objects(sf):
    assert refusal(lambda: sf.Account.get("001000000000001AAA"))[:2] == (404, "NOT_FOUND")
    assert refusal(lambda: sf.restful("sobjects/Nope/" + "001000000000001AAA"))[:2] == (404, "NOT_FOUND")


@pytest.mark.parametrize(
    ("fields", "code", "message"),
    [
        ({"Nope__c": 1}, "INVALID_FIELD", "No such column 'Nope__c' on sobject of type Order"),
        ({"Id": "801000000000001AAA"}, "INVALID_FIELD", "Id field"),
        ({"TotalAmount": 5}, "INVALID_FIELD_FOR_INSERT_UPDATE", "TotalAmount"),
        ({"PoNumber": "x" * 81}, "STRING_TOO_LONG", "max length=80"),
        ({"Stripe_Sync_Message__c": "x" * 256}, "STRING_TOO_LONG", "max length=255"),
        ({"Stripe_Sync_Status__c": "Great"}, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", "Great"),
        ({"BillToContactId": "nonsense"}, "MALFORMED_ID", "nonsense"),
        ({"BillToContactId": "001000000000001AAA"}, "MALFORMED_ID", "incorrect type"),
        ({"BillToContactId": "003000000000001AAA"}, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id"),
        ({"EffectiveDate": "31.12.2026"}, "JSON_PARSER_ERROR", "date"),
        ({"Stripe_MRR__c": "many"}, "JSON_PARSER_ERROR", "currency"),
        ({"Stripe_MRR__c": True}, "JSON_PARSER_ERROR", "currency"),
        ({"Stripe_Hold_Sync__c": "perhaps"}, "JSON_PARSER_ERROR", "boolean"),
        ({"Status": "Activated"}, "FAILED_ACTIVATION", "at least one product"),
    ],
)
def test_writes_are_checked(sf, order, fields, code, message):
    status, found, told = refusal(lambda: sf.Order.update(order, fields))
    assert (status, found) == (400, code)
    assert message in told


def test_required_fields(sf):
    status, code, message = refusal(lambda: sf.Order.create({"Status": "Draft"}))
    assert (status, code) == (400, "REQUIRED_FIELD_MISSING")
    assert "AccountId" in message
    assert "EffectiveDate" in message


def test_unique_external_ids(sf, account):
    status, code, message = refusal(lambda: sf.Account.create({"Name": "Copy", "Stripe_Customer_Id__c": "CUS_1"}))
    assert (status, code) == (400, "DUPLICATE_VALUE")
    assert account in message


def test_write_back_fields_take_what_the_connector_writes(sf, order):
    written = {
        "Stripe_Schedule_Id__c": "sub_sched_1",
        "Stripe_Sync_Status__c": "Synced",
        "Stripe_Link__c": "https://dashboard.stripe.com/test/subscription_schedules/sub_sched_1",
        "Stripe_Synced_At__c": "2026-03-02T10:00:00+01:00",
        "Stripe_Segment_Count__c": 3,
        "Stripe_Next_Change__c": "2027-03-02",
        "Stripe_MRR__c": 1234.5,
        "Stripe_Hold_Sync__c": False,
    }
    sf.Order.update(order, written)
    record = sf.Order.get(order)
    assert record["Stripe_Synced_At__c"] == "2026-03-02T09:00:00.000+0000"
    assert (record["Stripe_Segment_Count__c"], record["Stripe_MRR__c"]) == (3.0, 1234.5)
    sf.Order.update(order, {"Stripe_Next_Change__c": None, "Stripe_Sync_Status__c": ""})
    assert sf.Order.get(order)["Stripe_Next_Change__c"] is None
    assert sf.Order.get(order)["Stripe_Sync_Status__c"] is None


def test_upsert_by_external_id(sf, order):
    key = "Record_Key__c/801:schedule"
    made = sf.Stripe_Sync_Record__c.upsert(key, {"Order__c": order, "Status__c": "Failed"}, raw_response=True)
    assert (made.status_code, made.json()["created"]) == (201, True)
    again = sf.Stripe_Sync_Record__c.upsert(key, {"Status__c": "Synced"}, raw_response=True)
    assert again.status_code == 200
    assert again.json() == {"id": made.json()["id"], "success": True, "errors": [], "created": False}
    record = sf.Stripe_Sync_Record__c.get_by_custom_id("Record_Key__c", "801:schedule")
    assert (record["Name"], record["Status__c"]) == ("SR-000001", "Synced")
    assert refusal(lambda: sf.Order.upsert("PoNumber/1", {}))[:2] == (404, "NOT_FOUND")


def test_shared_external_ids_answer_the_choices(org, sf, account):
    for _ in range(2):
        org.insert(
            "Order", {"AccountId": account, "EffectiveDate": "2026-01-01", "Stripe_Schedule_Id__c": "sub_sched_9"}
        )
    headers = {"Authorization": f"Bearer {sf.session_id}"}
    url = f"{org.url}/services/data/v59.0/sobjects/Order/Stripe_Schedule_Id__c/sub_sched_9"
    answer = requests.get(url, headers=headers, timeout=5)
    assert answer.status_code == 300
    assert len(answer.json()) == 2


def test_a_parent_may_be_named_by_its_external_id(sf, account):
    made = sf.Order.create(
        {"Account": {"Stripe_Customer_Id__c": "cus_1"}, "Status": "Draft", "EffectiveDate": "2026-01-01"}
    )
    assert sf.Order.get(made["id"])["AccountId"] == account


def test_lines_add_up_and_leave_the_orders_stamps_alone(org, sf, order):
    product = org.insert("Product2", {"Name": "Seat"})
    book = org.insert("Pricebook2", {"Name": "Standard"})
    entry = org.insert("PricebookEntry", {"Product2Id": product, "Pricebook2Id": book, "UnitPrice": 0.1})
    before = sf.Order.get(order)["SystemModstamp"]
    org.clock.advance(timedelta(minutes=5))
    line = {"OrderId": order, "PricebookEntryId": entry, "Quantity": 3, "UnitPrice": 0.1}
    made = sf.OrderItem.create(line)["id"]
    sf.OrderItem.create({**line, "Quantity": "2"})
    record = sf.OrderItem.get(made)
    assert (record["TotalPrice"], record["Product2Id"], record["Quantity"]) == (0.3, product, 3.0)
    after = sf.Order.get(order)
    assert (after["TotalAmount"], after["SystemModstamp"]) == (0.5, before)
    org.update("Order", order, {"CurrencyIsoCode": "EUR"})
    third = sf.OrderItem.create(line)["id"]
    assert (after["CurrencyIsoCode"], sf.OrderItem.get(third)["CurrencyIsoCode"]) == ("USD", "EUR")


def test_activation(org, sf, order):
    org.insert("OrderItem", {"OrderId": order, "Quantity": 1, "UnitPrice": 10})
    org.clock.advance(timedelta(minutes=5))
    sf.Order.update(order, {"Status": "Activated"})
    record = sf.Order.get(order)
    assert (record["StatusCode"], record["ActivatedDate"]) == ("Activated", "2026-03-02T09:05:00.000+0000")
    (line,) = org.records("OrderItem").values()
    assert line["SBQQ__Activated__c"] is True
    assert (line["SystemModstamp"], line["LastModifiedDate"]) == (record["SystemModstamp"], record["CreatedDate"])


def test_describe(sf):
    described = sf.Order.describe()
    fields = {field["name"]: field for field in described["fields"]}
    status = fields["Stripe_Sync_Status__c"]
    assert (status["type"], status["restrictedPicklist"], status["custom"]) == ("picklist", True, True)
    assert "Partially Synced" in [value["value"] for value in status["picklistValues"]]
    assert (fields["Stripe_Schedule_Id__c"]["externalId"], fields["Stripe_Schedule_Id__c"]["length"]) == (True, 255)
    assert fields["SBQQ__Quote__c"]["relationshipName"] == "SBQQ__Quote__r"
    assert fields["AccountId"]["referenceTo"] == ["Account"]
    assert (fields["TotalAmount"]["updateable"], fields["Stripe_MRR__c"]["updateable"]) == (False, True)
    assert "CurrencyIsoCode" in fields
    assert {"childSObject": "OrderItem", "field": "OrderId", "relationshipName": "OrderItems"}.items() <= next(
        child for child in described["childRelationships"] if child["field"] == "OrderId"
    ).items()
    listed: Any = sf.describe()
    names = {each["name"]: each["keyPrefix"] for each in listed["sobjects"]}
    assert (names["OrderItem"], names["Stripe_Sync_Record__c"][0]) == ("802", "a")


def test_an_org_with_one_currency_before_setup():
    with SalesforceSandbox(multi_currency=False, write_back=False) as org:
        sf = connect(org)
        described: Any = sf.restful("sobjects/Order/describe")
        names = {field["name"] for field in described["fields"]}
        assert not names & {"CurrencyIsoCode", "Stripe_Schedule_Id__c"}
        assert refusal(lambda: sf.query("SELECT CurrencyIsoCode FROM Order"))[1] == "INVALID_FIELD"
        assert refusal(lambda: sf.query("SELECT Id FROM Stripe_Sync_Record__c"))[1] == "INVALID_TYPE"
        org.add_field("Order", "Stripe_Schedule_Id__c string:255 ext")
        assert sf.query("SELECT Stripe_Schedule_Id__c FROM Order")["totalSize"] == 0
        org.remove_field("Order", "PoNumber")
        assert refusal(lambda: sf.query("SELECT PoNumber FROM Order"))[1] == "INVALID_FIELD"


def test_foreign_records_bring_their_fields():
    records: dict[str, Any] = {
        "Order": {"8018N00000030U1QAI": {"AccountId": "0018N00000JaJQuQAN", "Legacy_Id__c": "x", "Score__c": 1}}
    }
    records["Legacy__c"] = {"a1W8N000000OCvkUAG": {"Name": "SR-000231"}}
    with SalesforceSandbox(records=records) as org:
        assert connect(org).query("SELECT Name FROM Legacy__c")["records"][0]["Name"] == "SR-000231"
        row = connect(org).query("SELECT Legacy_Id__c, Score__c FROM Order")["records"][0]
        assert (row["Legacy_Id__c"], row["Score__c"]) == ("x", 1.0)
