from decimal import Decimal

import pytest

from connector.crm.salesforce.family import families
from connector.domain.errors import RejectedError
from connector.mapping.raw import RawContract, RawRecord, RawRecords
from tests.crm.builders import Tables, amend, deal, put, sf_id


def read(tables: Tables, *roots: str) -> list[RawContract]:
    return list(families(RawRecords.from_mapping(tables), roots, instance_url="https://acme.my.salesforce.com/"))


def kinds(contract: RawContract) -> list[tuple[str, str]]:
    return [(revision.kind, revision.record.id) for revision in contract.revisions]


def test_a_first_order_is_a_contract_of_its_own():
    tables: Tables = {}
    key = deal(tables, lines=2)
    (contract,) = read(tables, key)
    assert (contract.key, contract.root.id, contract.crm) == (key, key, "salesforce")
    assert contract.instance_url == "https://acme.my.salesforce.com"
    assert kinds(contract) == [("initial", key)]
    assert [line.record.id for line in contract.revisions[0].lines] == [sf_id("802", 100), sf_id("802", 101)]


def test_any_order_of_a_contract_leads_to_the_same_contract():
    tables: Tables = {}
    first = deal(tables)
    second = amend(tables, first, 2)
    third = amend(tables, first, 3, start="2027-09-01")
    expected = [("initial", first), ("amendment", second), ("amendment", third)]
    for root in (first, second, third, third[:15]):
        (contract,) = read(tables, root)
        assert (contract.key, kinds(contract)) == (first, expected)
    assert len(read(tables, third, second, first)) == 1


def test_amendments_come_by_start_then_activation_then_id():
    tables: Tables = {}
    first = deal(tables)
    late = amend(tables, first, 2, start="2027-08-01", ActivatedDate="2027-01-05T00:00:00.000+0000")
    early = amend(tables, first, 3, start="2027-07-01", ActivatedDate="2027-03-05T00:00:00.000+0000")
    draft = amend(tables, first, 4, ActivatedDate=None, CreatedDate="2027-02-01T00:00:00.000+0000")
    same = amend(tables, first, 5, ActivatedDate=None, CreatedDate="2027-02-01T00:00:00.000+0000")
    (contract,) = read(tables, first)
    assert [key for _, key in kinds(contract)] == [first, draft, same, early, late]


def test_the_order_of_the_records_does_not_matter():
    tables: Tables = {}
    first = deal(tables, lines=3)
    for n in (2, 3, 4):
        amend(tables, first, n)
    records = list(RawRecords.from_mapping(tables))
    (expected,) = read(tables, first)
    for turn in range(len(records)):
        turned = [*records[turn:], *records[:turn]]
        (contract,) = families(RawRecords(turned[:: -1 if turn % 2 else 1]), [first])
        assert contract.revisions == expected.revisions


def test_a_renewal_begins_a_contract_and_has_its_own_amendments():
    tables: Tables = {}
    first = deal(tables)
    renewal = deal(tables, 2, account=1, Type="Renewal")
    change = amend(tables, renewal, 3)
    old, new = read(tables, first, change)
    assert kinds(old) == [("initial", first)]
    assert kinds(new) == [("renewal", renewal), ("amendment", change)]
    assert [order.id for order in old.siblings] == [renewal]
    assert [order.id for order in new.siblings] == [first]


def test_a_quote_may_say_that_an_order_renews():
    tables: Tables = {}
    key = deal(tables, Type=None)
    tables["SBQQ__Quote__c"][sf_id("a0z", 1)]["SBQQ__Type__c"] = "Renewal"
    assert kinds(read(tables, key)[0]) == [("renewal", key)]


def test_an_opportunity_stands_for_its_orders():
    tables: Tables = {}
    key = deal(tables)
    assert [contract.key for contract in read(tables, sf_id("006", 1))] == [key]


def test_deleted_and_unknown_roots_give_nothing():
    tables: Tables = {}
    key = deal(tables, IsDeleted=True)
    assert read(tables, key, sf_id("801", 77)) == []


def test_deleted_lines_are_left_out():
    tables: Tables = {}
    key = deal(tables, lines=2)
    tables["OrderItem"][sf_id("802", 100)]["IsDeleted"] = True
    assert [line.record.id for line in read(tables, key)[0].revisions[0].lines] == [sf_id("802", 101)]


def test_an_amendment_without_its_first_order_is_rejected_and_others_are_not_held_up():
    tables: Tables = {}
    good = deal(tables, 1)
    lost = deal(tables, 2)
    change = amend(tables, lost, 3)
    del tables["Order"][lost]
    found = families(RawRecords.from_mapping(tables), [change, good])
    assert next(found).key == good
    with pytest.raises(RejectedError) as caught:
        next(found)
    assert (caught.value.code, caught.value.param, caught.value.vendor) == ("FIRST_ORDER_MISSING", change, "salesforce")
    for fact in ("Order 00000003", "Contract ", sf_id("a0z", 2), "integration user"):
        assert fact in str(caught.value)


def test_an_amendment_whose_contract_is_hidden_is_rejected():
    tables: Tables = {}
    change = amend(tables, deal(tables), 2)
    tables["Contract"].clear()
    with pytest.raises(RejectedError, match=r"quote \(unknown\) cannot be found"):
        read(tables, change)


def test_an_amendment_that_names_no_contract_never_passes_for_a_new_deal():
    tables: Tables = {}
    change = deal(tables, Type="Amendment")
    with pytest.raises(RejectedError, match="names no amended contract") as caught:
        read(tables, change)
    assert caught.value.code == "AMENDED_CONTRACT_UNKNOWN"


def test_amendments_of_a_split_quote_follow_the_lines_they_revise():
    tables: Tables = {}
    one, two = deal(tables, 1), deal(tables, 2)
    tables["Order"][two]["SBQQ__Quote__c"] = tables["Order"][one]["SBQQ__Quote__c"]
    change = amend(tables, two, 3)
    assert kinds(read(tables, one)[0]) == [("initial", one)]
    assert kinds(read(tables, change)[0]) == [("initial", two), ("amendment", change)]


def test_an_amendment_that_fits_both_halves_of_a_split_quote_blocks_both():
    tables: Tables = {}
    one, two = deal(tables, 1), deal(tables, 2)
    tables["Order"][two]["SBQQ__Quote__c"] = tables["Order"][one]["SBQQ__Quote__c"]
    amend(tables, two, 3, revises=False)
    for root in (one, two):
        with pytest.raises(RejectedError, match="split into 2 orders") as caught:
            read(tables, root)
        assert caught.value.code == "FIRST_ORDER_AMBIGUOUS"


def with_usage(tables: Tables, *, negotiated: bool) -> str:
    key = deal(tables)
    line, product = sf_id("802", 100), sf_id("01t", 1)
    schedule = put(tables, "ConsumptionSchedule", "0zS", 1, Type="Slab")
    put(tables, "ProductConsumptionSchedule", "0zP", 1, ProductId=product, ConsumptionScheduleId=schedule)
    for n, bound in enumerate((1000, 1, 20)):
        put(tables, "ConsumptionRate", "0zR", n, ConsumptionScheduleId=schedule, LowerBound=Decimal(bound))
    if negotiated:
        own = put(tables, "SBQQ__OrderItemConsumptionSchedule__c", "a0Z", 1, SBQQ__OrderItem__c=line)
        for n, bound in enumerate((10, 1)):
            put(
                tables,
                "SBQQ__OrderItemConsumptionRate__c",
                "a0Y",
                n,
                SBQQ__OrderItemConsumptionSchedule__c=own,
                SBQQ__LowerBound__c=bound,
            )
    return key


def test_usage_rates_of_the_line_win_over_the_products():
    tables: Tables = {}
    (line,) = read(tables, with_usage(tables, negotiated=True))[0].revisions[0].lines
    assert [schedule.object for schedule in line.rate_schedules] == ["SBQQ__OrderItemConsumptionSchedule__c"]
    assert [rate.fields["SBQQ__LowerBound__c"] for rate in line.rates] == [1, 10]


def test_without_rates_of_its_own_a_line_has_the_products():
    tables: Tables = {}
    (contract,) = read(tables, with_usage(tables, negotiated=False))
    (line,) = contract.revisions[0].lines
    assert [schedule.object for schedule in line.rate_schedules] == ["ConsumptionSchedule"]
    assert [rate.fields["LowerBound"] for rate in line.rates] == [1, 20, 1000]
    assert next(contract.records.of("ProductConsumptionSchedule"), None) is not None


def test_coupons_belong_to_the_order_or_to_the_line():
    tables: Tables = {}
    key = deal(tables, lines=2)
    on_order = put(tables, "Order_Stripe_Coupon__c", "a1N", 1, Order__c=key)
    on_line = put(tables, "Order_Stripe_Coupon__c", "a1N", 2, Order__c=key, Order_Item__c=sf_id("802", 101))
    (revision,) = read(tables, key)[0].revisions
    assert [coupon.id for coupon in revision.discounts] == [on_order]
    assert [[coupon.id for coupon in line.discounts] for line in revision.lines] == [[], [on_line]]


def test_records_hold_what_the_contract_leads_to_and_nothing_else():
    tables: Tables = {}
    one = deal(tables, 1)
    deal(tables, 2)
    status = put(tables, "Stripe_Sync_Record__c", "a1W", 1, Order__c=one)
    (contract,) = read(tables, one)
    assert {record.id for record in contract.records} == {
        *(sf_id(prefix, 1) for prefix in ("001", "01t", "01u", "006", "a0z", "801")),
        sf_id("802", 100),
        sf_id("a0v", 100),
        status,
    }


def test_a_record_that_points_at_itself_ends():
    key = sf_id("801", 1)
    records = RawRecords([RawRecord("Order", key, {"Type": "New", "OriginalOrderId": key})])
    assert next(families(records, [key])).key == key
