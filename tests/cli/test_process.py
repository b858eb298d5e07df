"""What only a process of its own shows: exit codes, colours, signals, closed pipes."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Shop

ANSI = re.compile(r"\x1b\[")


def process(*arguments: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name not in {"NO_COLOR", "FORCE_COLOR"}}
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "connector.cli", *arguments],
        cwd=folder,
        env=environment | variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(["version"], 0), (["bogus"], 64), (["config", "show", "--config", "/nowhere"], 3)],
)
def test_the_process_exits_with_the_code(tmp_path: Path, arguments: list[str], code: int):
    done = process(*arguments, folder=tmp_path)
    assert done.returncode == code
    assert bool(done.stdout) == (code == 0)
    assert "Traceback" not in done.stderr


def test_colours_are_for_terminals(shop: Shop):
    arguments = ("plan", shop.orders["ramp"], "--config", str(shop.config))
    folder = shop.config.parent
    coloured = process(*arguments, folder=folder, FORCE_COLOR="1", TERM="xterm-256color")
    assert ANSI.search(coloured.stdout)
    plain = process(*arguments, folder=folder, FORCE_COLOR="1", TERM="xterm-256color", NO_COLOR="1")
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]", plain.stdout), "no colour; bold and dim are no colours"


def test_the_sandbox_serves_until_ctrl_c(tmp_path: Path):
    command = [sys.executable, "-m", "connector.cli", "sandbox", "--salesforce-port", "0", "--stripe-port", "0"]
    command += ["--hubspot-port", "0"]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as served:
        assert served.stderr is not None
        lines = [served.stderr.readline() for _ in range(4)]
        assert lines[0].startswith("Salesforce  http://127.0.0.1:")
        assert (tmp_path / ".connector" / "sandbox.toml").exists()
        done = process("db", "upgrade", "--config", ".connector/sandbox.toml", folder=tmp_path)
        assert done.returncode == 0
        done = process("sync", "--json", "--config", ".connector/sandbox.toml", folder=tmp_path)
        assert done.returncode == 4
        served.send_signal(signal.SIGINT)
        rest = served.stderr.read()
    assert served.returncode == 130
    assert "Traceback" not in rest


@pytest.mark.parametrize(
    ("crm", "openings"),
    [
        ("salesforce", ["A sales rep activates"]),
        ("hubspot", ["A sales rep wins"]),
        ("both", ["A sales rep activates", "A sales rep wins"]),
    ],
)
def test_the_demo_shows_the_whole_path(tmp_path: Path, crm: str, openings: list[str]):
    done = process("demo", "--crm", crm, folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    for words in openings:
        assert f"1  {words}" in done.stdout
    for words in ("4  What Stripe now holds", "calls to Stripe: 0", "to the cent"):
        assert done.stdout.count(words) == len(openings)
    assert "DOES NOT ADD UP" not in done.stdout
    assert list(tmp_path.iterdir()) == []
