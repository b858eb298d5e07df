"""A recording asked of the emulator again: requests translated to the present API, ids to those of the emulator."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

import stripe

from connector.sandbox.stripe import StripeSandbox
from tests.corpus.exchanges import IDENT, Exchange, exchanges, walk
from tests.corpus.exchanges_facts import UNKNOWN, terms_of
from tests.corpus.recordings import Recording

#: Parameters of the recorded version that are no more, by where they stand.
GONE = {"plan", "expand", "prebilling", "billing_thresholds", "rendering"}
RENAMED = {"subscription_period_end": "min_item_period_end", "subscription_period_start": "max_item_period_start"}


@dataclass(frozen=True)
class Reply:
    """What the emulator says to a repeated request."""

    status: int
    body: dict[str, Any]


class NotRepeatableError(Exception):
    """Some request cannot be put to the emulator; the text says why."""


@dataclass
class Replay:
    """One recording under way."""

    recording: Recording
    ids: dict[str, str] = field(default_factory=dict)
    made: set[str] = field(default_factory=set)

    def __enter__(self) -> Self:
        """Start an emulator at the time of the first exchange."""
        self.exchanges = list(exchanges(self.recording))
        self.known: dict[str, dict[str, Any]] = {}
        for request in self.recording.data["stripe"]["requests"]:
            for found in walk(request.get("response")):
                ident = found.get("id")
                if isinstance(ident, str) and found.get("object"):
                    self.known.setdefault(ident, found)
                if found.get("object") == "coupon":
                    self.known.setdefault(str(ident), found)
        start = min((exchange.at for exchange in self.exchanges), default=0)
        created = [one.answer.get("created") for one in self.exchanges if isinstance(one.answer.get("created"), int)]
        start = min([start, *(moment for moment in created if moment and moment > start - 3600)])
        self.sandbox = StripeSandbox(now=datetime.fromtimestamp(start, UTC)).__enter__()
        self.client = self.sandbox.client("sk_test_replay")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the emulator."""
        self.sandbox.__exit__(kind, error, trace)

    # --- one exchange ---------------------------------------------------------------------------------------

    def repeat(self, exchange: Exchange) -> Reply:
        """Put a request to the emulator at the moment it was made."""
        self._check_known(exchange)
        self._move_clock(exchange)
        method, path, params = self._translated(exchange)
        reply = self._send(method, path, params)
        if exchange.status == 200 and reply.status == 200:
            self._learn(exchange.answer, reply.body)
            self._learn_parts(exchange.answer, reply.body)
        return reply

    def _check_known(self, exchange: Exchange) -> None:
        """Refuse what is about something made before the recording began."""
        ident = exchange.path.split("/")[3] if exchange.path.count("/") > 2 else ""
        if exchange.status == 404 or exchange.collection not in {"subscription_schedules", "subscriptions", "invoices"}:
            return
        if IDENT.match(ident) and ident not in self.ids:
            raise NotRepeatableError(self._unknown())
        owner = exchange.params.get("subscription")
        if owner and owner not in self.ids and exchange.status == 200:
            raise NotRepeatableError(self._unknown())

    def _unknown(self) -> str:
        if any("prebilling" in exchange.params for exchange in self.exchanges):
            return "it is about an invoice made by prebilling, which is no part of the public API"
        return "it is about an object that was made before the recording begins"

    def _send(self, method: str, path: str, params: dict[str, Any]) -> Reply:
        try:
            answer = self.client.raw_request(method.lower(), path, **params)
        except stripe.StripeError as error:
            body: Any = error.json_body
            return Reply(error.http_status or 0, body or {})
        return Reply(answer.code, self.client.deserialize(answer, api_mode="V1").to_dict())

    def _move_clock(self, exchange: Exchange) -> None:
        """Move the account's clock to when Stripe did what was asked."""
        now = self.sandbox.app.tenant("sk_test_replay").clock.now()
        answer = exchange.answer
        moment = exchange.at
        if exchange.method == "POST" and not answer.get("test_clock") and exchange.status == 200:
            pairs = zip(exchange.params.get("phases", [])[::-1], answer.get("phases", [])[::-1], strict=False)
            ends = [then["end_date"] for asked, then in pairs if asked.get("end_date") == "now"]
            made = answer.get("created") if exchange.path.count("/") == 2 else None
            done = (answer.get("status_transitions") or {}).get("finalized_at")
            moment = next((m for m in (*ends, made, answer.get("date"), done) if isinstance(m, int)), moment)
        if moment > now:
            self.sandbox.move_clock(now=datetime.fromtimestamp(moment, UTC))

    # --- requests -------------------------------------------------------------------------------------------

    def _translated(self, exchange: Exchange) -> tuple[str, str, dict[str, Any]]:
        path = "/".join(self.ours(part) if IDENT.match(part) else part for part in exchange.path.split("/"))
        params = self._params(exchange.params)
        method = exchange.method
        if exchange.path == "/v1/invoices/upcoming":
            method, path = "POST", "/v1/invoices/create_preview"
        made = exchange.path in {"/v1/subscription_schedules", "/v1/subscriptions"} and method == "POST"
        if made and "from_subscription" not in params:
            params["billing_mode"] = {"type": "classic"}
        if exchange.collection == "prices" and (params.get("recurring") or {}).get("usage_type") == "metered":
            params["recurring"]["meter"] = self._meter(f"price {exchange.number}")
        if exchange.path == "/v1/invoiceitems" and method == "POST":
            params["pricing"] = {"price": params.pop("price")}
        if exchange.path == "/v1/events":
            params = {"type": exchange.params["type"], "limit": "100"}
        if exchange.path == "/v1/invoices" and method == "POST":
            params.setdefault("pending_invoice_items_behavior", "include")  # was the default until 2022-08-01
        if exchange.path == "/v1/invoices" and method == "GET" and "paid" in params:
            params["status"] = "paid" if params.pop("paid") == "true" else "open"
        return method, path, params

    def _params(self, value: Any, name: str = "") -> Any:
        if isinstance(value, list):
            return [self._params(item, name) for item in value]
        if isinstance(value, dict):
            keep_all = name == "metadata"
            dropped = {*GONE, *({"metadata"} if name == "price_data" else ())}
            return {
                key.removesuffix("[]"): self._params(below, key)
                for key, below in value.items()
                if keep_all or key.removesuffix("[]") not in dropped
            }
        if isinstance(value, str) and name != "metadata":
            if name in {"coupon", "product"} or IDENT.match(value):
                return self.ours(value)
            return RENAMED.get(value, value)
        return value

    # --- prices ---------------------------------------------------------------------------------------------

    def their_terms(self, price: Any) -> str:
        """Tell what a recorded price costs, as far as the recording shows it."""
        ident = price["id"] if isinstance(price, dict) else price
        found = self.known.get(ident) or (price if isinstance(price, dict) else None)
        return terms_of(found) if found else UNKNOWN

    def our_terms(self, price: Any) -> str:
        """Tell what a price of the emulator costs."""
        found = price if isinstance(price, dict) else self.sandbox.state["sk_test_replay"].objects["price"].get(price)
        return terms_of(found) if found else UNKNOWN

    # --- ids ------------------------------------------------------------------------------------------------

    def ours(self, ident: str) -> str:
        """Return our id of a recorded object, which is made when it is first asked for."""
        if ident not in self.ids:
            self._supply(ident)
        return self.ids.get(ident, ident)

    def _supply(self, ident: str) -> None:
        found = self.known.get(ident)
        if found and found["object"] == "invoiceitem":
            self._find_item(ident, found)
            return
        makers = {"price": self._make_price, "product": self._make_product, "coupon": self._make_coupon}
        maker = makers.get(str((found or {}).get("object")))
        if found and maker:
            self.ids[ident] = maker(found)

    def _find_item(self, ident: str, found: dict[str, Any]) -> None:
        """Find our twin of an invoice item that the recording knows from a list of events only."""
        taken = set(self.ids.values())
        items = self.client.v1.invoice_items.list({"customer": self.ours(found["customer"]), "limit": 100}).data
        for item in items:
            if item.id not in taken and (item.amount, item.quantity) == (found["amount"], found["quantity"]):
                self.ids[ident] = item.id
                return

    def _make_product(self, found: dict[str, Any]) -> str:
        return self.client.v1.products.create({"name": found["name"]}).id

    def _make_coupon(self, found: dict[str, Any]) -> str:
        names = ("id", "name", "percent_off", "amount_off", "currency", "duration", "duration_in_months")
        params: Any = {name: found[name] for name in (*names, "max_redemptions") if found[name] is not None}
        return self.client.v1.coupons.create(params).id

    def _make_price(self, found: dict[str, Any]) -> str:
        product = self.ours(found["product"]) if found["product"] in self.known else self._nameless(found["product"])
        params: Any = {"currency": found["currency"], "product": product}
        if found["recurring"]:
            params["recurring"] = {name: found["recurring"][name] for name in ("interval", "interval_count")}
            if found["recurring"]["usage_type"] == "metered":
                params["recurring"] |= {"usage_type": "metered", "meter": self._meter(found["id"])}
        if found["billing_scheme"] == "tiered":
            params |= {"billing_scheme": "tiered", "tiers_mode": found["tiers_mode"], "tiers": self._tiers(found)}
        else:
            params["unit_amount_decimal"] = found["unit_amount_decimal"]
        return self.client.v1.prices.create(params).id

    def _nameless(self, ident: str) -> str:
        self.known[ident] = {"object": "product", "name": "a product that the recording does not show"}
        return self.ours(ident)

    def _tiers(self, found: dict[str, Any]) -> list[dict[str, Any]]:
        kept = ("unit_amount_decimal", "flat_amount_decimal")
        return [
            {"up_to": tier["up_to"] or "inf", **{name: tier[name] for name in kept if tier.get(name) is not None}}
            for tier in found.get("tiers") or [{"up_to": None, "unit_amount_decimal": "0"}]
        ]

    def _meter(self, name: str) -> str:
        params: Any = {"display_name": name, "event_name": name, "default_aggregation": {"formula": "sum"}}
        return self.client.v1.billing.meters.create(params).id

    def _learn(self, theirs: Any, ours: Any) -> None:
        """Note which of our ids stands for which recorded one, where both answers have one."""
        if not isinstance(theirs, dict) or not isinstance(ours, dict):
            return
        if theirs.get("object") == "list":
            for their_one, our_one in zip(theirs.get("data", []), ours.get("data", []), strict=False):
                self._learn(their_one, our_one)
            return
        for name in ("id", "subscription", "latest_invoice", "schedule", "released_subscription", "customer"):
            their_id, our_id = theirs.get(name), ours.get(name)
            if isinstance(their_id, dict) and isinstance(our_id, dict):
                self._learn(their_id, our_id)
            elif isinstance(their_id, str) and isinstance(our_id, str) and IDENT.match(their_id):
                self.ids.setdefault(their_id, our_id)

    def _learn_parts(self, theirs: dict[str, Any], ours: dict[str, Any]) -> None:
        """Note the prices that were made in passing, phase by phase and item by item."""
        for their_phase, our_phase in zip(theirs.get("phases", []), ours.get("phases", []), strict=False):
            for part in ("items", "add_invoice_items"):
                for their_item, our_item in zip(their_phase[part], our_phase[part], strict=False):
                    if isinstance(their_item["price"], str) and self.same_terms(their_item, our_item):
                        self.ids.setdefault(their_item["price"], our_item["price"])

    def same_terms(self, theirs: dict[str, Any], ours: dict[str, Any]) -> bool:
        """Tell whether two items that stand in the same place can be the same."""
        return bool(theirs["metadata"] == ours["metadata"] and theirs.get("quantity") == ours.get("quantity"))
