"""Subscription schedules: create, update, cancel, release (stripe.com/docs/api/subscription_schedules)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from connector.sandbox.stripe import events, subscriptions
from connector.sandbox.stripe.customers import living_customer
from connector.sandbox.stripe.endpoint import Call, Endpoint, listing, owned
from connector.sandbox.stripe.engine import ENDED, move_schedule, plan_schedule
from connector.sandbox.stripe.errors import invalid, not_emulated
from connector.sandbox.stripe.limits import check_phase_count, merge_metadata
from connector.sandbox.stripe.phase_items import Context
from connector.sandbox.stripe.phases import build_phases, default_settings
from connector.sandbox.stripe.rendering import within
from connector.sandbox.stripe.schedule_update import update_phases

if TYPE_CHECKING:
    from connector.sandbox.stripe.state import Object, Tenant

MAX_SUBSCRIPTIONS = 500


def _create(call: Call) -> Object:
    params, tenant = call.params, call.tenant
    if "from_subscription" in params:
        return _from_subscription(call)
    if "customer" not in params:
        message = "Missing required param: customer."
        raise invalid(message, "customer", code="parameter_missing")
    _refuse(params)
    customer = living_customer(tenant, params["customer"], "customer")
    return create_schedule(tenant, customer, params)


def create_schedule(tenant: Tenant, customer: Object, params: dict[str, Any]) -> Object:
    """Make a schedule and, when it begins now or began in the past, its subscription."""
    at = tenant.clock_of(customer).now()
    if not params.get("phases"):
        message = "Missing required param: phases."
        raise invalid(message, "phases", code="parameter_missing")
    start = params.get("start_date", "now")
    start = at if start == "now" else start
    mode = billing_mode(params.get("billing_mode"), at)
    defaults = default_settings(tenant, params.get("default_settings"), customer["id"])
    phases = build_phases(Context(tenant, at, mode["type"], defaults, customer["id"]), params["phases"], start)
    check_phase_count([phase for phase in phases if phase["end_date"] > at])
    if phases[-1]["end_date"] <= at:
        message = "The last phase of a schedule must end in the future."
        raise invalid(message, f"phases[{len(phases) - 1}][end_date]")
    check_customer(tenant, customer, phases)
    made = _skeleton(tenant, customer, params, at)
    made["billing_mode"], made["default_settings"], made["phases"] = mode, defaults, phases
    tenant.add("subscription_schedule", made)
    events.record(tenant, "created", made, at)
    move_schedule(tenant, made, at)
    plan_schedule(tenant, made, at)
    return made


def _refuse(params: dict[str, Any]) -> None:
    if params.get("end_behavior") in {"none", "renew"}:
        raise not_emulated(f"end_behavior {params['end_behavior']}")
    for name in ("customer_account", "pause_schedules"):
        if params.get(name):
            raise not_emulated(f"schedules with {name}")


def billing_mode(given: Object | None, at: int) -> Object:
    """Show the billing mode; flexible is the default since 2025-09-30.clover (stripe.com/docs, changelog)."""
    kind = (given or {}).get("type", "flexible")
    flexible = {"proration_discounts": "included", **((given or {}).get("flexible") or {})}
    return {"flexible": flexible if kind == "flexible" else None, "type": kind, "updated_at": at if given else None}


def check_customer(tenant: Tenant, customer: Object, phases: list[Object]) -> None:
    """Hold a customer to one currency while anything runs, to 500 subscriptions, and to an address for tax."""
    currency = phases[0]["currency"]
    running = [s for s in tenant.of("subscription", customer["id"]) if not s["ended_at"]]
    planned = [s for s in tenant.of("subscription_schedule", customer["id"]) if s["status"] == "not_started"]
    taken = {s["currency"] for s in running} | {s["phases"][0]["currency"] for s in planned}
    if taken - {currency}:
        message = (
            f"The currency of the selected prices ({currency}) does not match the customer currency "
            f"({(taken - {currency}).pop()})."
        )
        raise invalid(message)
    if len(running) + len(planned) >= MAX_SUBSCRIPTIONS:
        message = f"Customer {customer['id']} already has the maximum {MAX_SUBSCRIPTIONS} current subscriptions."
        raise invalid(message, code="customer_max_subscriptions")
    for phase in phases:
        if phase["automatic_tax"] and phase["automatic_tax"]["enabled"] and not customer["address"]:
            message = "The customer's location isn't recognized. Set a valid customer address to calculate tax."
            raise invalid(message, code="customer_tax_location_invalid")
    if not running:
        tenant.touch("customer", customer["id"])["currency"] = currency


def _skeleton(tenant: Tenant, customer: Object, params: dict[str, Any], at: int) -> Object:
    return {
        "id": tenant.new_id("subscription_schedule"),
        "object": "subscription_schedule",
        "application": None,
        "canceled_at": None,
        "completed_at": None,
        "created": at,
        "current_phase": None,
        "customer": customer["id"],
        "customer_account": None,
        "end_behavior": params.get("end_behavior", "release"),
        "livemode": tenant.livemode,
        "metadata": merge_metadata({}, params.get("metadata")),
        "pause_schedules": [],
        "released_at": None,
        "released_subscription": None,
        "status": "not_started",
        "subscription": None,
        "test_clock": customer["test_clock"],
    }


def _from_subscription(call: Call) -> Object:
    """Put a schedule on a subscription that runs without one; its one phase is the running period."""
    params, tenant = call.params, call.tenant
    for name in ("phases", "customer", "start_date", "default_settings", "end_behavior", "billing_mode"):
        if name in params:
            raise invalid(f"You cannot set `{name}` if `from_subscription` is set.", name)
    sub = tenant.get("subscription", params["from_subscription"], "from_subscription")
    if sub["schedule"]:
        message = f"You cannot migrate a subscription that is already attached to a schedule: `{sub['schedule']}`."
        raise invalid(message, "from_subscription")
    if sub["ended_at"]:
        message = "You cannot migrate a subscription that has ended."
        raise invalid(message, "from_subscription")
    at = tenant.clock_of(sub).now()
    customer = tenant.objects["customer"][sub["customer"]]
    made = _skeleton(tenant, customer, {"metadata": params.get("metadata")}, at)
    made["billing_mode"] = dict(sub["billing_mode"])
    made["default_settings"] = default_settings(
        tenant,
        {"collection_method": sub["collection_method"], "invoice_settings": {"days_until_due": sub["days_until_due"]}},
        sub["customer"],
    )
    made["phases"] = [_running_phase(tenant, sub, made)]
    made["status"], made["subscription"] = "active", sub["id"]
    phase = made["phases"][0]
    made["current_phase"] = {"end_date": phase["end_date"], "start_date": phase["start_date"]}
    tenant.add("subscription_schedule", made)
    tenant.touch("subscription", sub["id"])["schedule"] = made["id"]
    plan_schedule(tenant, made, at)
    events.record(tenant, "created", made, at)
    return made


def _running_phase(tenant: Tenant, sub: Object, schedule: Object) -> Object:
    items = sub["items"]["data"]
    entries = [{"price": item["price"], "metadata": item["metadata"]} for item in items]
    for entry, item in zip(entries, items, strict=True):
        if "quantity" in item:
            entry["quantity"] = item["quantity"]
    start = min(item["current_period_start"] for item in items)
    known = {item["price"] for item in items}
    context = Context(tenant, start, sub["billing_mode"]["type"], schedule["default_settings"], sub["customer"], known)
    end = min(item["current_period_end"] for item in items)
    entry = {"items": entries, "end_date": end, "metadata": sub["metadata"]}
    phase = build_phases(context, [entry], start)[0]
    phase["discounts"] = [{"coupon": None, "discount": d, "promotion_code": None} for d in sub["discounts"]]
    return phase


def _retrieve(call: Call) -> Object:
    return call.tenant.get("subscription_schedule", call.variables["schedule"], "id", status=404)


def _update(call: Call) -> Object:
    schedule, params, tenant = _retrieve(call), call.params, call.tenant
    _refuse(params)
    _check_status(schedule, "update", "updated")
    at = tenant.clock_of(schedule).now()
    tenant.touch("subscription_schedule", schedule["id"])
    if "metadata" in params:
        schedule["metadata"] = merge_metadata(schedule["metadata"], params["metadata"])
    if "end_behavior" in params:
        schedule["end_behavior"] = params["end_behavior"]
    if "default_settings" in params:
        schedule["default_settings"] = default_settings(tenant, params["default_settings"], schedule["customer"])
    update_phases(tenant, schedule, params, at)
    events.record(tenant, "updated", schedule, at, {})
    return schedule


def _check_status(schedule: Object, verb: str, participle: str) -> None:
    if schedule["status"] in ENDED:
        message = (
            f"You cannot {verb} a subscription schedule that is currently in the `{schedule['status']}` status. "
            f"It must be in `not_started`, `active` status to be {participle}."
        )
        raise invalid(message)


def _cancel(call: Call) -> Object:
    schedule, tenant = _retrieve(call), call.tenant
    _check_status(schedule, "cancel", "canceled")
    at = tenant.clock_of(schedule).now()
    tenant.touch("subscription_schedule", schedule["id"])
    schedule["status"], schedule["canceled_at"], schedule["current_phase"] = "canceled", at, None
    if schedule["subscription"]:
        sub = tenant.objects["subscription"][schedule["subscription"]]
        options = {"prorate": True, "invoice_now": True, **call.params}
        subscriptions.cancel_now(tenant, sub, at, options)
    events.record(tenant, "canceled", schedule, at)
    return schedule


def _release(call: Call) -> Object:
    schedule, tenant = _retrieve(call), call.tenant
    _check_status(schedule, "release", "released")
    at = tenant.clock_of(schedule).now()
    tenant.touch("subscription_schedule", schedule["id"])
    schedule["status"], schedule["released_at"], schedule["current_phase"] = "released", at, None
    if schedule["subscription"]:
        sub = tenant.touch("subscription", schedule["subscription"])
        sub["schedule"] = None
        if not call.params.get("preserve_cancel_date"):
            sub["cancel_at"] = None
        elif sub["cancel_at"]:
            tenant.clock_of(sub).plan("cancel", sub["cancel_at"], sub["id"])
        schedule["released_subscription"], schedule["subscription"] = sub["id"], None
        events.record(tenant, "updated", sub, at, {})
    events.record(tenant, "released", schedule, at)
    return schedule


def _list(call: Call) -> Object:
    params = call.params
    stamps = [name for name in ("created", "canceled_at", "completed_at", "released_at") if name in params]
    found = [
        schedule
        for schedule in owned(call, "subscription_schedule")
        if ("customer" in params or schedule["test_clock"] is None)
        and (not params.get("scheduled") or schedule["status"] == "not_started")
        and all(within(schedule[name], params[name]) for name in stamps)
    ]
    return listing(call, found)


ENDPOINTS = [
    Endpoint("POST", "/v1/subscription_schedules", "SubscriptionScheduleCreateParams", _create),
    Endpoint("GET", "/v1/subscription_schedules", "SubscriptionScheduleListParams", _list),
    Endpoint("GET", "/v1/subscription_schedules/{schedule}", "SubscriptionScheduleRetrieveParams", _retrieve),
    Endpoint("POST", "/v1/subscription_schedules/{schedule}", "SubscriptionScheduleUpdateParams", _update),
    Endpoint("POST", "/v1/subscription_schedules/{schedule}/cancel", "SubscriptionScheduleCancelParams", _cancel),
    Endpoint("POST", "/v1/subscription_schedules/{schedule}/release", "SubscriptionScheduleReleaseParams", _release),
]
