"""What the CRM is told of the money: revenue a month, the segment that runs, the day of the next change."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

import pytest

from tests.money.shapes import shapes
from tests.money.world import MoneyWorld

MONTHLY: dict[str, list[tuple[date, Decimal, str | None, date | None]]] = {
    # 20 seats at 1080 and a site at 1000 a year; then 35 at 1140; then 50 at 1200
    "by year, beside a flat line": [
        (date(2026, 11, 24), Decimal("1883.33"), None, date(2026, 12, 1)),
        (date(2027, 6, 1), Decimal("1883.33"), "Year 1", date(2027, 12, 1)),
        (date(2027, 12, 1), Decimal("3408.33"), "Year 2", date(2028, 12, 1)),
        (date(2029, 3, 1), Decimal("5083.33"), "Year 3", None),
    ],
    # eighteen months: a year, then a stub of six months at the same rate
    "eighteen months, stub last": [
        (date(2027, 6, 1), Decimal("383.33"), None, date(2027, 12, 15)),
        (date(2028, 2, 1), Decimal("383.33"), None, None),
    ],
    "two frequencies": [(date(2027, 2, 1), Decimal("466.67"), None, None)],
    "more in mid-period": [
        (date(2027, 2, 1), Decimal("5166.67"), None, date(2027, 4, 1)),
        (date(2027, 5, 1), Decimal("7166.67"), None, None),
    ],
    "free beside paid": [(date(2027, 2, 1), Decimal(500), None, None)],
}


@pytest.fixture(scope="module")
def world() -> Iterator[MoneyWorld]:
    with MoneyWorld(case for case in shapes() if case.name in MONTHLY) as made:
        made.amend_all()
        yield made


def test_the_crm_is_told_what_runs(world: MoneyWorld):
    told: dict[str, list[object]] = {name: [] for name in MONTHLY}
    for day in sorted({row[0] for rows in MONTHLY.values() for row in rows}):
        world.move_to(day)
        for synced in world.sync_all():
            values = synced.result.status.values if synced.result.status else {}
            row = (day, values.get("mrr"), values.get("current_segment"), values.get("next_change"))
            if day in {wanted[0] for wanted in MONTHLY[synced.case.name]}:
                told[synced.case.name].append(row)
    assert told == MONTHLY
