"""The vendor's own client, unmodified, against the emulator: an outside check of paths, shapes and paging."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connector.sandbox.hubspot import HubSpotSandbox
from connector.sandbox.hubspot.clock import to_ms

hubspot: Any = pytest.importorskip("hubspot", reason="hubspot-api-client is not installed")

NOW = datetime(2026, 11, 24, 8, 0, 0, 0, UTC)
DEALS, LINES = 250, 5
PARENT = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 20}]


def hundreds(rows):
    return [rows[start : start + 100] for start in range(0, len(rows), 100)]


@pytest.fixture(scope="module")
def client():
    with HubSpotSandbox(now=NOW) as sandbox:
        made = hubspot.HubSpot(access_token=sandbox.token, host=sandbox.url, base_url=sandbox.url)
        made.sandbox = sandbox
        yield made


@pytest.fixture(scope="module")
def deals(client):
    """250 deals with 5 lines each, made in batches."""
    api = client.crm.deals.batch_api
    rows = [{"properties": {"dealname": f"Deal {n}", "dealstage": "closedwon"}} for n in range(DEALS)]
    ids = []
    for inputs in hundreds(rows):
        answer = api.create({"inputs": inputs})
        assert answer.status == "COMPLETE"
        ids += [row.id for row in answer.results]
    lines = [
        {
            "properties": {"name": f"Line {n}", "price": "10", "quantity": "2", "bsync_line_key": f"{deal_id}-{n}"},
            "associations": [{"to": {"id": deal_id}, "types": PARENT}],
        }
        for deal_id in ids
        for n in range(LINES)
    ]
    for inputs in hundreds(lines):
        client.crm.line_items.batch_api.create({"inputs": inputs})
    return ids


def test_all_pages(client, deals):
    assert [row.id for row in client.crm.deals.get_all()] == deals
    assert len(client.crm.line_items.get_all()) == DEALS * LINES


def test_a_window_of_search(client, deals):
    api, seen, last = client.crm.deals.search_api, [], "0"
    window = {
        "propertyName": "hs_lastmodifieddate",
        "operator": "BETWEEN",
        "value": str(to_ms(NOW)),
        "highValue": str(to_ms(NOW + timedelta(minutes=1))),
    }
    while True:
        filters = [window, {"propertyName": "hs_object_id", "operator": "GT", "value": last}]
        sorts = [{"propertyName": "hs_object_id", "direction": "ASCENDING"}]
        body = {"filterGroups": [{"filters": filters}], "sorts": sorts, "limit": 200, "properties": ["dealname"]}
        page = api.do_search(public_object_search_request=body)
        seen += [row.id for row in page.results]
        if len(page.results) < 200:
            break
        last = seen[-1]
    assert seen == deals


def test_associations_and_lines(client, deals):
    api = client.crm.associations.v4.batch_api
    answer = api.get_page("deals", "line_items", {"inputs": [{"id": each} for each in deals]})
    assert len(answer.results) == DEALS
    line_ids = [str(end.to_object_id) for row in answer.results for end in row.to]
    assert len(line_ids) == len(set(line_ids)) == DEALS * LINES
    inputs = [{"id": each} for each in [*line_ids[:99], "17"]]
    names = ["price", "amount"]
    read = client.crm.line_items.batch_api.read({"inputs": inputs, "properties": names, "propertiesWithHistory": []})
    assert len(read.results) == 99
    assert read.num_errors == 1
    assert {row.properties["amount"] for row in read.results} == {"20"}


def test_one_deal_with_its_associations(client, deals):
    deal = client.crm.deals.basic_api.get_by_id(deals[0], associations=["line_items"], properties=["hs_tcv"])
    assert deal.properties["hs_tcv"] == "100"
    assert len(deal.associations["line items"].results) == LINES


def test_properties(client, deals):
    api = client.crm.properties
    group = {"name": "sdk_group", "label": "SDK"}
    api.groups_api.create("deals", group)
    definition = {"name": "sdk_field", "label": "F", "groupName": "sdk_group", "type": "string", "fieldType": "text"}
    assert api.core_api.create("deals", definition).name == "sdk_field"
    with pytest.raises(hubspot.crm.properties.ApiException) as refused:
        api.core_api.create("deals", definition)
    assert refused.value.status == 409
    client.crm.deals.basic_api.update(deals[0], {"properties": {"sdk_field": "x"}})
    names = {each.name for each in api.core_api.get_all("deals").results}
    assert {"sdk_field", "bsync_status", "hs_is_closed_won"} <= names


def test_refusals_are_the_exceptions_the_client_knows(client, deals):
    deals_module = hubspot.crm.deals
    with pytest.raises(deals_module.exceptions.NotFoundException):
        client.crm.deals.basic_api.get_by_id("17")
    with pytest.raises(deals_module.ApiException) as refused:
        client.crm.deals.basic_api.update(deals[0], {"properties": {"amount": "x"}})
    assert refused.value.status == 400
    other = hubspot.HubSpot(access_token="nobody", host=client.sandbox.url, base_url=client.sandbox.url)
    with pytest.raises(deals_module.exceptions.UnauthorizedException):
        other.crm.deals.basic_api.get_page()


def test_archive_and_merge(client, deals):
    basic = client.crm.deals.basic_api
    basic.archive(deals[-1])
    assert [row.id for row in basic.get_page(archived=True).results] == [deals[-1]]
    body = {"primaryObjectId": deals[-3], "objectIdToMerge": deals[-2]}
    made = basic.merge(body)
    assert basic.get_by_id(deals[-2]).id == made.id
    lines = client.crm.associations.v4.basic_api.get_page("deals", made.id, "line_items")
    assert len(lines.results) == 2 * LINES


def test_labels_pipelines_owners(client, deals):
    labels = client.crm.associations.v4.schema.definitions_api.get_all("deals", "deals").results
    amends = next(each for each in labels if each.label == "Amends")
    spec = [{"associationCategory": amends.category, "associationTypeId": amends.type_id}]
    client.crm.associations.v4.basic_api.create("deals", deals[1], "deals", deals[0], spec)
    (tie,) = client.crm.associations.v4.basic_api.get_page("deals", deals[0], "deals").results
    assert {each.label for each in tie.association_types} == {None, "Amended by"}
    stages = client.crm.pipelines.pipeline_stages_api.get_all("deals", "default").results
    assert [each.id for each in stages if each.metadata["probability"] == "1.0"] == ["closedwon"]
    assert [each.email for each in client.crm.owners.get_all()] == ["sales.one@example.com", "sales.two@example.com"]
