"""What may change on a schedule that runs."""

from datetime import date

import pytest

from connector.plan.diff import Change
from connector.plan.running import is_too_late, running_phase, without_past_metadata

TODAY = date(2027, 3, 10)
PHASES = [{"start_date": "2026-01-01"}, {"start_date": "2027-01-01"}, {"start_date": "2028-01-01"}]
RUNNING = 1


@pytest.mark.parametrize(
    ("since", "found"), [(None, 0), (date(2026, 1, 1), 0), (date(2027, 1, 1), 1), (date(2027, 1, 2), None)]
)
def test_the_running_phase_is_the_one_that_began_on_the_day(since, found):
    assert running_phase(PHASES, since) == found


@pytest.mark.parametrize(
    ("change", "too_late"),
    [
        (Change("phases.0.items.0.quantity", 1, 2), True),
        (Change("phases.0.end_date", "2027-01-01", "2028-06-01"), True),
        (Change("phases.1.items.0.quantity", 1, 2), True),
        (Change("phases.1.start_date", "2027-01-01", "2027-05-01"), True),
        (Change("phases.1.add_invoice_items", None, [{}]), True),
        (Change("phases.1.end_date", "2028-01-01", "2027-03-11"), False),
        (Change("phases.1.end_date", "2027-03-11", "2028-01-01"), False),
        (Change("phases.1.end_date", "2028-01-01", "2027-03-10"), True),
        (Change("phases.1.end_date", "2028-01-01", "2027-03-10T23:00:00"), True),
        (Change("phases.1.end_date", "2028-01-01", None), True),
        (Change("phases.1", {"start_date": "2027-01-01"}, None), True),
        (Change("phases.1.metadata.label", "a", "b"), False),
        (Change("phases.1.items.0.metadata.label", "a", "b"), False),
        (Change("phases.2.items.0.quantity", 1, 2), False),
        (Change("phases.2", None, {}), False),
        (Change("phases.10.items.0.quantity", 1, 2), False),
        (Change("metadata.label", "a", "b"), False),
        (Change("end_behavior", "cancel", "release"), False),
    ],
    ids=lambda value: value.path if isinstance(value, Change) else "",
)
def test_only_what_is_to_come_can_change(change, too_late):
    assert is_too_late(change, RUNNING, TODAY) is too_late


def test_metadata_of_the_past_is_left_alone():
    past, now = Change("phases.0.metadata.label", "a", "b"), Change("phases.1.metadata.label", "a", "b")
    money = Change("phases.0.items.0.quantity", 1, 2)
    assert without_past_metadata([past, now, money], RUNNING) == (now, money)
