"""Associations: types with a direction, labels, paging, one parent per line."""

from __future__ import annotations

import pytest

from connector.sandbox.hubspot import HubSpotSandbox
from tests.sandbox.hubspot_portal import Portal


@pytest.fixture(params=["v3", "2026-03"])
def portal(request):
    with HubSpotSandbox() as sandbox:
        yield Portal(sandbox, version=request.param)


def deal(portal):
    return portal.post("/objects/deals", {"properties": {"dealname": "D", "dealstage": "closedwon"}})["id"]


def record(portal, kind, **values):
    return portal.post(f"/objects/{kind}", {"properties": {"name": "N", **values}})["id"]


def spec(type_id, category="HUBSPOT_DEFINED"):
    return {"associationCategory": category, "associationTypeId": type_id}


def read(portal, source, target, *ids, after=None):
    inputs = [{"id": each, **({"after": after} if after else {})} for each in ids]
    return portal.call("POST", f"/associations/{source}/{target}/batch/read", {"inputs": inputs})


def types(answer):
    return [[(each["typeId"], each["label"]) for each in row["associationTypes"]] for row in answer]


def test_a_line_seen_from_both_sides(portal):
    deal_id, line_id = deal(portal), record(portal, "line_items")
    answer = portal.ok("PUT", f"/objects/deals/{deal_id}/associations/default/line_items/{line_id}")
    assert [row["associationSpec"]["associationTypeId"] for row in answer["results"]] == [19, 20]
    there = portal.get(f"/objects/deals/{deal_id}/associations/line_items")["results"]
    assert there == [
        {
            "toObjectId": int(line_id),
            "associationTypes": [{"category": "HUBSPOT_DEFINED", "typeId": 19, "label": None}],
        }
    ]
    back = portal.get(f"/objects/line_items/{line_id}/associations/deals")["results"]
    assert types(back) == [[(20, None)]]


def test_inline_the_key_has_a_space_and_labels_repeat_the_id(portal):
    deal_id, company = deal(portal), record(portal, "companies")
    for line_id in (record(portal, "line_items"), record(portal, "line_items")):
        portal.ok("PUT", f"/objects/deals/{deal_id}/associations/default/line_items/{line_id}")
    portal.ok("PUT", f"/objects/deals/{deal_id}/associations/default/companies/{company}")
    found = portal.get(f"/objects/deals/{deal_id}", associations="line_items,companies,quotes")["associations"]
    assert set(found) == {"line items", "companies"}
    assert [row["type"] for row in found["line items"]["results"]] == ["deal_to_line_item"] * 2
    assert [row["id"] for row in found["companies"]["results"]] == [company, company]


def test_inline_associations_are_capped():
    with HubSpotSandbox(inline_cap=2) as sandbox:
        portal = Portal(sandbox)
        deal_id = deal(portal)
        ids = [record(portal, "line_items") for _ in range(3)]
        for line_id in ids:
            portal.ok("PUT", f"/objects/deals/{deal_id}/associations/default/line_items/{line_id}")
        found = portal.get(f"/objects/deals/{deal_id}", associations="line_items")["associations"]["line items"]
        assert [row["id"] for row in found["results"]] == ids[:2]
        assert found["paging"]["next"]["after"] == ids[2]


def test_batch_read_leaves_out_what_has_none(portal):
    full, empty, line_id = deal(portal), deal(portal), record(portal, "line_items")
    portal.ok("PUT", f"/objects/deals/{full}/associations/default/line_items/{line_id}")
    answer = read(portal, "deals", "line_items", full, empty)
    assert answer.status_code == 207
    assert [row["from"]["id"] for row in answer.json()["results"]] == [full]
    (error,) = answer.json()["errors"]
    assert error["subCategory"] == "crm.associations.NO_ASSOCIATIONS_FOUND"
    assert error["context"]["fromObjectId"] == [empty]
    assert read(portal, "deals", "line_items", full).status_code == 200


def test_batch_read_takes_a_thousand(portal):
    ids = [str(n) for n in range(1, 1_002)]
    assert read(portal, "deals", "line_items", *ids[:1000]).status_code == 207
    assert read(portal, "deals", "line_items", *ids).status_code == 400


def test_batch_read_pages_each_input_by_itself():
    with HubSpotSandbox(association_page=2) as sandbox:
        portal = Portal(sandbox)
        deal_id, ids, after, seen = deal(portal), [record(portal, "line_items") for _ in range(5)], None, []
        inputs = [{"from": {"id": deal_id}, "to": {"id": line_id}} for line_id in ids]
        portal.post("/associations/deals/line_items/batch/associate/default", {"inputs": inputs})
        while True:
            (row,) = read(portal, "deals", "line_items", deal_id, after=after).json()["results"]
            seen += [str(each["toObjectId"]) for each in row["to"]]
            if "paging" not in row:
                break
            after = row["paging"]["next"]["after"]
        assert seen == ids


def test_archived_records_are_not_among_the_associated(portal):
    deal_id, line_id = deal(portal), record(portal, "line_items")
    portal.ok("PUT", f"/objects/deals/{deal_id}/associations/default/line_items/{line_id}")
    portal.ok("DELETE", f"/objects/line_items/{line_id}")
    assert read(portal, "deals", "line_items", deal_id).json()["results"] == []
    portal.sandbox.restore("line_items", line_id)
    assert len(read(portal, "deals", "line_items", deal_id).json()["results"]) == 1


def test_the_first_company_is_the_primary_one(portal):
    deal_id, first, second = deal(portal), record(portal, "companies"), record(portal, "companies")
    for company in (first, second):
        portal.ok("PUT", f"/objects/deals/{deal_id}/associations/default/companies/{company}")
    found = portal.get(f"/objects/deals/{deal_id}/associations/companies")["results"]
    assert types(found) == [[(341, None), (5, "Primary")], [(341, None)]]
    portal.ok("PUT", f"/objects/deals/{deal_id}/associations/companies/{second}", [spec(5)])
    found = portal.get(f"/objects/deals/{deal_id}/associations/companies")["results"]
    assert types(found) == [[(341, None)], [(341, None), (5, "Primary")]]
    shown = portal.get(f"/objects/deals/{deal_id}", properties="hs_primary_associated_company")
    assert shown["properties"]["hs_primary_associated_company"] == second


def test_a_line_has_one_deal(portal):
    line_id = record(portal, "line_items")
    first, second = deal(portal), deal(portal)
    portal.ok("PUT", f"/objects/deals/{first}/associations/default/line_items/{line_id}")
    assert portal.refused("PUT", f"/objects/deals/{second}/associations/default/line_items/{line_id}")[0] == 400
    portal.ok("DELETE", f"/objects/deals/{first}/associations/line_items/{line_id}")
    portal.ok("PUT", f"/objects/deals/{second}/associations/default/line_items/{line_id}")


def test_labels_come_in_pairs(portal):
    body = {"label": "Replaces", "inverseLabel": "Replaced by", "name": "replaces"}
    made = portal.post("/associations/deals/deals/labels", body)["results"]
    assert [(row["category"], row["label"]) for row in made] == [
        ("USER_DEFINED", "Replaces"),
        ("USER_DEFINED", "Replaced by"),
    ]
    assert portal.refused("POST", "/associations/deals/deals/labels", body)[:2] == (409, "CONFLICT")
    old, new = deal(portal), deal(portal)
    there, back = made[0]["typeId"], made[1]["typeId"]
    answer = portal.ok("PUT", f"/objects/deals/{new}/associations/deals/{old}", [spec(there, "USER_DEFINED")])
    assert answer["labels"] == ["Replaces"]
    assert types(portal.get(f"/objects/deals/{new}/associations/deals")["results"]) == [
        [(451, None), (there, "Replaces")]
    ]
    assert types(portal.get(f"/objects/deals/{old}/associations/deals")["results"]) == [
        [(451, None), (back, "Replaced by")]
    ]
    pair = {"from": {"id": new}, "to": {"id": old}, "types": [spec(there, "USER_DEFINED")]}
    portal.ok("POST", "/associations/deals/deals/batch/labels/archive", {"inputs": [pair]})
    assert types(portal.get(f"/objects/deals/{old}/associations/deals")["results"]) == [[(451, None)]]


def test_removing_the_unlabelled_type_removes_all(portal):
    old, new = deal(portal), deal(portal)
    listed = portal.get("/associations/deals/deals/labels")["results"]
    amends = next(row["typeId"] for row in listed if row["label"] == "Amends")
    portal.ok("PUT", f"/objects/deals/{new}/associations/deals/{old}", [spec(amends, "USER_DEFINED")])
    pair = {"from": {"id": new}, "to": {"id": old}, "types": [spec(451)]}
    portal.ok("POST", "/associations/deals/deals/batch/labels/archive", {"inputs": [pair]})
    assert portal.get(f"/objects/deals/{old}/associations/deals")["results"] == []


def test_labels_can_be_renamed_and_removed(portal):
    listed = portal.get("/associations/deals/deals/labels")["results"]
    amends = next(row["typeId"] for row in listed if row["label"] == "Amends")
    old, new = deal(portal), deal(portal)
    portal.ok("PUT", f"/objects/deals/{new}/associations/deals/{old}", [spec(amends, "USER_DEFINED")])
    body = {"associationTypeId": amends, "label": "Changes", "inverseLabel": "Changed by"}
    portal.ok("PUT", "/associations/deals/deals/labels", body)
    assert types(portal.get(f"/objects/deals/{old}/associations/deals")["results"])[0][1][1] == "Changed by"
    portal.ok("DELETE", f"/associations/deals/deals/labels/{amends}")
    assert [row["typeId"] for row in portal.get("/associations/deals/deals/labels")["results"]] == [451]
    assert types(portal.get(f"/objects/deals/{old}/associations/deals")["results"]) == [[(451, None)]]


def test_batches_of_labelled_pairs(portal):
    deal_id, line_id, contact = deal(portal), record(portal, "line_items"), record_contact(portal)
    inputs = [
        {"from": {"id": deal_id}, "to": {"id": contact}, "types": [spec(3)]},
        {"from": {"id": deal_id}, "to": {"id": "17"}, "types": [spec(3)]},
    ]
    answer = portal.call("POST", "/associations/deals/contacts/batch/create", {"inputs": inputs})
    assert answer.status_code == 207
    assert answer.json()["results"][0]["toObjectId"] == int(contact)
    body = {"inputs": [{"from": {"id": deal_id}, "to": [{"id": contact}, {"id": line_id}]}]}
    portal.ok("POST", "/associations/deals/contacts/batch/archive", body)
    assert portal.get(f"/objects/deals/{deal_id}/associations/contacts")["results"] == []


def record_contact(portal):
    return portal.post("/objects/contacts", {"properties": {"email": "a@example.com"}})["id"]


@pytest.mark.parametrize(
    ("type_id", "category"), [(20, "HUBSPOT_DEFINED"), (999, "HUBSPOT_DEFINED"), (19, "USER_DEFINED")]
)
def test_a_type_of_the_other_direction_is_refused(portal, type_id, category):
    deal_id, line_id = deal(portal), record(portal, "line_items")
    path = f"/objects/deals/{deal_id}/associations/line_items/{line_id}"
    assert portal.refused("PUT", path, [spec(type_id, category)])[0] == 400


def test_pairs_without_a_type_of_their_own_can_still_be_tied(portal):
    company, task = record(portal, "companies"), None
    body = {"properties": {"hs_timestamp": "2026-11-24", "hs_task_subject": "Call"}}
    task = portal.post("/objects/tasks", body)["id"]
    product = record(portal, "products")
    portal.ok("PUT", f"/objects/products/{product}/associations/default/tasks/{task}")
    portal.ok("PUT", f"/objects/companies/{company}/associations/default/tasks/{task}")
    assert len(portal.get(f"/objects/products/{product}/associations/tasks")["results"]) == 1
