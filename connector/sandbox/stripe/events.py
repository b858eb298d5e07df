"""Events: what happened, with a snapshot of the object (stripe.com/docs/api/events).

They can be listed and fetched. Delivery to webhook endpoints is not emulated: endpoints are only stored.
"""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from connector.sandbox.stripe.endpoint import Call, Endpoint, chosen, deletion, listing
from connector.sandbox.stripe.limits import merge_metadata
from connector.sandbox.stripe.rendering import render, within

if TYPE_CHECKING:
    from connector.sandbox.stripe.state import Object, Tenant

API_VERSION = "2026-10-28.endive"
KEPT = 20_000  # the vendor keeps events for 30 days
EVENT_NAMES = {
    "subscription": "customer.subscription",
    "tax_id": "customer.tax_id",
}


def record(tenant: Tenant, action: str, subject: Object, at: int, before: dict[str, Any] | None = None) -> str:
    """Record an event about an object, and return its id; `before` holds the former values of what changed."""
    kind = subject["object"]
    data: Object = {"object": render(subject, tenant)}
    if before is not None:
        data["previous_attributes"] = before
    made = tenant.add(
        "event",
        {
            "id": tenant.new_id("event"),
            "object": "event",
            "api_version": API_VERSION,
            "created": at,
            "data": None,
            "livemode": tenant.livemode,
            "pending_webhooks": 0,
            "request": dict(tenant.request),
            "type": f"{EVENT_NAMES.get(kind, kind)}.{action}",
            "_data": json.dumps(data, separators=(",", ":"), default=float),
        },
    )
    if len(tenant.objects["event"]) > KEPT:
        tenant.drop("event", next(iter(tenant.objects["event"])))
    return str(made["id"])


def retell(tenant: Tenant, ident: str, subject: Object) -> None:
    """Show the object of an event as it is now: what one request does to it is told at once (recorded traffic)."""
    if ident in tenant.objects["event"]:
        data = {"object": render(subject, tenant)}
        tenant.touch("event", ident)["_data"] = json.dumps(data, separators=(",", ":"), default=float)


def _list_events(call: Call) -> Object:
    wanted = call.params.get("types") or ([call.params["type"]] if "type" in call.params else ["*"])
    created = call.params.get("created")
    found = [
        event
        for event in call.tenant.all("event")
        if any(fnmatchcase(event["type"], pattern) for pattern in wanted)
        and (created is None or within(event["created"], created))
    ]
    return listing(call, found)


def _retrieve_event(call: Call) -> Object:
    return call.tenant.get("event", call.variables["id"], "id", status=404)


def _create_endpoint(call: Call) -> Object:
    params = call.params
    made = {
        "id": call.tenant.new_id("webhook_endpoint"),
        "object": "webhook_endpoint",
        "api_version": params.get("api_version"),
        "application": None,
        "created": call.now,
        "description": params.get("description") or None,
        "enabled_events": params["enabled_events"],
        "livemode": call.tenant.livemode,
        "metadata": merge_metadata({}, params.get("metadata")),
        "status": "enabled",
        "url": params["url"],
        "_secret": call.tenant.new_id("secret"),
    }
    call.tenant.add("webhook_endpoint", made)
    return {**made, "secret": made["_secret"]}


def _retrieve_endpoint(call: Call) -> Object:
    return call.tenant.get("webhook_endpoint", call.variables["id"], "id", status=404)


def _update_endpoint(call: Call) -> Object:
    endpoint = _retrieve_endpoint(call)
    call.tenant.touch("webhook_endpoint", endpoint["id"])
    endpoint.update(chosen(call.params, "description", "enabled_events", "url"))
    endpoint["metadata"] = merge_metadata(endpoint["metadata"], call.params.get("metadata"))
    if "disabled" in call.params:
        endpoint["status"] = "disabled" if call.params["disabled"] else "enabled"
    return endpoint


def _delete_endpoint(call: Call) -> Object:
    endpoint = _retrieve_endpoint(call)
    call.tenant.drop("webhook_endpoint", endpoint["id"])
    return deletion("webhook_endpoint", endpoint["id"])


ENDPOINTS = [
    Endpoint("GET", "/v1/events", "EventListParams", _list_events),
    Endpoint("GET", "/v1/events/{id}", "EventRetrieveParams", _retrieve_event),
    Endpoint("POST", "/v1/webhook_endpoints", "WebhookEndpointCreateParams", _create_endpoint),
    Endpoint(
        "GET",
        "/v1/webhook_endpoints",
        "WebhookEndpointListParams",
        lambda call: listing(call, call.tenant.all("webhook_endpoint")),
    ),
    Endpoint("GET", "/v1/webhook_endpoints/{id}", "WebhookEndpointRetrieveParams", _retrieve_endpoint),
    Endpoint("POST", "/v1/webhook_endpoints/{id}", "WebhookEndpointUpdateParams", _update_endpoint),
    Endpoint("DELETE", "/v1/webhook_endpoints/{id}", "WebhookEndpointDeleteParams", _delete_endpoint),
]
