"""The recordings of a real Salesforce CPQ org and the real Stripe API, kept beside the checkout (never in it)."""

import gzip
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import cached_property
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
    """One recording, looked at after one of the runs that translated an order; without any, `run` is None."""

    name: str
    kind: str
    data: dict[str, Any]
    run: dict[str, Any] | None

    @property
    def root(self) -> str:
        """Return the id of the order that started the run."""
        return order_of_run(self.run) or "" if self.run else ""

    @property
    def outcome(self) -> str:
        """Return what the recorded connector made of this run: success, error or no_change; empty without a run."""
        return str(self.run["outcome"]) if self.run else ""

    @property
    def number(self) -> int | None:
        """Return the number of the run among all runs of the recording."""
        return int(self.run["n"]) if self.run else None

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
    def moment(self) -> datetime:
        """Return the moment that counted as now, in UTC."""
        return datetime.fromisoformat(self.now).astimezone(UTC)

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

    @cached_property
    def input(self) -> dict[str, dict[str, dict[str, Any]]]:
        """Return the CRM's records before the run; one that is named but missing is taken from a later run's."""
        assert self.run is not None
        tables = {name: dict(rows) for name, rows in self.run["input"].items()}
        named = {value for rows in tables.values() for row in rows.values() for value in row.values()}
        for later in order_runs(self.data):
            for name, rows in later["input"].items() if later["n"] > self.run["n"] else ():
                held = tables.setdefault(name, {})
                held.update({key: row for key, row in rows.items() if key in named and key not in held})
        return tables

    def table(self, name: str) -> dict[str, dict[str, Any]]:
        """Return the CRM records of one type, by id."""
        return self.input.get(name, {}) if self.run else {}

    def line(self, ref: str) -> dict[str, Any]:
        """Return an order line by its id of 15 or 18 characters; empty when it is not there."""
        return next((line for key, line in self.table("OrderItem").items() if key[:15] == ref[:15]), {})

    @property
    def runs(self) -> tuple[dict[str, Any], ...]:
        """Return the order runs up to and with the one that is looked at."""
        return tuple(run for run in order_runs(self.data) if self.run and run["n"] <= self.run["n"])

    @property
    def steps(self) -> tuple["Recording", ...]:
        """Return the recording as it was after each of its order runs, in their order."""
        return tuple(replace(self, run=run) for run in order_runs(self.data))

    @property
    def is_last(self) -> bool:
        """Tell whether no order run comes after the one that is looked at."""
        return self.run is not None and self.run["n"] == order_runs(self.data)[-1]["n"]


def available() -> bool:
    """Tell whether the recordings are there."""
    return (ROOT / "index.json").exists()


def recordings(*kinds: str) -> Iterator[Recording]:
    """Yield the recordings of some kinds, or all, in the order of their kinds; kinds that are new come last."""
    scenarios = json.loads((ROOT / "index.json").read_text(encoding="utf-8"))["scenarios"]
    index = [entry for entry in scenarios if not kinds or entry["kind"] in kinds]
    ranks = {kind: rank for rank, kind in enumerate(KINDS)}
    for entry in sorted(index, key=lambda entry: (ranks.get(entry["kind"], len(KINDS)), entry["kind"], entry["name"])):
        with gzip.open(ROOT / f"{entry['name']}.json.gz", "rt", encoding="utf-8") as file:
            data = json.load(file, parse_float=Decimal)
        yield Recording(entry["name"], entry["kind"], data, next(reversed(order_runs(data)), None))


def order_of_run(run: dict[str, Any]) -> str | None:
    """Return the id of the order that a run translated: what triggered it, else the first of the contract's orders."""
    known = run["input"].get("Order", {})
    return next((ref for ref in (run["trigger"], *(run["orders"] or ())) if ref in known), None)


def order_runs(data: dict[str, Any]) -> tuple[dict[str, Any], ...]:
    """Return the runs that translated an order, in their order."""
    return tuple(run for run in data["runs"] if run["what"] == "order" and order_of_run(run))
