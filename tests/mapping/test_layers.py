"""Files on top of each other: what is taken over, overridden and taken out, and where faults are said to stand."""

from pathlib import Path

import pytest

from connector.billing.targets import sdk_targets
from connector.domain.errors import ConfigError
from connector.mapping.grammar import Loaded, load_mapping
from connector.mapping.mapping_file import MappingFile
from connector.mapping.rules import Const
from connector.offline import read_mapping
from tests.mapping.builders import DEFAULT, mapping

BASE = DEFAULT.read_text()
HEAD = "include: base.yaml\n"
PO = "    custom_fields.PO number: PoNumber"


def load(text: str, **files: str) -> Loaded:
    named = {f"mappings/{name}.yaml": content for name, content in {"base": BASE, **files}.items()}
    return load_mapping(text, name="mappings/eu.yaml", targets=sdk_targets(), include=named.get)


def right(text: str, **files: str) -> MappingFile:
    loaded = load(text, **files)
    assert loaded.mapping, [problem.render() for problem in loaded.problems]
    return loaded.mapping


def test_an_including_file_means_the_same() -> None:
    assert right(HEAD).hash == mapping().hash
    assert right("include: [base.yaml]\n").hash == mapping().hash
    assert right(f"{HEAD}version: 1\nline:\npolicies: {{}}\n").hash == mapping().hash


def test_a_rule_is_replaced_as_a_whole() -> None:
    over = right(f"{HEAD}contract: {{currency: {{const: eur}}}}\n")
    assert over.sections["contract"]["currency"].origin == Const("eur")
    assert over.sections["contract"]["currency"].default is None
    assert over.sections["contract"]["start"] == mapping().sections["contract"]["start"].__class__(
        origin=mapping().sections["contract"]["start"].origin, line=22, file="mappings/base.yaml"
    )


@pytest.mark.parametrize(
    ("text", "inline"),
    [
        ("party: {address: {city: Town__c}}\n", ("    city: Account.BillingCity", "    city: Town__c")),
        ("sync: {hold: {path: Wait__c, eq: true}}\n", ("path: Stripe_Hold_Sync__c", "path: Wait__c")),
        ("policies: {stub: first}\n", ("  stub: last", "  stub: first")),
        ("stripe: {invoice: {custom_fields.PO number: Po__c}}\n", (f"{PO}\n\n", f"{PO[:-8]}Po__c\n\n")),
        ("write_back: {Order: {Stripe_Link__c: message}}\n", ("Stripe_Link__c: link", "Stripe_Link__c: message")),
        ("tier: {ConsumptionRate: {price: Cost__c}}\n", ("    price: Price\n", "    price: Cost__c\n")),
        ("objects: {line: Item__c}\n", ("  line: OrderItem\n\n", "  line: Item__c\n\n")),
        ("without: [line.list_price]\n", ("  list_price: SBQQ__QuotedListPrice__c\n", "")),
        ("without: [stripe.invoice.custom_fields.PO number]\n", (f"{PO}\n\n", "\n")),
        ("without: [party.address.city]\n", ("    city: Account.BillingCity\n", "")),
        ("without: [sync.hold]\n", ("  hold: {path: Stripe_Hold_Sync__c, eq: true}\n", "")),
    ],
)  # fmt: skip
def test_overriding_equals_writing_it_out(text: str, inline: tuple[str, str]) -> None:
    assert right(HEAD + text).hash == mapping(inline).hash


def test_later_files_win_and_files_may_be_layered() -> None:
    files = {"one": f"{HEAD}policies: {{stub: first, rounding: adjust}}\n", "two": "policies: {rounding: report}\n"}
    policies = right("include: [one.yaml, two.yaml]\n", **files).policies
    assert (policies.stub, policies.rounding) == ("first", "report")


def test_a_section_can_be_taken_out_and_written_anew() -> None:
    over = right(f"{HEAD}without: [discount]\ndiscount: {{Coupon__c: {{percent: P__c}}}}\n")
    assert list(over.tables["discount"]) == ["Coupon__c"]


def test_faults_say_which_file() -> None:
    loaded = load(
        "include: one.yaml\nline: {interval: {from: A__c, as: mnths}}\n", one=f"{HEAD}revision: {{vlue: A__c}}\n"
    )
    assert [(problem.file, problem.line, problem.code) for problem in loaded.problems] == [
        ("mappings/eu.yaml", 2, "MAP-022"),
        ("mappings/one.yaml", 2, "MAP-011"),
    ]
    assert "revision: {vlue: A__c}" in loaded.problems[1].excerpt


def test_many_files_end() -> None:
    wide = "include: [" + ", ".join(["base.yaml"] * 12) + "]\n"
    assert {problem.code for problem in load(wide).problems} == {"MAP-061"}


def test_files_are_read_from_the_folder(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text(BASE)
    (tmp_path / "eu").mkdir()
    (tmp_path / "eu" / "deals.yaml").write_text("include: more.yaml\n")
    (tmp_path / "eu" / "more.yaml").write_text(BASE)
    (tmp_path / "top.yaml").write_text("include: eu/deals.yaml\npolicies: {stub: first}\n")
    assert read_mapping(tmp_path / "top.yaml").policies.stub == "first"
    (tmp_path / "eu" / "more.yaml").write_text("line: {intervall: A__c}\n")
    with pytest.raises(ConfigError, match=r'more\.yaml:1:8  MAP-011  unknown slot "intervall"'):
        read_mapping(tmp_path / "top.yaml")
