"""What a Stripe account holds, without ids and times: two histories with the same outcome are equal here."""

import re
from typing import Any

from connector.billing.client import Api

_LISTS = (
    "/v1/customers",
    "/v1/products",
    "/v1/prices",
    "/v1/coupons",
    "/v1/billing/meters",
    "/v1/subscription_schedules",
    "/v1/subscriptions",
    "/v1/invoices",
    "/v1/invoiceitems",
)
_ID = re.compile(r"\b(cus|price|sub_sched|sub|in|il|ii|si|di|mtr|prod|req|evt|sli|phase)_[A-Za-z0-9]+")
_FLEETING = {
    "created",
    "updated",
    "invoice_prefix",
    "next_invoice_sequence",
    "number",
    "url",
    "hosted_invoice_url",
    "invoice_pdf",
    "effective_at",
    "finalized_at",
    "request_id",
}


def stripe_state(api: Api) -> dict[str, list[str]]:
    """Return every list of the account in a comparable form."""
    return {path: sorted(repr(_bare(entry)) for entry in _all(api, path)) for path in _LISTS}


def _all(api: Api, path: str) -> list[dict[str, Any]]:
    params: dict[str, Any] = {"limit": 100}
    found: list[dict[str, Any]] = []
    while True:
        page = api.get(path, params)
        found += page["data"]
        if not page.get("has_more"):
            return found
        params["starting_after"] = found[-1]["id"]


def _bare(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _bare(entry) for key, entry in sorted(value.items()) if key not in _FLEETING}
    if isinstance(value, list):
        return [_bare(entry) for entry in value]
    if isinstance(value, str):
        return _ID.sub(r"\1_*", value)
    return value
