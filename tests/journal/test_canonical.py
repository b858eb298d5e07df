"""Canonical JSON: equal values, equal text; amounts stay exact."""

from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from types import MappingProxyType

import pytest

from connector.journal import canonical_json, read_json


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"b": 1, "a": [True, None]}, '{"a":[true,null],"b":1}'),
        ({"amount": Decimal("1000.00")}, '{"amount":"1000.00"}'),
        (Decimal("1E+2"), '"100"'),
        (Decimal("0.000000000001"), '"0.000000000001"'),
        ((date(2026, 2, 28), datetime(2026, 2, 28, 1, 2, tzinfo=UTC)), '["2026-02-28","2026-02-28T01:02:00+00:00"]'),
        (MappingProxyType({"a": ()}), '{"a":[]}'),
        ("Zürich 東京 🧾", '"Zürich 東京 🧾"'),
        (2**80, "1208925819614629174706176"),
    ],
)
def test_writes_one_text_per_value(value, text):
    assert canonical_json(value) == text


@pytest.mark.parametrize("refused", [1.0, {"a": [0.1]}, {1: "a"}, {"a"}, b"a", Fraction(1, 3), object()])
def test_refuses_what_is_not_exact_or_not_json(refused):
    with pytest.raises(TypeError, match="the journal keeps no"):
        canonical_json(refused)


def test_half_an_emoji_and_a_nul_survive():
    broken = {"name": "cut \ud83d", "code": "a\x00b"}
    text = canonical_json(broken)
    assert "\x00" not in text
    assert text.encode("utf-8")
    assert read_json(text) == broken


def test_reading_never_makes_a_float():
    assert read_json("[0.1]") == [Decimal("0.1")]
