"""Test clocks, and the account itself (stripe.com/docs/billing/testing/test-clocks)."""

from __future__ import annotations

from connector.sandbox.stripe import billing, engine, events
from connector.sandbox.stripe.endpoint import Call, Endpoint, deletion, listing
from connector.sandbox.stripe.errors import invalid
from connector.sandbox.stripe.periods import DAY, add_months
from connector.sandbox.stripe.state import Clock, Object, Tenant

KIND = "test_helpers.test_clock"


def _create(call: Call) -> Object:
    tenant, params = call.tenant, call.params
    made = {
        "id": tenant.new_id(KIND),
        "object": KIND,
        "created": call.now,
        "deletes_after": call.now + 30 * DAY,
        "frozen_time": params["frozen_time"],
        "livemode": tenant.livemode,
        "name": params.get("name"),
        "status": "ready",
        "status_details": {},
    }
    tenant.add(KIND, made)
    tenant.clocks[made["id"]] = Clock(made["id"], params["frozen_time"])
    if "customer" in params:
        tenant.get("customer", params["customer"], "customer")
        tenant.touch("customer", params["customer"])["test_clock"] = made["id"]
    events.record(tenant, "created", made, call.now)
    return made


def _retrieve(call: Call) -> Object:
    return call.tenant.get(KIND, call.variables["test_clock"], "test_clock", status=404)


def _advance(call: Call) -> Object:
    """Move a clock on; the answer says `advancing`, the next look at it `ready`."""
    clock, tenant = _retrieve(call), call.tenant
    target = call.params["frozen_time"]
    if target <= clock["frozen_time"]:
        message = "Test clocks can only be advanced to a later time than their frozen time."
        raise invalid(message, "frozen_time")
    if target > _farthest(tenant, clock):
        message = "Test clocks can be advanced at most two intervals of the shortest subscription at a time."
        raise invalid(message, "frozen_time")
    tenant.touch(KIND, clock["id"])
    ticking = tenant.clocks[clock["id"]]
    engine.run(tenant, ticking, target)
    ticking.frozen = clock["frozen_time"] = target
    events.record(tenant, "ready", clock, call.now)
    return {**clock, "status": "advancing", "status_details": {"advancing": {"target_frozen_time": target}}}


def _farthest(tenant: Tenant, clock: Object) -> int:
    """Find how far one step may go: two intervals of the shortest subscription, or two years without any."""
    now = clock["frozen_time"]
    reaches = [
        billing.interval_of(billing.price_of(tenant, item)).after(now, 2)
        for sub in tenant.all("subscription")
        if sub["test_clock"] == clock["id"] and not sub["ended_at"]
        for item in sub["items"]["data"]
    ]
    return min(reaches, default=add_months(now, 24))


def _delete(call: Call) -> Object:
    """Delete a clock with everything on it."""
    clock, tenant = _retrieve(call), call.tenant
    for kind in ("customer", "subscription", "subscription_schedule", "invoice", "invoiceitem", "credit_note"):
        for ident in [o["id"] for o in tenant.all(kind) if o.get("test_clock", o.get("_test_clock")) == clock["id"]]:
            tenant.drop(kind, ident)
    tenant.drop(KIND, clock["id"])
    tenant.clocks[clock["id"]].agenda.clear()
    return deletion(KIND, clock["id"])


def _account(call: Call) -> Object:
    """Show the account of the key (stripe.com/docs/api/accounts/object); `livemode` tells which mode it is in."""
    return {
        "id": f"acct_{call.tenant.key.rpartition('_')[2]}",
        "object": "account",
        "business_profile": {"name": "Sandbox", "mcc": None, "support_email": None, "url": None},
        "business_type": "company",
        "charges_enabled": True,
        "country": "US",
        "created": call.now,
        "default_currency": "usd",
        "details_submitted": True,
        "email": "sandbox@example.com",
        "livemode": call.tenant.livemode,
        "metadata": {},
        "payouts_enabled": True,
        "settings": {"dashboard": {"display_name": "Sandbox", "timezone": "Etc/UTC"}},
        "type": "standard",
    }


ENDPOINTS = [
    Endpoint("GET", "/v1/account", "AccountRetrieveCurrentParams", _account),
    Endpoint("POST", "/v1/test_helpers/test_clocks", "test_helpers.TestClockCreateParams", _create),
    Endpoint(
        "GET",
        "/v1/test_helpers/test_clocks",
        "test_helpers.TestClockListParams",
        lambda call: listing(call, call.tenant.all(KIND)),
    ),
    Endpoint("GET", "/v1/test_helpers/test_clocks/{test_clock}", "test_helpers.TestClockRetrieveParams", _retrieve),
    Endpoint(
        "POST", "/v1/test_helpers/test_clocks/{test_clock}/advance", "test_helpers.TestClockAdvanceParams", _advance
    ),
    Endpoint("DELETE", "/v1/test_helpers/test_clocks/{test_clock}", "test_helpers.TestClockDeleteParams", _delete),
]
