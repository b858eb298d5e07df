"""Files changed by a program: one value differs, every comment and all order stay; nobody's change is lost silently."""

import difflib
import random
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from connector.billing.targets import sdk_targets
from connector.domain.errors import ConfigError
from connector.mapping.difference import compare_documents
from connector.mapping.document import read_document
from connector.mapping.grammar import load_mapping
from connector.mapping.writing import EditError, content_hash, flow, set_value
from connector.mapping_store import ConflictError, read_mapping_text, save_mapping

MAPPINGS = sorted((Path(__file__).parents[2] / "mappings").glob("*.yaml"))
CPQ = next(path for path in MAPPINGS if path.name == "salesforce-cpq.yaml")
TEXT = """\
# a file
version: 1   # the grammar
crm: salesforce

# where paths start
objects: {revision: Order, line: OrderItem}
contract:
  start: Start__c   # first day

  # in one currency
  currency:
    # the usual one
    from: Currency__c
    default: usd
  # the end of it
line: {quantity: Quantity, unit_price: UnitPrice}
stripe:
policies:
    stub: last
"""


def changed(before: str, after: str) -> list[str]:
    """Return the lines that were taken out and put in."""
    lines = difflib.ndiff(before.splitlines(), after.splitlines())
    return [line for line in lines if line[:2] in {"- ", "+ "}]


@pytest.mark.parametrize(
    ("name", "rule", "lines"),
    [
        ("contract.start", "Begin__c", ["-   start: Start__c   # first day", "+   start: Begin__c   # first day"]),
        ("contract.end", "{from: End__c, as: day_after}", ["+   end: {from: End__c, as: day_after}"]),
        (
            "contract.currency",
            "{const: eur}",
            [
                "+   currency: {const: eur}",
                "-   currency:",
                "-     # the usual one",
                "-     from: Currency__c",
                "-     default: usd",
            ],
        ),
        (
            "line.interval",
            "Cadence__c",
            [
                "- line: {quantity: Quantity, unit_price: UnitPrice}",
                "+ line: {quantity: Quantity, unit_price: UnitPrice, interval: Cadence__c}",
            ],
        ),
        (
            "line.quantity",
            "{const: 1}",
            [
                "- line: {quantity: Quantity, unit_price: UnitPrice}",
                "+ line: {quantity: {const: 1}, unit_price: UnitPrice}",
            ],
        ),
        ("stripe.customer.metadata.po.no", "Po__c", ["+   customer:", "+     metadata.po.no: Po__c"]),
        ("policies.rounding", "adjust", ["+     rounding: adjust"]),
        ("revision.value", "TotalAmount", ["+ ", "+ revision:", "+   value: TotalAmount"]),
        ("write_back.Order.Link__c", "link", ["+ ", "+ write_back:", "+   Order:", "+     Link__c: link"]),
    ],
)  # fmt: skip
def test_one_value_is_set(name: str, rule: str, lines: list[str]) -> None:
    assert changed(TEXT, set_value(TEXT, name, rule)) == lines


@pytest.mark.parametrize(
    ("name", "rule", "said"),
    [
        ("line", "x", '"line" names no value; write it like line.interval'),
        ("stripe.customer", "x", '"stripe.customer" names no value; write it like stripe.customer.NAME'),
        ("line.start", "[a", "the value is not valid YAML: [a"),
        ("line.start", "a\nb: c", "the value is one line of YAML, such as Cadence__c or {const: 3}"),
        ("line.start", "!!python/object x", "the value is not valid YAML: !!python/object x"),
        ("version.x", "1", '"version" is no table'),
    ],
)
def test_what_cannot_be_set_is_said(name: str, rule: str, said: str) -> None:
    with pytest.raises(EditError) as caught:
        set_value(TEXT, name, rule)
    assert str(caught.value) == said


@pytest.mark.parametrize("path", MAPPINGS, ids=lambda path: path.name)
def test_comments_and_order_of_shipped_files_stay(path: Path) -> None:
    """Every value of the file is set to itself on one line, one after the other: all comments outside of it stay."""
    text = path.read_text(encoding="utf-8")
    data = read_document(text, "m").data
    comments = [line for line in text.splitlines() if line.startswith("#")]
    for name, value in _values(data):
        once = set_value(text, name, flow(value))
        read = read_document(once, "m").data
        assert read == data
        assert [line for line in once.splitlines() if line.startswith("#")] == comments
        assert list(read) == list(data)
        text = once


def test_setting_twice_is_setting_once() -> None:
    once = set_value(TEXT, "line.interval", "Cadence__c")
    assert set_value(once, "line.interval", "Cadence__c") == once


def _values(data: Any) -> list[tuple[str, Any]]:
    found = []
    for section in ("contract", "revision", "product", "line", "policies", "sync"):
        found += [(f"{section}.{key}", value) for key, value in data[section].items()]
    for section in ("stripe", "write_back", "tier"):
        for head, rows in data[section].items():
            found += [(f"{section}.{head}.{key}", value) for key, value in rows.items()]
    return found + [(f"party.address.{key}", value) for key, value in data["party"]["address"].items()]


def test_flow_reads_back() -> None:
    chance = random.Random(5)  # noqa: S311
    words = [
        "Net 30",
        "yes",
        "null",
        "1.0",
        "a: b",
        "a #b",
        "",
        " x",
        "é",
        'q"\\',
        "{",
        "-",
        "*a",
        "2026-01-01",
        "line\nend",
        "@x",
    ]

    def value(depth: int) -> Any:
        match chance.randrange(7 if depth else 4):
            case 0:
                return chance.choice(words)
            case 1:
                return chance.choice([True, False, None])
            case 2:
                return chance.choice([0, -7, Decimal("12.50"), 10**20])
            case 3 | 4:
                return chance.choice(words)
            case 5:
                return [value(depth - 1) for _ in range(chance.randrange(3))]
            case _:
                return {str(chance.choice(words)).strip() or "k": value(depth - 1) for _ in range(chance.randrange(3))}

    for _ in range(500):
        made = value(3)
        assert read_document(f"v: {flow(made)}\n", "f").data == {"v": made}


def test_two_people_do_not_overwrite_each_other(tmp_path: Path) -> None:
    path = tmp_path / "m.yaml"
    path.write_text(TEXT)
    mine = yours = content_hash(read_mapping_text(path))
    saved = save_mapping(path, set_value(TEXT, "line.start", "A__c"), seen=yours)
    with pytest.raises(ConflictError, match=r"m\.yaml was changed by somebody else meanwhile"):
        save_mapping(path, set_value(TEXT, "line.start", "B__c"), seen=mine)
    assert "A__c" in path.read_text()
    assert content_hash(path.read_text()) == saved
    assert [each.name for each in tmp_path.iterdir()] == ["m.yaml"]


def test_a_file_is_not_saved_by_two_at_once(tmp_path: Path) -> None:
    path = tmp_path / "m.yaml"
    path.write_text(TEXT)
    (tmp_path / ".m.yaml.new").write_text("half of somebody's file")
    with pytest.raises(ConflictError, match="is being saved by somebody else"):
        save_mapping(path, "x", seen=content_hash(TEXT))
    assert path.read_text() == TEXT


def test_a_file_that_is_gone_is_not_made_again(tmp_path: Path) -> None:
    with pytest.raises(ConflictError, match="it is gone"):
        save_mapping(tmp_path / "m.yaml", "x", seen=content_hash(TEXT))
    with pytest.raises(ConfigError, match="cannot read the mapping file"):
        read_mapping_text(tmp_path / "m.yaml")
    assert list(tmp_path.iterdir()) == []


def test_line_ends_and_mode_stay(tmp_path: Path) -> None:
    path = tmp_path / "m.yaml"
    path.write_bytes(TEXT.replace("\n", "\r\n").encode())
    path.chmod(0o640)
    text = read_mapping_text(path)
    save_mapping(path, set_value(text, "contract.start", "B__c"), seen=content_hash(text))
    assert path.read_bytes() == TEXT.replace("Start__c", "B__c").replace("\n", "\r\n").encode()
    assert path.stat().st_mode & 0o777 == 0o640


def test_differences_are_of_meaning() -> None:
    base = CPQ.read_text(encoding="utf-8")
    lines = base.replace("  stub: last\n", "").replace("  total: TotalPrice", "  total: {from: TotalPrice}   # same?")
    new = set_value(set_value(lines, "line.interval", "Cadence__c"), "stripe.customer.metadata.po", "Po__c")
    documents = [load_mapping(text, name="m.yaml", targets=sdk_targets()).document for text in (base, f"# note\n{new}")]
    assert documents[0]
    assert documents[1]
    found = compare_documents(documents[0], documents[1])
    assert [(each.name, each.kind, each.before, each.after) for each in found] == [
        ("line.interval", "changed", "SBQQ__BillingFrequency__c", "Cadence__c"),
        ("policies.stub", "removed", "last", None),
        ("stripe.customer.metadata.po", "added", None, "Po__c"),
    ]
    assert compare_documents(documents[0], documents[0]) == ()
