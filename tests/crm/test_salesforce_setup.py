"""Setup of a Salesforce org: the plan, one deployment, and that what exists is left alone."""

from collections import Counter
from xml.etree import ElementTree as ET

import pytest

from connector.crm.salesforce.fields import PERMISSION_SET
from connector.crm.salesforce.metadata import source_files
from connector.crm.setup import State
from connector.domain.errors import ConfigError
from connector.offline import bundled_mapping, read_mapping
from connector.sandbox.salesforce import FaultRule
from tests.crm.builders import Tables, deal
from tests.crm.conftest import StartOrg, calls, crm_for

MAPPING = read_mapping(bundled_mapping("salesforce"))
WRITES = {name: frozenset(fields) for name, fields in MAPPING.write_back.items()}


def test_an_empty_org_gets_everything_in_one_deployment(start_org: StartOrg):
    tables: Tables = {}
    deal(tables)
    org = start_org(tables, write_back=False)
    crm = crm_for(org)
    planned = Counter(part.state for part in crm.setup_plan())
    assert set(planned) == {State.MISSING}
    assert "POST metadata/deployRequest" not in calls(org), "a plan changes nothing"
    assert org.records("PermissionSetAssignment") == {}
    made = crm.setup_apply()
    assert Counter(part.state for part in made) == Counter({State.MADE: planned[State.MISSING]})
    assert calls(org)["POST metadata/deployRequest"] == 1
    assert [part.remedy for part in made if part.remedy] == []
    assert Counter(part.state for part in crm.setup_plan()) == Counter({State.THERE: planned[State.MISSING]})
    crm.setup_apply()
    assert calls(org)["POST metadata/deployRequest"] == 1, "made twice is made once"
    failed = [probe.name for probe in crm.probe(MAPPING.paths, WRITES) if not probe.ok and "Stripe_" in probe.name]
    assert failed == [], "what setup made is what the mapping uses"


def test_the_permission_set_is_assigned_once_and_to_whom_it_is_meant(start_org: StartOrg):
    org = start_org({}, write_back=False)
    crm = crm_for(org)
    other = org.insert("User", {"Username": "other@acme.example", "LastName": "Other", "IsActive": True})
    crm.setup_apply()
    (permissions,) = [key for key, row in org.records("PermissionSet").items() if row["Name"] == PERMISSION_SET]
    login = next(key for key in org.records("User") if key != other)

    def assigned() -> list[tuple[str, str]]:
        rows = org.records("PermissionSetAssignment").values()
        return sorted((row["AssigneeId"], row["PermissionSetId"]) for row in rows)

    assert assigned() == [(login, permissions)]
    assert [part.state for part in crm.setup_plan("other@acme.example") if part.kind == "assignment"] == [State.MISSING]
    crm.setup_apply("other@acme.example")
    crm.setup_apply("other@acme.example")
    assert assigned() == sorted([(login, permissions), (other, permissions)])
    with pytest.raises(ConfigError, match="no active user 'nobody'"):
        crm.setup_plan("nobody")


def test_an_assignment_that_is_refused_is_left_to_people(start_org: StartOrg):
    org = start_org({}, write_back=False)
    body = [{"errorCode": "INSUFFICIENT_ACCESS_OR_READONLY", "message": "insufficient access rights"}]
    org.inject(FaultRule(route="/sobjects/{sobject}", method="POST", action="status", status=403, body=body))
    parts = {part.kind: part for part in crm_for(org).setup_apply()}
    assert parts["permission set"].state is State.MADE
    refused = parts["assignment"]
    assert refused.state is State.REFUSED
    assert "Assign the permission set" in refused.remedy


def test_a_field_of_another_type_is_told_and_left_alone(start_org: StartOrg):
    org = start_org({}, write_back=False)
    org.add_field("Order", "Stripe_MRR__c string:40")
    parts = {part.name: part for part in crm_for(org).setup_apply()}
    found = parts["Order.Stripe_MRR__c"]
    assert (found.state, found.detail) == (State.DIFFERS, "is of type string, and currency is needed")
    assert parts["Order.Stripe_Link__c"].state is State.MADE


def test_the_folder_for_admins_holds_the_same():
    files = dict(source_files())
    for name, text in files.items():
        if name.endswith(".xml"):
            ET.fromstring(text)  # noqa: S314 - our own text
    fields = {name.split("/")[-1].removesuffix(".field-meta.xml") for name in files if name.endswith(".field-meta.xml")}
    written = {field for fields in WRITES.values() for field in fields}
    assert written <= fields
