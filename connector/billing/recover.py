"""Find out whether a write of ours, whose answer was lost, happened.

Within a day the idempotency key answers that by itself: the same call is sent again and Stripe gives the first answer.
After that Stripe has forgotten the key, so we look: for objects of the same customer with our metadata, never by search
(which lags behind writes).
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from connector.billing.account import StripeAccount
from connector.billing.client import Api
from connector.compile.resource import Key, Resource
from connector.journal import Operation

#: Keys are promised for 24 hours; we stop trusting them earlier, for the clocks' sake.
KEY_LIFETIME = timedelta(hours=20)

#: Creates whose answer was lost and whose key is too old, by kind and key; mostly there are none.
LostCreates = Mapping[tuple[str, str], Operation]


def lost_creates(account: StripeAccount, now: datetime) -> LostCreates:
    """Return the creates that can only be settled by looking."""
    old = account.journal.pending_intents(account.connection, begun=now - KEY_LIFETIME)
    return {(one.kind, one.key): one for one in old if one.verb == "create"}


def find_lost(resource: Resource, names: Mapping[str, Key], lost: LostCreates, api: Api) -> str | None:
    """Return the id of the object an old, unanswered intent made; None when there is no such intent or object."""
    intent = lost.get((resource.key.kind, resource.key.name))
    found = _listed(resource, names, intent, api) if intent else None
    return None if found is None else str(found["id"])


def _listed(resource: Resource, names: Mapping[str, Key], intent: Operation, api: Api) -> Mapping[str, Any] | None:
    since = int(intent.started_at.timestamp()) - 300
    customer = customer_id(names)
    match resource.key.kind:
        case "customer":
            return _match(api, "/v1/customers", {"created": {"gte": since}}, resource)
        case "subscription_schedule" if customer:
            lately = {"customer": customer, "created": {"gte": since}}
            return _match(api, "/v1/subscription_schedules", lately, resource)
        case "invoice" if customer:
            return _match(api, "/v1/invoices", {"customer": customer, "created": {"gte": since}}, resource)
        case "invoice_lines" | "invoice_finalization":
            done = step_done(resource, names, api)
            return {"id": done} if done else None
        case _:
            return None  # kinds with an identity of their own answer "already exists"


def find_by_metadata(resource: Resource, names: Mapping[str, Key], api: Api) -> str | None:
    """Return the id of the customer's schedule that carries the resource's metadata."""
    customer = customer_id(names)
    if customer is None:
        return None
    found = _match(api, "/v1/subscription_schedules", {"customer": customer}, resource)
    return None if found is None else str(found["id"])


def customer_id(names: Mapping[str, Key]) -> str | None:
    """Return the id of the customer among names."""
    return next((stripe_id for stripe_id, key in names.items() if key.kind == "customer"), None)


def _match(api: Api, path: str, params: Mapping[str, Any], resource: Resource) -> Mapping[str, Any] | None:
    wanted = resource.params.get("metadata")
    for entry in entries(api, path, params):
        if isinstance(wanted, Mapping) and wanted.items() <= (entry.get("metadata") or {}).items():
            return dict(entry)
    return None


def entries(api: Api, path: str, params: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield every entry of a list, page by page."""
    page: dict[str, Any] = {**params, "limit": 100}
    while True:
        answer = api.get(path, page)
        yield from answer["data"]
        if not answer.get("has_more"):
            return
        page["starting_after"] = answer["data"][-1]["id"]


def step_done(resource: Resource, names: Mapping[str, Key], api: Api) -> str | None:
    """Return the invoice's id when its lines are on it, or when it is no draft any more."""
    invoice = next((stripe_id for stripe_id, key in names.items() if key == Key("invoice", resource.key.name)), None)
    if invoice is None:
        return None
    answer = api.get(f"/v1/invoices/{invoice}")
    finalized = answer["status"] != "draft"
    return invoice if finalized or (resource.key.kind == "invoice_lines" and answer["lines"]["data"]) else None
