from decimal import Decimal

import pytest

from connector.crm.protocol import ContractRef
from connector.crm.salesforce.adapter import SalesforceCrm
from connector.crm.salesforce.family import families
from connector.domain.errors import ConfigError, RejectedError
from connector.mapping.raw import RawContract, RawRecords
from connector.sandbox.salesforce import SalesforceSandbox
from tests.crm.builders import PATHS, Tables, amend, deal, put, sf_id
from tests.crm.conftest import StartOrg, calls, crm_for


def fetch(crm: SalesforceCrm, *ids: str, paths: dict[str, frozenset[str]] = PATHS) -> list[RawContract]:
    return list(crm.fetch([ContractRef("salesforce", key) for key in ids], paths))


def shape(contract: RawContract) -> list[tuple[str, str, list[str]]]:
    return [(r.kind, r.record.id, [line.record.id for line in r.lines]) for r in contract.revisions]


def many(count: int, lines: int = 3) -> tuple[Tables, list[str]]:
    tables: Tables = {}
    keys = [deal(tables, n, lines=lines) for n in range(1, count + 1)]
    for n, key in enumerate(keys[::3]):
        amend(tables, key, 1000 + n)
    return tables, keys


def test_the_same_contract_comes_over_the_network_as_out_of_a_file(start_org: StartOrg):
    tables, keys = many(3)
    contracts = fetch(crm_for(start_org(tables)), *keys)
    expected = list(families(RawRecords.from_mapping(tables), keys))
    assert [shape(contract) for contract in contracts] == [shape(contract) for contract in expected]


def test_parents_become_records_and_numbers_stay_exact(start_org: StartOrg):
    tables: Tables = {}
    key = deal(tables, TotalAmount=7200.1)
    org = start_org(tables)
    (contract,) = fetch(crm_for(org), key)
    records = contract.records
    account = records.follow(contract.root, "Account")
    quote = records.follow(contract.root, "SBQQ__Quote__r")
    (line,) = contract.revisions[0].lines
    label = records.follow(line.record, "SBQQ__QuoteLine__r")
    assert account is not None
    assert account.fields["Name"] == "Customer 1"
    assert quote is not None
    assert quote.fields["SBQQ__SubscriptionTerm__c"] == Decimal("12.0")
    assert label is not None
    assert label.fields["SBQQ__SegmentLabel__c"] == "Year 1"
    assert contract.root.fields["TotalAmount"] == Decimal("7200.1")
    assert isinstance(line.record.fields["Quantity"], Decimal)
    assert contract.instance_url == org.url


def test_one_contract_takes_at_most_four_calls(start_org: StartOrg):
    tables, keys = many(1)
    org = start_org(tables)
    (contract,) = fetch(crm_for(org), keys[0])
    assert len(contract.revisions) == 2
    assert calls(org) == {"POST composite": 4}


def test_a_contract_without_usage_coupons_and_status_takes_two(start_org: StartOrg):
    tables, keys = many(1)
    org = start_org(tables)
    fetch(crm_for(org), keys[0], paths={name: PATHS[name] for name in ("Order", "OrderItem")})
    assert calls(org) == {"POST composite": 2}


def test_two_hundred_contracts_take_a_handful_of_calls(start_org: StartOrg):
    tables, keys = many(200)
    org = start_org(tables)
    contracts = fetch(crm_for(org), *keys)
    assert [contract.key for contract in contracts] == keys
    assert sum(len(contract.revisions) for contract in contracts) == 267
    assert sum(calls(org).values()) <= 10  # 0.05 a contract
    assert max(len(request.path) + len(request.query) for request in org.log) < 16_000


def test_batches_are_cut_and_pages_followed(start_org: StartOrg):
    tables, keys = many(7)
    org = start_org(tables, page_size=2)
    contracts = fetch(crm_for(org, batch=3), *keys)
    assert [contract.key for contract in contracts] == keys
    assert all(len(contract.revisions[0].lines) == 3 for contract in contracts)


def test_several_refs_of_a_contract_give_it_once_and_unknown_ones_nothing(start_org: StartOrg):
    tables: Tables = {}
    first = deal(tables)
    change = amend(tables, first, 2)
    crm = crm_for(start_org(tables))
    assert [contract.key for contract in fetch(crm, change, first, sf_id("006", 1), sf_id("801", 99))] == [first]
    assert fetch(crm, sf_id("801", 99)) == []
    assert fetch(crm) == []


def test_usage_coupons_and_status_come_along(start_org: StartOrg):
    tables: Tables = {}
    key = deal(tables)
    schedule = put(tables, "ConsumptionSchedule", "0zS", 1, Name="Calls", Type="Slab")
    tables["ProductConsumptionSchedule"] = {}
    org = start_org(tables)
    product, line = sf_id("01t", 1), sf_id("802", 100)
    org.insert("ProductConsumptionSchedule", {"ProductId": product, "ConsumptionScheduleId": schedule})
    org.insert("ConsumptionRate", {"ConsumptionScheduleId": schedule, "LowerBound": 1, "Price": 0.25})
    org.insert("Order_Stripe_Coupon__c", {"Order_Item__c": line, "Percent_Off__c": 10})
    org.insert("Order_Stripe_Coupon__c", {"Order__c": key, "Percent_Off__c": 5})
    org.insert("Stripe_Sync_Record__c", {"Record_Key__c": key, "Order__c": key, "Status__c": "Synced"})
    crm = crm_for(org)
    (contract,) = fetch(crm, key)
    (revision,) = contract.revisions
    assert [s.fields["Type"] for s in revision.lines[0].rate_schedules] == ["Slab"]
    assert [rate.fields["Price"] for rate in revision.lines[0].rates] == [Decimal("0.25")]
    assert [coupon.fields["Percent_Off__c"] for coupon in revision.lines[0].discounts] == [10]
    assert [coupon.fields["Percent_Off__c"] for coupon in revision.discounts] == [5]
    assert [status.fields["Status__c"] for status in contract.records.of("Stripe_Sync_Record__c")] == ["Synced"]
    own = org.insert("SBQQ__OrderItemConsumptionSchedule__c", {"SBQQ__OrderItem__c": line, "SBQQ__Type__c": "Range"})
    rate = {"SBQQ__OrderItemConsumptionSchedule__c": own, "SBQQ__LowerBound__c": 1, "SBQQ__Price__c": 0.2}
    org.insert("SBQQ__OrderItemConsumptionRate__c", rate)
    (contract,) = fetch(crm, key)
    assert [rate.fields["SBQQ__Price__c"] for rate in contract.revisions[0].lines[0].rates] == [Decimal("0.2")]


def test_other_first_orders_of_the_account_are_siblings(start_org: StartOrg):
    tables: Tables = {}
    one, two = deal(tables, 1), deal(tables, 2, account=1)
    (contract,) = fetch(crm_for(start_org(tables)), one)
    assert [order.id for order in contract.siblings] == [two]


# --- what the org lacks -----------------------------------------------------------------------------


def test_missing_columns_are_left_out_and_remembered(start_org: StartOrg):
    tables, keys = many(2)
    org = start_org(tables)
    org.remove_field("SBQQ__Quote__c", "SBQQ__SubscriptionTerm__c")
    paths = {**PATHS, "OrderItem": PATHS["OrderItem"] | {"Nonsense__c", "Nothing__r.Name"}}
    crm = crm_for(org)
    contracts = fetch(crm, *keys, paths=paths)
    assert [contract.key for contract in contracts] == keys
    assert crm.missing_columns == {
        "Order": {"SBQQ__Quote__r.SBQQ__SubscriptionTerm__c"},
        "OrderItem": {"Nonsense__c", "Nothing__r.Name", "Nothing__r.Id", "Nothing__c"},
    }
    before = sum(calls(org).values())
    fetch(crm, *keys, paths=paths)
    assert sum(calls(org).values()) - before <= 4  # nothing is asked twice


def test_a_column_of_the_object_itself_costs_one_description(start_org: StartOrg):
    tables, keys = many(1)
    org = start_org(tables)
    paths = {"Order": PATHS["Order"] | {"Nonsense__c"}, "OrderItem": PATHS["OrderItem"]}
    fetch(crm_for(org), *keys, paths=paths)
    assert calls(org) == {"POST composite": 3, "GET sobjects/{sobject}/describe": 1}


def without_object(org: SalesforceSandbox, name: str) -> None:
    del org.app.store.schema.objects[name.lower()]


def test_optional_objects_may_be_absent(start_org: StartOrg):
    tables, keys = many(1)
    org = start_org(tables)
    for name in ("Order_Stripe_Coupon__c", "Stripe_Sync_Record__c", "SBQQ__OrderItemConsumptionRate__c"):
        without_object(org, name)
    assert [contract.key for contract in fetch(crm_for(org), *keys)] == keys


def test_lines_are_not_optional(start_org: StartOrg):
    tables, keys = many(1)
    org = start_org(tables)
    without_object(org, "OrderItem")
    with pytest.raises(ConfigError, match="does not show the object OrderItem"):
        fetch(crm_for(org), *keys)


def test_hidden_ties_stop_everything_since_an_amendment_would_pass_for_a_new_deal(start_org: StartOrg):
    tables, keys = many(1)
    org = start_org(tables)
    org.remove_field("Opportunity", "SBQQ__AmendedContract__c")
    with pytest.raises(ConfigError, match=r"SBQQ__AmendedContract__c.*read access"):
        fetch(crm_for(org), *keys)


def test_an_org_without_cpq_has_first_orders_only(start_org: StartOrg):
    tables, keys = many(2)
    org = start_org(tables)
    schema = org.app.store.schema
    for sobject in list(schema.objects.values()):
        for column in [field.name for field in sobject.fields.values() if field.name.startswith("SBQQ__")]:
            org.remove_field(sobject.name, column)
    contracts = fetch(crm_for(org), *keys, paths={"Order": frozenset({"Status"}), "OrderItem": frozenset({"Quantity"})})
    assert [[(r.kind, len(r.lines)) for r in contract.revisions] for contract in contracts] == [[("initial", 3)]] * 2


# --- what is refused --------------------------------------------------------------------------------


def test_an_id_that_is_none_never_gets_near_the_network(start_org: StartOrg):
    org = start_org({})
    for bad in ("//evil.example/x", "801' OR Name != '", ""):
        with pytest.raises(RejectedError, match="is not the id of a Salesforce record"):
            fetch(crm_for(org), bad)
    assert org.log == []


def test_a_mapping_cannot_smuggle_text_into_a_query(start_org: StartOrg):
    paths = {"Order": frozenset({"Id FROM User --"}), "OrderItem": frozenset[str]()}
    with pytest.raises(ConfigError, match="not a Salesforce field path"):
        fetch(crm_for(start_org({})), sf_id("801", 1), paths=paths)


def test_an_object_beyond_reach_is_named_with_a_way_out(start_org: StartOrg):
    with pytest.raises(ConfigError, match=r"the mapping reads Case.*SBQQ__Quote__r\.SBQQ__StartDate__c on Order"):
        fetch(crm_for(start_org({})), sf_id("801", 1), paths={"Case": frozenset({"Subject"})})


@pytest.mark.parametrize("batch", [1, 200])
def test_orphans_are_raised_after_the_others(start_org: StartOrg, batch: int):
    tables: Tables = {}
    good, *lost = [deal(tables, n) for n in (1, 2, 3)]
    orphans = [amend(tables, key, n) for n, key in enumerate(lost, start=4)]
    org = start_org(tables)
    for key in lost:
        org.delete("Order", key)
    refs = [ContractRef("salesforce", key) for key in (orphans[0], good, orphans[1])]
    found = crm_for(org, batch=batch).fetch(refs, PATHS)
    assert next(found).key == good
    with pytest.raises(RejectedError, match=r"Order 00000004 .*cannot be found") as caught:
        next(found)
    assert caught.value.param == ",".join(orphans)
