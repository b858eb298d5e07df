"""What a run left behind, told without ids that differ from run to run: schedules, invoices, and what the CRMs say.

Two runs of one script must leave the same books, whatever happened on the way.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from connector.sandbox.seed import ORDERS
from connector.sandbox.seed.hubspot import DEALS
from tests.jobs.chaos.emulators import Org, Portal, Stripe

_NAMES = {order: name for name, order in ORDERS.items()} | {deal: f"deal {name}" for name, deal in DEALS.items()}
#: What write-back tells of an order that is no id.
_TOLD = (
    "Stripe_Sync_Status__c",
    "Stripe_Sync_Message__c",
    "Stripe_Sync_Remedy__c",
    "Stripe_Segment_Count__c",
    "Stripe_Current_Segment__c",
    "Stripe_Next_Change__c",
    "Stripe_MRR__c",
)
#: The same of a deal.
_DEAL_TOLD = (
    "bsync_status",
    "bsync_status_detail",
    "bsync_error_code",
    "bsync_contract_key",
    "bsync_segment_count",
    "bsync_current_segment",
    "bsync_current_segment_label",
    "bsync_next_change_date",
    "bsync_current_mrr",
)
_MORE = re.compile(r" \(and \d+ more\)")
_PAYER = re.compile(r"(; )?CUSTOMER_CHANGED: .*? to another customer( Nothing, .* anew\.)?")

Book = dict[str, Any]


def schedules(stripe: Stripe) -> Book:
    """Return each contract's schedules: phases, items, amounts billed once, and how it ends."""
    prices = {price["id"]: _price(price) for price in stripe.all("prices")}
    found: dict[str, list[Any]] = defaultdict(list)
    for schedule in stripe.all("subscription_schedules"):
        tags = schedule["metadata"]
        record = tags.get("salesforce_order_id") or tags.get("hubspot_order_id") or "somebody else's"
        name = _NAMES.get(record, record)
        phases = [_phase(phase, prices) for phase in schedule["phases"]]
        found[name].append({"status": schedule["status"], "ends": schedule["end_behavior"], "phases": phases})
    return {name: sorted(held, key=str) for name, held in found.items()}


def invoices(stripe: Stripe) -> Book:
    """Return what each customer was invoiced, by day and currency."""
    customers = {customer["id"]: customer["name"] for customer in stripe.all("customers")}
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for invoice in stripe.all("invoices"):
        day = _day(invoice["created"])
        found[customers[invoice["customer"]]][f"{day} {invoice['currency']}"] += invoice["total"]
    return {name: dict(sorted(sums.items())) for name, sums in found.items()}


def counts(stripe: Stripe) -> Book:
    """Return how many objects there are of each kind of which one too many would bill somebody twice."""
    kinds = ("customers", "products", "coupons", "subscriptions", "subscription_schedules", "invoices", "invoiceitems")
    return {kind: len(stripe.all(kind)) for kind in kinds}


def told(org: Org) -> Book:
    """Return what the org's people read on each order of the seeded company."""
    orders = org.rows("Order")
    return {name: {field: orders[order].get(field) for field in _TOLD} for name, order in ORDERS.items()}


def told_in(portal: Portal) -> Book:
    """Return what the portal's people read on each deal that is not archived.

    A deal that cannot be billed is looked at when it changes, and how many things are wrong with it may depend on what
    its customer was billed for by then (a deal in another currency): so they are told without their number. Whether
    another customer is billed than the one that is named depends on whether companies were merged before or after.
    """
    deals = portal.rows("deals")
    told = {_NAMES.get(deal, deal): {name: row.get(name) for name in _DEAL_TOLD} for deal, row in deals.items()}
    for row in told.values():
        row["bsync_status_detail"] = _PAYER.sub("", _MORE.sub("", row["bsync_status_detail"] or ""))
    return told


def differences(calm: Mapping[str, Any], other: Mapping[str, Any], where: str) -> Iterator[str]:
    """Yield each leaf in which two books differ."""
    for key in sorted({*calm, *other}, key=str):
        ours, theirs = calm.get(key), other.get(key)
        if isinstance(ours, Mapping) and isinstance(theirs, Mapping):
            yield from differences(ours, theirs, f"{where} {key}")
        elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
            pairs = zip(ours, theirs, strict=True)
            for number, (one, two) in enumerate(pairs):
                if one != two:
                    yield f"{where} {key}[{number}]: calm {one}, storm {two}"
        elif ours != theirs:
            yield f"{where} {key}: calm {ours}, storm {theirs}"


def _phase(phase: Mapping[str, Any], prices: Mapping[str, str]) -> Any:
    items = Counter((prices[item["price"]], item.get("quantity")) for item in phase["items"])
    once = Counter[str]()
    for item in phase["add_invoice_items"]:
        once[prices[item["price"]]] += item.get("quantity") or 1
    return {
        "from": _day(phase["start_date"]),
        "to": _day(phase["end_date"]),
        "items": sorted(items.items(), key=str),
        "once": sorted(once.items()),
        "coupons": len(phase.get("discounts") or ()),
    }


def _price(price: Mapping[str, Any]) -> str:
    every = price.get("recurring") or {}
    often = f"{every.get('interval_count')} {every.get('interval')}" if every else "once"
    return f"{price['product']} {price['unit_amount_decimal']} {price['currency']} {often}"


def _day(seconds: int | None) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d}" if seconds else ""
