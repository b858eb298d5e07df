"""The texts, codes and parameters of refusals, as a table; texts are those of the real service, with our values.

Each row names the part of section B.14 of the project's facts about Stripe that it is from: (a) recorded, (b) quoted by
others. Errors that come of load, keys or the network are injected as faults, and are not here: lock_timeout,
rate_limit, api_key_expired, a key without permission. Not emulated are tax_id_invalid and product_inactive.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
import stripe

from connector.sandbox.stripe import StripeSandbox

NOON = int(datetime(2026, 5, 15, 12, tzinfo=UTC).timestamp())
START = int(datetime(2026, 5, 1, tzinfo=UTC).timestamp())
END = int(datetime(2027, 5, 1, tzinfo=UTC).timestamp())
MANY = {f"key{number}": "x" for number in range(51)}


class World:
    """An account with a running schedule, a released one, and prices of every kind."""

    def __init__(self, sandbox):
        self.client = sandbox.client()
        v1 = self.client.v1
        v1.products.create({"id": "sku", "name": "SKU"})
        v1.coupons.create({"id": "old", "percent_off": 10, "duration": "once", "redeem_by": START + 5})
        v1.prices.create(self.terms(lookup_key="taken"))
        self.price = v1.prices.create(self.terms()).id
        self.yearly = v1.prices.create(self.terms(recurring={"interval": "year"})).id
        self.euro = v1.prices.create(self.terms(currency="eur")).id
        self.gone = v1.prices.create(self.terms()).id
        v1.prices.update(self.gone, {"active": False})
        self.customer = v1.customers.create({"name": "ACME"}).id
        self.idle = v1.customers.create({"name": "Idle"}).id
        self.schedule = v1.subscription_schedules.create(self.order()).id
        self.subscription = v1.subscription_schedules.retrieve(self.schedule).subscription
        self.released = v1.subscription_schedules.create(self.order(customer=self.idle)).id
        v1.subscription_schedules.release(self.released)
        sandbox.move_clock(now=datetime.fromtimestamp(NOON, UTC))
        self.invoice = v1.invoices.list({"customer": self.customer}).data[0].id

    @staticmethod
    def terms(**more):
        return {"product": "sku", "currency": "usd", "unit_amount": 500, "recurring": {"interval": "month"}, **more}

    def phase(self, *prices, **more):
        items = [{"price": price} for price in prices or [self.price]]
        return {"items": items, "end_date": END, **more}

    def order(self, *phases, **more):
        settings: Any = {"collection_method": "send_invoice", "invoice_settings": {"days_until_due": 30}}
        return {
            "customer": self.customer,
            "billing_mode": {"type": "classic"},
            "default_settings": settings,
            "phases": list(phases) or [self.phase()],
            **more,
        }

    # what the rows call

    def price_with(self, **terms):
        return self.client.v1.prices.create({k: v for k, v in self.terms(**terms).items() if v is not None})

    def schedule_with(self, *phases, **more):
        return self.client.v1.subscription_schedules.create(self.order(*phases, **more))

    def update(self, *phases, **more):
        return self.client.v1.subscription_schedules.update(self.schedule, {"phases": list(phases), **more})

    def customer_with(self, **params):
        return self.client.v1.customers.create(params)


@dataclass(frozen=True)
class Row:
    """A request that is refused, and how."""

    row: str
    call: Callable[[World], Any]
    status: int
    code: str | None
    param: str | None
    message: str


ONLY = (
    "For a particular phase, all of its `items` prices must have the same `interval`, `interval_count`, and `currency`."
)
RECORDED = (
    Row(
        "(a) a schedule is no subscription",
        lambda w: w.client.v1.subscriptions.retrieve(w.schedule),
        404,
        "resource_missing",
        "id",
        "No such subscription: '{schedule}'",
    ),
    Row(
        "(a) unknown schedule",
        lambda w: w.client.v1.subscription_schedules.retrieve("sub_sched_x"),
        404,
        "resource_missing",
        "id",
        "No such subscription schedule: 'sub_sched_x'",
    ),
    Row(
        "(a) unknown invoice, read",
        lambda w: w.client.v1.invoices.retrieve("in_x"),
        404,
        "resource_missing",
        "invoice",
        "No such invoice: 'in_x'",
    ),
    Row(
        "(a) unknown invoice, paid",
        lambda w: w.client.v1.invoices.pay("in_x"),
        404,
        "resource_missing",
        "invoice",
        "No such invoice: 'in_x'",
    ),
    Row(
        "(a) nothing upcoming",
        lambda w: w.client.v1.invoices.create_preview({"customer": w.client.v1.customers.create({}).id}),
        404,
        "invoice_upcoming_none",
        None,
        "No upcoming invoices for customer: *",
    ),
    Row(
        "(a) an unknown reference in a body",
        lambda w: w.schedule_with(w.phase(discounts=[{"coupon": "none"}])),
        400,
        "resource_missing",
        "phases[0][discounts][0][coupon]",
        "No such coupon: 'none'",
    ),
    Row(
        "(a) another currency than the customer's",
        lambda w: w.schedule_with(w.phase(w.euro)),
        400,
        None,
        None,
        "The currency of the selected prices (eur) does not match the customer currency (usd).",
    ),
    Row(
        "(a) billing scheme",
        lambda w: w.price_with(billing_scheme="steps"),
        400,
        None,
        "billing_scheme",
        "Invalid billing_scheme: must be one of per_unit or tiered",
    ),
    Row("(a) two intervals", lambda w: w.schedule_with(w.phase(w.price, w.yearly)), 400, None, None, ONLY),
    Row(
        "(a) tiered without tiers",
        lambda w: w.price_with(billing_scheme="tiered", tiers_mode="volume", unit_amount=None),
        400,
        None,
        "tiers",
        "If the billing scheme is set to tiered the parameter tiers must be set.",
    ),
    Row(
        "(a) no catch-all tier",
        lambda w: w.price_with(
            billing_scheme="tiered", tiers_mode="volume", unit_amount=None, tiers=[{"up_to": 5, "unit_amount": 1}]
        ),
        400,
        None,
        "tiers[0][up_to]",
        "The tiers array must include a catch all tier with up_to set to `inf` as last item.",
    ),
)
PARAMETERS = (
    Row(
        "(b) one unknown parameter",
        lambda w: w.schedule_with(w.phase(iterations=2)),
        400,
        "parameter_unknown",
        "phases[0][iterations]",
        "Received unknown parameter: phases[0][iterations]",
    ),
    Row(
        "(b) two unknown parameters",
        lambda w: w.schedule_with(w.phase(iterations=2), prebilling={"iterations": 1}),
        400,
        "parameter_unknown",
        "phases[0][iterations]",
        "Received unknown parameters: phases[0][iterations], prebilling",
    ),
    Row(
        "(b) missing parameter",
        lambda w: w.schedule_with({"end_date": END}),
        400,
        "parameter_missing",
        "phases[0][items]",
        "Missing required param: phases[0][items].",
    ),
    Row(
        "(b) integer",
        lambda w: w.schedule_with({**w.phase(), "items": [{"price": w.price, "quantity": "1.0"}]}),
        400,
        "parameter_invalid_integer",
        "phases[0][items][0][quantity]",
        "Invalid integer: 1.0",
    ),
    Row(
        "(b) not negative",
        lambda w: w.price_with(unit_amount=-1),
        400,
        None,
        "unit_amount",
        "Invalid non-negative integer",
    ),
    Row(
        "(b) at least",
        lambda w: w.schedule_with({**w.phase(), "items": [{"price": w.price, "quantity": -1}]}),
        400,
        None,
        "phases[0][items][0][quantity]",
        "This value must be greater than or equal to 0.",
    ),
    Row(
        "(b) empty",
        lambda w: w.schedule_with({**w.phase(), "items": ""}),
        400,
        "parameter_invalid_empty",
        "phases[0][items]",
        "You passed an empty string for 'phases[0][items]'. *",
    ),
    Row(
        "(b) boolean",
        lambda w: w.client.v1.subscription_schedules.cancel(w.schedule, {"prorate": "maybe"}),
        400,
        None,
        "prorate",
        "Invalid boolean: maybe",
    ),
    Row(
        "(b) object",
        lambda w: w.client.v1.subscriptions.update(w.subscription, {"billing_cycle_anchor": "now"}),
        400,
        None,
        "billing_cycle_anchor",
        "Invalid object",
    ),
    Row(
        "(b) array",
        lambda w: w.schedule_with(phases="all"),
        400,
        None,
        "phases",
        "Invalid array",
    ),
    Row(
        "(b) one of three",
        lambda w: w.schedule_with(w.phase(proration_behavior="some")),
        400,
        None,
        "phases[0][proration_behavior]",
        "Invalid proration_behavior: must be one of always_invoice, create_prorations, or none",
    ),
    Row(
        "(b) length",
        lambda w: w.customer_with(name=f"abcd{'x' * 300}wxyz"),
        400,
        None,
        "name",
        "Invalid string: abcd...wxyz; must be at most 256 characters",
    ),
    Row(
        "(b) too many",
        lambda w: w.schedule_with({**w.phase(), "items": [{"price": w.price}] * 21}),
        400,
        None,
        "phases[0][items]",
        "Array phases[0][items] exceeded maximum 20 allowed elements.",
    ),
    Row(
        "(b) too many phases",
        lambda w: w.schedule_with(
            *[{"items": [{"price": w.price}], "duration": {"interval": "month"}} for _ in range(11)]
        ),
        400,
        None,
        "phases",
        "Array phases exceeded maximum 10 allowed elements.",
    ),
    Row(
        "(b) exclusive",
        lambda w: w.price_with(unit_amount_decimal="5"),
        400,
        None,
        None,
        "You may only specify one of these parameters: unit_amount, unit_amount_decimal.",
    ),
    Row(
        "(b) decimal places",
        lambda w: w.price_with(unit_amount=None, unit_amount_decimal="0.1e-12"),
        400,
        None,
        "unit_amount_decimal",
        "Invalid decimal: 0.1e-12; must contain at most 12 decimal places.",
    ),
    Row(
        "(b) metadata keys",
        lambda w: w.customer_with(metadata=MANY),
        400,
        None,
        "metadata",
        "Metadata can have up to 50 keys, but you've set 51.",
    ),
    Row(
        "(b) metadata key",
        lambda w: w.customer_with(metadata={"k" * 41: "x"}),
        400,
        None,
        "metadata",
        "Metadata keys can have up to 40 characters, but you passed in a key that is 41 characters. Invalid key: "
        + "k" * 41,
    ),
    Row(
        "(b) metadata value",
        lambda w: w.customer_with(metadata={"k": "x" * 501}),
        400,
        None,
        "metadata[k]",
        "Metadata values can have up to 500 characters, but you passed in a value that is 501 characters. Invalid "
        "value: " + "x" * 501,
    ),
    Row(
        "(b) currency",
        lambda w: w.price_with(currency="xxx"),
        400,
        None,
        "currency",
        "Invalid currency: xxx. Stripe currently supports these currencies: usd, aed, *",
    ),
)
PRICES = (
    Row(
        "(b) archived price",
        lambda w: w.schedule_with(w.phase(w.gone)),
        400,
        None,
        "phases[0][items][0][price]",
        "The price specified is inactive. This field only accepts active prices.",
    ),
    Row(
        "(b) 37 months",
        lambda w: w.price_with(recurring={"interval": "month", "interval_count": 37}),
        400,
        None,
        "recurring[interval_count]",
        "The interval_count for monthly prices can't be greater than 36",
    ),
    Row(
        "(b) lookup key",
        lambda w: w.price_with(lookup_key="taken"),
        400,
        None,
        "lookup_key",
        "A price (`*`) already uses that lookup key.",
    ),
    Row(
        "(b) no product",
        lambda w: w.price_with(product=None),
        400,
        None,
        None,
        "You must specify either `product` or `product_data` when creating a price.",
    ),
    Row(
        "(b) no amount",
        lambda w: w.price_with(unit_amount=None),
        400,
        None,
        None,
        "Prices require an `unit_amount` or `unit_amount_decimal` parameter to be set.",
    ),
    Row(
        "(b) no meter",
        lambda w: w.price_with(recurring={"interval": "month", "usage_type": "metered"}),
        400,
        None,
        "recurring[meter]",
        "Starting with Stripe version `2025-03-31.basil`, metered prices must be backed by meters.",
    ),
    Row(
        "(b) an expired coupon",
        lambda w: w.schedule_with(w.phase(discounts=[{"coupon": "old"}])),
        400,
        "coupon_expired",
        "phases[0][discounts][0][coupon]",
        "*",
    ),
)
STATES = (
    Row(
        "(b) phases for a subscription",
        lambda w: w.client.v1.subscription_schedules.create(
            {"from_subscription": w.subscription, "phases": [w.phase()]}
        ),
        400,
        None,
        "phases",
        "You cannot set `phases` if `from_subscription` is set.",
    ),
    Row(
        "(b) a schedule for a scheduled subscription",
        lambda w: w.client.v1.subscription_schedules.create({"from_subscription": w.subscription}),
        400,
        None,
        "from_subscription",
        "You cannot migrate a subscription that is already attached to a schedule: `{schedule}`.",
    ),
    Row(
        "(b) no anchor",
        lambda w: w.update(w.phase()),
        400,
        None,
        None,
        "The subscription schedule update is missing at least one phase with a `start_date` to anchor end dates to.",
    ),
    Row(
        "(b) start of the running phase",
        lambda w: w.update(w.phase(start_date=START + 60)),
        400,
        None,
        None,
        "You can not modify the start date of the current phase.",
    ),
    Row(
        "(b) end of the running phase",
        lambda w: w.update(w.phase(start_date=START, end_date=NOON - 60)),
        400,
        None,
        None,
        "You can only adjust the end date to a future date for the current phase.",
    ),
    Row(
        "(b) update what was released",
        lambda w: w.client.v1.subscription_schedules.update(w.released),
        400,
        None,
        None,
        "You cannot update a subscription schedule that is currently in the `released` status. It must be in "
        "`not_started`, `active` status to be updated.",
    ),
    Row(
        "(b) cancel what was released",
        lambda w: w.client.v1.subscription_schedules.cancel(w.released),
        400,
        None,
        None,
        "You cannot cancel a subscription schedule that is currently in the `released` status. It must be in "
        "`not_started`, `active` status to be canceled.",
    ),
    Row(
        "(b) release what was released",
        lambda w: w.client.v1.subscription_schedules.release(w.released),
        400,
        None,
        None,
        "You cannot release a subscription schedule that is currently in the `released` status. It must be in "
        "`not_started`, `active` status to be released.",
    ),
    Row(
        "(b) cancelation of what is managed",
        lambda w: w.client.v1.subscriptions.update(w.subscription, {"cancel_at_period_end": True}),
        400,
        None,
        None,
        "The subscription is managed by the subscription schedule `{schedule}`, and updating any cancelation behavior "
        "directly is not allowed. Please update the schedule instead.",
    ),
    Row(
        "(b) no address to tax",
        lambda w: w.schedule_with(w.phase(automatic_tax={"enabled": True})),
        400,
        "customer_tax_location_invalid",
        None,
        "*",
    ),
    Row(
        "(b) an open invoice is not edited",
        lambda w: w.client.v1.invoices.update(w.invoice, {"description": "x"}),
        400,
        "invoice_not_editable",
        None,
        "*",
    ),
    Row(
        "(b) a paid invoice is not voided",
        lambda w: (
            w.client.v1.invoices.pay(w.invoice, {"paid_out_of_band": True}),
            w.client.v1.invoices.void_invoice(w.invoice),
        ),
        400,
        "status_transition_invalid",
        None,
        "*",
    ),
)
TRANSPORT = (
    Row(
        "(b) a key used again for something else",
        lambda w: [w.client.v1.customers.create({"name": n}, {"idempotency_key": "K"}) for n in "AB"],
        400,
        None,
        None,
        "Keys for idempotent requests can only be used with the same parameters they were first used with. Try using a "
        "key other than 'K' if you meant to execute a different request.",
    ),
    Row(
        "(b) an API key that is none",
        lambda w: w.client.v1.customers.list({}, {"api_key": "sk_nonsense_abcd"}),
        401,
        None,
        None,
        "Invalid API Key provided: sk_nonse****abcd",
    ),
    Row(
        "(b) no such route",
        lambda w: w.client.raw_request("get", "/nowhere"),
        404,
        None,
        None,
        "Unrecognized request URL (GET: /nowhere). *",
    ),
)
ROWS = (*RECORDED, *PARAMETERS, *PRICES, *STATES, *TRANSPORT)


@pytest.fixture(scope="module")
def sandbox():
    with StripeSandbox(now=datetime.fromtimestamp(START, UTC)) as running:
        yield running


@pytest.fixture
def world(sandbox):
    sandbox.app.reset()
    return World(sandbox)


def fits(text, pattern):
    """`*` stands for anything."""
    rest = text
    first, *others = pattern.split("*")
    if not rest.startswith(first):
        return False
    rest = rest[len(first) :]
    for part in others:
        if part not in rest:
            return False
        rest = rest[rest.index(part) + len(part) :]
    return rest == "" or pattern.endswith("*")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.row)
def test_it_is_refused_like_this(world, row):
    with pytest.raises(stripe.StripeError) as caught:
        row.call(world)
    error: Any = caught.value
    body = error.json_body["error"]
    assert (error.http_status, body.get("code"), body.get("param")) == (row.status, row.code, row.param)
    message = row.message.replace("{schedule}", world.schedule)
    assert fits(body["message"], message), body["message"]


@pytest.mark.parametrize("row", RECORDED, ids=lambda row: row.row)
def test_the_envelope(world, row):
    """Keys in alphabetical order; a page of documentation only with a code; the id of the request in a link."""
    with pytest.raises(stripe.StripeError) as caught:
        row.call(world)
    error: Any = caught.value
    body = error.json_body["error"]
    assert list(body) == sorted(body)
    assert ("doc_url" in body) is (row.code is not None)
    assert body["request_log_url"].endswith(str(error.request_id))
    assert body["type"] == "invalid_request_error"


def test_the_table_is_whole():
    assert len({row.row for row in ROWS}) == len(ROWS) > 45
