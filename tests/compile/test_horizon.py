"""Contracts without an end: told until a horizon, then released; once a year the horizon moves, and nothing else."""

from decimal import Decimal
from itertools import pairwise
from typing import cast

import pytest

from connector.compile.contract import compile_contract
from connector.compile.horizon import Horizon, horizon
from connector.compile.resource import DesiredState, Params
from connector.domain.contract import Contract
from connector.domain.issues import IssueCode
from connector.domain.period import add_months
from tests.builders import START, amendment, compiled, contract, coupon, day, evergreen, line, once, tiers, usage
from tests.compile.words import phases_of, spec_of

MARCH, JUNE = day(2027, 3), day(2027, 6)
MID_MARCH = day(2027, 3, 12)


def open_contract(*parts, **fields) -> Contract:
    return contract(*parts, end=None, **fields)


def desired_on(made: Contract, today) -> DesiredState:
    result = compile_contract(made, None, today)
    assert result.desired is not None
    assert result.issues == ()
    return result.desired


def ahead_of(made: Contract, today=None) -> Horizon:
    found = horizon(made, today)
    assert found is not None
    return found


def add(ref, on, **fields):
    return amendment(f"for {ref}", on, evergreen(ref, start=on, **fields))


def take(ref, on, quantity, **fields):
    return amendment(f"for {ref}", on, evergreen(ref, start=on, quantity=-quantity, revises="L1", **fields))


@pytest.mark.parametrize(
    ("parts", "expected", "ends"),
    [
        ([evergreen(quantity=10)], ["27-01-01: 10xL1@12000/month"], day(2029)),
        ([evergreen(price=1200, interval=12, price_term=Decimal(12))], ["27-01-01: 1xL1@120000/year"], day(2029)),
        ([evergreen(price=100, interval=12)], ["27-01-01: 1xL1@120000/year"], day(2029)),
        ([evergreen(price=1000, price_term=Decimal(12))], ["27-01-01: 1xL1@8333.333333333333/month"], day(2029)),
        ([evergreen(start=day(2027, 1, 31))], ["27-01-31: 1xL1@12000/month"], day(2029, 1, 31)),
        (
            [evergreen(quantity=10), add("L2", MARCH, of="P2")],
            ["27-01-01: 10xL1@12000/month", "27-03-01: 10xL1@12000/month, 1xL2@12000/month"],
            day(2029, 3),
        ),
        (
            [evergreen(quantity=10), add("L2", MID_MARCH, of="P2")],
            [
                "27-01-01: 10xL1@12000/month",
                "27-03-12: 10xL1@12000/month, 1xL2@12000/month, proration 1xL2@7890",
                "27-04-01: 10xL1@12000/month, 1xL2@12000/month",
            ],
            day(2029, 4),
        ),
        (
            [evergreen(quantity=10), take("L2", MARCH, 4)],
            ["27-01-01: 10xL1@12000/month", "27-03-01: 6xL1@12000/month"],
            day(2029, 3),
        ),
        (
            [evergreen(quantity=10), take("L2", MID_MARCH, 4)],
            [
                "27-01-01: 10xL1@12000/month",
                "27-03-12: 6xL1@12000/month, credit 4xL2@-7890.5",
                "27-04-01: 6xL1@12000/month",
            ],
            day(2029, 4),
        ),
        (
            [evergreen(), once(on=MARCH, price=50)],
            ["27-01-01: 1xL1@12000/month", "27-03-01: 1xL1@12000/month, one_time 1xO1@5000",
             "27-04-01: 1xL1@12000/month"],
            day(2029, 3),
        ),
        (
            [evergreen(), line("L2", of="P2", interval=1)],
            ["27-01-01: 1xL1@12000/month, 1xL2@10000/month", "28-01-01: 1xL1@12000/month"],
            day(2030),
        ),
        ([usage(end=None, price_term=Decimal(1))], ["27-01-01: U1 used/month"], day(2029)),
        ([evergreen(**tiers((None, "1", None)))], ["27-01-01: 1xL1@tiers/month"], day(2029)),
        ([evergreen(price=7, period_price=Decimal(9))], ["27-01-01: 1xL1@900/month"], day(2029)),
    ],
    ids=["monthly", "yearly", "priced by the month, billed by the year", "priced by the year, billed by the month",
         "month end", "add-on on a billing date", "add-on in mid-period", "fewer on a billing date",
         "fewer in mid-period", "beside a fee", "beside a line with an end", "usage", "tiers", "mapped price"],
)  # fmt: skip
def test_what_has_no_end_is_told_until_a_horizon_and_released(parts, expected, ends):
    spec = spec_of(desired := compiled(*parts, end=None, start=parts[0].start))
    assert (spec.open, spec.end, spec.end_behavior) == (True, ends, "release")
    assert phases_of(desired) == expected


@pytest.mark.parametrize(
    ("parts", "expected", "ends"),
    [
        (
            [evergreen(quantity=10), take("L2", MARCH, 10)],
            ["27-01-01: 10xL1@12000/month"],
            MARCH,
        ),
        (
            [evergreen(quantity=10), add("L2", MARCH, quantity=5, revises="L1"), take("L3", JUNE, 15)],
            ["27-01-01: 10xL1@12000/month", "27-03-01: 10xL1@12000/month, 5xL2@12000/month"],
            JUNE,
        ),
        (
            [evergreen(), take("L2", MID_MARCH, 1)],
            ["27-01-01: 1xL1@12000/month", "27-03-01: 1xL1@12000/month, credit 1xL2@-7890"],
            MID_MARCH,
        ),
    ],
    ids=["on a billing date", "add-ons included", "in mid-period"],
)
def test_full_cancellation_ends_the_schedule_on_its_day(parts, expected, ends):
    spec = spec_of(desired := compiled(*parts, end=None))
    assert (spec.open, spec.end, spec.end_behavior) == (False, ends, "cancel")
    assert phases_of(desired) == expected
    assert desired.look_again is None


def test_the_last_phase_holds_no_coupon_that_ends():
    half = coupon(percent=Decimal(50), duration="repeating", months=5)
    once_off = coupon("C2", duration="once")
    spec = spec_of(compiled(evergreen(discounts=(half,)), discounts=[once_off, coupon("C3")], end=None))
    assert [
        (phase.period.start, [d.ref for item in phase.items for d in item.discounts], [d.ref for d in phase.discounts])
        for phase in spec.phases
    ] == [
        (START, ["C1"], ["C2", "C3"]),
        (day(2027, 2), ["C1"], ["C3"]),
        (JUNE, [], ["C3"]),
    ]


def test_cancelled_on_the_first_day_leaves_nothing():
    assert compiled(evergreen(), take("L2", START, 1), end=None).schedules == ()


def test_frequencies_end_their_telling_on_dates_of_their_own():
    desired = compiled(evergreen(), evergreen("L2", of="P2", interval=12, start=MARCH), end=None)
    assert [(spec.key, spec.end, spec.open) for spec in desired.schedules] == [
        ("R1:1m", day(2029, 3), True),
        ("R1:12m", day(2029, 3), True),
    ]


def test_an_ended_line_in_another_frequency_keeps_its_end():
    desired = compiled(evergreen(), line("L2", of="P2"), end=None)
    assert [(spec.key, spec.end, spec.end_behavior) for spec in desired.schedules] == [
        ("R1:1m", day(2030), "release"),
        ("R1:12m", day(2028), "cancel"),
    ]


def test_the_horizon_is_always_more_than_a_year_ahead_and_moves_on_anniversaries_only():
    for start in (START, day(2027, 1, 31), day(2028, 2, 29)):
        made = open_contract(evergreen(start=start), start=start)
        days = [add_months(start, months) for months in range(-5, 62)]
        found = [ahead_of(made, on) for on in days]
        assert all(ahead.after > add_months(on, 12) for on, ahead in zip(days, found, strict=True))
        for (on, one), (later, other) in pairwise(zip(days, found, strict=True)):
            assert (one != other) is (on < one.moves <= later), (on, later)
        assert len({ahead.after for ahead in found}) == 6


def test_a_change_to_come_puts_the_horizon_off():
    later = open_contract(evergreen(), add("L2", day(2030, 5), of="P2"))
    assert ahead_of(later, day(2027, 6)) == ahead_of(later, day(2030, 12))
    assert ahead_of(later).after == day(2032, 5)
    assert ahead_of(later).moves == day(2031)


def test_a_contract_that_ends_has_no_horizon():
    assert horizon(contract(line()), day(2027, 6)) is None
    assert compile_contract(contract(line()), None, day(2040)) == compile_contract(contract(line()))


def test_only_the_last_day_changes_from_one_year_to_the_next():
    made = open_contract(evergreen(quantity=10), add("L2", MID_MARCH, of="P2"))
    one, same, next_year = (desired_on(made, on) for on in (day(2027, 5), day(2027, 12, 31), day(2030, 6)))
    assert one.resources == same.resources
    assert one.look_again == day(2028)
    assert next_year.look_again == day(2031)

    def phases(desired: DesiredState) -> list[Params]:
        (schedule,) = desired.of("subscription_schedule")
        return cast("list[Params]", schedule.params["phases"])

    before, after = phases(one), phases(next_year)
    assert before[:-1] == after[:-1]
    assert after[-1] == {**before[-1], "end_date": day(2032)}
    assert before[-1]["end_date"] == day(2029, 4)


def test_a_credit_does_not_depend_on_the_horizon():
    made = open_contract(evergreen(quantity=3, price="83.33"), take("L2", MID_MARCH, 1, price="83.33"))
    told = {phases_of(desired_on(made, on))[1] for on in (START, day(2029, 6), day(2035))}
    assert told == {"27-03-12: 2xL1@8333/month, credit 1xL2@-5479"}


def test_a_line_without_an_end_that_was_not_sold_so_is_an_issue():
    result = compile_contract(open_contract(line(end=None)))
    assert result.desired is None
    assert [issue.code for issue in result.issues] == [IssueCode.TERM_MISSING]


def test_a_policy_to_release_does_not_keep_alive_what_was_ended():
    ended = compiled(line(), amendment("A1", MARCH, line("L2", quantity=-1, price=1000, start=MARCH, revises="L1")),
                     policies={"end_behavior": "release"})  # fmt: skip
    assert spec_of(ended).end_behavior == "cancel"
    assert spec_of(compiled(line(), policies={"end_behavior": "release"})).end_behavior == "release"
