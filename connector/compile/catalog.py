"""Products, meters, prices and coupons: found again by what they are, never searched for.

A product has an id of our own, a price a lookup key and a coupon an id made from its content; creating blindly is safe,
"already exists" means done. Flat terms that occur in one phase only are sent inline with the schedule instead.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from decimal import Decimal
from functools import lru_cache

from connector.compile.params import merge_extras, metadata, omit_empty
from connector.compile.resource import Key, Params, Ref, Resource, Value
from connector.compile.spec import Interval, ItemSpec, ScheduleSpec, Terms
from connector.domain.contract import Contract, Discount, Line, Product
from connector.domain.money import round_minor, to_minor, unit_amount


def product_key(product_ref: str) -> Key:
    """Return the key of a product."""
    return Key("product", product_ref)


def product_resource(product: Product, contract: Contract) -> Resource:
    """Return a product under an id of our own, made from the CRM's."""
    params: dict[str, Value] = {
        "id": f"{contract.crm}_{product.ref}",
        "name": product.name,
        "description": product.description,
        "metadata": metadata(contract, "product2", product.ref, product.link),
    }
    merged = merge_extras(omit_empty(params), product.extras.get("product", ()))
    return Resource(product_key(product.ref), merged, adopt=product.stripe_id)


def meter_resource(product: Product, contract: Contract) -> Resource:
    """Return the meter that counts a product's usage; Stripe wants one behind every metered price (since basil)."""
    params: Params = {
        "display_name": product.name[:250],
        "event_name": f"{contract.crm}_{product.ref}"[:100],
        "default_aggregation": {"formula": "sum"},
    }
    return Resource(Key("meter", product.ref), params)


class PriceBook:
    """Which terms of a contract are price objects, and which travel inline. Built once, asked for every item."""

    def __init__(self, contract: Contract, schedules: Iterable[ScheduleSpec]) -> None:
        self._contract = contract
        self._used: dict[Key, Resource] = {}
        self.terms: dict[str, Terms] = {}
        phases = [phase for schedule in schedules for phase in schedule.phases]
        self._phases_of = Counter(
            (terms, ordinal)
            for phase in phases
            for terms, count in Counter(item.terms for item in phase.items).items()
            for ordinal in range(count)
        )

    def item_price(self, item: ItemSpec, ordinal: int) -> Params:
        """Return `price` or `price_data` for an item; `ordinal` counts equal terms within one phase from 0.

        Stripe refuses one price in two items of a phase, so the second line with the same terms gets its own. Values
        that the mapping sets on prices need a price object: `price_data` does not take them.
        """
        terms = item.terms
        if terms.usage or terms.tiers or self._phases_of[terms, ordinal] > 1 or item.line.extras.get("price"):
            return {"price": Ref(self._price(item.line, terms, ordinal))}
        return {
            "price_data": {
                "currency": terms.currency,
                "product": Ref(product_key(terms.product)),
                "recurring": recurring(terms.interval),
                "unit_amount_decimal": terms.unit_amount,
            }
        }

    def resources(self) -> tuple[Resource, ...]:
        """Return the price objects that were asked for, with the meters behind them."""
        return tuple(self._used[key] for key in sorted(self._used))

    def _price(self, line: Line, terms: Terms, ordinal: int) -> Key:
        extras = line.extras.get("price")
        name = _plain_name(terms, ordinal) if extras is None else _price_name(terms, ordinal, extras)
        key = Key("price", name)
        if key not in self._used:
            meter = meter_resource(line.product, self._contract) if terms.usage else None
            if meter:
                self._used[meter.key] = meter
            self._used[key] = Resource(key, self._price_params(line, terms, name, meter))
            self.terms[name] = terms
        return key

    def _price_params(self, line: Line, terms: Terms, name: str, meter: Resource | None) -> Params:
        cadence: dict[str, Value] = dict(recurring(terms.interval))
        if meter:
            cadence |= {"usage_type": "metered", "meter": Ref(meter.key)}
        params: dict[str, Value] = {
            "currency": terms.currency,
            "product": Ref(product_key(terms.product)),
            "recurring": cadence,
            "lookup_key": name,
            "metadata": metadata(self._contract, "product2", terms.product, None),
        }
        if terms.tiers:
            params |= {
                "billing_scheme": "tiered",
                "tiers_mode": terms.tiers_mode.value if terms.tiers_mode else "graduated",
                "tiers": [
                    omit_empty(
                        {
                            "up_to": "inf" if tier.up_to is None else tier.up_to,
                            "unit_amount_decimal": tier.unit_amount,
                            "flat_amount_decimal": tier.flat_amount,
                        }
                    )
                    for tier in terms.tiers
                ],
            }
        else:
            params["unit_amount_decimal"] = terms.unit_amount
        return merge_extras(params, line.extras.get("price", ()))


@lru_cache(maxsize=4096)
def _plain_name(terms: Terms, ordinal: int) -> str:
    return _price_name(terms, ordinal, None)


def _price_name(terms: Terms, ordinal: int, extras: object) -> str:
    return content_id({"terms": asdict(terms), "ordinal": ordinal, "extras": extras})


def recurring(interval: Interval) -> Mapping[str, Value]:
    """Return Stripe's words for a billing interval."""
    return {"interval": interval.unit, "interval_count": interval.count}


def coupon_resource(discount: Discount, contract: Contract) -> Resource:
    """Return a coupon whose id is its content; with limited redemptions it is this order's own."""
    params: dict[str, Value] = {
        "name": discount.name[:40] if discount.name else None,
        "percent_off": discount.percent,
        "amount_off": None if discount.amount is None else round_minor(to_minor(discount.amount, contract.currency)),
        "currency": contract.currency if discount.amount is not None else None,
        "duration": discount.duration,
        "duration_in_months": discount.months if discount.duration == "repeating" else None,
        "max_redemptions": discount.max_redemptions,
    }
    content = omit_empty(params)
    own = {"ref": discount.ref} if discount.max_redemptions else {}
    name = content_id({**content, **own})
    merged = merge_extras({"id": name, **content}, contract.extras.get("coupon", ()))
    return Resource(Key("coupon", name), merged)


def content_id(content: Mapping[str, object]) -> str:
    """Return a name that is the same for the same content, on every machine."""
    text = json.dumps(_plain(content), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return f"cn_{hashlib.sha256(text.encode()).hexdigest()[:32]}"


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return format(unit_amount(value), "f")
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(entry) for entry in value]
    return value if value is None or isinstance(value, (str, int, bool)) else str(value)
