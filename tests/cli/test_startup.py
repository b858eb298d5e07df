"""What a command loads: help loads nothing of what the connector works with, and a command only what it needs."""

import subprocess
import sys
from pathlib import Path

import pytest

from connector.cli.commands import COMMANDS, load
from tests.cli.conftest import Shop

#: Vendors' SDKs, the database, and what reads configuration: each takes a tenth of a second and more.
HEAVY = ("alembic", "hubspot", "pydantic", "requests", "rich", "simple_salesforce", "sqlalchemy", "stripe")
#: What the Salesforce SDK imports for what we do not use.
UNUSED = ("cryptography", "lxml", "zeep")
CODE = """
import sys
from connector.cli.main import run
code = run(sys.argv[2:])
print("loaded:", *(name for name in sys.argv[1].split(",") if name in sys.modules), file=sys.stderr)
sys.exit(code)
"""


def loaded(folder: Path, watched: tuple[str, ...], *arguments: str) -> set[str]:
    """Run a command in a process of its own; return which of these modules it had loaded at its end."""
    command = [sys.executable, "-c", CODE, ",".join(watched), *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout
    return set(done.stderr.splitlines()[-1].split()[1:])


def test_help_loads_nothing_that_takes_long(tmp_path: Path):
    assert loaded(tmp_path, HEAVY, "--help") == set()


def test_the_version_loads_no_more_than_the_command_line_library_does(tmp_path: Path):
    assert loaded(tmp_path, HEAVY, "version") <= {"pydantic"}


def test_what_is_loaded_would_be_noticed(tmp_path: Path):
    assert {"rich", "sqlalchemy", "stripe"} <= loaded(tmp_path, HEAVY, "plan", "--help")


def test_a_run_loads_only_the_sdks_of_its_crm(shop: Shop):
    config = ("--config", str(shop.config))
    watched = ("alembic", "hubspot", "simple_salesforce", "stripe", *UNUSED)
    assert loaded(shop.config.parent, watched, "sync", shop.orders["ramp"], *config, "--json") == {
        "simple_salesforce",
        "stripe",
    }


@pytest.mark.parametrize("name", COMMANDS)
def test_help_lists_a_command_with_its_own_words(name: str):
    own = load(name).help.split("\n\n")[0]
    assert COMMANDS[name].help == " ".join(own.split())
