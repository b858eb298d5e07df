"""Tables that name the same things in several places agree: issues, kinds of objects, mapping files, policies."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import get_args, get_type_hints

import pytest
import stripe

from connector.billing.endpoints import ENDPOINTS
from connector.billing.targets import sdk_targets
from connector.cli.exits import Exit
from connector.compile.resource import Kind
from connector.domain.contract import Policies
from connector.domain.issues import IssueCode
from connector.mapping.grammar import load_mapping
from connector.mapping.slots import SLOTS
from connector.plan.kinds import KINDS
from tests.architecture.shape import ROOT, sources

CODE = [source for source in sources("connector") if source.name != "connector/domain/issues.py"]
HEADING = re.compile(r"^### (\w+) · (.+)$", re.MULTILINE)
ISSUES_PAGE = (ROOT / "docs/issues.md").read_text(encoding="utf-8")
SEVERITIES = dict(HEADING.findall(ISSUES_PAGE))


def raised() -> dict[str, set[str]]:
    """Return the severities with which each code occurs in the program."""
    found: dict[str, set[str]] = defaultdict(set)
    for source in CODE:
        for verb, code in re.findall(r"\b(block|warn)\(\s*IssueCode\.(\w+)", source.text):
            found[code].add(f"{verb}s")
        for code in re.findall(r"IssueCode\.(\w+)", source.text):
            found[code] |= set()
    for slots in SLOTS.values():
        for slot in slots.values():
            found[slot.code.value].add(f"{slot.severity.value}s")
    return found


def test_every_issue_is_documented_once_and_no_other() -> None:
    documented = [code for code, _ in HEADING.findall(ISSUES_PAGE)]
    assert sorted(documented) == sorted(code.value for code in IssueCode)


def test_every_issue_is_used_or_said_to_be_reserved() -> None:
    used = set(raised())
    reserved = {code for code, words in SEVERITIES.items() if words == "reserved"}
    assert {code.value for code in IssueCode} - used == reserved


def test_severities_are_those_of_the_program() -> None:
    wrong = {
        code: (SEVERITIES[code], severities)
        for code, severities in raised().items()
        if severities and set(SEVERITIES[code].split(" or ")) != severities
    }
    assert wrong == {}


@cache
def literals() -> frozenset[str]:
    """Return the fixed parts of all texts in the program that are long enough to be recognised."""
    found = set()
    for source in CODE:
        for node in ast.walk(source.tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value.strip()) >= 12:
                found.add(node.value.strip())
    return frozenset(found)


def examples() -> Iterator[tuple[str, str]]:
    for section in re.split(r"^### ", ISSUES_PAGE, flags=re.MULTILINE)[1:]:
        for example in re.findall(r"^> (.+)$", section, flags=re.MULTILINE):
            yield section.split()[0], example


@pytest.mark.parametrize(("code", "example"), list(examples()))
def test_examples_are_in_the_words_of_the_program(code: str, example: str) -> None:
    assert any(part in example for part in literals()), f"{code}: no text of the program says this"


def test_every_kind_has_an_endpoint() -> None:
    assert set(KINDS) == set(ENDPOINTS) == set(get_args(Kind))


@cache
def sdk_paths() -> frozenset[str]:
    """Return the paths that the installed SDK calls, each {parameter} as {}."""
    folder = Path(stripe.__file__).parent
    texts = (path.read_text(encoding="utf-8") for path in folder.rglob("*_service.py"))
    found = {path for text in texts for path in re.findall(r'"(/v1/[^"]+)"', text)}
    return frozenset(re.sub(r"\{[^}]*\}", "{}", path) for path in found)


def kind_paths() -> Iterator[tuple[str, str]]:
    for kind, endpoint in ENDPOINTS.items():
        yield kind, endpoint.create
        yield kind, endpoint.object
        verb = KINDS[kind].retire
        if verb:
            yield kind, f"{endpoint.object}/{verb}"


@pytest.mark.parametrize(("kind", "path"), list(kind_paths()))
def test_endpoints_exist_in_the_sdk(kind: str, path: str) -> None:
    assert path.replace("{id}", "{}") in sdk_paths(), kind


def test_order_of_kinds_is_unambiguous() -> None:
    ranks = [row.rank for row in KINDS.values()]
    assert len(set(ranks)) == len(ranks)


@pytest.mark.parametrize("path", sorted((ROOT / "mappings").glob("*.y*ml")), ids=lambda path: path.name)
def test_mapping_files_load(path: Path) -> None:
    loaded = load_mapping(path.read_text(encoding="utf-8"), name=path.name, targets=sdk_targets())
    assert [problem.render() for problem in loaded.problems] == []
    assert loaded.mapping is not None


def test_every_policy_is_documented_with_its_choices() -> None:
    page = (ROOT / "docs/policies.md").read_text(encoding="utf-8")
    overview = page.split("\n## ")[0]
    rows = dict(re.findall(r"^\| `(\w+)` \| ([^|]+) \|", overview, flags=re.MULTILINE))
    hints = get_type_hints(Policies)
    assert set(rows) == set(hints)
    for name, hint in hints.items():
        default = getattr(Policies(), name)
        assert f"## {name}:" in page, name
        if default is None:
            assert rows[name].strip() == "none of its own"
            continue
        choices = {str(choice) for choice in get_args(hint)} or {str(default)}
        assert set(re.findall(r"`(\w+)`", rows[name])) == choices, name
        assert rows[name].split("`")[1] == default, f"{name}: the default is first"


def test_every_exit_code_is_documented() -> None:
    page = (ROOT / "docs/cli.md").read_text(encoding="utf-8")
    rows = {(int(code), name) for code, name in re.findall(r"^\| (\d+) \| (\w+) \|", page, flags=re.MULTILINE)}
    assert rows == {(code.value, code.name) for code in Exit}
