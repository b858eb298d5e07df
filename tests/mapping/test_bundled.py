"""The two bundled Salesforce files are one file, but for the fields of Stripe's own connector."""

from pathlib import Path

from connector.map_cases import run_cases
from connector.mapping.raw import RawRecords
from connector.offline import bundled_mapping, read_mapping

FOLDER = Path(__file__).resolve().parents[2] / "mappings"
VENDOR = ("Stripe_ID__c", "Skip_Line_Item__c", "Skip_Past_Initial_Invoices__c")


def test_they_differ_only_in_the_vendors_fields():
    usual, changeover = (read_mapping(FOLDER / f"salesforce-cpq{name}.yaml") for name in ("", "-changeover"))
    assert usual.write_back == changeover.write_back
    for name, paths in changeover.paths.items():
        extra = paths - usual.paths[name]
        assert all(path.rpartition(".")[2] in VENDOR for path in extra), (name, extra)
    assert all(usual.paths[name] <= paths for name, paths in changeover.paths.items())
    assert {k: [path for path, _ in v] for k, v in usual.stripe.items()} == {
        k: [path for path, _ in v] for k, v in changeover.stripe.items()
    }


def test_records_of_an_org_with_the_vendors_package_choose_the_changeover_file():
    plain = RawRecords.from_mapping({"Order": {"801000000000001AAA": {"Status": "Activated"}}})
    vendor = RawRecords.from_mapping({"Account": {"001000000000001AAA": {"Stripe_ID__c": "cus_1"}}})
    assert bundled_mapping("salesforce", plain).name == "salesforce-cpq.yaml"
    assert bundled_mapping("salesforce", vendor).name == "salesforce-cpq-changeover.yaml"


def test_the_shipped_cases_hold():
    results = [result for path in sorted((FOLDER / "tests").glob("*.yaml")) for result in run_cases(path)]
    assert len(results) > 1
    assert [result for result in results if result.mismatches] == []
