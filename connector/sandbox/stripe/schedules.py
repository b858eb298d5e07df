"""Subscription schedules: create, update, cancel, release (stripe.com/docs/api/subscription_schedules)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from connector.sandbox.stripe import events, subscriptions
from connector.sandbox.stripe.customers import living_customer
from connector.sandbox.stripe.endpoint import Call, Endpoint, listing, owned
from connector.sandbox.stripe.engine import ENDED
from connector.sandbox.stripe.errors import invalid, not_emulated
from connector.sandbox.stripe.item_changes import change_end
from connector.sandbox.stripe.limits import merge_metadata
from connector.sandbox.stripe.phases import default_settings
from connector.sandbox.stripe.rendering import within
from connector.sandbox.stripe.schedule_create import create_schedule, from_subscription
from connector.sandbox.stripe.schedule_update import update_phases

if TYPE_CHECKING:
    from connector.sandbox.stripe.state import Object


def _create(call: Call) -> Object:
    params, tenant = call.params, call.tenant
    if "from_subscription" in params:
        return from_subscription(tenant, params)
    if "customer" not in params:
        message = "Missing required param: customer."
        raise invalid(message, "customer", code="parameter_missing")
    _refuse(params)
    customer = living_customer(tenant, params["customer"], "customer")
    return create_schedule(tenant, customer, params)


def _refuse(params: dict[str, Any]) -> None:
    if params.get("end_behavior") in {"none", "renew"}:
        raise not_emulated(f"end_behavior {params['end_behavior']}")
    for name in ("customer_account", "pause_schedules"):
        if params.get(name):
            raise not_emulated(f"schedules with {name}")


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
        given = _over_defaults(schedule["default_settings"], params["default_settings"])
        schedule["default_settings"] = default_settings(tenant, given, schedule["customer"])
    update_phases(tenant, schedule, params, at)
    events.record(tenant, "updated", schedule, at, {})
    return schedule


def _over_defaults(stored: Object, given: Object) -> Object:
    """Put given default settings over the stored ones; what is not named stays (recorded traffic)."""
    kept = (
        {name: value for name, value in {**stored, **given}.items() if value is not None and value != ""}
        if given
        else {}
    )
    settings = {**(stored["invoice_settings"] or {}), **(given.get("invoice_settings") or {})}
    kept["invoice_settings"] = {name: value for name, value in settings.items() if value is not None}
    return kept


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
            change_end(
                tenant, sub, None, "create_prorations", at
            )  # of a period cut short nothing is known; this is safe
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
