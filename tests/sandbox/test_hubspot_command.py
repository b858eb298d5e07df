"""`connector sandbox` serves a HubSpot portal with the second company in it."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import requests

from connector.sandbox.hubspot import PRIVATE_APP
from connector.sandbox.seed.hubspot import DEALS


def test_the_command_serves_a_seeded_portal(tmp_path):
    ports = [word for name in ("salesforce", "stripe", "hubspot") for word in (f"--{name}-port", "0")]
    command = [sys.executable, "-c", "from connector.cli import main; main()", "sandbox", *ports]
    command += ["--write-config", str(tmp_path / "sandbox.toml")]
    environment = {**os.environ, "COLUMNS": "200", "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as process:
        try:
            assert process.stderr is not None
            told = re.search(r"HubSpot\s+(http://127\.0\.0\.1:\d+)", process.stderr.readline())
            assert told
            headers = {"Authorization": f"Bearer {PRIVATE_APP.value}"}
            deal = requests.get(f"{told[1]}/crm/v3/objects/deals/{DEALS['ramp']}", headers=headers, timeout=5).json()
            assert deal["properties"]["amount"] == "46680"
        finally:
            process.terminate()
