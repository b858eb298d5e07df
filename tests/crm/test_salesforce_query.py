import pytest

from connector.crm.salesforce.query import Query, among, chunks, field_path, lookup_of, record_id, with_parents
from connector.crm.salesforce.reads import asked_orders
from connector.domain.errors import ConfigError, RejectedError
from tests.crm.builders import PATHS, sf_id


def test_a_query_is_the_same_text_every_time():
    ids = [sf_id("801", n) for n in (2, 1)]
    query = Query("Order", frozenset({"Status", "Account.Name"}), among("Id", ids))
    head, _, tail = query.soql.partition(" WHERE ")
    assert head == "SELECT Account.Name, Id, Status FROM Order"
    assert tail == f"Id IN ('{ids[1]}','{ids[0]}') ORDER BY Id"
    assert query.without({"Status"}).soql.startswith("SELECT Account.Name, Id FROM")


@pytest.mark.parametrize("bad", ["Id,Name", "Name FROM User", "", "a..b", "1a", "a'b", "A.B.C.D.E.F.G", "Näme"])
def test_only_names_are_names(bad: str):
    with pytest.raises(ConfigError, match="not a Salesforce field path"):
        field_path(bad)


@pytest.mark.parametrize("bad", ["801", "8018Z0000000001QA", "8018Z0000000001'AA", "//evil.example/xxxx", ""])
def test_only_ids_are_ids(bad: str):
    with pytest.raises(RejectedError):
        record_id(bad)


def test_an_empty_list_is_not_asked():
    with pytest.raises(ValueError, match="Id"):
        among("Id", [])


def test_every_parent_on_the_way_brings_its_id():
    assert with_parents({"A__r.Owner.Name", "Status"}) == {
        "Status",
        "A__c",
        "A__r.Id",
        "A__r.OwnerId",
        "A__r.Owner.Id",
        "A__r.Owner.Name",
    }
    assert lookup_of("SBQQ__Quote__r") == "SBQQ__Quote__c"


def test_more_relationships_than_the_platform_follows_are_refused():
    query = Query("Order", frozenset(f"R{n}__r.Name" for n in range(56)), "Id != null")
    with pytest.raises(ConfigError, match="55 relationships, not 56"):
        _ = query.soql


def test_a_query_too_long_for_an_address_is_cut_in_two():
    wide = {**PATHS, "Order": frozenset(f"A_rather_long_name_of_a_column_{n:03d}__c" for n in range(300))}
    ids = [sf_id("801", n) for n in range(200)]
    queries = list(asked_orders(ids, wide))
    assert len(queries) > 1
    assert all(query.fits for query in queries)
    assert sum(query.where.count("801") for query in queries) >= 200


def test_chunks_keep_order_and_drop_repeats():
    assert list(chunks(["b", "a", "b", "c"], 2)) == [("b", "a"), ("c",)]
