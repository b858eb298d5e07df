"""What the pages tell people to type exists, and the README shows what the demo really prints."""

import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import typer

from connector.cli.commands import COMMANDS, load
from connector.cli.main import app
from tests.architecture.shape import ROOT, pages

TREE: Any = typer.main.get_command(app)
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
SHELLS = {"", "sh", "bash", "console"}


def fenced(page: Path) -> Iterator[str]:
    """Yield the lines of a page that people are meant to type."""
    for language, block in FENCE.findall(page.read_text(encoding="utf-8")):
        if language in SHELLS:
            yield from (line.strip().removeprefix("$ ") for line in block.splitlines())


def inline(page: Path) -> Iterator[str]:
    """Yield the commands named within the text; they may leave out what a command needs."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    yield from (span for span in re.findall(r"`([^`\n]+)`", text) if span.startswith("connector "))


def commands() -> Iterator[Any]:
    for page in pages():
        name = str(page.relative_to(ROOT))
        for line in fenced(page):
            if re.match(r"connector\s", line):
                yield pytest.param(line, True, id=f"{name}: {line}")
        for span in inline(page):
            yield pytest.param(span, False, id=f"{name}: {span}")


def parse(line: str, *, complete: bool) -> None:
    """Parse a command as the command line would, without running it."""
    words = shlex.split(line, comments=True)[1:]
    command, name = TREE, "connector"
    for stop in (">", "|", "&&"):
        words = words[: words.index(stop)] if stop in words else words
    try:
        while hasattr(command, "resolve_command") and words and words != ["--help"]:
            context = command.make_context(name, list(words))
            name, command, words = command.resolve_command(context, words)
        if "--help" not in words:
            command.make_context(name, list(words))
    except Exception as error:
        if complete or type(error).__name__ not in {"MissingParameter", "NoArgsIsHelpError"}:
            raise


@pytest.mark.parametrize(("line", "complete"), list(commands()))
def test_commands_in_the_pages_exist(line: str, complete: bool) -> None:
    parse(line, complete=complete)


@pytest.mark.parametrize("line", ["connector frobnicate", "connector plan --recrods x", "connector explain"])
def test_a_wrong_command_would_be_noticed(line: str) -> None:
    with pytest.raises(Exception, match=r"No such|Missing"):
        parse(line, complete=True)


def tree(command: Any, name: str = "connector") -> Iterator[tuple[str, Any]]:
    for key, child in getattr(command, "commands", {}).items():
        if hasattr(child, "commands"):
            yield from tree(child, f"{name} {key}")
        else:
            yield f"{name} {key}", child


LOADED: Any = SimpleNamespace(commands={name: load(name) for name in COMMANDS})


@pytest.mark.parametrize(("name", "command"), list(tree(LOADED)))
def test_commands_and_options_are_documented(name: str, command: Any) -> None:
    page = (ROOT / "docs/cli.md").read_text(encoding="utf-8")
    assert f"`{name}`" in page
    options = {max(parameter.opts, key=len) for parameter in command.params if parameter.param_type_name == "option"}
    assert {option for option in options if not re.search(rf"{option}\b", page)} == set()


def test_make_targets_in_the_pages_exist() -> None:
    known = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))
    named = {match[1] for page in pages() for line in fenced(page) if (match := re.match(r"make (\w+)", line))}
    assert named - known == set()


def stable(text: str) -> list[str]:
    """Return lines without what changes from run to run: days, Stripe's ids, rules drawn to the width of the screen."""
    plain = re.sub(r"\d{4}-\d{2}-\d{2}", "DAY", re.sub(r"sub_sched_\w+", "SCHEDULE", text))
    return [re.sub(r"…?\s*─*$", "", line) for line in plain.splitlines()]


def test_the_readme_shows_what_the_demo_prints() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (transcript,) = [block for language, block in FENCE.findall(readme) if language == "text"]
    shown = [line for line in stable(transcript) if line.strip() not in {"", "..."}]
    code = "import sys; from connector.cli import main; sys.argv = ['connector', 'demo']; main()"
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT, timeout=120
    )
    printed = iter(stable(run.stdout))
    assert [line for line in shown if line not in printed] == [], "lines of the README, in their order"
    assert len(shown) > 20


def test_the_layers_in_the_pages_are_those_that_are_checked() -> None:
    page = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    config = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    layers = config["tool"]["importlinter"]["contracts"][0]["layers"]
    (block,) = [block for _, block in FENCE.findall(page) if block.startswith("connector.cli ")]
    assert [re.split(r"\s{2,}", line)[0] for line in block.splitlines()] == layers
