"""What Stripe held before a recording begins: customers, products and schedules that its records already name.

They are made again in the emulator through the API, on the day the recorded ones were made, and the ids in the records
are translated. Ids that the recorded connector wrote during its runs are left out: in their place is what ours writes.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import stripe

_FIELD = "Stripe_ID__c"


class Before:
    """The objects that were there, and the ids they have in the emulator."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        requests = data["stripe"]["requests"]
        first = next((run for run in data["runs"] if run["what"] == "order"), None)
        named = set(_named(first["input"])) if first else set()
        calls = (first["first_call"], first["last_call"]) if first else (0, 0)
        self._held = _as_they_were(requests, named, *calls)
        self._prices = {found["id"]: found for found in walk(requests) if found.get("object") == "price"}
        self._made_by_runs = {
            request["response"].get("id")
            for request in requests
            if request["method"] == "POST" and request["by"] == "run" and request["status"] == 200
        } - self._held.keys()
        self.ids: dict[str, str] = {}

    @property
    def since(self) -> datetime | None:
        """Return when the first of them was made; None when there was nothing."""
        made = [held["created"] for held in self._held.values() if held.get("object") == "subscription_schedule"]
        return datetime.fromtimestamp(min(made), UTC) if made else None

    def make(self, client: stripe.StripeClient) -> None:
        """Make everything that was there in the emulator."""
        for ident, held in self._held.items():
            if ident.startswith("cus_"):
                self._customer(client, ident, held)
            elif ident.startswith("prod_"):
                self._product(client, ident)
        for ident, held in self._held.items():
            if held.get("object") == "subscription_schedule":
                self._schedule(client, ident, held)

    def translated(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return a CRM record whose Stripe id is one of the emulator's, or gone where a recorded run made it."""
        held = row.get(_FIELD)
        if held in self._made_by_runs:
            return {name: value for name, value in row.items() if name != _FIELD}
        return {**row, _FIELD: self.ids[held]} if held in self.ids else dict(row)

    def _customer(self, client: stripe.StripeClient, ident: str, held: Mapping[str, Any]) -> None:
        made = client.v1.customers.create({"name": str(held.get("name") or "Customer")})
        self.ids[ident] = made.id
        if held.get("deleted"):
            client.v1.customers.delete(made.id)

    def _product(self, client: stripe.StripeClient, ident: str) -> str:
        if ident not in self.ids:
            client.v1.products.create({"id": ident, "name": "Product"})
            self.ids[ident] = ident
        return ident

    def _price(self, client: stripe.StripeClient, ident: str) -> str:
        if ident not in self.ids:
            terms = self._prices[ident]
            params: Any = {
                "product": self._product(client, terms["product"]),
                "currency": terms["currency"],
                "unit_amount_decimal": terms["unit_amount_decimal"],
                "metadata": terms["metadata"],
            }
            if terms["recurring"]:
                params["recurring"] = {name: terms["recurring"][name] for name in ("interval", "interval_count")}
            self.ids[ident] = client.v1.prices.create(params).id
        return self.ids[ident]

    def _schedule(self, client: stripe.StripeClient, ident: str, held: Mapping[str, Any]) -> None:
        params: Any = {
            "customer": self.ids[held["customer"]],
            "start_date": held["phases"][0]["start_date"],
            "end_behavior": held["end_behavior"],
            "billing_mode": {"type": "classic"},
            "metadata": held["metadata"],
            "default_settings": {"collection_method": held["default_settings"]["collection_method"]},
            "phases": [self._phase(client, phase) for phase in held["phases"]],
        }
        self.ids[ident] = client.v1.subscription_schedules.create(params).id

    def _phase(self, client: stripe.StripeClient, phase: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "end_date": phase["end_date"],
            "proration_behavior": phase["proration_behavior"],
            "metadata": phase["metadata"],
            "items": [
                {
                    "price": self._price(client, item["price"]),
                    "quantity": item["quantity"],
                    "metadata": item["metadata"],
                }
                for item in phase["items"]
            ],
            "add_invoice_items": [
                {"price": self._price(client, item["price"]), "quantity": item["quantity"]}
                for item in phase["add_invoice_items"]
            ],
        }


def _as_they_were(requests: Any, named: set[str], first: int, last: int) -> dict[str, Mapping[str, Any]]:
    """Return the named objects as they were answered last before the run, or were read in it before it wrote."""
    seen: dict[str, Mapping[str, Any]] = {}
    written: set[str] = set()
    for request in (request for request in requests if request["i"] <= last):
        answer = request["response"] or {}
        ident = str(answer.get("id"))
        if request["method"] == "POST" and request["i"] >= first:
            written.add(ident)
        elif ident in named and ident not in written:
            seen[ident] = answer
    return seen


def _named(tables: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> Iterator[str]:
    for rows in tables.values():
        yield from (str(row[_FIELD]) for row in rows.values() if row.get(_FIELD))


def walk(value: Any) -> Iterator[Mapping[str, Any]]:
    """Yield every object inside some JSON, itself included."""
    if isinstance(value, Mapping):
        yield value
        value = list(value.values())
    if isinstance(value, list):
        for entry in value:
            yield from walk(entry)
