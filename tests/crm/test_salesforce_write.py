from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, cast

import pytest

from connector.crm.protocol import WriteBack
from connector.crm.salesforce.adapter import SalesforceCrm
from connector.crm.salesforce.write import CollectionWriter
from connector.domain.errors import RejectedError, RetryableError
from connector.retry import retry_policy
from tests.crm.builders import Tables, deal, sf_id
from tests.crm.conftest import StartOrg, calls, crm_for, settings_for


def test_a_contract_is_written_back_in_one_call(start_org: StartOrg):
    tables: Tables = {}
    key = deal(tables)
    org = start_org(tables)
    moment = datetime(2027, 1, 4, 12, tzinfo=UTC)
    results = crm_for(org).write_back(
        [
            WriteBack(
                "Order",
                key,
                {
                    "Stripe_Schedule_Id__c": "sub_sched_1",
                    "Stripe_MRR__c": Decimal("600.10"),
                    "Stripe_Next_Change__c": date(2027, 7, 1),
                    "Stripe_Synced_At__c": moment,
                    "Stripe_Sync_Message__c": None,
                },
            ),
            WriteBack("OrderItem", sf_id("802", 100), {"Stripe_Price_Id__c": "price_1"}),
            WriteBack("Account", sf_id("001", 1), {"Stripe_Customer_Id__c": "cus_1"}),
            WriteBack(
                "Stripe_Sync_Record__c", f"{key}:sync", {"Status__c": "Synced", "Order__c": key}, "Record_Key__c"
            ),
        ]
    )
    assert [result.error for result in results] == [None] * 4
    assert calls(org) == {"POST composite": 1}
    order = org.records("Order")[key]
    assert (order["Stripe_Schedule_Id__c"], order["Stripe_MRR__c"]) == ("sub_sched_1", 600.1)
    assert (order["Stripe_Next_Change__c"], order["Stripe_Synced_At__c"]) == (
        "2027-07-01",
        "2027-01-04T12:00:00.000+0000",
    )
    (status,) = org.records("Stripe_Sync_Record__c").values()
    assert (status["Record_Key__c"], status["Status__c"]) == (f"{key}:sync", "Synced")


def test_an_upsert_finds_its_record_again(start_org: StartOrg):
    org = start_org({})
    crm = crm_for(org)
    for status in ("Failed", "Synced"):
        write = WriteBack("Stripe_Sync_Record__c", "a:sync", {"Status__c": status}, upsert_by="Record_Key__c")
        assert crm.write_back([write])[0].error is None
    assert [record["Status__c"] for record in org.records("Stripe_Sync_Record__c").values()] == ["Synced"]


def test_one_bad_row_does_not_touch_the_others(start_org: StartOrg):
    tables: Tables = {}
    keys = [deal(tables, n) for n in range(1, 4)]
    org = start_org(tables)
    values = ["x" * 300, "sub_sched_2", "sub_sched_3"]
    writes = [WriteBack("Order", key, {"Stripe_Schedule_Id__c": v}) for key, v in zip(keys, values, strict=True)]
    writes += [
        WriteBack("Order", sf_id("801", 99), {"Stripe_Schedule_Id__c": "sub_sched_9"}),
        WriteBack("Order", "../../evil", {"Stripe_Schedule_Id__c": "sub_sched_9"}),
        WriteBack("Account", sf_id("001", 1), {}),
        WriteBack("Account", sf_id("001", 1), {"Nonsense__c": 1}),
    ]
    long, *good, gone, no_id, empty, unknown = crm_for(org).write_back(writes)
    assert long.error is not None
    assert long.error.startswith("STRING_TOO_LONG")
    assert [result.error for result in good] == [None, None]
    assert gone.error is not None
    assert no_id.error is not None
    assert "is not the id" in no_id.error
    assert empty.error is None
    assert unknown.error is not None
    assert "Nonsense__c" in unknown.error
    assert [org.records("Order")[key].get("Stripe_Schedule_Id__c") for key in keys[1:]] == values[1:]


def test_lines_go_in_small_collections(start_org: StartOrg):
    tables: Tables = {}
    deal(tables, lines=60)
    org = start_org(tables)
    writes = [WriteBack("OrderItem", key, {"Stripe_Price_Id__c": "price_1"}) for key in org.records("OrderItem")]
    assert {result.error for result in crm_for(org).write_back(writes)} == {None}
    assert calls(org) == {"POST composite": 1}  # 25 + 25 + 10 in one request
    assert crm_for(org).write_back([]) == ()


def test_locked_rows_are_tried_again_and_only_those(start_org: StartOrg):
    tables: Tables = {}
    keys = [deal(tables, n) for n in (1, 2)]
    org = start_org(tables)
    org.lock_rows_once(keys[0])
    results = crm_for(org).write_back([WriteBack("Order", key, {"Stripe_Schedule_Id__c": "s"}) for key in keys])
    assert [result.error for result in results] == [None, None]
    assert calls(org) == {"POST composite": 2}


def test_a_row_that_stays_locked_comes_back_with_its_reason(start_org: StartOrg):
    tables: Tables = {}
    keys = [deal(tables, n) for n in (1, 2)]
    org = start_org(tables)

    class Always(set):  # type: ignore[type-arg]
        def discard(self, _: object) -> None: ...

    org.app.api.records.locked_once = Always({keys[0]})
    results = crm_for(org).write_back([WriteBack("Order", key, {"Stripe_Schedule_Id__c": "s"}) for key in keys])
    assert results[0].error is not None
    assert results[0].error.startswith("UNABLE_TO_LOCK_ROW")
    assert results[1].error is None


def test_an_answer_that_is_lost_on_the_way_is_written_again(start_org: StartOrg):
    tables: Tables = {}
    key = deal(tables)
    org = start_org(tables)
    org.inject({"route": "composite", "action": "drop_after", "times": 2})
    (result,) = crm_for(org).write_back([WriteBack("Order", key, {"Stripe_Schedule_Id__c": "s"})])
    assert result.error is None
    assert calls(org) == {"POST composite": 3}


def test_when_salesforce_is_away_nothing_is_pretended(start_org: StartOrg):
    tables: Tables = {}
    key = deal(tables)
    org = start_org(tables)
    org.inject({"route": "composite", "status": 503, "times": None, "body": "<html>maintenance</html>"})
    with pytest.raises(RetryableError):
        crm_for(org).write_back([WriteBack("Order", key, {"Stripe_Schedule_Id__c": "s"})])


def test_what_was_stored_before_salesforce_went_away_is_told_apart(start_org: StartOrg):
    tables: Tables = {}
    key = deal(tables, lines=150)  # six collections of lines, so two requests
    org = start_org(tables)
    away = {"route": "composite", "status": 503, "body": "<html>"}
    org.inject({**away, "nth": 2}, {**away, "nth": 3})
    crm = SalesforceCrm(settings_for(org), policy=retry_policy(attempts=2, sleep=lambda _: None))
    lines = [line for line in org.records("OrderItem") if org.records("OrderItem")[line]["OrderId"] == key]
    results = crm.write_back(WriteBack("OrderItem", line, {"Stripe_Price_Id__c": "p"}) for line in lines)
    stored = {row["Id"] for row in org.records("OrderItem").values() if row.get("Stripe_Price_Id__c")}
    assert len(stored) == 125
    assert {result.id for result in results if result.error is None} == stored
    assert {result.error for result in results if result.error} == {
        "Salesforce: an answer that is not Salesforce's API (503)"
    }


class Refusing:
    """A client whose org refuses a whole collection for one of its records, or for one field."""

    settings = SimpleNamespace(api_version="67.0")

    def __init__(self, code: str, spoils: Callable[[dict[str, Any]], bool]) -> None:
        self.code, self.spoils, self.calls = code, spoils, 0

    def composite(self, parts: list[dict[str, Any]], *, again: bool) -> list[Any]:
        assert not again
        self.calls += 1
        return [self._answer(part["body"]["records"]) for part in parts]

    def _answer(self, records: list[dict[str, Any]]) -> Any:
        if any(self.spoils(record) for record in records):
            return RejectedError("no", vendor="salesforce", code=self.code, status=400)
        return [{"success": True, "errors": []} for _ in records]


def written(client: Refusing, writes: list[WriteBack]) -> list[str | None]:
    writer = CollectionWriter(cast("Any", client), retry_policy(attempts=1))
    return [result.error for result in writer.write(writes)]


def test_one_record_that_spoils_its_collection_is_found_and_the_others_are_stored():
    bad = sf_id("801", 77)
    client = Refusing("JSON_PARSER_ERROR", lambda record: record["id"] == bad)
    writes = [WriteBack("Order", sf_id("801", number), {"PoNumber": "1"}) for number in range(150)]
    errors = written(client, writes)
    assert [number for number, error in enumerate(errors) if error] == [77]
    assert client.calls <= 1 + 2 * 8


def test_an_unknown_field_is_parted_by_the_fields_and_no_further():
    client = Refusing("INVALID_FIELD", lambda record: "Nowhere__c" in record)
    fields = ({"PoNumber": "1"}, {"PoNumber": "1", "Nowhere__c": "2"})
    writes = [WriteBack("Order", sf_id("801", number), fields[number % 2]) for number in range(150)]
    errors = written(client, writes)
    assert [error is not None for error in errors] == [number % 2 == 1 for number in range(150)]
    assert client.calls == 3
