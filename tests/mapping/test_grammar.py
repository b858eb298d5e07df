"""What a right mapping file becomes: rules, paths to read, its fingerprint; and the published schema."""

import json
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ruamel.yaml import YAML

from connector.billing.targets import sdk_targets
from connector.domain.contract import Policies
from connector.domain.issues import Source
from connector.mapping.converters import CONVERTERS
from connector.mapping.grammar import Loaded, load_mapping
from connector.mapping.paths import Path as CrmPath
from connector.mapping.raw import RawRecord, RawRecords
from connector.mapping.rules import Const, Rule, evaluate
from connector.mapping.schema import schema_text
from connector.mapping.slots import CONTRACT_KINDS, LINE_KINDS, SLOTS, STATUS_SLOTS
from tests.mapping.builders import DEFAULT, mapping
from tests.mapping.test_wrong_files import BASE

ROOT = Path(__file__).parents[2]
MAPPINGS = sorted((ROOT / "mappings").glob("*.yaml"))


def load(text: str) -> Loaded:
    return load_mapping(text, name="m.yaml", targets=sdk_targets())


def rule(text: str) -> Rule:
    """Return the compiled rule of `revision.value` in a small file."""
    loaded = load(f"{BASE}revision: {{value: {text}}}\n")
    assert loaded.mapping, [problem.render() for problem in loaded.problems]
    return loaded.mapping.sections["revision"]["value"]


@pytest.mark.parametrize("path", MAPPINGS, ids=lambda path: path.name)
def test_published_mappings_are_right(path: Path) -> None:
    loaded = load(path.read_text())
    assert [problem.render() for problem in loaded.problems] == []


@pytest.mark.parametrize("path", MAPPINGS, ids=lambda path: path.name)
def test_published_mappings_fit_the_schema(path: Path) -> None:
    jsonschema.validate(_plain(path.read_text()), json.loads(schema_text(sdk_targets())))


def test_schema_file_is_current() -> None:
    """After a change: connector map schema > schemas/mapping.schema.json."""
    assert (ROOT / "schemas" / "mapping.schema.json").read_text() == schema_text(sdk_targets())


def test_schema_refuses_what_the_grammar_refuses() -> None:
    check = jsonschema.Draft202012Validator(json.loads(schema_text(sdk_targets())))
    for wrong in ("polices: {}", "revision: {efective: A}", "write_back: {Order: {A__c: lnk}}", "sync: {wen: {}}"):
        assert not check.is_valid(_plain(f"{BASE}{wrong}\n")), wrong
    assert check.is_valid(_plain(BASE))


def test_paths_say_what_to_read() -> None:
    paths = mapping().paths
    assert {"SBQQ__Quote__c", "SBQQ__Quote__r.SBQQ__StartDate__c", "Status", "Stripe_Schedule_Id__c"} <= paths["Order"]
    assert {"AccountId", "Account.Name", "BillToContactId", "BillToContact.Email"} <= paths["Order"]
    contact = {"SBQQ__Quote__r.SBQQ__PrimaryContact__c", "SBQQ__Quote__r.SBQQ__PrimaryContact__r.Email"}
    assert contact <= paths["Order"]
    assert {"Stripe_Skip_Line__c", "Product2Id", "Product2.Name", "Stripe_Price_Id__c"} <= paths["OrderItem"]
    assert paths["Account"] == {"Stripe_Customer_Id__c"}
    assert paths["ConsumptionRate"] == {"UpperBound", "Price", "PricingMethod"}


def test_paths_of_conditions_and_fallbacks_are_read_too() -> None:
    text = f"{BASE}revision: {{value: {{first_of: [A__c, {{from: B__c, when: {{path: C__c, eq: 1}}}}]}}}}\n"
    loaded = load(text)
    assert loaded.mapping
    assert {"A__c", "B__c", "C__c"} <= loaded.mapping.paths["Order"]


def test_hash_ignores_comments_and_order() -> None:
    lines = BASE.splitlines()
    turned = "\n".join([lines[0], "# a note", *reversed(lines[1:])]) + "\n"
    assert _hash(turned) == _hash(BASE)
    assert _hash(BASE.replace("UnitPrice", "Price__c")) != _hash(BASE)


def test_policies_of_the_file() -> None:
    assert mapping().policies == Policies()
    changed = mapping(
        ("  rounding: report", "  rounding: adjust"), ("  metadata_prefix: salesforce_", "  metadata_prefix: x_")
    )
    assert changed.policies == Policies(rounding="adjust", metadata_prefix="x_")


def test_write_back_fields() -> None:
    assert mapping().write_back["Account"] == {"Stripe_Customer_Id__c": "customer.id"}
    assert mapping().write_back["Order"]["Stripe_Link__c"] == "link"


def test_empty_sections_are_fine() -> None:
    assert load(f"{BASE}policies:\nstripe:\nrevision:\n").problems == ()


RECORD = RawRecord("Order", "801", {"A__c": None, "B__c": " x ", "Yes__c": True, "N__c": 12.0, "P__c": Decimal("5.50")})


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("N__c", 12.0),
        ("Id", "801"),
        ("{from: N__c, as: [whole_number, text]}", "12"),
        ("{from: A__c, default: 3}", 3),
        ("{first_of: [A__c, N__c]}", 12.0),
        ("{first_of: [A__c, {const: 4}]}", 4),
        ("{const: 1.50}", Decimal("1.50")),
        ("{from: N__c, when: {path: Yes__c, eq: false}}", None),
        ("{from: N__c, when: {path: Yes__c, eq: true}}", 12.0),
        ("{from: Yes__c, value_map: {true: 1, false: 0}}", 1),
        ("{from: N__c, value_map: {12: 144}}", 144),
        ("{from: P__c, value_map: {5.5: 2}}", 2),
        ('{from: B__c, value_map: {x: "7"}, as: decimal}', Decimal(7)),
        ("Account.Name", None),
    ],
)
def test_rules(text: str, value: object) -> None:
    found = evaluate(rule(text), RECORD, RawRecords([RECORD]))
    assert found.error is None
    assert found.value == value


def test_conditions_are_compiled() -> None:
    when = "{any: [{not: {path: Yes__c, eq: true}}, {all: [{path: N__c, in: [11, 12]}, {path: A__c, exists: false}]}]}"
    assert evaluate(rule(f"{{from: P__c, when: {when}}}"), RECORD, RawRecords([RECORD])).value == Decimal("5.50")


def test_a_fixed_list() -> None:
    loaded = load(f"{BASE}stripe: {{customer: {{preferred_locales: {{const: [de, en]}}}}}}\n")
    assert loaded.mapping
    ((_, found),) = loaded.mapping.stripe["customer"]
    assert found.origin == Const(("de", "en"))


def test_unreadable_values_are_named() -> None:
    found = evaluate(rule("{from: B__c, as: decimal}"), RECORD, RawRecords([RECORD]))
    assert (found.value, found.raw, found.source, found.error) == (
        None,
        " x ",
        Source("801", "B__c"),
        '" x " is not a number',
    )
    mapped = evaluate(rule("{from: B__c, value_map: {a: 1, b: 2}}"), RECORD, RawRecords([RECORD]))
    assert mapped.error == '" x " is none of: a, b'
    first = evaluate(rule("{first_of: [{from: B__c, as: decimal}, N__c]}"), RECORD, RawRecords([RECORD]))
    assert first.error == '" x " is not a number'


def test_a_line_remembers_its_place() -> None:
    assert rule("TotalAmount").line == 8
    assert isinstance(rule("{const: 3}").origin, Const)
    assert rule("TotalAmount").origin == CrmPath((), "TotalAmount")


def _hash(text: str) -> str:
    loaded = load(text)
    assert loaded.mapping
    return loaded.mapping.hash


def _plain(text: str) -> Any:
    return YAML(typ="safe", pure=True).load(StringIO(text))


def test_default_mapping_names_its_schema() -> None:
    assert DEFAULT.read_text().startswith("# yaml-language-server: $schema=../schemas/mapping.schema.json\n")


def test_everything_is_documented() -> None:
    page = (ROOT / "docs" / "mapping.md").read_text()
    names = {*CONVERTERS, *STATUS_SLOTS, *CONTRACT_KINDS, *LINE_KINDS, *SLOTS}
    names |= {name.rpartition(".")[2] for slots in SLOTS.values() for name in slots}
    assert {name for name in names if f"`{name}`" not in page and f"`{name}:" not in page} == set()
