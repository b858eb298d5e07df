"""Tiers: what a quantity costs when each unit's price depends on how many there are."""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

from connector.compile.spec import TierSpec
from connector.domain.contract import Line, TiersMode
from connector.domain.money import to_minor, unit_amount


def tier_specs(line: Line, currency: str) -> tuple[TierSpec, ...]:
    """Return the line's tiers in minor units."""
    return tuple(
        TierSpec(tier.up_to, _minor(tier.unit_price, currency), _minor(tier.flat_price, currency))
        for tier in line.tiers
    )


def scaled_tiers(tiers: tuple[TierSpec, ...], share: Fraction) -> tuple[TierSpec, ...]:
    """Return the tiers for a part of a period; usage is counted, so only licensed tiers are ever scaled."""
    if share == 1:
        return tiers
    return tuple(
        TierSpec(tier.up_to, _times(tier.unit_amount, share), _times(tier.flat_amount, share)) for tier in tiers
    )


def rated_amount(tiers: Sequence[TierSpec], mode: TiersMode | None, quantity: int) -> Fraction:
    """Return minor units for `quantity` per period; volume: all at the tier reached, graduated: tier by tier.

    A flat amount is charged once per tier reached (docs.stripe.com/products-prices/pricing-models).
    """
    if mode is TiersMode.VOLUME:
        tier = next((t for t in tiers if t.up_to is None or quantity <= t.up_to), tiers[-1])
        return Fraction(tier.unit_amount or 0) * quantity + Fraction(tier.flat_amount or 0)
    total, below = Fraction(0), 0
    for tier in tiers:
        top = quantity if tier.up_to is None else min(quantity, tier.up_to)
        if top <= below and below:
            break
        total += Fraction(tier.unit_amount or 0) * max(top - below, 0) + Fraction(tier.flat_amount or 0)
        below = max(top, below)
        if below >= quantity:
            break
    return total


def _minor(amount: Decimal | None, currency: str) -> Decimal | None:
    return None if amount is None else unit_amount(to_minor(amount, currency))


def _times(amount: Decimal | None, share: Fraction) -> Decimal | None:
    return None if amount is None else unit_amount(Fraction(amount) * share)
