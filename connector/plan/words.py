"""What the names on a schedule in Stripe stand for: prices and coupons that are desired now, or were before."""

from collections.abc import Mapping
from decimal import Decimal

from connector.compile.resource import DesiredState, Key
from connector.compile.spec import Interval, Terms, TierSpec
from connector.domain.contract import Contract, Discount, TiersMode
from connector.domain.money import to_major
from connector.plan.canonical import Json
from connector.plan.existing import ExistingState
from connector.plan.held import Vocabulary


def vocabulary(contract: Contract, desired: DesiredState, existing: ExistingState) -> Vocabulary:
    """Return the vocabulary of a contract's schedules, today's and those of earlier plans."""
    earlier = existing.known
    prices = {key.name: _terms(held.params) for key, held in earlier.items() if key.kind == "price"}
    coupons = {key.name: _discount(key, held.params) for key, held in earlier.items() if key.kind == "coupon"}
    return Vocabulary(contract, {**prices, **desired.prices}, {**coupons, **desired.coupons})


def _terms(params: Json) -> Terms:
    recurring = params["recurring"]
    amount = params.get("unit_amount_decimal")
    return Terms(
        product=params["product"]["$ref"].partition("/")[2],
        currency=params["currency"],
        interval=Interval(recurring["interval"], recurring["interval_count"]),
        usage=recurring.get("usage_type") == "metered",
        unit_amount=None if amount is None else Decimal(amount),
        tiers=tuple(_tier(tier) for tier in params.get("tiers", [])),
        tiers_mode=TiersMode(params["tiers_mode"]) if "tiers_mode" in params else None,
    )


def _tier(tier: Mapping[str, Json]) -> TierSpec:
    unit, flat = tier.get("unit_amount_decimal"), tier.get("flat_amount_decimal")
    return TierSpec(
        up_to=None if tier["up_to"] == "inf" else tier["up_to"],
        unit_amount=None if unit is None else Decimal(unit),
        flat_amount=None if flat is None else Decimal(flat),
    )


def _discount(key: Key, params: Json) -> Discount:
    percent, amount = params.get("percent_off"), params.get("amount_off")
    return Discount(
        ref=key.name,
        name=params.get("name"),
        percent=None if percent is None else Decimal(percent),
        amount=None if amount is None else to_major(amount, params["currency"]),
        currency=params.get("currency"),
        duration=params["duration"],
        months=params.get("duration_in_months"),
    )
