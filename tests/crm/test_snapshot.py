import json
from decimal import Decimal

import pytest

from connector.crm.protocol import ContractRef, WriteBack
from connector.crm.salesforce.family import families
from connector.crm.snapshot import SnapshotCrm, dump_records, load_records
from connector.domain.errors import ConfigError
from connector.mapping.raw import RawContract, RawRecords
from tests.crm.builders import PATHS, Tables, amend, deal, sf_id


def contract(**account: object) -> RawContract:
    tables: Tables = {}
    first = deal(tables, TotalAmount=Decimal("11.953424657534246"))
    amend(tables, first, 2)
    tables["Account"][sf_id("001", 1)] |= account
    records = RawRecords.from_mapping(tables)
    return next(families(records, [first], instance_url="https://acme.my.salesforce.com"))


def test_a_contract_survives_the_way_through_a_file():
    raw = contract()
    text = dump_records(raw, redact=False)
    file = load_records(text)
    assert (file.crm, file.root_object, file.root_id) == ("salesforce", "Order", raw.key)
    again = next(families(file.records, [file.root_id], instance_url=file.instance_url))
    assert again.revisions == raw.revisions
    assert again.instance_url == raw.instance_url
    assert dump_records(again, redact=False) == text


def test_numbers_are_exact():
    text = dump_records(contract(), redact=False)
    assert '"TotalAmount": 11.953424657534246' in text
    order = load_records(text).records.get(sf_id("801", 1))
    assert order is not None
    assert order.fields["TotalAmount"] == Decimal("11.953424657534246")


def test_redaction_hides_people_and_keeps_what_is_billed():
    raw = contract(
        Phone="+44 20 7946 0000",
        Website="https://acme.test",
        Description="VIP",
        BillingAddress={"street": "1 High Street", "country": "GB"},
        BillingStreet="1 High Street",
        BillingCity="Little Whinging",
        BillingPostalCode="XX1 2YY",
        Tax_Id__c="GB123456789",
        Tax_Id_Type__c="gb_vat",
        VAT_Registration__c="GB987654321",
        PoNumber="SECRET-77",
        ActivatedDate="2026-01-02T03:04:05Z",
        MailingState="CA",
        Billing_Contact__c="jane@acme.test",
        StageName="Closed Won",
    )
    text = dump_records(raw, redact=True)
    for secret in (
        "Customer 1",
        "7946",
        "acme",
        "VIP",
        "High Street",
        "jane",
        "Whinging",
        "2YY",
        "GB1",
        "GB9",
        "SECRET",
    ):
        assert secret not in text
    account = load_records(text).records.get(sf_id("001", 1))
    assert account is not None
    assert account.fields["BillingAddress"] == {"street": "1 Example Street", "country": "GB"}
    assert account.fields["BillingStreet"] == "1 Example Street"
    assert account.fields["Tax_Id_Type__c"] == "gb_vat"
    assert account.fields["ActivatedDate"] == "2026-01-02T03:04:05Z"
    assert account.fields["Billing_Contact__c"] == "person1@example.com"
    assert (account.fields["MailingState"], account.fields["StageName"]) == ("CA", "Closed Won")
    again = next(families(load_records(text).records, [raw.key]))
    assert [len(revision.lines) for revision in again.revisions] == [1, 1]
    assert dump_records(raw, redact=True) == text


FILE = {"format": "crm-records/1", "crm": "salesforce", "root": {"object": "Order", "id": "801"}, "records": {}}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "line 1, column 2: not valid JSON"),
        ('{"a": 1, "a": 2}', "'a' occurs twice"),
        ('{"a": NaN}', "NaN is not a number"),
        ("[]", "top level: expected an object"),
        (json.dumps({**FILE, "format": "crm-records/2"}), 'write "format": "crm-records/1"'),
        (json.dumps({**FILE, "crm": ""}), 'such as "crm": "salesforce"'),
        (json.dumps({**FILE, "root": "801"}), "name the contract's record"),
        (json.dumps({**FILE, "records": []}), "records: expected"),
        (json.dumps({**FILE, "records": {"Order": []}}), "records.Order: expected an object of records"),
        (json.dumps({**FILE, "records": {"Order": {"801": 1}}}), "records.Order.801: expected the record's fields"),
        (json.dumps(FILE), "there is no record 801 under records"),
    ],
)
def test_a_bad_file_says_where_why_and_how(text: str, says: str):
    with pytest.raises(ConfigError) as caught:
        load_records(text, source="deal.json")
    assert str(caught.value).startswith("deal.json: ")
    assert says in str(caught.value)


def test_a_file_is_a_crm():
    raw = contract()
    crm = SnapshotCrm(load_records(dump_records(raw, redact=False)))
    changed = crm.changed(None)
    assert changed.refs == (ContractRef("snapshot", raw.key),)
    assert crm.changed(changed.cursor).refs == ()
    (found,) = crm.fetch([*changed.refs, *changed.refs, ContractRef("snapshot", sf_id("801", 2))], PATHS)
    assert found.revisions == raw.revisions
    assert list(crm.fetch([ContractRef("snapshot", sf_id("801", 9))], PATHS)) == []


def test_a_file_remembers_what_is_written_back():
    raw = contract()
    crm = SnapshotCrm(load_records(dump_records(raw, redact=False)))
    stored, unknown, upserted = crm.write_back(
        [
            WriteBack("Order", raw.key, {"Stripe_Schedule_Id__c": "sub_sched_1"}),
            WriteBack("Order", sf_id("801", 9), {"Stripe_Schedule_Id__c": "sub_sched_1"}),
            WriteBack("Stripe_Sync_Record__c", "key", {"Status__c": "Synced"}, upsert_by="Record_Key__c"),
        ]
    )
    assert (stored.error, upserted.error) == (None, None)
    assert unknown.error == "the records file has no such record"
    (found,) = crm.fetch([ContractRef("snapshot", raw.key)], PATHS)
    assert found.root.fields["Stripe_Schedule_Id__c"] == "sub_sched_1"
    assert len(crm.written) == 3


def test_the_family_function_is_chosen_by_the_files_crm():
    raw = contract()
    text = dump_records(raw, redact=False).replace('"crm": "salesforce"', '"crm": "hubspot"')
    crm = SnapshotCrm(load_records(text), topologies={"hubspot": families})
    assert [found.key for found in crm.fetch([ContractRef("snapshot", raw.key)], PATHS)] == [raw.key]
