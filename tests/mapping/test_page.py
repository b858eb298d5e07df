"""docs/mapping.md, from top to bottom: every file loads, every message is what is printed, every command runs."""

import re
import shlex
from decimal import Decimal
from pathlib import Path

import pytest

from connector.billing.targets import sdk_targets
from connector.mapping.converters import CONVERTERS, Converter
from connector.mapping.grammar import Loaded, load_mapping
from tests.cli.conftest import Shop, new_shop, playground, shop

__all__ = ["new_shop", "playground", "shop"]

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "mapping.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```([^\n]*)\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)
YAML = [text for kind, text in BLOCKS if kind == "yaml"]
WHOLE, *FRAGMENTS = YAML
FILES = {
    "mappings/salesforce-cpq.yaml": (ROOT / "mappings" / "salesforce-cpq.yaml").read_text(encoding="utf-8"),
    "mappings/deals.yaml": WHOLE,
}


def load(text: str, name: str = "mappings/sample.yaml") -> Loaded:
    return load_mapping(text, name=name, targets=sdk_targets(), include=FILES.get)


def test_the_first_sample_is_a_whole_file() -> None:
    assert WHOLE.startswith("# yaml-language-server: $schema=../schemas/mapping.schema.json\nversion: 1\n")
    assert [problem.render() for problem in load(WHOLE).problems] == []


@pytest.mark.parametrize("text", FRAGMENTS, ids=lambda text: text.split(":")[0])
def test_every_sample_loads(text: str) -> None:
    """A sample that is a part of a file is read on top of the standard one."""
    whole = text if text.startswith("include:") else f"include: salesforce-cpq.yaml\n{text}"
    assert [problem.render() for problem in load(whole).problems] == []


def test_the_wrong_sample_says_what_is_shown() -> None:
    (wrong,) = [text for kind, text in BLOCKS if kind == "yaml wrong"]
    (shown,) = [text for kind, text in BLOCKS if kind == "text"]
    loaded = load(wrong, "mappings/deals.yaml")
    assert [problem.render() for problem in loaded.problems if problem.code == "MAP-022"] == [shown.rstrip("\n")]


def test_every_command_runs_in_the_order_of_the_page(shop: Shop) -> None:
    """In the emulated company, with the page's own files, and the second file of the page as the changed one."""
    folder = Path("mappings")
    (folder / "tests").mkdir(parents=True)
    for name, text in FILES.items():
        Path(name).write_text(text, encoding="utf-8")
    (case,) = [text for kind, text in BLOCKS if kind == "yaml case"]
    (folder / "tests" / "deals.yaml").write_text(case, encoding="utf-8")
    lines = [line for kind, text in BLOCKS if kind == "" for line in text.splitlines()]
    assert len(lines) == 15
    for line in lines:
        words = shlex.split(line, comments=True)
        target = Path(words.pop()) if ">" in words else None
        words = [word for word in words[1:] if word != ">"]
        needs_config = words[1] not in {"test", "set", "diff"} or words[0] != "map"
        ran = shop.run(*words) if needs_config else shop.bare(*words)
        allowed = {0, 3} if "--strict" in words else {0, 2} if words[1] in {"diff", "impact"} else {0}
        assert ran.code in allowed, (line, ran.out, ran.err)
        if target is not None:
            target.write_text(ran.out, encoding="utf-8")


def row(found: Converter) -> str:
    """Return a converter's line of the table."""
    given, wanted = found.examples[0]
    quoted = f'"{found.example_argument}"' if found.name in {"join", "prefix"} else found.example_argument
    name = f"`{found.name}`" if found.argument is None else f"`{found.name}: {quoted}`"
    capital = found.says.startswith(("E-mail", "VAT", "Stripe"))
    says = found.says.rstrip(".")
    return f"| {name} | {says if capital else says[0].lower() + says[1:]} | {shown(given)} → {shown(wanted)} |"


def shown(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return '`"' + value.replace("\r", "").replace("\n", "\\n") + '"`' if value else "empty"
        case tuple():
            return f"`[{', '.join(value)}]`"
        case _:
            return f"`{value}`"


def test_the_table_of_converters_is_complete() -> None:
    part = PAGE.partition("## Converters")[2].partition("## Sections")[0]
    rows = [line for line in part.splitlines() if line.startswith("| `")]
    assert rows == [row(found) for found in CONVERTERS.values()]
    assert shown(Decimal("2.50")) == "`2.50`"


def test_every_operator_key_and_word_of_the_grammar_is_on_the_page() -> None:
    for word in ("contains", "starts_with", "leave", "clear", "refuse", "on", "include", "without", "preview", "from"):
        assert f"`{word}`" in PAGE, word
