"""Stripe's answer → our own spelling of it, so that desired and existing can be compared field by field.

Stripe fills in defaults (empty lists, nulls), resolves inline prices to ids and prints amounts its own way. What we did
not send is dropped by the diff; what we did send must come back the same.
"""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from connector.billing.encode import day_of
from connector.compile.resource import Key
from connector.domain.money import plain
from connector.plan.canonical import Json, dump
from connector.plan.existing import ExistingObject

_CONTENT_PREFIX = "cn_"
#: Settings of a phase that a mapping, or a person in Stripe, may have chosen; an update that left them out would reset
#: them (stripe.md B.5).
_KEPT = (
    "application_fee_percent",
    "collection_method",
    "default_payment_method",
    "description",
    "invoice_settings",
    "on_behalf_of",
    "transfer_data",
    "trial_end",
)


def read_schedule(answer: Mapping[str, Any], names: Mapping[str, Key], zone: ZoneInfo) -> ExistingObject:
    """Return a schedule (with prices expanded) as the plan takes it."""
    return ExistingObject(
        answer["id"],
        schedule_params(answer, names, zone),
        status=answer["status"],
        current_start=current_start(answer, zone),
        made=_day(answer.get("created"), zone),
        ended=_day(answer.get("canceled_at") or answer.get("released_at"), zone),
        subscription=answer.get("subscription") or answer.get("released_subscription"),
    )


def schedule_params(answer: Mapping[str, Any], names: Mapping[str, Key], zone: ZoneInfo) -> Json:
    """Return a schedule (with prices expanded) in canonical form; `names` maps Stripe ids to our keys.

    Flat prices are told by their terms; `price_ids` beside the managed fields tells which price ids stand for which.
    """
    ids: dict[str, list[str]] = {}
    phases = [_phase(phase, names, zone, ids) for phase in answer["phases"]]
    return {
        "end_behavior": answer["end_behavior"],
        "metadata": answer.get("metadata") or {},
        "default_settings": _without_nulls(answer.get("default_settings") or {}),
        "phases": phases,
        "price_ids": ids,
    }


def current_start(answer: Mapping[str, Any], zone: ZoneInfo) -> date | None:
    """Return the first day of the running phase; None when the schedule is not running."""
    current = answer.get("current_phase")
    if not current:
        return None
    return date.fromisoformat(day_of(current["start_date"], zone)[:10])


def _day(moment: int | None, zone: ZoneInfo) -> date | None:
    return None if moment is None else date.fromisoformat(day_of(moment, zone)[:10])


def _phase(phase: Mapping[str, Any], names: Mapping[str, Key], zone: ZoneInfo, ids: dict[str, list[str]]) -> Json:
    result: dict[str, Json] = {
        "start_date": day_of(phase["start_date"], zone),
        "end_date": day_of(phase["end_date"], zone),
        "proration_behavior": phase["proration_behavior"],
        "billing_cycle_anchor": phase.get("billing_cycle_anchor"),
        "metadata": phase.get("metadata") or {},
        "discounts": _discounts(phase, names),
        "items": [_item(item, names, ids) for item in phase["items"]],
        "add_invoice_items": [_one_off(item, names, zone, ids) for item in phase.get("add_invoice_items") or []],
        "default_tax_rates": _tax_rates(phase.get("default_tax_rates")),
    }
    for item, told in zip(phase.get("add_invoice_items") or [], result["add_invoice_items"], strict=True):
        ids.setdefault(dump([result["start_date"], told["price_data"]]), []).append(item["price"]["id"])
    result |= {key: _bare(phase[key]) for key in _KEPT if phase.get(key) is not None}
    return {key: value for key, value in result.items() if value not in (None, [], {})}


def _item(item: Mapping[str, Any], names: Mapping[str, Key], ids: dict[str, list[str]]) -> Json:
    price = item["price"]
    result = {
        **_price(price, names, ids),
        "quantity": item.get("quantity"),
        "metadata": item.get("metadata") or {},
        "discounts": _discounts(item, names),
        "tax_rates": _tax_rates(item.get("tax_rates")),
    }
    return {key: value for key, value in result.items() if value not in (None, [], {})}


def _price(price: Mapping[str, Any], names: Mapping[str, Key], ids: dict[str, list[str]]) -> Json:
    lookup = price.get("lookup_key") or ""
    recurring = price.get("recurring") or {}
    counted = price.get("billing_scheme") == "tiered" or recurring.get("usage_type") == "metered"
    if counted and lookup.startswith(_CONTENT_PREFIX):
        return {"price": {"$ref": f"price/{lookup}"}}
    data = {
        "currency": price["currency"],
        "product": _named(price["product"], names),
        "recurring": {"interval": recurring.get("interval"), "interval_count": recurring.get("interval_count")},
        "unit_amount_decimal": _amount(price),
        **_tax_behavior(price),
    }
    used = ids.setdefault(dump(data), [])
    if price["id"] not in used:
        used.append(price["id"])
    return {"price_data": data}


def _tax_behavior(price: Mapping[str, Any]) -> Json:
    """Return the tax behaviour where one was chosen; Stripe says "unspecified" where none was."""
    chosen = price.get("tax_behavior") not in {None, "unspecified"}
    return {"tax_behavior": price["tax_behavior"]} if chosen else {}


def _one_off(item: Mapping[str, Any], names: Mapping[str, Key], zone: ZoneInfo, ids: dict[str, list[str]]) -> Json:
    price = item["price"]
    data = {
        "currency": price["currency"],
        "product": _named(price["product"], names),
        "unit_amount_decimal": _amount(price),
    }
    ids.setdefault(dump(data), []).append(price["id"])
    period = item.get("period") or {}
    edges = {name: _edge(period[name], zone) for name in ("start", "end") if period.get(name)}
    result = {
        "price_data": data,
        "quantity": item.get("quantity"),
        "metadata": item.get("metadata") or {},
        "discounts": _discounts(item, names),
        "period": edges,
        "discountable": None if item.get("discountable", True) else False,
    }
    return {key: value for key, value in result.items() if value not in (None, [], {})}


def _edge(edge: Mapping[str, Any], zone: ZoneInfo) -> Json:
    if edge.get("timestamp") is None:
        return {"type": edge["type"]}
    return {"type": edge["type"], "timestamp": day_of(edge["timestamp"], zone)}


def _discounts(holder: Mapping[str, Any], names: Mapping[str, Key]) -> Json:
    coupons = [discount.get("coupon") for discount in holder.get("discounts") or []]
    return [{"coupon": _named(coupon, names)} for coupon in coupons if coupon]


def _named(stripe_id: Any, names: Mapping[str, Key]) -> Json:
    bare = stripe_id["id"] if isinstance(stripe_id, Mapping) else stripe_id
    key = names.get(bare)
    return {"$ref": str(key)} if key else bare


def _tax_rates(rates: Any) -> Json:
    return [_bare(rate) for rate in rates or []]


def _bare(value: Any) -> Any:
    """Return an object that was expanded as its id."""
    return value["id"] if isinstance(value, Mapping) and "id" in value and "object" in value else _without_nulls(value)


def _amount(price: Mapping[str, Any]) -> str:
    return format(plain(Decimal(str(price["unit_amount_decimal"]))), "f")


def _without_nulls(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_nulls(entry) for key, entry in value.items() if entry is not None}
    if isinstance(value, list):
        return [_without_nulls(entry) for entry in value]
    return value
