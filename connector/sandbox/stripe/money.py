"""Amounts: minor units, exact decimals, one rounding rule (half up on the absolute value, recorded traffic)."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal, localcontext
from fractions import Fraction
from typing import Any

_ZERO = "bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf"
_THREE = "bhd jod kwd omr tnd"
_OTHERS = (
    "usd aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bmd bnd bob brl bsd bwp byn bzd cad cdf chf cny cop "
    "crc cve czk dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gtq gyd hkd hnl hrk htg huf idr ils inr isk jmd kes "
    "kgs khr kyd kzt lak lbp lkr lrd lsl mad mdl mkd mmk mnt mop mur mvr mwk mxn myr mzn nad ngn nio nok npr nzd pab "
    "pen pgk php pkr pln qar ron rsd rub sar sbd scr sek sgd shp sle sos srd std szl thb tjs top try ttd twd tzs uah "
    "uyu uzs wst xcd yer zar zmw"
)
ZERO_DECIMAL = frozenset(_ZERO.split())
THREE_DECIMAL = frozenset(_THREE.split())
CURRENCIES = frozenset(_OTHERS.split()) | ZERO_DECIMAL | THREE_DECIMAL


def half_up(value: Decimal | Fraction) -> int:
    """Round to a whole minor unit, halves away from zero."""
    if isinstance(value, Fraction):
        sign = -1 if value < 0 else 1
        return sign * int(abs(value) + Fraction(1, 2))
    with localcontext(prec=60):
        return int(value.quantize(Decimal(1), rounding=ROUND_HALF_UP))


def plain(value: Decimal) -> str:
    """Write a decimal without exponent and without trailing zeros, as responses do."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def symbol(minor: Decimal, currency: str) -> str:
    """Write an amount for a line description: `$120.00`."""
    places = 0 if currency in ZERO_DECIMAL else 3 if currency in THREE_DECIMAL else 2
    major = minor.scaleb(-places)
    text = f"{abs(major):,.{max(places, -_exponent(major))}f}"
    sign = {"usd": "$", "eur": "€", "gbp": "£", "jpy": "¥"}.get(currency, f"{currency.upper()} ")
    return f"{'-' if major < 0 else ''}{sign}{text}"


def _exponent(value: Decimal) -> int:
    exponent = value.normalize().as_tuple().exponent
    return exponent if isinstance(exponent, int) else 0


def price_amount(price: dict[str, Any], quantity: int) -> Decimal:
    """Price a quantity, exactly; the caller rounds once (unit_amount_decimal x quantity, tiers evaluated)."""
    divided = price["transform_quantity"]
    if divided:
        whole, rest = divmod(quantity, divided["divide_by"])
        quantity = whole + (1 if rest and divided["round"] == "up" else 0)
    if price["billing_scheme"] == "tiered":
        return _tiered(price["_tiers"], price["tiers_mode"], quantity)
    with localcontext(prec=60):
        return Decimal(price["unit_amount_decimal"]) * quantity


def _tiered(tiers: list[dict[str, Any]], mode: str, quantity: int) -> Decimal:
    """Volume prices everything by the tier reached, graduated each part by its own (stripe.com/docs, tiers)."""
    total, below = Decimal(0), 0
    for tier in tiers:
        last = tier["up_to"] is None or quantity <= tier["up_to"]
        units = quantity if mode == "volume" else (quantity if last else tier["up_to"]) - below
        if mode == "graduated" or last:
            total += Decimal(tier["unit_amount_decimal"] or 0) * units
            total += Decimal(tier["flat_amount_decimal"] or 0)
        if last:
            break
        below = tier["up_to"]
    return total
