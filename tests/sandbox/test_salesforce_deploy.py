"""Setting an org up: fields come by archive, and into sight by permission set."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import pytest
import requests

from connector.sandbox.salesforce import SalesforceSandbox
from tests.sandbox.salesforce_org import connect, refusal

HEAD = '<?xml version="1.0" encoding="UTF-8"?>'
SPACE = 'xmlns="http://soap.sforce.com/2006/04/metadata"'
FIELDS = """
<fields><fullName>Stripe_Schedule_Id__c</fullName><type>Text</type><length>255</length><externalId>true</externalId></fields>
<fields><fullName>Stripe_MRR__c</fullName><type>Currency</type><precision>18</precision><scale>2</scale></fields>
<fields><fullName>Stripe_Sync_Status__c</fullName><type>Picklist</type><valueSet><restricted>true</restricted>
<valueSetDefinition><value><fullName>Synced</fullName></value><value><fullName>Partially Synced</fullName></value>
</valueSetDefinition></valueSet></fields>
"""
OBJECT = f"{HEAD}<CustomObject {SPACE}>{FIELDS}</CustomObject>"


def permission_set(*fields: str) -> str:
    named = "".join(
        f"<fieldPermissions><field>{each}</field><readable>true</readable><editable>true</editable></fieldPermissions>"
        for each in fields
    )
    return f"{HEAD}<PermissionSet {SPACE}><label>Connector</label>{named}</PermissionSet>"


GRANT = permission_set("Order.Stripe_Schedule_Id__c", "Order.Stripe_MRR__c", "Order.Stripe_Sync_Status__c")


@pytest.fixture
def org():
    with SalesforceSandbox(write_back=False) as running:
        yield running


@pytest.fixture
def sf(org):
    return connect(org)


def deploy(org, sf, files: dict[str, str], **options: Any) -> dict[str, Any]:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as out:
        for name, text in files.items():
            out.writestr(name, text)
    url = f"{org.url}/services/data/v60.0/metadata/deployRequest"
    parts: Any = {
        "json": (None, json.dumps({"deployOptions": options}), "application/json"),
        "file": ("deploy.zip", archive.getvalue(), "application/zip"),
    }
    headers = {"Authorization": f"Bearer {sf.session_id}"}
    made = requests.post(url, files=parts, headers=headers, timeout=5)
    assert made.status_code == 201
    told = requests.get(f"{url}/{made.json()['id']}?includeDetails=true", headers=headers, timeout=5).json()
    result: dict[str, Any] = told["deployResult"]
    return result


def names(sf) -> set[str]:
    described: Any = sf.restful("sobjects/Order/describe")
    return {field["name"] for field in described["fields"]}


def test_a_deployed_field_shows_once_its_permission_set_is_assigned(org, sf):
    result = deploy(
        org, sf, {"package.xml": "", "objects/Order.object": OBJECT, "permissionsets/C.permissionset": GRANT}
    )
    assert (result["status"], result["numberComponentsDeployed"]) == ("Succeeded", 4)
    assert "Stripe_Schedule_Id__c" not in names(sf)
    assert refusal(lambda: sf.query("SELECT Stripe_MRR__c FROM Order"))[1] == "INVALID_FIELD"
    granted = sf.query("SELECT Id FROM PermissionSet WHERE Name = 'C'")["records"][0]["Id"]
    user = sf.query("SELECT Id FROM User")["records"][0]["Id"]
    sf.PermissionSetAssignment.create({"AssigneeId": user, "PermissionSetId": granted})
    assert {"Stripe_Schedule_Id__c", "Stripe_MRR__c", "Stripe_Sync_Status__c"} <= names(sf)
    account = org.insert("Account", {"Name": "A"})
    order = org.insert("Order", {"AccountId": account, "EffectiveDate": "2026-01-01"})
    sf.Order.update(order, {"Stripe_Sync_Status__c": "Partially Synced", "Stripe_MRR__c": 1.5})
    assert refusal(lambda: sf.Order.update(order, {"Stripe_Sync_Status__c": "x"}))[1].startswith("INVALID_OR_NULL")


def test_a_failing_component_changes_nothing(org, sf):
    wrong = permission_set("Order.Stripe_MRR__c", "Order.EffectiveDate", "Order.Nope__c")
    files = {"objects/Order.object": OBJECT, "permissionsets/C.permissionset": wrong, "tabs/X.tab": "<x/>"}
    result = deploy(org, sf, files)
    assert (result["success"], result["numberComponentErrors"]) == (False, 2)
    problems = {row["fullName"]: row["problem"] for row in result["details"]["componentFailures"]}
    assert "required field: Order.EffectiveDate" in problems["C"]
    assert "does not emulate" in problems["X"]
    assert sf.query("SELECT COUNT() FROM PermissionSet")["totalSize"] == 0


def test_check_only(org, sf):
    assert deploy(org, sf, {"permissionsets/C.permissionset": permission_set()}, checkOnly=True)["success"] is True
    assert sf.query("SELECT COUNT() FROM PermissionSet")["totalSize"] == 0


def test_a_new_object(org, sf):
    body = OBJECT.replace("Stripe_Schedule_Id__c", "Record_Key__c").replace(
        "</fields>\n<fields><fullName>Stripe_MRR", "<required>true</required></fields>\n<fields><fullName>Stripe_MRR", 1
    )
    deploy(org, sf, {"objects/Stripe_Sync_Record__c.object": body})
    made = sf.Stripe_Sync_Record__c.upsert("Record_Key__c/801:x", {"Name": "first"}, raw_response=True)
    assert made.status_code == 201
