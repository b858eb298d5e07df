from decimal import Decimal
from fractions import Fraction

import pytest

from connector.compile.rating import rated_amount, scaled_tiers, tier_specs
from connector.compile.spec import TierSpec
from connector.domain.contract import TiersMode
from tests.builders import line, tiers

VOLUME, GRADUATED = TiersMode.VOLUME, TiersMode.GRADUATED
RATES = (
    TierSpec(10, Decimal(500), Decimal(100)),
    TierSpec(20, Decimal(400)),
    TierSpec(None, Decimal(300), Decimal(50)),
)
CLOSED = RATES[:2]


@pytest.mark.parametrize(
    ("mode", "quantity", "amount"),
    [
        (VOLUME, 1, 600),
        (VOLUME, 10, 5100),
        (VOLUME, 11, 4400),
        (VOLUME, 20, 8000),
        (VOLUME, 21, 6350),
        (GRADUATED, 1, 600),
        (GRADUATED, 10, 5100),
        (GRADUATED, 11, 5500),
        (GRADUATED, 20, 9100),
        (GRADUATED, 21, 9450),
        (None, 21, 9450),
        (VOLUME, 0, 100),
        (GRADUATED, 0, 100),
    ],
)
def test_tiers_rate_all_units_or_each_at_its_own(mode, quantity, amount):
    assert rated_amount(RATES, mode, quantity) == amount


@pytest.mark.parametrize(("mode", "amount"), [(VOLUME, 25 * 400), (GRADUATED, 5100 + 4000)])
def test_beyond_a_closed_scale_the_last_tier_counts(mode, amount):
    assert rated_amount(CLOSED, mode, 25) == amount


def test_tiers_become_minor_units():
    made = line(**tiers((10, "5.005", "1"), (None, None, "4")))
    assert tier_specs(made, "usd") == (TierSpec(10, Decimal("500.5"), Decimal(100)), TierSpec(None, None, Decimal(400)))
    assert tier_specs(made, "jpy")[0].unit_amount == Decimal("5.005")


def test_tiers_are_scaled_to_a_share_of_the_period():
    assert scaled_tiers(RATES, Fraction(1)) is RATES
    first, _, last = scaled_tiers(RATES, Fraction(1, 3))
    assert first == TierSpec(10, Decimal("166.666666666667"), Decimal("33.333333333333"))
    assert last.up_to is None
