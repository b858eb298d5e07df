from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import pytest

from connector.sandbox.salesforce import SalesforceSandbox
from connector.sandbox.salesforce.schema_stripe import default_schema
from connector.sandbox.salesforce.terms import add_months, last_day, months_between
from connector.sandbox.seed import MISTAKES, ORDERS, seed

DAYS = [date(2026, 11, 24), date(2024, 2, 29), date(2026, 1, 31), date(2025, 12, 1)]


def lines_of(records, key):
    return [line for line in records["OrderItem"].values() if line["OrderId"] == ORDERS[key]]


@pytest.mark.parametrize("today", DAYS, ids=str)
def test_money_adds_up(today):
    records = seed(today)
    totals: defaultdict[str, Decimal] = defaultdict(Decimal)
    for line in records["OrderItem"].values():
        total = Decimal(str(line["UnitPrice"])) * Decimal(str(line["Quantity"]))
        assert total == Decimal(str(line["TotalPrice"]))
        totals[line["OrderId"]] += total
    for order_id, order in records["Order"].items():
        assert totals[order_id] == Decimal(str(order["TotalAmount"]))
        assert records["SBQQ__Quote__c"][order["SBQQ__Quote__c"]]["SBQQ__NetAmount__c"] == order["TotalAmount"]
        assert records["Opportunity"][order["OpportunityId"]]["Amount"] == order["TotalAmount"]


@pytest.mark.parametrize("today", DAYS, ids=str)
def test_prices_follow_list_discount_and_term(today):
    records = seed(today)
    for line in records["OrderItem"].values():
        quote_line = records["SBQQ__QuoteLine__c"][line["SBQQ__QuoteLine__c"]]
        entry = records["PricebookEntry"][line["PricebookEntryId"]]
        assert entry["UnitPrice"] == line["SBQQ__QuotedListPrice__c"] == quote_line["SBQQ__ListPrice__c"]
        assert entry["CurrencyIsoCode"] == line["CurrencyIsoCode"]
        net = line["SBQQ__QuotedListPrice__c"] * (1 - quote_line["SBQQ__TotalDiscountRate__c"] / 100)
        assert net * line["SBQQ__ProrateMultiplier__c"] == pytest.approx(line["UnitPrice"], abs=0.005)
        assert quote_line["SBQQ__NetPrice__c"] == line["UnitPrice"]


@pytest.mark.parametrize("today", DAYS, ids=str)
def test_every_reference_leads_somewhere_and_every_value_fits(today):
    records, schema = seed(today), default_schema()
    for name, rows in records.items():
        sobject = schema.objects[name.lower()]
        for record_id, fields in rows.items():
            assert record_id.startswith(sobject.prefix)
            for column_name, value in fields.items():
                column = sobject.find(column_name)
                assert column is not None, f"{name}.{column_name}"
                if column.type == "reference" and value is not None:
                    assert value in records[column.reference_to[0]], f"{name}.{column_name}"
                if column.type == "picklist" and value is not None:
                    assert value in column.values, f"{name}.{column_name}: {value}"
                if column.length and isinstance(value, str):
                    assert len(value) <= column.length


@pytest.mark.parametrize("today", DAYS, ids=str)
def test_segments_follow_each_other(today):
    records = seed(today)
    chains = defaultdict(list)
    for line in records["OrderItem"].values():
        if line["SBQQ__SegmentKey__c"]:
            chains[line["OrderId"], line["SBQQ__SegmentKey__c"]].append(line)
    for (order_id, _), chain in chains.items():
        chain.sort(key=lambda line: line["SBQQ__SegmentIndex__c"])
        assert [line["SBQQ__SegmentIndex__c"] for line in chain] == list(range(1, len(chain) + 1))
        gaps = [
            (date.fromisoformat(after["ServiceDate"]) - date.fromisoformat(before["EndDate"])).days
            for before, after in pairwise(chain)
        ]
        assert set(gaps) == ({1} if order_id != ORDERS["gap"] else {1, max(gaps)})


def test_the_same_day_gives_the_same_records():
    assert seed(DAYS[0]) == seed(DAYS[0])
    assert seed(DAYS[0])["Order"].keys() == seed(DAYS[1])["Order"].keys() == set(ORDERS.values())


def test_nothing_is_stamped_in_the_future():
    for rows in seed(DAYS[0]).values():
        assert all(fields["SystemModstamp"] < DAYS[0].isoformat() for fields in rows.values())


def test_the_hero_order():
    records = seed(DAYS[0])
    order = records["Order"][ORDERS["ramp"]]
    assert (order["TotalAmount"], order["SBQQ__PaymentTerm__c"], order["PoNumber"]) == (162_000.0, "Net 30", "PO-88120")
    segments = [line for line in lines_of(records, "ramp") if line["SBQQ__DimensionType__c"] == "Year"]
    assert [(s["Quantity"], s["UnitPrice"]) for s in segments] == [(20.0, 1080.0), (35.0, 1140.0), (50.0, 1200.0)]
    labels = [records["SBQQ__QuoteLine__c"][s["SBQQ__QuoteLine__c"]]["SBQQ__SegmentLabel__c"] for s in segments]
    assert labels == ["Year 1", "Year 2", "Year 3"]
    fee = next(line for line in lines_of(records, "ramp") if line["SBQQ__ChargeType__c"] == "One-Time")
    assert (fee["EndDate"], fee["SBQQ__SubscriptionPricing__c"]) == (None, None)


def test_the_mistakes_are_as_announced():
    records = seed(DAYS[0])
    assert set(MISTAKES) == {"gap", "no_start", "fractional", "metered_quantity", "draft"}
    assert [line["ServiceDate"] for line in lines_of(records, "no_start")] == [None]
    assert lines_of(records, "fractional")[0]["Quantity"] == 2.5
    metered = [line for line in lines_of(records, "metered_quantity") if line["SBQQ__BillingType__c"] == "Arrears"]
    assert [line["Quantity"] for line in metered] == [5.0]
    assert [o["Id"] for o in records["Order"].values() if o["Status"] != "Activated"] == [ORDERS["draft"]]


def test_the_org_takes_the_seed_and_a_year_of_work():
    with SalesforceSandbox(records=seed(DAYS[0])) as org:
        assert len(org.records("Order")) == len(ORDERS)
        made = org.insert("Account", {"Name": "One more"})
        assert made not in seed(DAYS[0])["Account"]
        org.reset()
        assert made not in org.records("Account")


def test_terms():
    assert last_day(date(2026, 1, 31), 1) == date(2026, 2, 27)
    assert add_months(date(2024, 2, 29), 12) == date(2025, 2, 28)
    assert float(months_between(date(2025, 11, 17), date(2026, 11, 14))) == 11.953424657534246
    assert float(months_between(date(2023, 12, 25), date(2024, 11, 12)) / 12) == 0.8853881278538813
    assert months_between(date(2026, 1, 1), date(2026, 1, 1) + timedelta(364)) == Fraction(12)
