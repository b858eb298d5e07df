"""Recorded schedules, asked of the emulator again: same phases, same status, same first invoice."""

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connector.sandbox.stripe import StripeSandbox

CORPUS = Path(__file__).resolve().parents[3] / "shared" / "corpus"
FILES = sorted(CORPUS.glob("*.json.gz"))
pytestmark = [pytest.mark.corpus, pytest.mark.skipif(not FILES, reason="the recordings are not here")]
GONE = {"plan", "expand", "prebilling", "iterations"}  # parameters of the recorded API version that are no more

RENAMED = {"subscription_period_end": "min_item_period_end", "subscription_period_start": "max_item_period_start"}


def walk(value):
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from walk(item)


class Replay:
    """One recording: prices are made anew with the recorded terms, ids are translated."""

    def __init__(self, sandbox, requests):
        self.sandbox, self.client = sandbox, sandbox.client()
        self.requests = requests
        self.recorded = {
            found["id"]: found
            for request in requests
            for found in walk(request.get("response"))
            if str(found.get("id", "")).startswith("price_") and "unit_amount_decimal" in found
        }
        self.coupons = {
            found["id"]: found
            for request in requests
            for found in walk(request.get("response"))
            if "duration_in_months" in found
        }
        self.prices = {}
        self.client.v1.products.create({"id": "product", "name": "Product"})

    def price(self, ident):
        if ident not in self.prices:
            terms = self.recorded[ident]
            order = {name: terms[name] for name in ("currency", "unit_amount_decimal")} | {"product": "product"}
            if terms["recurring"]:
                order["recurring"] = {name: terms["recurring"][name] for name in ("interval", "interval_count")}
                if terms["recurring"]["usage_type"] == "metered":
                    order["recurring"] |= {"usage_type": "metered", "meter": self.meter(ident)}
            self.prices[ident] = self.client.v1.prices.create(order).id
        return self.prices[ident]

    def meter(self, name):
        order = {"display_name": name, "event_name": name, "default_aggregation": {"formula": "sum"}}
        return self.client.v1.billing.meters.create(order).id

    def coupon(self, ident):
        terms = self.coupons.pop(ident, None)
        if terms:
            names = ("id", "percent_off", "amount_off", "currency", "duration", "duration_in_months")
            self.client.v1.coupons.create({name: terms[name] for name in names if terms[name]})
        return ident

    def translated(self, value, name=""):
        if isinstance(value, list):
            return [self.translated(item) for item in value]
        if not isinstance(value, dict):
            known = {"price": self.price, "coupon": self.coupon, "product": lambda _: "product"}
            return known.get(name, lambda same: RENAMED.get(same, same))(value)
        dropped = GONE | ({"metadata"} if name == "price_data" else set())
        return {key: self.translated(below, key) for key, below in value.items() if key not in dropped}

    def shape(self, schedule):
        """What must agree: dates, behaviour, items, metadata. Inline prices have no recorded twin."""
        back = {ours: theirs for theirs, ours in self.prices.items()}
        known = {**back, **{theirs: theirs for theirs in self.prices}}
        return {
            "status": schedule["status"],
            "current_phase": schedule["current_phase"],
            "phases": [
                {
                    "dates": (phase["start_date"], phase["end_date"]),
                    "proration": phase["proration_behavior"],
                    "metadata": phase["metadata"] or {},
                    "extras": len(phase["add_invoice_items"]),
                    "items": sorted((known.get(i["price"], "inline"), i.get("quantity") or 0) for i in phase["items"]),
                }
                for phase in schedule["phases"]
            ],
        }


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name.partition(".")[0][:60])
def test_recorded_schedules(path):
    recording = json.loads(gzip.decompress(path.read_bytes()))
    wanted = [
        request
        for request in recording["stripe"]["requests"]
        if request["method"] == "POST" and request["path"].startswith("/v1/subscription_schedules")
    ]
    wanted = [request for request in wanted if request["status"] == 200 and request["path"].count("/") < 4]
    ours: dict[str, str] = {}
    start = min((request["response"]["created"] for request in wanted), default=0)
    with StripeSandbox(now=datetime.fromtimestamp(start, UTC)) as sandbox:
        replay = Replay(sandbox, recording["stripe"]["requests"])
        for request in wanted:
            answer = request["response"]
            if request["path"].count("/") == 3 and answer["id"] not in ours:
                continue
            order = replay.translated(request["params"])
            schedules = replay.client.v1.subscription_schedules
            if answer["id"] in ours:
                ends = zip(order.get("phases", []), answer["phases"], strict=False)
                moment = next((then["end_date"] for now, then in ends if now.get("end_date") == "now"), None)
                sandbox.move_clock(advance=max(0, (moment or 0) - sandbox.app.tenant("sk_test_sandbox").clock.now()))
                made = schedules.update(ours[answer["id"]], order)
            else:
                sandbox.move_clock(advance=answer["created"] - sandbox.app.tenant("sk_test_sandbox").clock.now())
                customer = replay.client.v1.customers.create({}).id
                made = schedules.create({**order, "customer": customer, "billing_mode": {"type": "classic"}})
                ours[answer["id"]] = made.id
            assert replay.shape(made.to_dict()) == replay.shape(answer)
