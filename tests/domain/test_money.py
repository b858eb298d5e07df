from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

import pytest

from connector.domain.errors import UnknownCurrencyError
from connector.domain.money import (
    exponent,
    line_amount,
    plain,
    quantize,
    round_minor,
    step,
    text,
    to_major,
    to_minor,
    unit_amount,
)
from tests.builders import seeded


@pytest.mark.parametrize(
    ("currency", "places", "smallest"),
    [
        ("usd", 2, 1),
        ("EUR", 2, 1),
        ("isk", 2, 100),
        ("UGX", 2, 100),
        ("huf", 2, 1),
        ("twd", 2, 1),
        ("jpy", 0, 1),
        ("clp", 0, 1),
        ("xof", 0, 1),
        ("kwd", 3, 10),
        ("BHD", 3, 10),
        ("tnd", 3, 10),
    ],
)
def test_currencies_have_the_decimals_stripe_wants(currency, places, smallest):
    assert exponent(currency) == places
    assert step(currency) == smallest


@pytest.mark.parametrize("code", ["", "xxx", "usdt", "bitcoin"])
def test_an_unknown_currency_is_an_error_that_names_it(code):
    with pytest.raises(UnknownCurrencyError, match=repr(code)) as caught:
        exponent(code)
    assert caught.value.currency == code


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        (Decimal("61.29"), "eur", 6129),
        (Decimal("0.125"), "usd", Fraction(25, 2)),
        (Fraction(1000, 12), "usd", Fraction(25000, 3)),
        (Decimal(1500), "jpy", 1500),
        (Decimal("3690.500"), "kwd", 3690500),
        (Decimal(1500), "isk", 150000),
        (-3, "usd", -300),
    ],
)
def test_minor_units_are_exact(amount, currency, minor):
    assert to_minor(amount, currency) == minor


@pytest.mark.parametrize(
    ("minor", "rounded"),
    [
        (Decimal("0.5"), 1),
        (Decimal("-0.5"), -1),
        (Decimal("1.5"), 2),
        (Decimal("2.5"), 3),
        (Decimal("-2.5"), -3),
        (Decimal("2.4999999"), 2),
        (Decimal("-2.4999999"), -2),
        (Fraction(1, 3), 0),
        (Fraction(-2, 3), -1),
        (0, 0),
        (7, 7),
    ],
)
def test_half_a_unit_is_rounded_away_from_zero(minor, rounded):
    assert round_minor(minor) == rounded


def test_rounding_is_what_decimal_calls_half_up():
    chance = seeded(20)
    for _ in range(2000):
        value = Decimal(chance.randint(-(10**9), 10**9)).scaleb(-chance.randint(0, 6))
        assert round_minor(value) == value.quantize(Decimal(1), ROUND_HALF_UP)
        assert round_minor(-value) == -round_minor(value)


@pytest.mark.parametrize(
    ("minor", "spelled"),
    [
        (Fraction(25000, 3), "8333.333333333333"),
        (Fraction(-275000, 3), "-91666.666666666667"),
        (Fraction(1, 3 * 10**12), "0"),
        (Fraction(12000), "12000"),
        (Decimal("12000.000"), "12000"),
        (10**15, "1000000000000000"),
        (0, "0"),
    ],
)
def test_unit_amounts_have_at_most_twelve_places_and_one_spelling(minor, spelled):
    assert str(unit_amount(minor)) == spelled


@pytest.mark.parametrize(
    ("value", "spelled"),
    [("12000.0", "12000"), ("1.2E+4", "12000"), ("0.10", "0.1"), ("0", "0"), ("0.000", "0"), ("-5.50", "-5.5")],
)
def test_plain_drops_zeros_and_exponents(value, spelled):
    assert str(plain(Decimal(value))) == spelled


@pytest.mark.parametrize(
    ("unit", "quantity", "amount"),
    [
        ("8333.333333333333", 1, 8333),
        ("8333.333333333333", 3, 25000),
        ("0.5", 1, 1),
        ("0.5", 3, 2),
        ("-91666.666666666667", 1, -91667),
        ("1.2", 0, 0),
    ],
)
def test_an_invoice_line_is_rounded_after_the_quantity(unit, quantity, amount):
    assert line_amount(Decimal(unit), quantity) == amount


@pytest.mark.parametrize(
    ("minor", "currency", "words", "major"),
    [
        (3900000, "usd", "39,000.00 USD", "39000.00"),
        (6129, "eur", "61.29 EUR", "61.29"),
        (1800000, "jpy", "1,800,000 JPY", "1800000"),
        (3690500, "kwd", "3,690.500 KWD", "3690.500"),
        (-5, "usd", "-0.05 USD", "-0.05"),
        (Fraction(25000, 3), "usd", "83.33 USD", "83.33"),
    ],
)
def test_amounts_are_told_in_major_units_with_their_currency(minor, currency, words, major):
    assert text(minor, currency) == words
    assert str(to_major(minor, currency)) == major


@pytest.mark.parametrize(
    ("amount", "places", "rounded"),
    [
        (Fraction(1434410958904, 10**9), 2, "1434.41"),
        (Decimal("0.005"), 2, "0.01"),
        (Decimal("-0.005"), 2, "-0.01"),
        (5, 3, "5.000"),
    ],
)
def test_crm_prices_are_rounded_half_up_to_their_places(amount, places, rounded):
    assert str(quantize(amount, places)) == rounded
