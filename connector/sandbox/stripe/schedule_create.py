"""Making a schedule: from phases, or around a subscription that runs without one.

Sources: SDK types and reference of subscription schedules, recorded traffic.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from connector.sandbox.stripe import events
from connector.sandbox.stripe.engine import move_schedule, plan_schedule
from connector.sandbox.stripe.errors import invalid
from connector.sandbox.stripe.limits import check_phase_count, merge_metadata
from connector.sandbox.stripe.phase_items import Context
from connector.sandbox.stripe.phases import build_phases, default_settings

if TYPE_CHECKING:
    from connector.sandbox.stripe.state import Object, Tenant

MAX_SUBSCRIPTIONS = 500


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


def from_subscription(tenant: Tenant, params: dict[str, Any]) -> Object:
    """Put a schedule on a subscription that runs without one."""
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
    made["default_settings"] = default_settings(tenant, _settings_of(sub), sub["customer"])
    made["phases"] = _running_phases(tenant, sub, made)
    made["status"], made["subscription"] = "active", sub["id"]
    phase = made["phases"][0]
    made["current_phase"] = {"end_date": phase["end_date"], "start_date": phase["start_date"]}
    tenant.add("subscription_schedule", made)
    tenant.touch("subscription", sub["id"])["schedule"] = made["id"]
    plan_schedule(tenant, made, at)
    events.record(tenant, "created", made, at)
    return made


def _settings_of(sub: Object) -> Object:
    """Read the default settings of a schedule off the subscription it is put on."""
    names = ("collection_method", "default_payment_method", "description")
    invoices = {name: sub["invoice_settings"][name] for name in ("custom_fields", "description", "footer")}
    return {
        **{name: sub[name] for name in names},
        "invoice_settings": {"days_until_due": sub["days_until_due"], **invoices},
    }


def _running_phases(tenant: Tenant, sub: Object, schedule: Object) -> list[Object]:
    """Show the running period as a phase, and the first whole one after it when it is shorter (recorded traffic).

    The metadata of the subscription and its items are not copied.
    """
    items = sub["items"]["data"]
    entries = [{name: item[name] for name in ("price", "quantity") if name in item} for item in items]
    start = min(item["current_period_start"] for item in items)
    end = min(item["current_period_end"] for item in items)
    known = {item["price"] for item in items}
    mode = sub["billing_mode"]["type"]
    context = Context(tenant, start, mode, schedule["default_settings"], sub["customer"], known)
    given = [{"items": entries, "end_date": end}]
    if sub["billing_cycle_anchor"] == end:
        given.append({"items": entries})
    phases = build_phases(context, given, start)
    for phase in phases:
        phase["discounts"] = [{"coupon": None, "discount": d, "promotion_code": None} for d in sub["discounts"]]
        phase["automatic_tax"] = dict(sub["automatic_tax"])
    return phases
