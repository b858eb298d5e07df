"""Evergreen contracts amended and ended, and contracts renewed, as the emulated org leaves them."""

from __future__ import annotations

from datetime import date

import pytest

from connector.sandbox.salesforce import SalesforceSandbox
from connector.sandbox.seed import ORDERS, seed

TODAY = date(2026, 11, 24)


@pytest.fixture
def org() -> SalesforceSandbox:
    return SalesforceSandbox(records=seed(TODAY))


def lines_of(org: SalesforceSandbox, order: str) -> list[dict[str, object]]:
    return [line for line in org.records("OrderItem").values() if line["OrderId"] == order]


def test_an_evergreen_contract_has_no_end_and_its_changes_have_none(org: SalesforceSandbox):
    first = ORDERS["evergreen"]
    root = lines_of(org, first)[0]
    order = org.amend(first, date(2027, 3, 12), {str(root["Id"]): 20})
    (contract,) = org.records("Contract").values()
    assert (contract["SBQQ__Evergreen__c"], contract.get("EndDate")) == (True, None)
    (line,) = lines_of(org, order)
    assert (line["Quantity"], line["UnitPrice"], line["TotalPrice"]) == (-5.0, 18.0, -90.0)
    assert (line["ServiceDate"], line.get("EndDate")) == ("2027-03-12", None)
    assert line["SBQQ__SubscriptionType__c"] == "Evergreen"
    quote = org.records("SBQQ__Quote__c")[org.records("Order")[order]["SBQQ__Quote__c"]]
    assert (quote["SBQQ__MasterEvergreenContract__c"], quote["SBQQ__SubscriptionTerm__c"]) == (contract["Id"], 1)


def test_terminating_ends_what_has_no_end_as_well(org: SalesforceSandbox):
    order = org.terminate(ORDERS["evergreen"], date(2027, 5, 1))
    assert sorted(str(line["Quantity"]) for line in lines_of(org, order)) == ["-1.0", "-1.0", "-25.0"]
    assert {line["SBQQ__ContractAction__c"] for line in lines_of(org, order)} == {"Cancel"}


def test_a_renewal_sells_what_is_left_again_for_the_time_after(org: SalesforceSandbox):
    first = ORDERS["flat"]
    tracking = next(line for line in lines_of(org, first) if line["Quantity"] == 40.0)
    org.amend(first, date(2027, 3, 24), {str(tracking["Id"]): 50})
    order = org.renew(first, uplift="5")
    held = org.records("Order")[order]
    opportunity = org.records("Opportunity")[held["OpportunityId"]]
    (contract,) = org.records("Contract").values()
    assert opportunity["SBQQ__RenewedContract__c"] == contract["Id"]
    assert opportunity.get("SBQQ__AmendedContract__c") is None
    assert (held["Type"], held["EffectiveDate"], held["Status"]) == ("Renewal", "2027-11-24", "Activated")
    sold = {line["SBQQ__RevisedOrderProduct__c"]: line for line in lines_of(org, order)}
    again = sold[tracking["Id"]]
    assert (again["Quantity"], again["UnitPrice"], again["TotalPrice"]) == (50.0, 226.8, 11340.0)
    assert (again["ServiceDate"], again["EndDate"]) == ("2027-11-24", "2028-11-23")
    assert {line["SBQQ__ContractAction__c"] for line in sold.values()} == {"Renew"}
    assert held["TotalAmount"] == pytest.approx(sum(float(str(line["TotalPrice"])) for line in sold.values()))


def test_what_has_no_end_is_not_renewed(org: SalesforceSandbox):
    with pytest.raises(ValueError, match="has no end"):
        org.renew(ORDERS["evergreen"])
