"""Schedules that neither the journal nor the CRM names: made by the vendor's own connector, or by one of ours before.

They are sought among the customer's schedules by their metadata, and only when somebody asks (`connector adopt`).
"""

from collections.abc import Mapping
from typing import Any, cast

from connector.billing.client import Api
from connector.billing.recover import customer_id, entries
from connector.compile.resource import Key, Resource
from connector.domain.contract import Contract
from connector.domain.issues import Issue, IssueCode, Source, block


def seek_schedule(
    contract: Contract, resource: Resource, names: Mapping[str, Key], api: Api
) -> tuple[str | None, list[Issue]]:
    """Return the id of the customer's only schedule that names the contract's order; several are an issue."""
    found = _found(contract, resource, names, api)
    if len(found) <= 1:
        return (found[0] if found else None), []
    issue = block(
        IssueCode.LIVE_CHANGE,
        Source(contract.ref),
        f"the Stripe schedules {', '.join(found)} all name this order; it cannot be told which one bills it",
        "Cancel those that are too many in Stripe, or take the order's id off their metadata.",
    )
    return None, [issue]


def _found(contract: Contract, resource: Resource, names: Mapping[str, Key], api: Api) -> list[str]:
    """Return the ids of schedules that bill, or will. Some have the order's id of 15 signs, not of 18."""
    customer = customer_id(names)
    if customer is None:
        return []
    order, part = (f"{contract.policies.metadata_prefix}{name}" for name in ("order_id", "schedule_key"))
    wanted = cast("Mapping[str, Any]", resource.params.get("metadata") or {})
    return [
        str(entry["id"])
        for entry in entries(api, "/v1/subscription_schedules", {"customer": customer})
        if entry["status"] in {"active", "not_started"}
        and str(entry["metadata"].get(order, ""))[:15] == contract.ref[:15]
        and entry["metadata"].get(part) == wanted.get(part)
    ]
