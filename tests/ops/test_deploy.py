"""The service unit and the container file: hardened, without root, and naming only what there is."""

import re
import shutil
import subprocess
import tomllib

import pytest

from tests.ops.machine import ROOT

UNIT = (ROOT / "deploy" / "connector.service").read_text(encoding="utf-8")
CONTAINER = (ROOT / "deploy" / "Containerfile").read_text(encoding="utf-8")
SCRIPTS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]


def setting(name: str) -> str:
    (found,) = re.findall(rf"^{name}=(.*)$", UNIT, flags=re.MULTILINE)
    return str(found)


def test_the_unit_starts_what_is_installed_as_its_own_user():
    program = setting("ExecStart").split()[0]
    assert program.startswith("/opt/connector/bin/")
    assert program.rpartition("/")[2] in SCRIPTS
    assert setting("User") == "connector"
    assert (setting("KillSignal"), setting("RestartPreventExitStatus")) == ("SIGTERM", "3")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("NoNewPrivileges", "yes"),
        ("CapabilityBoundingSet", ""),
        ("ProtectSystem", "strict"),
        ("ProtectHome", "yes"),
        ("PrivateTmp", "yes"),
        ("PrivateDevices", "yes"),
        ("RestrictNamespaces", "yes"),
        ("UMask", "0077"),
    ],
)
def test_the_unit_is_hardened(name: str, value: str):
    assert setting(name) == value


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_systemd_agrees():
    told = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", ROOT / "deploy" / "connector.service"],
        capture_output=True,
        text=True,
        check=False,
    )
    (exposure,) = re.findall(r"exposure level for connector.service: ([\d.]+)", told.stdout)
    assert float(exposure) < 2, told.stdout


def test_the_container_runs_without_root_and_is_looked_after():
    last = CONTAINER.rpartition("\nFROM ")[2]
    (user,) = re.findall(r"^USER (\d+):\d+$", last, flags=re.MULTILINE)
    assert int(user) > 0
    assert last.index("USER ") < last.index("ENTRYPOINT")
    assert "HEALTHCHECK " in last
    assert "/healthz" in last
    (entry,) = re.findall(r'^ENTRYPOINT \["([\w-]+)"\]$', last, flags=re.MULTILINE)
    assert entry in SCRIPTS


def test_what_the_container_copies_is_there_and_pinned():
    for line in re.findall(r"^COPY (?!--from)(.*)$", CONTAINER, flags=re.MULTILINE):
        *sources, _ = line.split()
        for source in sources:
            assert (ROOT / source).exists(), source
    assert "--require-hashes -r requirements/runtime.txt" in CONTAINER
