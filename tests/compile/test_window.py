"""What Stripe holds of a contract with more phases than it can: the first ones, and more in steps."""

from datetime import date, timedelta
from itertools import pairwise
from typing import Any, cast

import pytest

from connector.compile.contract import compile_contract
from connector.compile.resource import DesiredState
from connector.compile.spec import Window
from connector.compile.window import window, windowed
from connector.domain.contract import Contract
from connector.domain.period import Period, add_months
from tests.builders import START, contract, line, ramp

FOREVER = date(2090, 1, 1)


def months(count: int, *, by: int = 1, start: date = START) -> list[Period]:
    cuts = [add_months(start, by * number) for number in range(count + 1)]
    return [Period(one, other) for one, other in pairwise(cuts)]


def steps(phases: list[Period], ahead: int = 45) -> list[tuple[date, int]]:
    """Return every day on which the window becomes longer, with what is held from then on."""
    found, day = [], phases[0].start - timedelta(days=60)
    while day < phases[-1].end:
        before = window("R1", phases, day, ahead)
        if before is None:
            break
        after = window("R1", phases, before.extend, ahead)
        found.append((before.extend, after.held if after else len(phases)))
        day = before.extend
    return found


@pytest.mark.parametrize("count", [1, 9, 10])
def test_what_fits_is_held_whole(count):
    assert window("R1", months(count), START) is None


def test_the_first_window_of_a_year_and_a_half_by_month():
    held = window("R1", months(18), START - timedelta(days=40))
    assert held == Window("R1", 18, 10, add_months(START, 10), date(2027, 8, 17), date(2027, 9, 8))


@pytest.mark.parametrize(
    ("phases", "ahead", "expected"),
    [
        # one more than fits: it is appended on the day after the first phase ended
        (months(11), 45, [(date(2027, 2, 2), 11)]),
        # 36 months: 45 days before the last one held begins; the rest, as soon as it fits
        (
            months(36),
            45,
            [(date(2027, 8, 17), 17), (date(2028, 3, 17), 24), (date(2028, 10, 17), 31), (date(2029, 3, 2), 36)],
        ),
        (months(36), 1, [(date(2027, 9, 30), 18), (date(2028, 5, 31), 26), (date(2029, 1, 31), 34),
                         (date(2029, 3, 2), 36)]),
        # fourteen quarters: the rest fits after the fourth
        (months(14, by=3), 45, [(date(2028, 1, 2), 14)]),
        # phases so short that all of the window is nearer than that: as soon as there is room
        ([Period(START + timedelta(n), START + timedelta(n + 1)) for n in range(12)], 45,
         [(date(2027, 1, 3), 11), (date(2027, 1, 4), 12)]),
        # 11 years
        (months(11, by=12), 45, [(date(2028, 1, 2), 11)]),
    ],
)  # fmt: skip
def test_the_steps(phases, ahead, expected):
    assert steps(phases, ahead) == expected


@pytest.mark.parametrize("by", [1, 3, 12])
@pytest.mark.parametrize("ahead", [1, 45, 400])
@pytest.mark.parametrize("count", [11, 12, 20, 21, 36, 60])
def test_on_every_day_it_fits_reaches_far_enough_and_only_grows(count, ahead, by):
    phases = months(count, by=by)
    held_before, day = 0, START - timedelta(days=30)
    while day < phases[-1].end:
        found = window("R1", phases, day, ahead)
        held = found.held if found else count
        running = [phase for phase in phases[:held] if phase.end > day]
        assert 1 <= len(running) <= 10
        assert held >= held_before
        if found:
            assert found.until == phases[held - 1].end
            assert day < found.extend < found.short < max(found.until, found.extend + timedelta(2))
            assert window("R1", phases, found.extend - timedelta(1), ahead) == found
            full = len(running) >= 9  # ten, or nine and one that ended yesterday
            assert full or day < phases[held - 1].start - timedelta(days=ahead)
        held_before, day = held, day + timedelta(days=1 if by == 1 else 7)


# --- cutting the desired state --------------------------------------------------------------------


def monthly(count: int, **fields: Any) -> Contract:
    spans = months(count)
    lines = ramp(*((one.start, one.end, number + 1, 10) for number, one in enumerate(spans)), interval=1)
    return contract(*lines, end=spans[-1].end, **fields)


def desired_of(made: Contract, day: date, first: date | None = None) -> DesiredState:
    result = windowed(compile_contract(made, first), day)
    assert result.issues == ()
    assert result.desired is not None
    return result.desired


def sent(desired: DesiredState) -> tuple[int, str]:
    (schedule,) = desired.of("subscription_schedule")
    return len(cast("list[Any]", schedule.params["phases"])), str(schedule.params["end_behavior"])


@pytest.mark.parametrize(
    ("made", "day", "expected"),
    [
        (monthly(10), START, (10, "cancel")),
        (monthly(12), START, (10, "release")),
        (monthly(12), date(2027, 3, 1), (10, "release")),
        (monthly(12), date(2027, 3, 2), (12, "cancel")),
        (monthly(12, policies={"end_behavior": "release"}), date(2027, 3, 2), (12, "release")),
    ],
)
def test_a_schedule_is_released_until_its_last_phase_is_held(made, day, expected):
    assert sent(desired_of(made, day)) == expected


def test_what_is_told_stays_whole():
    whole, cut = desired_of(monthly(12), FOREVER), desired_of(monthly(12), START)
    assert cut.schedules == whole.schedules
    (before,), (after,) = whole.of("subscription_schedule"), cut.of("subscription_schedule")
    assert [*cast("list[Any]", after.params["phases"]), *after.later] == before.params["phases"]
    assert [one.key for one in cut.windows] == ["R1"]
    assert whole == compile_contract(monthly(12)).desired


def test_a_schedule_made_late_leaves_out_what_is_over_and_what_does_not_fit():
    """On 10 November ten months are over; the window has moved on with them."""
    desired = desired_of(monthly(24), date(2027, 11, 10), date(2027, 11, 10))
    (schedule,) = desired.of("subscription_schedule")
    assert schedule.create is not None
    for params, first in ((schedule.create, date(2027, 12, 1)), (schedule.params, date(2027, 2, 1))):
        phases = cast("list[Any]", params["phases"])
        assert (phases[0]["end_date"], phases[-1]["end_date"]) == (first, date(2028, 6, 1))
        assert params["end_behavior"] == "release"


def test_a_ramp_made_very_late_is_corrected_by_the_product_where_a_correction_of_each_line_has_no_room():
    """30 of 40 months are over; month n costs n times 10.00: 4,650.00 in all, of which Stripe bills month 31 itself."""
    desired = desired_of(monthly(40), date(2029, 7, 10), date(2029, 7, 10))
    (schedule,) = desired.of("subscription_schedule")
    assert schedule.create is not None
    first = cast("list[Any]", schedule.create["phases"])[0]
    (made_up,) = first["add_invoice_items"]
    assert made_up["price_data"]["unit_amount_decimal"] == sum(number * 1000 for number in range(1, 31))
    assert made_up["period"]["start"]["timestamp"] == START


def test_linked_schedules_have_windows_of_their_own():
    spans = months(12)
    steps = ramp(*((one.start, one.end, number + 1, 10) for number, one in enumerate(spans)), interval=1)
    desired = desired_of(contract(line("Y", of="P2"), *steps), START)
    assert [(one.key, one.phases, one.held) for one in desired.windows] == [("R1:1m", 12, 10)]
    ends = {resource.key.name: resource.params["end_behavior"] for resource in desired.of("subscription_schedule")}
    assert ends == {"R1:1m": "release", "R1:12m": "cancel"}
