from datetime import UTC, datetime, timedelta

import pytest

from connector.crm.protocol import ContractRef, Cursor
from connector.crm.salesforce import changes as salesforce_changes
from connector.crm.salesforce.adapter import SalesforceCrm
from connector.domain.errors import ConfigError, RetryableError
from connector.sandbox.salesforce import SalesforceSandbox
from tests.crm.builders import Tables, amend, deal, sf_id
from tests.crm.conftest import NOW, StartOrg, calls, crm_for


def ids(crm: SalesforceCrm, since: Cursor | None) -> tuple[set[str], Cursor]:
    changed = crm.changed(since)
    assert len(set(changed.refs)) == len(changed.refs)
    return {ref.id for ref in changed.refs}, changed.cursor


def org_of(start_org: StartOrg, count: int, **options: object) -> tuple[SalesforceSandbox, list[str]]:
    tables: Tables = {}
    keys = [deal(tables, n) for n in range(1, count + 1)]
    org = start_org(tables, now=NOW - timedelta(hours=1), **options)
    org.clock.set(NOW)
    return org, keys


def test_the_first_poll_finds_everything_and_the_next_nothing(start_org: StartOrg):
    org, keys = org_of(start_org, 3)
    crm = crm_for(org)
    found, cursor = ids(crm, None)
    assert found == set(keys)
    assert ids(crm, cursor)[0] == set()


def test_the_refs_carry_the_adapters_name(start_org: StartOrg):
    org, keys = org_of(start_org, 1)
    assert crm_for(org, name="emea").changed(None).refs == (ContractRef("emea", keys[0]),)


def test_editing_a_line_tells_its_order(start_org: StartOrg):
    org, keys = org_of(start_org, 2)
    crm = crm_for(org)
    _, cursor = ids(crm, None)
    org.clock.advance(timedelta(minutes=20))
    org.update("OrderItem", sf_id("802", 200), {"Quantity": 6})
    org.clock.advance(timedelta(minutes=2))
    assert ids(crm, cursor)[0] == {keys[1]}


def test_the_servers_present_is_left_for_the_next_poll(start_org: StartOrg):
    org, keys = org_of(start_org, 1)
    crm = crm_for(org)
    _, cursor = ids(crm, None)
    org.clock.advance(timedelta(minutes=20))
    org.update("Order", keys[0], {"PoNumber": "4711"})
    org.clock.advance(timedelta(seconds=30))
    found, cursor = ids(crm, cursor)
    assert found == set()
    org.clock.advance(timedelta(seconds=60))
    assert ids(crm, cursor)[0] == set(keys)


def test_a_slow_transaction_is_not_lost(start_org: StartOrg):
    org, keys = org_of(start_org, 1)
    crm = crm_for(org)
    _, cursor = ids(crm, None)
    org.clock.advance(timedelta(minutes=20))
    org.update_late("Order", keys[0], {"PoNumber": "4711"}, visible_in=timedelta(minutes=3))
    org.clock.advance(timedelta(minutes=2))
    found, cursor = ids(crm, cursor)  # the window has passed the stamp, but the row cannot be seen yet
    assert found == set()
    org.clock.advance(timedelta(minutes=2))
    assert ids(crm, cursor)[0] == set(keys)


def test_going_on_from_an_older_cursor_repeats(start_org: StartOrg):
    org, keys = org_of(start_org, 2)
    crm = crm_for(org)
    _, cursor = ids(crm, None)
    org.clock.advance(timedelta(minutes=20))
    org.update("Order", keys[0], {"PoNumber": "4711"})
    org.clock.advance(timedelta(minutes=2))
    assert ids(crm, cursor)[0] == {keys[0]}
    assert ids(crm, cursor)[0] == {keys[0]}  # the caller did not store what it was told
    assert ids(crm_for(org), cursor)[0] == {keys[0]}  # another process


def test_many_rows_of_one_stamp_are_read_page_by_page(start_org: StartOrg, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(salesforce_changes, "PAGE", 4)
    org, keys = org_of(start_org, 9)
    found, _ = ids(crm_for(org), None)
    assert found == set(keys)
    assert calls(org)["GET queryAll"] == 6  # 4 + 4 + 1 orders, as many lines


def test_deleted_lines_and_amendments_are_told_to_their_contract(start_org: StartOrg):
    tables: Tables = {}
    first, other = deal(tables, 1), deal(tables, 2)
    change = amend(tables, first, 3)
    org = start_org(tables, now=NOW - timedelta(hours=1))
    org.clock.set(NOW)
    crm = crm_for(org)
    _, cursor = ids(crm, None)
    org.clock.advance(timedelta(minutes=20))
    org.delete("Order", change)
    org.delete("OrderItem", sf_id("802", 200))
    org.clock.advance(timedelta(minutes=2))
    found, _ = ids(crm, cursor)
    assert {first, other} <= found


def test_the_cursor_never_goes_back(start_org: StartOrg):
    org, _ = org_of(start_org, 1)
    future = Cursor(datetime(2030, 1, 1, tzinfo=UTC))
    assert crm_for(org).changed(future).cursor.stamp == future.stamp


def test_the_servers_clock_counts_not_the_hosts(start_org: StartOrg):
    org, _ = org_of(start_org, 1)
    assert abs(NOW - timedelta(seconds=60) - crm_for(org).changed(None).cursor.stamp) < timedelta(seconds=5)


def test_without_a_date_nothing_is_polled(start_org: StartOrg, monkeypatch: pytest.MonkeyPatch):
    org, _ = org_of(start_org, 1)
    crm = crm_for(org)
    monkeypatch.setattr(crm.client.transport.server_clock, "sample", lambda _: None)
    with pytest.raises(RetryableError, match="did not tell its time"):
        crm.changed(None)


def test_an_org_without_cpq_is_polled_too(start_org: StartOrg):
    org, keys = org_of(start_org, 1)
    for sobject in list(org.app.store.schema.objects.values()):
        for column in [field.name for field in sobject.fields.values() if field.name.startswith("SBQQ__")]:
            org.remove_field(sobject.name, column)
    assert ids(crm_for(org), None)[0] == set(keys)


def test_hidden_ties_stop_the_poll(start_org: StartOrg):
    org, _ = org_of(start_org, 1)
    org.remove_field("Opportunity", "SBQQ__AmendedContract__c")
    with pytest.raises(ConfigError, match="amendments cannot be told from new"):
        crm_for(org).changed(None)
