"""How big our files and functions are, and how things are called: facts for tests and for the table of measures."""

import ast
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("connector", "jobs", "tests")


@dataclass(frozen=True, slots=True)
class Source:
    """A Python file of ours."""

    path: Path
    text: str
    tree: ast.Module

    @property
    def name(self) -> str:
        """Return the path as it is written in reports."""
        return self.path.relative_to(ROOT).as_posix()

    @property
    def lines(self) -> int:
        """Return the number of lines."""
        return len(self.text.splitlines())

    def functions(self) -> Iterator[tuple[str, int]]:
        """Yield the name and length of every function."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield node.name, (node.end_lineno or node.lineno) - node.lineno + 1

    def names(self) -> Iterator[str]:
        """Yield the names of the module, its classes and its functions."""
        yield self.path.parent.name if self.path.stem == "__init__" else self.path.stem
        for node in ast.walk(self.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                yield node.name


@cache
def sources(package: str) -> tuple[Source, ...]:
    """Return every file of a package (a folder below the root)."""
    paths = sorted((ROOT / package).rglob("*.py"))
    texts = [(path, path.read_text(encoding="utf-8")) for path in paths]
    return tuple(Source(path, text, ast.parse(text)) for path, text in texts)


@cache
def repository() -> tuple[Path, ...]:
    """Return every file under version control; empty where there is no checkout."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    paths = (ROOT / name for name in listed.stdout.split("\0") if name)
    return tuple(path for path in paths if path.is_file())


@cache
def pages() -> tuple[Path, ...]:
    """Return every page of documentation."""
    found = (ROOT.glob("*.md"), (ROOT / "docs").rglob("*.md"), (ROOT / "mappings").glob("*.md"))
    return tuple(sorted(path for some in found for path in some))


def words(name: str) -> frozenset[str]:
    """Return the words of a name in snake or camel case, small and in the singular."""
    parts = re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)
    return frozenset(part.lower().removesuffix("s") for part in parts)


def measures() -> Iterator[str]:
    """Yield a table of packages: files, lines, median and longest file, longest function."""
    yield f"{'package':<22}{'files':>6}{'lines':>8}{'median':>8}{'longest':>9}  longest function"
    folders = sorted(path for path in (ROOT / "connector").iterdir() if (path / "__init__.py").exists())
    for package in (*PACKAGES[:2], *(folder.relative_to(ROOT).as_posix() for folder in folders), PACKAGES[2]):
        found = [source for source in sources(package) if source.lines]
        lengths = [source.lines for source in found]
        length, name = max((length, name) for source in found for name, length in source.functions() or [("", 0)])
        row = f"{package:<22}{len(found):>6}{sum(lengths):>8}{median(lengths):>8g}{max(lengths):>9}"
        yield f"{row}  {name} ({length})"
