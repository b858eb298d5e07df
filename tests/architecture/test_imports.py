"""What import-linter does not see: imports inside functions of the pure packages, and what importing a module does."""

import ast
import json
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.architecture.shape import ROOT, Source, sources

PURE = ("connector/domain", "connector/mapping", "connector/compile", "connector/plan")
PURE_SOURCES = [source for package in PURE for source in sources(package)]
#: Calls that read a clock, chance or a file, however their module came in.
IMPURE_CALLS = {"open", "input", "print", "__import__", "exec", "eval"}
IMPURE_ATTRIBUTES = {("datetime", "now"), ("datetime", "utcnow"), ("date", "today"), ("Path", "home"), ("Path", "cwd")}


def forbidden_modules() -> frozenset[str]:
    """Return what the layer contract of the pure core forbids, and what would get around it."""
    config = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = config["tool"]["importlinter"]["contracts"]
    contract = next(each for each in contracts if each["name"].startswith("The pure core"))
    return frozenset(contract["forbidden_modules"]) | {"importlib", "subprocess", "sqlite3", "urllib", "http"}


def imports(source: Source) -> Iterator[str]:
    """Yield what a module imports anywhere but for type checking only."""
    for node in ast.walk(_without_type_checking(source.tree)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def _without_type_checking(tree: ast.Module) -> ast.Module:
    class Pruned(ast.NodeTransformer):
        def visit_If(self, node: ast.If) -> Any:
            return None if ast.unparse(node.test).endswith("TYPE_CHECKING") else self.generic_visit(node)

    pruned: ast.Module = Pruned().visit(ast.parse(ast.unparse(tree)))
    return pruned


@pytest.mark.parametrize("source", PURE_SOURCES, ids=lambda source: source.name)
def test_pure_packages_import_nothing_impure_even_lazily(source: Source) -> None:
    forbidden = forbidden_modules()
    assert [name for name in imports(source) if name.split(".")[0] in forbidden] == []


@pytest.mark.parametrize("source", PURE_SOURCES, ids=lambda source: source.name)
def test_pure_packages_read_no_clock_and_no_file(source: Source) -> None:
    found = []
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.Call):
            continue
        if isinstance(node.func, ast.Name) and node.func.id in IMPURE_CALLS:
            found.append(node.func.id)
        if isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name):
            call = (node.func.value.id, node.func.attr)
            found += [".".join(call)] if call in IMPURE_ATTRIBUTES else []
    assert found == []


#: Imports everything with an audit hook. An event is ours when one of our frames lies above the nearest import.
#: pydantic reads the docstrings under our settings from our own source, which is no more than importing does.
WATCH = """
import json, os, pkgutil, sys, threading
root = sys.argv[1]
watched = ("open", "socket.", "_thread.start", "threading.", "subprocess.", "os.", "sqlite3.", "shutil.", "tempfile.")
found = []

def ours():
    frame = sys._getframe(2)
    while frame is not None:
        name = frame.f_code.co_filename
        if name.startswith("<frozen importlib"):
            return None
        if name.startswith((root + "/connector/", root + "/jobs/")):
            return name[len(root) + 1:] + ":" + str(frame.f_lineno)
        frame = frame.f_back
    return None

def hook(event, args):
    if event == "open" and str(args[0]).startswith(root) and str(args[0]).endswith(".py") and args[1] in ("r", "rb"):
        return
    if event.startswith(watched) and (place := ours()):
        found.append([place, event, repr(args)[:120]])

def noticed(start):
    def begin(*args, **kwargs):
        if place := ours():
            found.append([place, "thread", ""])
        return start(*args, **kwargs)
    return begin

for name in ("_start_new_thread", "_start_joinable_thread"):  # no Python tells its audit hooks of every thread
    if hasattr(threading, name):
        setattr(threading, name, noticed(getattr(threading, name)))
sys.path.insert(0, root)
sys.addaudithook(hook)
names = []
for package in ("connector", "jobs"):
    __import__(package)
    names += [each.name for each in pkgutil.walk_packages(sys.modules[package].__path__, package + ".")]
for name in names:
    try:
        __import__(name)
    except SystemExit:
        found.append([name, "exit", "a module that runs when it is imported lacks a guard"])
threads = [thread.name for thread in threading.enumerate() if thread is not threading.main_thread()]
print(json.dumps({"modules": len(names), "found": found, "threads": threads}))
"""


def imported(root: Path) -> Any:
    """Import everything below a root in a process of its own; return what was seen."""
    command = [sys.executable, "-c", WATCH, str(root)]
    run = subprocess.run(command, capture_output=True, text=True, check=False, cwd=root, timeout=120)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def test_importing_does_nothing() -> None:
    report = imported(ROOT)
    assert report["found"] == []
    assert report["threads"] == []
    assert report["modules"] > len(PURE_SOURCES)


def test_a_module_that_does_something_would_be_noticed(tmp_path: Path) -> None:
    for package, text in (
        ("connector", "open('/dev/null').close()\n"),
        ("jobs", "import threading\nthreading.Thread(target=len, args=((),)).start()\n"),
    ):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text(text, encoding="utf-8")
    report = imported(tmp_path)
    assert {place for place, _, _ in report["found"]} == {"connector/__init__.py:1", "jobs/__init__.py:2"}
