"""The emulators as another process serves them, steered over HTTP: what people do in the CRMs, and what goes wrong."""

import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import requests

from connector.offline import bundled_mapping

ROOT = Path(__file__).parents[3]
KEY = "sk_test_sandbox"


class Control:
    """An emulator's own paths, and its faults."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._session = requests.Session()

    def call(self, method: str, path: str, body: Any = None) -> Any:
        answer = self._session.request(method, f"{self.url}/_sandbox/{path}", json=body, timeout=30)
        answer.raise_for_status()
        return answer.json()

    def arm(self, *rules: Mapping[str, Any]) -> None:
        self.call("POST", "faults", list(rules))

    def disarm(self) -> None:
        self.call("DELETE", "faults")

    def advance(self, seconds: float) -> None:
        """Let time pass in a CRM."""
        self.call("POST", "clock", {"advance_seconds": seconds})


class Org(Control):
    """The emulated Salesforce org, as its people and their package change it."""

    def rows(self, name: str) -> dict[str, dict[str, Any]]:
        return {row["Id"]: row for row in self.call("GET", f"records/{name}")["records"]}

    def edit(self, name: str, record: str, fields: Mapping[str, Any], *, visible_in: float | None = None) -> None:
        body = {"visible_in_seconds": visible_in, "fields": fields} if visible_in else fields
        self.call("PATCH", f"records/{name}/{record}", body)

    def delete(self, name: str, record: str) -> None:
        """Delete a record; somebody may hold it at the moment."""
        for left in reversed(range(5)):
            try:
                self.call("DELETE", f"records/{name}/{record}")
            except requests.HTTPError:
                if not left:
                    raise
                time.sleep(0.2)
            else:
                return

    def amend(self, order: str, start: date, quantities: Mapping[str, int]) -> str:
        body = {"start": start.isoformat(), "quantities": quantities}
        return str(self.call("POST", f"orders/{order}/amend", body)["id"])

    def terminate(self, order: str, day: date) -> str:
        return str(self.call("POST", f"orders/{order}/terminate", {"day": day.isoformat()})["id"])

    def lines(self, order: str) -> list[dict[str, Any]]:
        lines = [row for row in self.rows("OrderItem").values() if row["OrderId"] == order and not row["IsDeleted"]]
        return sorted(lines, key=lambda row: str(row["Id"]))


class Portal(Control):
    """The emulated HubSpot account, as its people change it."""

    def rows(self, name: str) -> dict[str, dict[str, str]]:
        """Return the records of a type that are not archived."""
        found = self.call("GET", f"records/{name}")["records"]
        return {row["id"]: row["properties"] for row in found if not row["archived"]}

    def edit(self, name: str, record: str, values: Mapping[str, str], *, visible_in: float | None = None) -> None:
        """Change a record; search may hear of it as many seconds later."""
        if visible_in:
            self.call("POST", "lag", {"seconds": visible_in})
        self.call("PATCH", f"records/{name}/{record}", values)
        if visible_in:
            self.call("POST", "lag", {"seconds": 0})

    def insert(self, name: str, values: Mapping[str, str]) -> str:
        return str(self.call("POST", f"records/{name}", values)["id"])

    def tie(self, source: str, record: str, target: str, other: str, type_id: int | None = None) -> None:
        """Associate two records."""
        self.call("POST", "associations", {"from": [source, record], "to": [target, other], "type_id": type_id})

    def archive(self, name: str, record: str) -> None:
        self.call("DELETE", f"records/{name}/{record}")

    def merge(self, name: str, record: str, other: str) -> str:
        return str(self.call("POST", f"records/{name}/{record}/merge", {"with": other})["id"])


class Stripe(Control):
    """The emulated Stripe account, as its dashboard would show it."""

    def all(self, what: str) -> list[dict[str, Any]]:
        return list(self._pages(what))

    def _pages(self, what: str) -> Iterator[dict[str, Any]]:
        after: dict[str, str] = {}
        while True:
            page = self._get(f"v1/{what}", {"limit": 100, **after})
            yield from page["data"]
            if not page["has_more"]:
                return
            after = {"starting_after": page["data"][-1]["id"]}

    def _get(self, path: str, params: Mapping[str, Any]) -> Any:
        answer = self._session.get(f"{self.url}/{path}", params=params, auth=(KEY, ""), timeout=60)
        answer.raise_for_status()
        return answer.json()


class Emulators:
    """`connector sandbox` as a process of its own, on ports of its choice; both CRMs are in the one configuration."""

    def __init__(self, folder: Path) -> None:
        self.config = folder / "sandbox.toml"
        self._log = folder / "sandbox.log"
        self._still = threading.Event()
        self._ticking: threading.Thread | None = None

    def __enter__(self) -> Self:
        ports = ["--salesforce-port", "0", "--stripe-port", "0", "--hubspot-port", "0"]
        command = [sys.executable, "-m", "connector.cli", "sandbox", *ports, "--write-config", str(self.config)]
        with self._log.open("w", encoding="utf-8") as log:
            self._process = subprocess.Popen(command, cwd=ROOT, stderr=log, stdout=log)
        salesforce, stripe, hubspot = self._addresses()
        self.org, self.stripe, self.portal = Org(salesforce), Stripe(stripe), Portal(hubspot)
        self._join_configurations()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._still.set()
        if self._ticking:  # it would ask who is not there any more
            self._ticking.join(timeout=70)
        self._process.terminate()
        self._process.wait(timeout=20)

    def hasten(self, pace: float) -> None:
        """Let the CRMs' time run: so many seconds of it in each of ours."""
        clocks = (Control(self.org.url), Control(self.portal.url))

        def tick() -> None:
            while not self._still.wait(0.5):
                for clock in clocks:
                    clock.advance(pace / 2)

        self._ticking = threading.Thread(target=tick, daemon=True)
        self._ticking.start()

    def _addresses(self) -> tuple[str, str, str]:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            words = self._log.read_text(encoding="utf-8")
            found = re.search(r"Salesforce\s+(\S+)\s+Stripe\s+(\S+)\s+HubSpot\s+(\S+)\n", words)
            if found:
                return found[1], found[2], found[3]
            time.sleep(0.1)
        raise AssertionError(self._log.read_text(encoding="utf-8"))

    def _join_configurations(self) -> None:
        """Put HubSpot beside Salesforce, with a mapping that lets edits of billed deals count."""
        text = self.config.with_name("sandbox-hubspot.toml").read_text(encoding="utf-8")
        section = text[text.index("[crm.hubspot]") :]
        mapping = self.config.with_name("hubspot.yaml")
        bundled = bundled_mapping("hubspot").read_text(encoding="utf-8")
        edits = "in_place_edits: {const: review}"
        assert edits in bundled
        mapping.write_text(bundled.replace(edits, "in_place_edits: {const: amend}"), encoding="utf-8")
        section = re.sub('^mapping = ".*"$', f'mapping = "{mapping}"', section, flags=re.MULTILINE)
        with self.config.open("a", encoding="utf-8") as config:
            config.write(f"\n{section}")
