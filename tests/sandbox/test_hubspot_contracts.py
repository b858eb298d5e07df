"""Every operation of the wire contracts is answered, in every version, in its shape; and the check would notice."""

from __future__ import annotations

import json
import re

import pytest
import requests

from connector.sandbox.hubspot import HubSpotSandbox
from connector.sandbox.hubspot.types import default_schema
from tests.sandbox.hubspot_portal import CONTRACTS, check, needs_contracts, operations

pytestmark = needs_contracts
VERSIONS = ("v3", "2026-03", "2026-09")
SPEC = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 19}


@pytest.fixture(scope="module")
def sandbox():
    with HubSpotSandbox() as made:
        yield made


def stage(sandbox):
    """Make the records a round of operations works on; returns the variables of their paths."""
    sandbox.reset()
    deal = {"dealname": "D", "dealstage": "closedwon"}
    first, second = (sandbox.insert("deals", deal) for _ in range(2))
    line = sandbox.insert("line_items", {"name": "L"})
    sandbox.associate("deals", first, "line_items", line)
    for group in ("spare",):
        sandbox.app.api.store.schema["deals"].groups[group] = {
            "name": group,
            "label": group,
            "displayOrder": 0,
            "archived": False,
        }
    return {
        "objectType": "deals",
        "objectId": first,
        "other": second,
        "fromObjectType": "deals",
        "toObjectType": "line_items",
        "toObjectId": line,
        "propertyName": "bsync_status",
        "groupName": "billing_sync",
        "pipelineId": "default",
        "ownerId": "70311842",
    }


def body_of(name, at):
    field = {"name": "x_field", "label": "X", "groupName": "billing_sync", "type": "string", "fieldType": "text"}
    pair = {"from": {"id": at["objectId"]}, "to": {"id": at["toObjectId"]}}
    deal = {"properties": {"dealname": "New", "dealstage": "closedwon"}}
    one = {"id": at["objectId"]}
    bodies = {
        "objects.create": {**deal, "associations": []},
        "objects.update": {"properties": {"amount": "5"}},
        "objects.merge": {"primaryObjectId": at["objectId"], "objectIdToMerge": at["other"]},
        "objects.batch_read": {"inputs": [one], "properties": ["dealname"], "propertiesWithHistory": ["amount"]},
        "objects.batch_create": {"inputs": [deal]},
        "objects.batch_update": {"inputs": [{**one, "properties": {"amount": "6"}}]},
        "objects.batch_upsert": {"inputs": [{**one, "properties": {"amount": "7"}}]},
        "objects.batch_archive": {"inputs": [one]},
        "objects.search": {"limit": 1},
        "assoc.set_labels": [SPEC],
        "assoc.batch_read": {"inputs": [one]},
        "assoc.batch_create": {"inputs": [{**pair, "types": [SPEC]}]},
        "assoc.batch_default": {"inputs": [pair]},
        "assoc.batch_archive": {"inputs": [{"from": pair["from"], "to": [pair["to"]]}]},
        "assoc.batch_labels_archive": {"inputs": [{**pair, "types": [SPEC]}]},
        "assoc.labels_create": {"label": "New", "name": "new", "inverseLabel": "Old"},
        "props.create": field,
        "props.update": {"label": "Changed"},
        "props.batch_read": {"archived": False, "inputs": [{"name": "amount"}]},
        "props.batch_create": {"inputs": [field]},
        "props.groups_create": {"name": "fresh", "label": "Fresh"},
    }
    return bodies.get(name)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("operation", operations() if CONTRACTS.is_dir() else [], ids=lambda each: each["id"])
def test_operation(sandbox, operation, version):
    at = stage(sandbox)
    path = re.sub(r"\{(\w+)\}", lambda found: at[found.group(1)], operation["paths"][version])
    body = body_of(operation["id"], at)
    if isinstance(operation.get("request"), str):
        assert body is not None, operation["id"]
        check(operation["schema_file"], operation["request"], body)
    headers = {"Authorization": f"Bearer {sandbox.token}"}
    answer = requests.request(operation["method"], sandbox.url + path, json=body, headers=headers, timeout=5)
    assert str(answer.status_code) in operation["responses"], answer.text
    assert answer.status_code != 207, answer.text
    name = operation["responses"][str(answer.status_code)]
    if name:
        check(operation["schema_file"], name, answer.json())
    else:
        assert answer.content == b""


def test_the_check_notices():
    with pytest.raises(AssertionError, match="updatedAt"):
        check("crm-objects.schema.json", "SimplePublicObject", {"id": "1", "properties": {}, "createdAt": "x"})
    with pytest.raises(AssertionError, match="associationTypeId"):
        check("associations-v4.schema.json", "[AssociationSpec]", [{"associationCategory": "HUBSPOT_DEFINED"}])


def test_the_catalogue_is_the_published_one():
    """Types, names, kinds and options of HubSpot's own properties are those of the contract's table."""
    table = json.loads((CONTRACTS / "standard-objects.json").read_text(encoding="utf-8"))["objects"]
    schema = default_schema()
    differences = []
    for name, wanted in table.items():
        kind = schema[name]
        assert (kind.type_id, kind.singular) == (wanted["objectTypeId"], wanted["singular"])
        assert list(kind.defaults) == wanted["defaults"]
        assert list(kind.required) == wanted.get("required_on_create", [])
        for each in wanted["properties"]:
            made = kind.find(each["name"])
            assert made is not None, f"{name}.{each['name']}"
            facts = (made.type, made.field_type, made.read_only, made.unique)
            facts_wanted = (each["type"], each["fieldType"], each.get("readOnly", False), each.get("unique", False))
            options = [option["value"] for option in made.options] if made.type == "enumeration" else []
            if facts != facts_wanted or (options and options != each["options"]):
                differences.append((name, each["name"], facts, facts_wanted))
    assert differences == []


NOT_HERE = {"deal_to_invoice", "contact_to_invoice", "company_to_invoice", "deal_to_payment", "deal_to_order"}
"""Types towards objects the emulator knows by name only."""


def test_the_association_types_are_the_published_ones(sandbox):
    table = json.loads((CONTRACTS / "standard-objects.json").read_text(encoding="utf-8"))["association_type_ids"]
    known = {kind.id: kind for kind in sandbox.app.links.types.values() if kind.category == "HUBSPOT_DEFINED"}
    schema = default_schema()
    missing = {words for words, type_id in table.items() if type_id not in known}
    assert missing == NOT_HERE | {"deal_to_deal_split"}
    for words, type_id in table.items():
        if words in missing:
            continue
        link, (source, target) = known[type_id], re.sub("primary_|signer_|billing_", "", words).split("_to_")
        target = "quote_template" if target == "template" else target
        assert (schema[link.source].singular, schema[link.target].singular) == (source, target), words
