"""Amendments look as the package makes them."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
import requests

from connector.sandbox.salesforce import SalesforceSandbox
from connector.sandbox.seed import ORDERS, seed

TODAY = date(2026, 11, 24)


@pytest.fixture
def org():
    return SalesforceSandbox(records=seed(TODAY), now=datetime(2026, 11, 24, 8, tzinfo=UTC))


def lines_of(org, order_id):
    rows = [line for line in org.records("OrderItem").values() if line["OrderId"] == order_id]
    return sorted(rows, key=lambda line: line["Id"])


def test_contracting_links_everything(org):
    made = org.contract(ORDERS["ramp"])
    assert org.contract(ORDERS["ramp"]) == made
    row = org.records("Contract")[made]
    assert (row["StartDate"], row["EndDate"], row["ContractTerm"]) == ("2026-12-01", "2029-11-30", 36)
    assert org.records("Order")[ORDERS["ramp"]]["SBQQ__Contracted__c"] is True
    recurring = [line for line in lines_of(org, ORDERS["ramp"]) if line.get("SBQQ__SubscriptionPricing__c")]
    subscriptions = org.records("SBQQ__Subscription__c")
    assert [subscriptions[line["SBQQ__Subscription__c"]]["SBQQ__Quantity__c"] for line in recurring] == [20, 35, 50, 1]
    first = subscriptions[recurring[0]["SBQQ__Subscription__c"]]
    assert (first["SBQQ__SegmentEndDate__c"], first["SBQQ__EndDate__c"]) == ("2027-11-30", "2029-11-30")


def test_an_amendment_sells_differences(org):
    one, two, three, *_ = lines_of(org, ORDERS["ramp"])
    made = org.amend(ORDERS["ramp"], date(2027, 12, 1), {two["Id"]: 40, three["Id"]: 50})
    order = org.records("Order")[made]
    assert (order["Type"], order["Status"], order["TotalAmount"]) == ("Amendment", "Activated", 5700.0)
    (line,) = lines_of(org, made)  # what keeps its quantity has no line
    assert (line["Quantity"], line["UnitPrice"], line["TotalPrice"]) == (5.0, 1140.0, 5700.0)
    assert line["SBQQ__RevisedOrderProduct__c"] == two["Id"]
    assert line["SBQQ__ContractAction__c"] == "Quantity Increase"
    assert line["SBQQ__SegmentKey__c"] == one["SBQQ__SegmentKey__c"]
    assert line["SBQQ__SegmentIndex__c"] == 1.0  # Year 2 comes first now
    quoted = org.records("SBQQ__QuoteLine__c")[line["SBQQ__QuoteLine__c"]]
    assert (quoted["SBQQ__SegmentLabel__c"], quoted["SBQQ__Quantity__c"]) == ("Year 2", 40.0)
    opportunity = org.records("Opportunity")[order["OpportunityId"]]
    held = org.records("Contract")[opportunity["SBQQ__AmendedContract__c"]]
    assert (held["SBQQ__Order__c"], held["SBQQ__Quote__c"]) == (
        made,
        org.records("Order")[ORDERS["ramp"]]["SBQQ__Quote__c"],
    )


def test_revisions_name_the_first_line_and_price_the_time_left(org):
    _, two, *_ = lines_of(org, ORDERS["ramp"])
    org.amend(ORDERS["ramp"], date(2027, 12, 1), {two["Id"]: 40})
    again = org.amend(ORDERS["ramp"], date(2028, 6, 1), {two["Id"]: 30})
    (line,) = lines_of(org, again)
    assert line["SBQQ__RevisedOrderProduct__c"] == two["Id"]
    assert (line["Quantity"], line["UnitPrice"], line["ServiceDate"]) == (-10.0, 570.0, "2028-06-01")
    assert line["SBQQ__ProrateMultiplier__c"] == 0.5
    assert line["SBQQ__ContractAction__c"] == "Quantity Decrease"


def test_a_termination_takes_everything_away(org):
    made = org.terminate(ORDERS["stub"], date(2027, 12, 15))
    assert [line["Quantity"] for line in lines_of(org, made)] == [-1.0, -1.0]
    assert {line["SBQQ__ContractAction__c"] for line in lines_of(org, made)} == {"Cancel"}
    ended = [line["SBQQ__TerminatedDate__c"] for line in lines_of(org, ORDERS["stub"])]
    assert ended == ["2027-12-14", "2027-12-14"]
    assert org.records("Order")[made]["TotalAmount"] == -7800.0


def test_an_org_is_amended_from_outside():
    with SalesforceSandbox(records=seed(TODAY)) as org:
        line = next(iter(lines_of(org, ORDERS["flat"])))["Id"]
        path = f"{org.url}/_sandbox/orders/{ORDERS['flat']}"
        order = {"start": "2027-01-24", "quantities": {line: 50}}
        made = requests.post(f"{path}/amend", json=order, timeout=5).json()["id"]
        assert [row["Quantity"] for row in lines_of(org, made)] == [10.0]
        ended = requests.post(f"{path}/terminate", json={"day": "2027-05-24"}, timeout=5).json()["id"]
        assert [row["Quantity"] for row in lines_of(org, ended)] == [-50.0, -2.0]
