"""Coupons over phases: what is left of them in each, and how they become objects of Stripe."""

from dataclasses import replace

import pytest

from connector.compile.discounts import for_phase
from connector.domain.contract import Discount
from connector.domain.period import Period
from tests.builders import END, START, amendment, compiled, contract, coupon, day, line, once, ramp
from tests.compile.words import spec_of

FOREVER, ONCE = coupon(duration="forever"), coupon(duration="once")
THREE = coupon(duration="repeating", months=3)
FEBRUARY, MID_FEBRUARY, MARCH, APRIL = day(2027, 2), day(2027, 2, 15), day(2027, 3), day(2027, 4)


@pytest.mark.parametrize(
    ("given", "start", "first", "left"),
    [
        (FOREVER, START, START, "forever"),
        (FOREVER, APRIL, START, "forever"),
        (ONCE, START, START, "once"),
        (ONCE, FEBRUARY, START, None),
        (ONCE, START, FEBRUARY, "once"),
        (THREE, START, START, 3),
        (THREE, FEBRUARY, START, 2),
        (THREE, MID_FEBRUARY, START, 1),
        (THREE, MARCH, START, 1),
        (THREE, day(2027, 3, 2), START, None),
        (THREE, APRIL, START, None),
        (THREE, FEBRUARY, day(2027, 1, 15), 3),
        (THREE, MID_FEBRUARY, day(2027, 1, 15), 2),
        (coupon(duration="repeating"), FEBRUARY, START, None),
    ],
)
@pytest.mark.parametrize("owner", ["contract", "line"])
def test_what_is_left_of_a_coupon(owner, given: Discount, start, first, left):
    """A coupon of three months is on three monthly invoices, wherever a phase begins in between."""
    holder = contract(line(), discounts=[given]) if owner == "contract" else line(discounts=(given,))
    found = for_phase(holder, Period(start, END), first, START)
    assert [one.months or one.duration for one in found] == ([] if left is None else [left])


def test_phases_carry_what_is_left():
    segments = ramp((START, FEBRUARY, 1, 10), (FEBRUARY, APRIL, 2, 20), (APRIL, END, 3, 90), interval=1)
    phases = spec_of(compiled(*segments, discounts=[FOREVER, ONCE, THREE])).phases
    told = [[(one.duration, one.months) for one in phase.discounts] for phase in phases]
    forever, twice, thrice = ("forever", None), ("repeating", 2), ("repeating", 3)
    assert told == [[forever, ("once", None), thrice], [forever, twice], [forever]]


def test_a_coupon_of_an_amendment_joins_those_that_are_there():
    """It counts from the amendment on, and what is left of it is carried on like any other."""
    own = coupon("C2", duration="repeating", months=3)
    upsell = amendment("A1", MARCH, line("L2", price=1000, start=MARCH, revises="L1", interval=1), discounts=(own,))
    later = amendment("A2", APRIL, line("L3", price=900, start=APRIL, revises="L1", interval=1))
    phases = spec_of(compiled(line(interval=1), upsell, later, discounts=[FOREVER])).phases
    assert [phase.discounts for phase in phases] == [(FOREVER,), (FOREVER, own), (FOREVER, replace(own, months=2))]


def test_a_line_keeps_its_coupons_for_its_items_and_parts():
    """A part may wait for its invoice longer than the months of a coupon run: it gets the coupon once."""
    late = line("L2", of="P2", price=100, start=MARCH, discounts=(THREE,))
    phases = spec_of(compiled(line(), late)).phases
    assert [item.discounts for item in phases[1].items] == [(), (THREE,)]
    assert [one_off.discounts for one_off in phases[1].one_offs] == [(replace(THREE, duration="once", months=None),)]


@pytest.mark.parametrize(
    ("given", "currency", "params"),
    [
        (coupon(name="Ten off", percent=10), "usd", {"name": "Ten off", "percent_off": 10, "duration": "forever"}),
        (
            coupon(name=None, amount=12.345, duration="once"),
            "usd",
            {"amount_off": 1235, "currency": "usd", "duration": "once"},
        ),
        (coupon(name=None, amount=500), "jpy", {"amount_off": 500, "currency": "jpy", "duration": "forever"}),
        (
            coupon(name="n" * 41, duration="repeating", months=3, max_redemptions=1),
            "usd",
            {"name": "n" * 40, "percent_off": 25, "duration": "repeating", "duration_in_months": 3,
             "max_redemptions": 1},
        ),
        (coupon(name=None, duration="once", months=3), "usd", {"percent_off": 25, "duration": "once"}),
    ],
)  # fmt: skip
def test_coupons_are_named_by_their_content(given, currency, params):
    (resource,) = compiled(line(), discounts=[given], currency=currency).of("coupon")
    assert resource.params == {"id": resource.key.name, **params}
    assert resource.key.name.startswith("cn_")


def names(*given: Discount) -> list[str]:
    return [resource.key.name for resource in compiled(line(), discounts=given).of("coupon")]


def test_equal_coupons_are_one_unless_their_uses_are_counted():
    one, same = coupon("C1", name="Launch"), coupon("C2", name="Launch")
    assert len(names(one, same)) == 1
    assert names(one) == names(same)
    counted = [coupon(ref, name="Launch", max_redemptions=1) for ref in ("C1", "C2")]
    assert len(names(*counted)) == 2


def test_coupons_of_invoices_are_made_too():
    desired = compiled(once(discounts=(ONCE,)), discounts=[FOREVER])
    assert len(list(desired.of("coupon"))) == 2


def test_the_mapping_may_fill_any_other_parameter_of_a_coupon():
    desired = compiled(line(), discounts=[FOREVER], extras={"coupon": ((("metadata", "team"), "sales"),)})
    (resource,) = desired.of("coupon")
    assert resource.params["metadata"] == {"team": "sales"}
