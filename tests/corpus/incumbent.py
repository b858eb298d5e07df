"""The recorded connector's own schedules, made again in an emulator of their own, and what they invoice to their end.

Recordings end where the test ends; what the recorded schedule bills until the contract's last day is seen nowhere. So
its writes are sent again, prices by their recorded terms, and time passes. What cannot be done over (subscriptions
without a schedule, tiers that were not recorded) leaves the question open. Invoices that the recorded connector made
itself, a switch that bills amendments ahead of the next billing date, are left out: they change the day, not the sum.
"""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Any

import stripe

from connector.sandbox.stripe import StripeSandbox
from tests.corpus.before import Before, walk
from tests.corpus.days import by_day
from tests.corpus.recordings import Recording

KEY = "sk_test_recorded"
_SCHEDULES = "/v1/subscription_schedules"
#: Parameters of the recorded API version that are no more, and names that changed.
_GONE = frozenset({"plan", "expand", "prebilling", "iterations", "rendering"})
_RENAMED = {"subscription_period_end": "min_item_period_end", "subscription_period_start": "max_item_period_start"}


def invoiced_by_recorded(recording: Recording) -> Mapping[date, int] | None:
    """Return what the recorded schedules invoice to their end, by day; None where that cannot be done over."""
    writes = list(_schedule_writes(recording))
    if not writes or any("from_subscription" in (write["params"] or {}) for write in writes):
        return None
    before = Before(recording.data)
    start = recording.steps[0].moment
    with StripeSandbox(now=min(start, before.since or start)) as sandbox:
        return _Again(recording, sandbox, before).invoiced(writes)


def _schedule_writes(recording: Recording) -> Iterator[dict[str, Any]]:
    for request in recording.data["stripe"]["requests"]:
        done = request["method"] == "POST" and request["by"] == "run" and request["status"] == 200
        if done and request["path"].startswith(_SCHEDULES):
            yield request


class _Again:
    """One recording's schedule writes, sent again."""

    def __init__(self, recording: Recording, sandbox: StripeSandbox, before: Before) -> None:
        self._sandbox = sandbox
        self._client = sandbox.client(KEY)
        before.make(self._client)
        requests = recording.data["stripe"]["requests"]
        self._recorded = {found["id"]: found for found in walk(requests) if _is_terms(found)}
        self._made: dict[str, str] = dict(before.ids)
        self._times: dict[int, int] = {}
        self._ends: list[int] = []
        self._moments = {step.run["n"]: int(step.moment.timestamp()) for step in recording.steps if step.run}
        self._client.v1.products.create({"id": "product", "name": "Product"})

    def invoiced(self, writes: list[dict[str, Any]]) -> Mapping[date, int] | None:
        try:
            for write in writes:
                self._send(write)
        except (stripe.StripeError, KeyError):
            return None
        self._move_to(max(self._ends) + int(timedelta(days=3).total_seconds()))
        return by_day(one.to_dict() for one in self._client.v1.invoices.list({"limit": 100}).auto_paging_iter())

    def _send(self, write: dict[str, Any]) -> None:
        ident, params = write["response"]["id"], self._translated(write["params"])
        schedules = self._client.v1.subscription_schedules
        self._move_to(max(self._moments[write["run"]], self._now + bool(self._ends)))
        if write["path"] == _SCHEDULES:
            customer = self._customer(params["customer"])
            terms: Any = {**params, "customer": customer, "billing_mode": {"type": "classic"}}
            made = schedules.create(terms)
        elif write["path"].endswith("/cancel"):
            made = schedules.cancel(self._made[ident], params)
        else:
            made = schedules.update(self._made[ident], params)
        self._made[ident] = made.id
        for ours, theirs in zip(made.phases, write["response"]["phases"], strict=True):
            self._times |= {theirs[name]: ours[name] for name in ("start_date", "end_date")}
        self._ends.append(write["response"]["phases"][-1]["end_date"])

    @property
    def _now(self) -> int:
        return self._sandbox.app.tenant(KEY).clock.now()

    def _move_to(self, moment: int) -> None:
        self._sandbox.move_clock(advance=max(0, moment - self._now))

    def _customer(self, ident: str) -> str:
        if ident not in self._made:
            self._made[ident] = self._client.v1.customers.create({}).id
        return self._made[ident]

    def _price(self, ident: str) -> str:
        if ident not in self._made:
            terms = self._recorded[ident]
            order: Any = {"currency": terms["currency"], "product": "product"}
            if terms["billing_scheme"] == "tiered":
                tiers = _tiers(terms["tiers"])
                order |= {"billing_scheme": "tiered", "tiers_mode": terms["tiers_mode"], "tiers": tiers}
            else:
                order["unit_amount_decimal"] = terms["unit_amount_decimal"]
            if terms["recurring"]:
                order["recurring"] = {name: terms["recurring"][name] for name in ("interval", "interval_count")}
                if terms["recurring"]["usage_type"] == "metered":
                    order["recurring"] |= {"usage_type": "metered", "meter": self._meter(ident)}
            self._made[ident] = self._client.v1.prices.create(order).id
        return self._made[ident]

    def _meter(self, name: str) -> str:
        order: Any = {"display_name": name, "event_name": name, "default_aggregation": {"formula": "sum"}}
        return self._client.v1.billing.meters.create(order).id

    def _coupon(self, ident: str) -> str:
        if ident not in self._made:
            terms = self._recorded[ident]
            names = ("id", "percent_off", "amount_off", "currency", "duration", "duration_in_months")
            order: Any = {name: terms[name] for name in names if terms[name]}
            self._made[ident] = self._client.v1.coupons.create(order).id
        return ident

    def _translated(self, value: Any, name: str = "") -> Any:
        if isinstance(value, list):
            return [self._translated(entry) for entry in value]
        if isinstance(value, dict):
            dropped = _GONE | ({"metadata"} if name == "price_data" else set())
            return {key: self._translated(below, key) for key, below in value.items() if key not in dropped}
        if name == "price":
            return self._price(value)
        if name == "coupon":
            return self._coupon(value)
        if name in {"start_date", "end_date", "timestamp"} and value != "now":
            return self._times.get(int(value), int(value))
        return "product" if name == "product" else _RENAMED.get(value, value)


def _is_terms(found: Mapping[str, Any]) -> bool:
    return "id" in found and (found.get("object") == "price" or "duration_in_months" in found)


def _tiers(recorded: list[Mapping[str, Any]]) -> list[dict[str, Any]]:
    amounts = ("unit_amount_decimal", "flat_amount_decimal")
    return [
        {"up_to": tier["up_to"] or "inf", **{name: tier[name] for name in amounts if tier[name] is not None}}
        for tier in recorded
    ]
