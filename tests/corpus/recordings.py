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

#: Every kind of recording, first orders before what changes them. The last ones have no order to compile.
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
    "amendment",
    "mdq_amendment",
    "proration_amendment",
    "same_day_amendment",
    "termination",
    "renewal",
    "migration",
    "caching",
    "customer",
    "invoice_template",
    "sync_record",
    "revenue_contract",
    "evergreen",
    "evergreen_amendment",
    "product",
    "polling",
    "auto_bill",
)


@dataclass(frozen=True)
class Recording:
    """One recording; `run` is its last run that translated an order, with all orders of the contract at that time."""

    name: str
    kind: str
    data: dict[str, Any]
    run: dict[str, Any] | None

    @property
    def root(self) -> str:
        """Return the id of the order that started the run."""
        return str(self.run["trigger"]) if self.run else ""

    @property
    def expects_failure(self) -> bool:
        """Tell whether the recorded connector refused this run."""
        return self.run is not None and self.run["outcome"] == "error"

    @property
    def evergreen(self) -> bool:
        """Tell whether the order has lines without an end."""
        fields = ("SBQQ__SubscriptionType__c", "SBQQ__ProductSubscriptionType__c")
        return any(line.get(field) == "Evergreen" for line in self.table("OrderItem").values() for field in fields)

    @property
    def segmented(self) -> bool:
        """Tell whether the contract is a ramp."""
        return any(line.get("SBQQ__SegmentKey__c") for line in self.table("OrderItem").values())

    @property
    def now(self) -> str:
        """Return the moment that counted as now."""
        clock = self.run.get("test_clock") if self.run else None
        return str(clock["frozen_at"] if clock else self.run["now"] if self.run else "")

    @property
    def verdict(self) -> str:
        """Return whether the recorded amounts are what the CRM sold: agree, differ or unknown."""
        return str((self.data["checks"].get("amounts") or {}).get("verdict", "unknown"))

    @property
    def agrees(self) -> bool:
        """Tell whether the recorded amounts can be trusted."""
        return self.verdict == "agree"

    @property
    def features(self) -> frozenset[str]:
        """Return the switches of the recorded connector that were on."""
        return frozenset(self.data["config"].get("features") or ())

    def table(self, name: str) -> dict[str, dict[str, Any]]:
        """Return the CRM records of one type, by id."""
        return self.run["input"].get(name, {}) if self.run else {}

    def line(self, ref: str) -> dict[str, Any]:
        """Return an order line by its id of 15 or 18 characters; empty when it is not there."""
        return next((line for key, line in self.table("OrderItem").items() if key[:15] == ref[:15]), {})

    @property
    def runs(self) -> Iterator[dict[str, Any]]:
        """Yield the order runs up to and with the one that is compared."""
        for run in self.data["runs"]:
            if self.run and run["what"] == "order" and run["n"] <= self.run["n"]:
                yield run


def available() -> bool:
    """Tell whether the recordings are there."""
    return (ROOT / "index.json").exists()


def recordings(kinds: tuple[str, ...] = KINDS) -> Iterator[Recording]:
    """Yield the recordings of some kinds, in the order of the kinds."""
    index = json.loads((ROOT / "index.json").read_text(encoding="utf-8"))["scenarios"]
    chosen = [entry for entry in index if entry["kind"] in kinds]
    for entry in sorted(chosen, key=lambda entry: (kinds.index(entry["kind"]), entry["name"])):
        with gzip.open(ROOT / f"{entry['name']}.json.gz", "rt", encoding="utf-8") as file:
            data = json.load(file, parse_float=Decimal)
        yield Recording(entry["name"], entry["kind"], data, _last_run(data))


def _last_run(data: dict[str, Any]) -> dict[str, Any] | None:
    """Return the last order run that had an outcome; a run that changed nothing only where there is no other."""
    runs = [run for run in data["runs"] if run["what"] == "order" and run["trigger"] in run["input"].get("Order", {})]
    return next(reversed([run for run in runs if run["outcome"] != "no_change"] or runs), None)
