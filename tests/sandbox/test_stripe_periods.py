"""Billing boundaries, also many years from their anchor."""

from datetime import UTC, datetime

import pytest

from connector.sandbox.stripe.periods import Interval, add_months


def at(year: int, month: int, day: int) -> int:
    return int(datetime(year, month, day, tzinfo=UTC).timestamp())


@pytest.mark.parametrize("anchor", [at(2026, 12, 1), at(2027, 1, 31), at(2028, 2, 29)])
@pytest.mark.parametrize("months", [1, 3, 12])
def test_a_boundary_is_found_however_long_it_is_since_the_anchor(anchor: int, months: int) -> None:
    interval = Interval(months=months)
    for times in range(400 // months):
        boundary, following = (add_months(anchor, (times + more) * months) for more in (0, 1))
        assert interval.boundary_until(anchor, boundary) == boundary
        assert interval.boundary_until(anchor, following - 1) == boundary
        assert interval.boundary_after(anchor, boundary) == following
        assert interval.meets(anchor, boundary)
        assert not interval.meets(anchor, boundary + 86_400)
