"""Prices by their terms: whether terms travel inline or as a price object is how they are sent, not what they say.

Two schedules are compared by terms, and an update names the price ids that Stripe already uses for equal terms; sending
the terms again would make new prices, and a new price in the running phase is a price change.
"""

from collections.abc import Iterable, Mapping
from typing import Any, cast

from connector.compile.resource import Params, Resource, Value
from connector.plan.canonical import Json, canonical, dump

#: Terms of flat price objects by name.
Terms = Mapping[str, Json]

#: What a flat price says; the rest of a price object (lookup key, metadata) does not show on a schedule.
_TERMS = ("currency", "product", "recurring", "unit_amount_decimal", "tax_behavior")


def terms_of(prices: Iterable[Resource]) -> Terms:
    """Return the terms of flat price objects by name; tiered and metered ones are only ever equal to themselves."""
    return terms_of_params({price.key.name: canonical(price.params) for price in prices})


def terms_of_params(prices: Mapping[str, Json]) -> Terms:
    """Return the terms of flat price objects by name, from their canonical parameters."""
    return {
        key: {name: value for name, value in params.items() if name in _TERMS}
        for key, params in prices.items()
        if "tiers" not in params and not _metered(params)
    }


def by_terms(params: Json, terms: Terms) -> Json:
    """Return a schedule's canonical parameters with flat prices told by their terms."""
    if not isinstance(params, Mapping) or not isinstance(params.get("phases"), list):
        return params
    phases = [{**phase, "items": [_item(item, terms) for item in phase.get("items", [])]} for phase in params["phases"]]
    return {**params, "phases": phases}


def reuse_prices(phase: Params, known: Mapping[str, list[str]], terms: Terms) -> Params:
    """Name the price ids Stripe already uses for equal terms; Stripe takes each id once in a phase.

    One-offs are named by the ids they have in this very phase: under another id the running one's would be billed anew.
    """
    left = {name: list(ids) for name, ids in known.items()}
    items = []
    for item in cast("list[Params]", phase["items"]):
        said = _item(canonical(item), terms).get("price_data")
        ids = left.get(dump(said), []) if said else []
        kept = {name: value for name, value in item.items() if name not in {"price", "price_data"}}
        items.append({**kept, "price": ids.pop(0)} if ids else item)
    start = canonical(phase.get("start_date"))
    once = [_reused_once(entry, start, left) for entry in cast("list[Params]", phase.get("add_invoice_items", []))]
    return {**phase, "items": cast("Value", items), **({"add_invoice_items": cast("Value", once)} if once else {})}


def _reused_once(entry: Params, start: Json, left: Mapping[str, list[str]]) -> Params:
    said = canonical(entry).get("price_data")
    own, others = left.get(dump([start, said]), []), left.get(dump(said), [])
    kept = {name: value for name, value in entry.items() if name != "price_data"}
    return {**kept, "price": own.pop(0) if own else others[0]} if own or others else entry


def _item(item: Json, terms: Terms) -> Json:
    price = item.get("price")
    name = price["$ref"].removeprefix("price/") if isinstance(price, Mapping) else ""
    if name not in terms:
        return item
    return {**{key: value for key, value in item.items() if key != "price"}, "price_data": terms[name]}


def _metered(params: Mapping[str, Any]) -> bool:
    recurring = params.get("recurring")
    return isinstance(recurring, Mapping) and recurring.get("usage_type") == "metered"
