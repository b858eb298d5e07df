"""What two answers must agree on, read out of both: the recorded one in the shape of 2020-08-27, ours in today's.

Ids of the recording are put into ours where they are known; a price is what it costs, not its id.
"""

from collections.abc import Callable, Iterable
from typing import Any

Object = dict[str, Any]
Facts = dict[str, Any]
#: An id of the recording in, our id out; and a price id in, what it costs out.
Translate = Callable[[str], str]
Terms = Callable[[Any], str]

UNKNOWN = "?"


def terms_of(price: Object) -> str:
    """Tell what a price costs: `usd 12000 every 12 months, licensed`. 12 months are a year."""
    amount = price["unit_amount_decimal"] or price.get("tiers_mode") or "tiers"
    words = [price["currency"], str(amount).rstrip("0").rstrip(".") if "." in str(amount) else str(amount)]
    if recurring := price["recurring"]:
        count, unit = recurring["interval_count"], recurring["interval"]
        words.append(f"every {count * 12 if unit == 'year' else count} {'month' if unit == 'year' else unit}s")
        words.append(recurring["usage_type"])
    return " ".join(words)


def error_facts(body: Object) -> Facts:
    """Read an error: code, parameter, message with ids taken out."""
    error = body.get("error", {})
    message = " ".join("*" if "'" in word or "cus_" in word else word for word in str(error.get("message")).split())
    return {"type": error.get("type"), "code": error.get("code"), "param": error.get("param"), "message": message}


# --- both shapes -------------------------------------------------------------------------------------------


def schedule_facts(schedule: Object, same: Translate, terms: Terms) -> Facts:
    """Read a schedule; both shapes have the same names."""
    plain = ("status", "end_behavior", "current_phase", "canceled_at", "completed_at", "released_at", "metadata")
    facts: Facts = {name: schedule[name] for name in plain}
    for name in ("customer", "subscription", "released_subscription"):
        facts[name] = _reference(schedule[name], same)
    defaults, settings = schedule["default_settings"], schedule["default_settings"]["invoice_settings"] or {}
    facts |= {
        f"default {name}": defaults[name] for name in ("billing_cycle_anchor", "collection_method", "description")
    }
    facts["default days_until_due"] = settings.get("days_until_due")
    facts["default automatic_tax"] = bool((defaults.get("automatic_tax") or {}).get("enabled"))
    facts["phases"] = len(schedule["phases"])
    for number, phase in enumerate(schedule["phases"], 1):
        facts |= {f"phase {number} {name}": value for name, value in _phase_facts(phase, terms).items()}
    return facts


def _phase_facts(phase: Object, terms: Terms) -> Facts:
    plain = ("start_date", "end_date", "proration_behavior", "billing_cycle_anchor", "collection_method", "currency")
    facts: Facts = {name: phase[name] for name in (*plain, "description", "trial_end", "metadata", "default_tax_rates")}
    facts["days_until_due"] = (phase["invoice_settings"] or {}).get("days_until_due")
    facts["automatic_tax"] = bool((phase.get("automatic_tax") or {}).get("enabled"))
    facts["discounts"] = sorted(_coupon(entry) for entry in phase.get("discounts") or [])
    facts["items"] = _rows(
        [terms(item["price"]), item.get("quantity"), item["metadata"], *sorted(_coupon(d) for d in item["discounts"])]
        for item in phase["items"]
    )
    facts["one-off items"] = _rows(
        [terms(item["price"]), item["quantity"], item.get("metadata") or {}] for item in phase["add_invoice_items"]
    )
    return facts


def _coupon(entry: Any) -> str:
    return str(entry.get("coupon") or entry.get("discount")) if isinstance(entry, dict) else str(entry)


def _rows(rows: Iterable[list[Any]]) -> list[list[Any]]:
    """Sort rows; neither the CRM nor Stripe keep an order."""
    return sorted(rows, key=str)


def _reference(value: Any, same: Translate) -> str | None:
    ident = value["id"] if isinstance(value, dict) else value
    return same(ident) if ident else None


def subscription_facts(sub: Object, same: Translate, terms: Terms) -> Facts:
    """Read a subscription; its period has moved to its items since."""
    plain = (
        "status",
        "start_date",
        "cancel_at",
        "cancel_at_period_end",
        "canceled_at",
        "ended_at",
        "collection_method",
    )
    more = ("currency", "days_until_due", "description", "metadata", "created", "billing_cycle_anchor")
    facts: Facts = {name: sub[name] for name in (*plain, *more)}
    items = sub["items"]["data"]
    for name in ("current_period_start", "current_period_end"):
        facts[name] = sub[name] if name in sub else min(item[name] for item in items)
    facts["reason of cancelation"] = sub["cancellation_details"]["reason"]
    facts["schedule"] = _reference(sub["schedule"], same)
    facts["latest_invoice"] = _reference(sub["latest_invoice"], same)
    facts["discounts"] = len(sub["discounts"] or [])
    facts["items"] = _rows([terms(item["price"]), item.get("quantity"), item["metadata"]] for item in items)
    return facts


def invoice_facts(invoice: Object, same: Translate, terms: Terms) -> Facts:
    """Read an invoice; payment and subscription have moved since."""
    plain = ("status", "billing_reason", "collection_method", "currency", "total", "subtotal", "amount_due", "metadata")
    more = ("amount_paid", "amount_remaining", "created", "period_start", "period_end", "due_date", "auto_advance")
    last = ("attempted", "attempt_count", "next_payment_attempt", "description", "footer", "starting_balance")
    facts: Facts = {name: invoice[name] for name in (*plain, *more, *last, "ending_balance") if name in invoice}
    facts["custom_fields"] = invoice["custom_fields"]
    facts["numbered"] = invoice["number"] is not None
    facts["finalized_at"] = invoice["status_transitions"]["finalized_at"]
    facts["paid_at"] = invoice["status_transitions"]["paid_at"]
    parent = (invoice.get("parent") or {}).get("subscription_details") or {}
    facts["subscription"] = _reference(invoice.get("subscription") or parent.get("subscription"), same)
    if "subscription_details" in invoice or "parent" in invoice:
        details = invoice.get("subscription_details") or parent
        facts["subscription metadata"] = details.get("metadata") or None
    facts["discounts"] = sorted(entry["amount"] for entry in invoice["total_discount_amounts"] or [])
    lines = [_line_facts(line, terms) for line in invoice["lines"]["data"]]
    lines.sort(key=lambda line: (line["amount"], line["period"], line["description"], str(line["metadata"])))
    facts["lines"] = len(lines)
    for number, line in enumerate(lines, 1):
        facts |= {f"line {number} {name}": value for name, value in line.items()}
    return facts


def _line_facts(line: Object, terms: Terms) -> Facts:
    facts: Facts = {name: line[name] for name in ("amount", "currency", "description", "quantity", "discountable")}
    facts["metadata"] = line["metadata"]
    facts["period"] = [line["period"]["start"], line["period"]["end"]]
    if "type" in line:
        facts["type"], facts["proration"] = line["type"], line["proration"]
        facts["price"] = terms(line["price"])
    else:
        parent = line["parent"]
        of_item = parent["type"] == "invoice_item_details"
        facts["type"] = "invoiceitem" if of_item else "subscription"
        facts["proration"] = parent["invoice_item_details" if of_item else "subscription_item_details"]["proration"]
        facts["price"] = terms(((line["pricing"] or {}).get("price_details") or {}).get("price"))
    facts["discounts"] = sorted(entry["amount"] for entry in line["discount_amounts"] or [])
    return facts


def item_facts(item: Object, same: Translate, terms: Terms) -> Facts:
    """Read an invoice item."""
    names = ("amount", "currency", "date", "description", "discountable", "metadata", "proration", "quantity")
    facts: Facts = {name: item[name] for name in names}
    facts["period"] = [item["period"]["start"], item["period"]["end"]]
    facts["invoiced"] = item["invoice"] is not None
    parent = (item.get("parent") or {}).get("subscription_details") or {}
    facts["subscription"] = _reference(item.get("subscription") or parent.get("subscription"), same)
    price = item["price"] if "price" in item else ((item["pricing"] or {}).get("price_details") or {}).get("price")
    facts["price"] = terms(price)
    return facts


READERS: dict[str, Callable[[Object, Translate, Terms], Facts]] = {
    "subscription_schedule": schedule_facts,
    "subscription": subscription_facts,
    "invoice": invoice_facts,
    "invoiceitem": item_facts,
}


def facts_of(answer: Object, same: Translate, terms: Terms) -> Facts:
    """Read an answer: an object, a list of them, or an object with others inside."""
    if answer.get("url") == "/v1/events":
        told = (entry["data"]["object"] for entry in answer["data"])
        return {"events": _rows(list(item_facts(one, same, terms).items()) for one in told)}
    if answer.get("object") == "list":
        facts: Facts = {"entries": len(answer["data"]), "has_more": answer["has_more"]}
        for number, entry in enumerate(answer["data"], 1):
            facts |= {f"entry {number}: {name}": value for name, value in facts_of(entry, same, terms).items()}
        return facts
    return READERS[answer["object"]](answer, same, terms)
