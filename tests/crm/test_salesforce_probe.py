from datetime import timedelta

from connector.crm.protocol import Probe
from connector.crm.salesforce.settings import ClientCredentials
from connector.sandbox.salesforce import ORG_ID
from tests.crm.builders import PATHS
from tests.crm.conftest import NOW, StartOrg, crm_for

WRITES = {
    "Order": frozenset({"Stripe_Schedule_Id__c", "Stripe_MRR__c"}),
    "Stripe_Sync_Record__c": frozenset({"Status__c"}),
}


def ill(probes: tuple[Probe, ...]) -> dict[str, str]:
    assert all(probe.ok or probe.remedy for probe in probes)
    return {probe.name: probe.detail for probe in probes if not probe.ok}


def test_a_healthy_org(start_org: StartOrg):
    crm = crm_for(start_org({}, now=None))
    probes = crm.probe(PATHS, WRITES)
    assert ill(probes) == {}
    assert {"login", "organization", "read Order", "write Order.Stripe_MRR__c", "clock", "api usage"} <= {
        probe.name for probe in probes
    }
    assert (crm.organization().id, crm.organization().is_sandbox) == (ORG_ID, True)


def test_before_setup_every_missing_field_is_named(start_org: StartOrg):
    probes = crm_for(start_org({}, now=None, write_back=False)).probe(PATHS, WRITES)
    assert ill(probes) == {
        "read Order.Account.Stripe_Customer_Id__c": "the org does not have or show this column",
        "read Stripe_Sync_Record__c": "the org does not have or show this object",
        "write Order.Stripe_MRR__c": "the org does not have or show this field",
        "write Order.Stripe_Schedule_Id__c": "the org does not have or show this field",
        "write Stripe_Sync_Record__c.Status__c": "the org does not have or show this field",
    }


def test_a_field_that_is_read_only_for_us_is_named(start_org: StartOrg):
    probes = crm_for(start_org({}, now=None)).probe({}, {"Order": frozenset({"OrderNumber"})})
    assert ill(probes) == {"write Order.OrderNumber": "read-only for us"}


def test_a_clock_that_is_off_is_told(start_org: StartOrg):
    probes = crm_for(start_org({}, now=NOW - timedelta(days=365))).probe({}, {})
    assert "clock" in ill(probes)


def test_an_allowance_that_runs_out_is_told(start_org: StartOrg):
    probes = crm_for(start_org({}, now=None, api_limit=6)).probe({}, {})
    assert ill(probes) == {"api usage": "6 of 6 requests in 24 hours"}


def test_calls_that_fail_half_way_leave_what_was_found(start_org: StartOrg):
    probes = crm_for(start_org({}, now=None, api_limit=4)).probe({}, {})
    assert [probe.name for probe in probes if probe.ok] == ["login", "organization", "api version", "clock"]
    assert "TotalRequests" in ill(probes)["calls"]


def test_hidden_ties_are_told(start_org: StartOrg):
    org = start_org({}, now=None)
    org.remove_field("Order", "SBQQ__Quote__c")
    assert "read Order.SBQQ__Quote__c" in ill(crm_for(org).probe({}, {}))


def test_without_a_login_nothing_else_is_looked_at(start_org: StartOrg):
    probes = crm_for(start_org({}), auth=ClientCredentials("wrong", "wrong")).probe(PATHS, WRITES)
    assert list(ill(probes)) == ["login"]


def test_a_mapping_beyond_reach_is_told(start_org: StartOrg):
    assert "mapping" in ill(crm_for(start_org({}, now=None)).probe({"Case": frozenset({"Subject"})}, {}))


def test_a_version_that_the_org_does_not_serve_is_told(start_org: StartOrg):
    probes = crm_for(start_org({}, now=None), api_version="99.0").probe({}, {})
    assert ill(probes) == {"api version": "the org does not serve 99.0"}
