"""Exact money: decimals in, minor units out, one rounding rule.

A currency's *exponent* is the number of decimals of the amounts Stripe wants (docs.stripe.com/currencies). It is not
always the ISO number: ISK and UGX are sent with two decimals that must be zero, three-decimal currencies must end in
zero. Locale libraries get these wrong, hence the table of our own.
"""

from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

from connector.domain.errors import UnknownCurrencyError

_ZERO_CODES = "bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf"
_THREE_CODES = "bhd jod kwd omr tnd"
_TWO_CODES = """
aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bmd bnd bob brl bsd bwp byn bzd cad cdf chf cny cop crc cve czk
dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gtq gyd hkd hnl hrk htg huf idr ils inr isk jmd kes kgs khr kyd kzt lak
lbp lkr lrd lsl mad mdl mkd mmk mnt mop mur mvr mwk mxn myr mzn nad ngn nio nok npr nzd pab pen pgk php pkr pln qar ron
rsd rub sar sbd scr sek sgd shp sle sll sos srd std szl thb tjs top try ttd twd tzs uah ugx usd uyu uzs wst xcd xcg yer
zar zmw
"""
_ZERO = frozenset(_ZERO_CODES.split())
_THREE = frozenset(_THREE_CODES.split())
_TWO = frozenset(_TWO_CODES.split())

#: Smallest chargeable step in minor units, where it is not 1 (docs.stripe.com/currencies, "special cases").
_STEP = {"isk": 100, "ugx": 100} | dict.fromkeys(_THREE, 10)

#: `unit_amount_decimal` takes at most this many decimals (Stripe API reference, prices).
UNIT_AMOUNT_PLACES = 12

Exact = Decimal | Fraction | int


def exponent(currency: str) -> int:
    """Return the decimals of `currency` in Stripe's API: `exponent("jpy") == 0`, `exponent("kwd") == 3`.

    Raises UnknownCurrencyError for a code Stripe does not bill in.
    """
    code = currency.lower()
    if code in _TWO:
        return 2
    if code in _ZERO:
        return 0
    if code in _THREE:
        return 3
    raise UnknownCurrencyError(currency)


def crm_cent(currency: str) -> int:
    """Return the minor units of a CRM's cent: its prices have two decimals also where the currency has three."""
    return int(10 ** max(exponent(currency) - 2, 0))


def step(currency: str) -> int:
    """Return the smallest amount, in minor units, that Stripe can charge in `currency`."""
    return _STEP.get(currency.lower(), 1)


def to_minor(amount: Exact, currency: str) -> Fraction:
    """Return `amount` of major units as an exact number of minor units; nothing is rounded here."""
    return Fraction(amount) * Fraction(10) ** exponent(currency)


def to_major(minor: Exact, currency: str) -> Decimal:
    """Return whole minor units as a decimal of major units: `to_major(6129, "eur") == Decimal("61.29")`."""
    return Decimal(round_minor(minor)).scaleb(-exponent(currency))


def round_minor(minor: Exact) -> int:
    """Round to a whole minor unit, half away from zero: the one rounding rule, as Stripe rounds an invoice line."""
    value = Fraction(minor)
    doubled = abs(value) * 2 + 1
    rounded = doubled.numerator // (doubled.denominator * 2)
    return -rounded if value < 0 else rounded


def unit_amount(minor: Exact) -> Decimal:
    """Return minor units as Stripe takes them in `unit_amount_decimal`: at most 12 places, normalised, never 1E+3."""
    value = Fraction(minor)
    scaled = round_minor(value * 10**UNIT_AMOUNT_PLACES)
    return plain(Decimal(scaled).scaleb(-UNIT_AMOUNT_PLACES))


def plain(value: Decimal) -> Decimal:
    """Drop trailing zeros and exponents, so that one amount has one spelling: 12000.0 and 1.2E+4 become 12000."""
    return Decimal(format(value.normalize(), "f"))


def line_amount(unit: Decimal, quantity: int) -> int:
    """Return what Stripe puts on an invoice line: unit amount times quantity, then rounded."""
    return round_minor(Fraction(unit) * quantity)


def quantize(amount: Exact, places: int) -> Decimal:
    """Round an amount of major units half up to `places` decimals, as the CRM does for its price fields."""
    scaled = round_minor(Fraction(amount) * 10**places)
    return Decimal(scaled).scaleb(-places).quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)


def text(minor: Exact, currency: str) -> str:
    """Return an amount for people, always with its currency: `text(3900000, "usd") == "39,000.00 USD"`."""
    return f"{to_major(minor, currency):,.{exponent(currency)}f} {currency.upper()}"
