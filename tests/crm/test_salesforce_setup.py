"""Setup of a Salesforce org: the plan, one deployment, and that what exists is left alone."""

from collections import Counter
from xml.etree import ElementTree as ET

from connector.crm.salesforce.fields import PERMISSION_SET
from connector.crm.salesforce.metadata import source_files
from connector.crm.setup import State
from connector.offline import bundled_mapping, read_mapping
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
    made = crm.setup_apply()
    assert Counter(part.state for part in made) == Counter({State.MADE: planned[State.MISSING]})
    assert calls(org)["POST metadata/deployRequest"] == 1
    assert any("Assign the permission set" in part.remedy for part in made)

    (permissions,) = [key for key, row in org.records("PermissionSet").items() if row["Name"] == PERMISSION_SET]
    user = next(iter(org.records("User")))
    crm.client.write("POST", "sobjects/PermissionSetAssignment", {"AssigneeId": user, "PermissionSetId": permissions})
    assert Counter(part.state for part in crm.setup_plan()) == Counter({State.THERE: planned[State.MISSING]})
    crm.setup_apply()
    assert calls(org)["POST metadata/deployRequest"] == 1, "made twice is made once"
    failed = [probe.name for probe in crm.probe(MAPPING.paths, WRITES) if not probe.ok and "Stripe_" in probe.name]
    assert failed == [], "what setup made is what the mapping uses"


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
