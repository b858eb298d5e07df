"""Renewals in Salesforce: the same records give one contract or two, as the policy has it."""

from datetime import timedelta

import pytest

from connector.crm.protocol import ContractRef
from connector.crm.salesforce.family import families
from connector.domain.errors import RejectedError
from connector.mapping.raw import RawContract, RawRecords
from tests.crm.builders import PATHS, Tables, amend, deal, sf_id
from tests.crm.conftest import NOW, StartOrg, calls, crm_for


def renew(tables: Tables, first: str, n: int, *, start: str = "2028-01-01", revises: bool = True) -> str:
    """Renew the contract of a first order or a renewal, and return the renewal's order."""
    amended = amend(tables, first, 9000 + n)  # makes the contract
    contract = tables["Opportunity"][tables["Order"][amended]["OpportunityId"]]["SBQQ__AmendedContract__c"]
    lines = [key for key, line in tables["OrderItem"].items() if line["OrderId"] == amended]
    del tables["Order"][amended]
    for key in lines:
        del tables["OrderItem"][key]
    origin = tables["Order"][first]
    key = deal(tables, n, account=int(origin["AccountId"][5:15]), Type="Renewal", EffectiveDate=start)
    opportunity = tables["Opportunity"][tables["Order"][key]["OpportunityId"]]
    opportunity |= {"SBQQ__Renewal__c": True, "SBQQ__RenewedContract__c": contract}
    tables["SBQQ__Quote__c"][sf_id("a0z", n)] |= {"SBQQ__StartDate__c": start, "SBQQ__Type__c": "Renewal"}
    if revises:
        root = next(line["Id"] for line in tables["OrderItem"].values() if line["OrderId"] == first)
        tables["OrderItem"][sf_id("802", n * 100)]["SBQQ__RevisedOrderProduct__c"] = root
    return key


def read(tables: Tables, *roots: str, renewal: str) -> list[RawContract]:
    return list(families(RawRecords.from_mapping(tables), roots, renewal=renewal))


def told(contracts: list[RawContract]) -> list[list[str]]:
    return [[f"{r.kind} {int(r.record.id[5:15])}" for r in contract.revisions] for contract in contracts]


def chain() -> tuple[Tables, list[str]]:
    """Return a deal renewed twice, the deal and the first renewal amended; and all its orders in order of time."""
    tables: Tables = {}
    first = deal(tables, 1)
    change = amend(tables, first, 2)
    second = renew(tables, first, 3)
    later = amend(tables, second, 4, start="2028-05-01")
    third = renew(tables, second, 5, start="2029-01-01")
    return tables, [first, change, second, later, third]


def test_appended_renewals_and_all_that_changes_them_are_one_contract():
    tables, orders = chain()
    for root in orders:
        (contract,) = found = read(tables, root, renewal="append")
        assert told(found) == [["initial 1", "amendment 2", "renewal 3", "amendment 4", "renewal 5"]]
        assert (contract.key, contract.renews, contract.renewed_by, contract.siblings) == (orders[0], None, (), ())


def test_handed_over_each_term_is_a_contract_that_knows_its_neighbours():
    tables, (first, _, second, later, third) = chain()
    new, old = read(tables, later, renewal="hand_over")
    assert told([new, old]) == [["renewal 3", "amendment 4"], ["initial 1", "amendment 2"]]
    assert (new.renews and new.renews.id, [order.id for order in new.renewed_by]) == (first, [third])
    assert (old.renews, [order.id for order in old.renewed_by]) == (None, [second])
    assert told(read(tables, first, renewal="hand_over")) == [["initial 1", "amendment 2"]]
    assert len(read(tables, first, second, third, renewal="hand_over")) == 3


def test_separate_terms_know_nothing_of_each_other():
    tables, (first, _, second, _, _) = chain()
    for root in (first, second):
        (contract,) = read(tables, root, renewal="separate")
        assert (contract.key, contract.renews, contract.renewed_by) == (root, None, ())


@pytest.mark.parametrize("renewal", ["append", "hand_over"])
def test_a_renewal_whose_past_is_not_known_is_a_contract_of_its_own(renewal: str):
    tables: Tables = {}
    first = deal(tables, 1)
    second = renew(tables, first, 3)
    del tables["Order"][first]
    (contract,) = read(tables, second, renewal=renewal)
    assert (contract.key, contract.renews) == (second, None)


def test_the_lines_tell_which_order_of_a_split_quote_is_renewed():
    tables: Tables = {}
    one, other = deal(tables, 1), deal(tables, 2, account=1)
    tables["Order"][other]["SBQQ__Quote__c"] = tables["Order"][one]["SBQQ__Quote__c"]
    second = renew(tables, one, 3)
    assert told(read(tables, second, renewal="append")) == [["initial 1", "renewal 3"]]
    tables["OrderItem"][sf_id("802", 300)]["SBQQ__RevisedOrderProduct__c"] = None
    with pytest.raises(RejectedError, match=r"renews Contract .* was split into 2 orders, .* on a line of the renewal"):
        read(tables, second, renewal="append")
    assert read(tables, second, renewal="hand_over")[0].renews is None


def test_contracts_that_renew_each_other_come_to_an_end():
    tables: Tables = {}
    first = deal(tables, 1)
    second = renew(tables, first, 3)
    back = amend(tables, second, 4)
    contract = tables["Opportunity"][tables["Order"][back]["OpportunityId"]]["SBQQ__AmendedContract__c"]
    tables["Order"][first]["Type"] = "Renewal"
    tables["Opportunity"][sf_id("006", 1)]["SBQQ__RenewedContract__c"] = contract
    assert len(read(tables, first, renewal="append")) == 1


@pytest.mark.parametrize("renewal", ["append", "hand_over", "separate"])
def test_the_same_comes_over_the_network(start_org: StartOrg, renewal: str):
    tables, orders = chain()
    for root in orders:
        org = start_org(tables)
        crm = crm_for(org, renewal=renewal)
        contracts = list(crm.fetch([ContractRef("salesforce", root)], PATHS))
        expected = read(tables, root, renewal=renewal)
        assert told(contracts) == told(expected)
        links = [(c.renews and c.renews.id, [order.id for order in c.renewed_by]) for c in contracts]
        assert links == [(c.renews and c.renews.id, [order.id for order in c.renewed_by]) for c in expected]
        lines = [[line.record.id for r in c.revisions for line in r.lines] for c in contracts]
        assert lines == [[line.record.id for r in c.revisions for line in r.lines] for c in expected]


def test_a_contract_that_was_never_renewed_takes_no_call_more(start_org: StartOrg):
    tables: Tables = {}
    key = deal(tables)
    amend(tables, key, 2)
    for renewal in ("append", "hand_over", "separate"):
        org = start_org(tables)
        crm = crm_for(org, renewal=renewal)
        list(crm.fetch([ContractRef("salesforce", key)], PATHS))
        assert calls(org) == {"POST composite": 4}


def test_a_deleted_renewal_is_told_to_the_contract_it_renewed(start_org: StartOrg):
    tables: Tables = {}
    first = deal(tables, 1)
    second = renew(tables, first, 3)
    org = start_org(tables, now=NOW - timedelta(hours=1))
    org.clock.set(NOW)
    crm = crm_for(org)
    cursor = crm.changed(None).cursor
    org.clock.advance(timedelta(minutes=20))
    org.delete("Order", second)
    org.clock.advance(timedelta(minutes=2))
    assert first in {ref.id for ref in crm.changed(cursor).refs}
