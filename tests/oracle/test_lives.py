"""Contracts that live: every change is planned when it is heard of, and Stripe's stand-in bills what was sold.

`python -m tests.oracle --lives 2000 --first 1` plays more of them, `--open 500` those without an end.
"""

from collections import Counter
from dataclasses import replace
from datetime import date

import pytest

from connector.domain.contract import Contract
from tests.builders import amendment, contract, day, line, once
from tests.oracle.lives import Life, Visit, life
from tests.oracle.open_ended import open_life
from tests.oracle.play import Played, ended, judged, play
from tests.oracle.seeds import LIVED, OPEN

#: A contract may be refused for its own sake, or because time that has begun cannot be made good in Stripe.
REFUSALS = {
    "AMOUNT_STEP",
    "AMOUNT_STEP when live",
    "COVERAGE_GAP",
    "LIMIT_ITEMS",
    "LIMIT_ONE_OFFS",
    "LIMIT_PHASES",
    "QUANTITY_REDUCED",
    "REVISED_LINE_UNKNOWN",
    "TIE_OUT",
    "TERMINATION",
    "LIVE_CHANGE when live",
    "SCHEDULE_OVER when live",
    "SETTLEMENT when live",
    "TIE_OUT when live",
}
BATCHES = [range(first, first + 15) for first in (3000, 3015)]


def lived(final: Contract, *heard: date, made: date) -> Played:
    """Play the life of a contract whose later orders are heard of on some days, in their order."""
    visits = [Visit(made, _known(final, 1)), *(Visit(on, _known(final, n)) for n, on in enumerate(heard, start=2))]
    return play(Life(0, final, tuple(visits)))


def _known(final: Contract, count: int) -> Contract:
    return replace(final, revisions=final.revisions[:count])


@pytest.mark.parametrize("seeds", BATCHES, ids=str)
def test_what_is_heard_of_bit_by_bit_is_billed_as_sold(seeds):
    found = {seed: judged(life(seed)) for seed in seeds}
    assert {seed: told for seed, (_, told) in found.items() if told} == {}
    codes = Counter(code for played, _ in found.values() for code, _ in played.refused)
    assert set(codes) <= REFUSALS
    assert sum(played.complete for played, _ in found.values()) > len(found) * 0.5


def test_what_has_no_end_is_billed_until_it_is_taken_away():
    found = {seed: judged(open_life(seed)) for seed in range(12)}
    assert {seed: told for seed, (_, told) in found.items() if told} == {}
    assert sum(played.complete for played, _ in found.values()) > len(found) * 0.5


@pytest.mark.xfail(strict=True, reason="known disagreements: see seeds.OPEN")
@pytest.mark.parametrize("seed", OPEN, ids=str)
def test_lives_that_still_disagree(seed):
    assert judged(life(seed))[1] == []


@pytest.mark.parametrize("seed", LIVED, ids=str)
def test_what_was_wrong_once(seed):
    assert judged(life(seed))[1] == []


@pytest.mark.parametrize("policies", [{"proration": "none"}, {"correction": "manual"}], ids=str)
def test_a_fee_that_no_invoice_follows_is_billed_whatever_becomes_of_parts(policies):
    made = contract(line(), once(on=day(2027, 3), price=50), policies=policies)
    played = lived(made, made=day(2026, 12))
    assert played.faults == []
    assert sum(each.amount for each in played.stripe.bills()) == 120000 + 5000


def test_a_last_stub_of_an_amendment_is_no_part_to_be_waived():
    """Ten more from a billing date, for a term that ends within a period: that rest was sold as it is."""
    end = day(2028, 7)
    more = line("L2", price=1800, quantity=10, start=day(2027), end=end, revises="L1")
    made = contract(
        line(price=1800, end=end), amendment("A1", day(2027), more), end=end, policies={"proration": "none"}
    )
    played = lived(made, day(2026, 12, 20), made=day(2026, 12, 1))
    assert played.faults == []
    assert sum(each.amount for each in played.stripe.bills()) == 11 * 180000


def test_the_last_frequency_keeps_its_schedule_when_the_other_is_taken_away():
    yearly, monthly = line(price=1200), line("L2", of="P2", interval=1, price=1200)
    gone = line("L3", of="P2", interval=1, price=600, quantity=-1, start=day(2027, 7), revises="L2")
    made = contract(yearly, monthly, amendment("A1", day(2027, 7), gone), policies={"settlement": "none"})
    played = lived(made, day(2027, 8, 10), made=day(2026, 12))
    assert [str(one.key) for one in played.stripe.linked] == [
        "subscription_schedule/R1:12m",
        "subscription_schedule/R1:1m",
    ]


def test_a_credit_that_waits_is_given_back_when_its_invoice_is_taken_away():
    """Half is given back in February, with the invoice of July; in March the end moves to June."""
    less = line("L2", price=1050, quantity=-5, start=day(2027, 2, 15), revises="L1", interval=6)
    away = line("L3", price=700, quantity=-5, start=day(2027, 6), revises="L1", interval=6)
    made = contract(
        line(quantity=10, interval=6), amendment("A1", day(2027, 2, 15), less), amendment("A2", day(2027, 6), away)
    )
    played = lived(made, day(2027, 2, 20), day(2027, 3, 10), made=day(2026, 12))
    assert played.faults == []
    assert played.complete
    assert sum(each.amount for each in played.stripe.bills()) == 1200000 - 525000 - 350000


def test_a_stub_cut_short_ends_without_a_new_period():
    """18 months, billed yearly: in the last half year everything is taken away from May on."""
    end, away = day(2028, 7), day(2028, 5)
    made = contract(
        line(price=1800, end=end),
        amendment("A1", away, line("L2", price=200, quantity=-1, start=away, end=end, revises="L1")),
        end=end,
    )
    played = lived(made, day(2028, 3), made=day(2026, 12))
    assert (played.faults, played.refused) == ([], [])
    assert sum(each.amount for each in played.stripe.bills()) == 160000


def test_the_oracle_sees_what_is_lost_doubled_or_changed():
    seen: Counter[str] = Counter()
    for seed in range(24):
        one = life(seed)
        played = play(one, laws=False)
        large = [bill for bill in played.stripe.bills() if abs(bill.amount) > 100_000]
        if not played.complete or not large or played.faults:
            continue
        schedule = next(each.schedule for each in played.stripe.linked if large[0] in each.schedule.billed)
        for name, wrong in {
            "lost": [bill for bill in schedule.billed if bill is not large[0]],
            "doubled": [*schedule.billed, large[0]],
            "changed": [
                replace(bill, amount=bill.amount + 5_000) if bill is large[0] else bill for bill in schedule.billed
            ],
        }.items():
            kept, schedule.billed = schedule.billed, wrong
            assert list(ended(played, one)), (seed, name)
            schedule.billed = kept
            seen[name] += 1
    assert min(seen.values()) > 6
