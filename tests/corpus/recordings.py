"""The recordings of a real Salesforce CPQ org and the real Stripe API, kept beside the checkout (never in it)."""

import gzip
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

ROOT = Path(os.environ.get("CONNECTOR_CORPUS", Path(__file__).resolve().parents[3] / "shared" / "corpus"))

#: The kinds whose initial orders this version promises to bill.
KINDS = (
    "initial",
    "mdq",
    "one_time",
    "price",
    "tiered_price",
    "term",
    "frontend_proration",
    "backend_proration",
    "backdated",
    "prebilling",
    "multicurrency",
    "mapping",
    "coupon",
    "failure",
)


@dataclass(frozen=True)
class Recording:
    """One recording; `run` is the run whose first order is compared, `root` that order's id."""

    name: str
    kind: str
    data: dict[str, Any]
    run: dict[str, Any] | None
    root: str

    @property
    def expects_failure(self) -> bool:
        """Tell whether the recorded connector refused this run."""
        return self.run is not None and self.run["outcome"] == "error"

    @property
    def now(self) -> str:
        """Return the moment that counted as now."""
        clock = self.run.get("test_clock") if self.run else None
        return str(clock["frozen_at"] if clock else self.run["now"] if self.run else "")


def available() -> bool:
    """Tell whether the recordings are there."""
    return (ROOT / "index.json").exists()


def recordings(kinds: tuple[str, ...] = KINDS) -> Iterator[Recording]:
    """Yield the recordings of some kinds, by name."""
    index = json.loads((ROOT / "index.json").read_text(encoding="utf-8"))["scenarios"]
    for entry in sorted(index, key=lambda entry: kinds.index(entry["kind"]) if entry["kind"] in kinds else 99):
        if entry["kind"] in kinds:
            with gzip.open(ROOT / f"{entry['name']}.json.gz", "rt", encoding="utf-8") as file:
                data = json.load(file, parse_float=Decimal)
            yield _recording(entry["name"], entry["kind"], data)


def first_order(run: dict[str, Any]) -> str | None:
    """Return the run's own first order: the trigger, or what the trigger amends."""
    orders = run["input"].get("Order", {})
    trigger = run["trigger"] if run["trigger"] in orders else None
    if trigger and orders[trigger].get("Type") != "Amendment":
        return str(trigger)
    firsts = [key for key in run.get("orders") or [] if orders.get(key, {}).get("Type") != "Amendment"]
    return firsts[0] if firsts else None


def without_amendments(run: dict[str, Any]) -> dict[str, Any]:
    """Return the run's records as they were before anything was amended."""
    tables = dict(run["input"])
    amended = {key for key, order in tables.get("Order", {}).items() if order.get("Type") == "Amendment"}
    tables["Order"] = {key: order for key, order in tables.get("Order", {}).items() if key not in amended}
    tables["OrderItem"] = {
        key: line for key, line in tables.get("OrderItem", {}).items() if line.get("OrderId") not in amended
    }
    return tables


def _recording(name: str, kind: str, data: dict[str, Any]) -> Recording:
    runs = [run for run in data["runs"] if run["what"] == "order" and first_order(run)]
    decisive = next((run for run in runs if run["outcome"] == "error"), None) or _first_success(runs)
    root = first_order(decisive) if decisive else None
    return Recording(name, kind, data, decisive, root or "")


def _first_success(runs: list[dict[str, Any]]) -> dict[str, Any] | None:
    return next((run for run in runs if run["outcome"] == "success"), runs[0] if runs else None)
