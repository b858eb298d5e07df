"""A machine to try administration on: a folder stands for its root, and stand-ins for what needs root or a daemon.

What can run for real does (install, rm, pg_dump, grep, our own commands). What cannot is looked at: a unit must be
installed before it is started, files that are named must exist.
"""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

#: One program, installed under many names.
_STAND_IN = """#!{python}
import os, pathlib, subprocess, sys, urllib.request
name, words = pathlib.Path(sys.argv[0]).name, sys.argv[1:]
root = pathlib.Path(os.environ["MACHINE"])
ours = ("/etc/", "/var/lib/connector", "/opt/connector")

def inside(word):
    return str(root) + word if word.startswith(ours) else word

def need(path):
    if not pathlib.Path(path).exists():
        sys.exit(f"{{name}}: {{path}} does not exist")

def note(*said):
    with (root / "done").open("a") as done:
        print(*said, file=done)

if name == "sudo":
    user = "root"
    if words[0] == "-u":
        user, words = words[1], words[2:]
    words = [inside(word) for word in words]
    if words[0] == "install":
        while "-o" in words:
            at = words.index("-o"); note("owner", words[at + 1], words[-1]); del words[at:at + 2]
        while "-g" in words:
            at = words.index("-g"); note("group", words[at + 1], words[-1]); del words[at:at + 2]
    note(user, *words)
    os.execvp(words[0], words)
elif name == "python3" and words[:2] == ["-m", "venv"]:
    folder = pathlib.Path(words[2]) / "bin"
    folder.mkdir(parents=True, exist_ok=True)
    for each in ("pip", "connector", "connector-jobs"):
        (folder / each).unlink(missing_ok=True)
        (folder / each).symlink_to(os.environ["STAND_IN"])
elif name == "pip":
    if "-r" in words:
        need(words[words.index("-r") + 1])
    if "." in words:
        need("pyproject.toml")
elif name == "connector":
    os.execv(sys.executable, [sys.executable, "-m", "connector.cli", *map(inside, words)])
elif name == "systemctl":
    if words[0] != "daemon-reload":
        need(root / "etc/systemd/system" / (words[-1] + ".service"))
elif name == "journalctl":
    print("INFO connector.sync applied, 4 Stripe writes [run=1 contract=8018Z0000000001QAA]")
    print("INFO jobs.sweep connection salesforce: the sweep found nothing new")
elif name == "podman":
    if words[0] == "build":
        need(words[words.index("-f") + 1])
        need("pyproject.toml")
    if words[0] == "run":
        for flag in ("--read-only", "--cap-drop", "no-new-privileges"):
            assert flag in words, flag
elif name == "curl":
    url = words[-1].replace("127.0.0.1:9464", os.environ["MONITOR"])
    print(urllib.request.urlopen(url, timeout=5).read().decode())
elif name == "useradd":
    assert words[-1] == "connector" and "--system" in words
else:
    os.execv(sys.executable, [sys.executable, *words])
"""
NAMES = ("sudo", "systemctl", "journalctl", "podman", "curl", "useradd", "python3")


class Machine:
    """The machine, its root folder, and a folder that commands are typed in: a copy of what a checkout has there."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "machine"
        self.here = folder / "checkout"
        self.bin = folder / "bin"
        for path in (self.root / "etc/systemd/system", self.root / "var/lib/connector", self.here, self.bin):
            path.mkdir(parents=True)
        for name in ("pyproject.toml", "config.example.toml", "requirements", "mappings", "deploy"):
            (self.here / name).symlink_to(ROOT / name)
        stand_in = self.bin / "stand-in"
        stand_in.write_text(_STAND_IN.format(python=sys.executable))
        stand_in.chmod(0o755)
        for name in NAMES:
            (self.bin / name).symlink_to(stand_in)

    @property
    def config(self) -> Path:
        """Where the configuration is on this machine."""
        return self.root / "etc/connector/config.toml"

    @property
    def done(self) -> list[str]:
        """What was done as somebody else."""
        return (self.root / "done").read_text().splitlines()

    def run(self, block: str, **variables: str) -> str:
        """Run a block of commands; each of them must succeed, also within a pipe."""
        env = {
            **os.environ,
            "PATH": f"{self.bin}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "MACHINE": str(self.root),
            "STAND_IN": str(self.bin / "stand-in"),
            **variables,
        }
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", block],
            cwd=self.here,
            env=env,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, f"{block}\n{done.stdout}\n{done.stderr}"
        return done.stdout
