"""Fields of a CRM as values: finding a path, what records show, the cache, and a starting file made from it."""

import json
from pathlib import Path

import pytest

from connector.billing.targets import sdk_targets
from connector.mapping.catalogue import (
    Catalogue,
    CrmField,
    Missing,
    collect,
    dump_catalogue,
    from_records,
    load_catalogue,
    with_counts,
)
from connector.mapping.grammar import load_mapping
from connector.mapping.org_checks import check_against
from connector.mapping.paths import Path as CrmPath
from connector.mapping.starter import starter
from connector.mapping.usage import check_use
from tests.mapping.builders import DEFAULT, account, contract_of, item, mapping, order, others, raw
from tests.mapping.org import CATALOGUE, SOURCE


def find(path: str, catalogue: Catalogue = CATALOGUE, start: str = "Order") -> CrmField | Missing | None:
    return catalogue.find(start, CrmPath.parse(path))


def test_paths_are_followed() -> None:
    found = find("BillToContact.Email")
    assert isinstance(found, CrmField)
    assert (found.object, found.type) == ("Contact", "email")
    assert isinstance(find("account.NAME"), CrmField)  # the CRM does not look at case
    assert isinstance(find("Account.Owner.Name"), CrmField)  # an owner is a user or a group; one of them has it
    assert isinstance(find("Account.Id"), CrmField)


def test_what_is_missing_is_named() -> None:
    missing = find("Account.Nmae")
    assert isinstance(missing, Missing)
    assert (missing.object, missing.name, missing.kind) == ("Account", "Nmae", "field")
    step = find("Acount.Name")
    assert isinstance(step, Missing)
    assert (step.object, step.name, step.kind) == ("Order", "Acount", "relationship")
    assert find("Name", start="Unknown__c") is None


def test_objects_are_collected_along_the_paths() -> None:
    asked: list[str] = []

    def describe(name: str) -> object:
        asked.append(name)
        return CATALOGUE.objects.get(name)

    found = collect({"Order": {"BillToContact.Email", "Account.Owner.Name"}, "Gone__c": {"A__c"}}, "here", describe)
    assert set(found.objects) == {"Order", "Contact", "Account", "User"}
    assert sorted(asked) == sorted({"Order", "Contact", "Account", "User", "Group", "Gone__c"})  # each once


def test_the_cache_keeps_everything() -> None:
    document = json.loads(json.dumps(dump_catalogue(CATALOGUE)))
    assert load_catalogue(document) == CATALOGUE


@pytest.mark.parametrize("document", [None, {}, {"format": "x"}, {"format": "crm-catalogue/1", "objects": 3}, []])
def test_another_file_is_no_catalogue(document: object) -> None:
    with pytest.raises(ValueError, match=r"catalogue|format"):
        load_catalogue(document)


def test_records_show_fields_and_how_often_they_are_filled() -> None:
    seen = from_records([*others(), order(), item(), item("802000000000002AAA", Quantity=None)], "2 lines")
    assert seen.counted["OrderItem"] == 2
    assert seen.filled["OrderItem", "Quantity"] == 1
    assert isinstance(find("BillToContact.Email", seen), CrmField)
    assert isinstance(find("Account.Fax", seen), Missing)
    assert find("Owner.Name", seen) is None  # nothing is known of owners


def test_described_fields_that_nobody_fills_are_found() -> None:
    text = "version: 1\ncrm: salesforce\nobjects: {revision: Order, line: OrderItem}\n"
    text += "contract: {start: EffectiveDate, currency: CurrencyIsoCode}\nparty: {ref: AccountId}\n"
    text += "product: {ref: Product2Id, name: Product2.Name}\nline: {quantity: Quantity, unit_price: UnitPrice}\n"
    document = load_mapping(text, name="m.yaml", targets=sdk_targets()).document
    assert document
    known = with_counts(CATALOGUE, from_records([order(), account(), *others(), item()], "1 contract"))
    said = [problem.message for problem in check_against(document, known)]
    assert said == ["Order.CurrencyIsoCode is never filled (records looked at: 1)"]


def test_rules_that_no_record_uses_are_named() -> None:
    rules = (
        "    metadata.tier: {from: Account.Name, when: {path: Tier__c, eq: Gold}}\n    metadata.note: Account.Note__c\n"
    )
    rules += f"    metadata.name: {{from: Account.Name, as: {{prefix: {'x' * 600}}}}}\n"
    text = DEFAULT.read_text().replace("stripe:\n", f"stripe:\n  customer:\n{rules}", 1)
    loaded = load_mapping(text, name="m.yaml", targets=sdk_targets())
    assert loaded.document
    assert loaded.mapping
    contract_of(raw(item()))
    said = {problem.code: problem.message for problem in check_use(loaded.document, loaded.mapping, [raw(item())])}
    assert said["MAP-106"] == "the condition of stripe.customer.metadata.tier holds for none of 1 record"
    assert said["MAP-103"] == "a value of 608 characters was found, and Stripe takes 500"
    texts = [problem.message for problem in check_use(loaded.document, loaded.mapping, [raw(item())])]
    assert "stripe.customer.metadata.note is empty in all of 1 record" in texts
    assert not any("line.quantity" in each for each in texts)


def test_a_starting_file_fits_the_org() -> None:
    standard = load_mapping(DEFAULT.read_text(), name=str(DEFAULT), targets=sdk_targets()).document
    assert standard
    text = starter(standard, CATALOGUE, name="mappings/acme.yaml", schema="../schemas/mapping.schema.json")
    assert text.startswith("# yaml-language-server: $schema=../schemas/mapping.schema.json\n")
    assert SOURCE in text
    loaded = load_mapping(text, name="mappings/acme.yaml", targets=sdk_targets())
    assert loaded.document, [problem.render() for problem in loaded.problems]
    assert "  name: Product2.Name   # name of the product\n" in text
    assert "  # total: TotalPrice   # total of the line according to the CRM; the org has no TotalPrice\n" in text
    left = [each for each in check_against(loaded.document, CATALOGUE) if each.severity == "error"]
    assert left == []


def test_a_starting_file_without_an_org_says_what_the_standard_says() -> None:
    standard = load_mapping(DEFAULT.read_text(), name=str(DEFAULT), targets=sdk_targets()).document
    assert standard
    text = starter(standard, None, name="m.yaml", schema="s.json")
    loaded = load_mapping(text, name="m.yaml", targets=sdk_targets())
    assert loaded.mapping
    assert loaded.mapping.hash == mapping().hash
    assert Path("m.yaml").exists() is False
