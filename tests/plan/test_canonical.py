"""One spelling for parameters: equal meaning, equal text."""

from datetime import date
from decimal import Decimal

import pytest

from connector.compile.resource import Key, Ref
from connector.plan.canonical import canonical, digest, dump


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Decimal("12000.0"), "12000"),
        (Decimal("1.2E+4"), "12000"),
        (Decimal("83.3300"), "83.33"),
        (date(2027, 1, 31), "2027-01-31"),
        (Ref(Key("customer", "001")), {"$ref": "customer/001"}),
        ([Decimal(1), {"a": date(2027, 1, 1)}], ["1", {"a": "2027-01-01"}]),
        (True, True),
        (7, 7),
        (None, None),
        ("ü", "ü"),
    ],
)
def test_values_have_one_spelling(value, expected):
    assert canonical(value) == expected


def test_text_and_digest_do_not_depend_on_the_order_of_keys():
    one, other = {"b": 1, "a": {"d": "ü", "c": 2}}, {"a": {"c": 2, "d": "ü"}, "b": 1}
    assert dump(one) == dump(other) == '{"a":{"c":2,"d":"ü"},"b":1}'
    assert digest(one) == digest(other)
    assert len(digest(one)) == 64
    assert digest(one) != digest({**one, "b": 2})
