"""More lines than a Stripe schedule holds: which of the linked schedules each is on."""

from collections import Counter
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from connector.compile.contract import compile_contract
from connector.compile.resource import DesiredState
from connector.compile.spec import ScheduleSpec
from connector.domain.contract import Line
from connector.domain.period import add_months
from tests.builders import END, START, amendment, compiled, contract, coupon, day, line, once, ramp
from tests.compile.words import told_phases

MARCH, MID_MARCH, JULY = day(2027, 3), day(2027, 3, 15), day(2027, 7)


def wide(count: int = 45, *, first: int = 1, **fields: Any) -> list[Line]:
    """Return as many lines of products of their own, billed monthly at 100.00."""
    return [
        line(f"L{n:02}", of=f"P{n:02}", **{"interval": 1, "quantity": 10, "price": 1200, **fields})
        for n in range(first, first + count)
    ]


def change(ref: str, of: str, quantity: int, on: date, price: int) -> Line:
    """Return a change of a line from a day to the end; `price` is per unit for that time."""
    sold = of.replace("L", "P")
    return line(ref, quantity=quantity, price=price, of=sold, revises=of, start=on, interval=1)


def holders(desired: DesiredState) -> dict[str, set[str]]:
    """Return the lines that each schedule names, by its key."""
    return {spec.key: {each.ref for each in _lines(spec)} for spec in desired.schedules}


def sizes(desired: DesiredState) -> list[tuple[str, int]]:
    return [(spec.key, max(len(phase.items) for phase in spec.phases)) for spec in desired.schedules]


def _lines(spec: ScheduleSpec) -> Iterable[Line]:
    for phase in spec.phases:
        yield from (item.line for item in phase.items)
        yield from (one_off.line for one_off in phase.one_offs)


def months(count: int) -> list[date]:
    return [add_months(START, number) for number in range(count + 1)]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (wide(20), [("R1", 20)]),
        (wide(21), [("R1", 20), ("R1:1m:2", 1)]),
        (wide(45), [("R1", 20), ("R1:1m:2", 20), ("R1:1m:3", 5)]),
        # what follows what has ended needs no room of its own
        ([*wide(20, end=JULY), *wide(20, first=31, start=JULY)], [("R1", 20)]),
        # frequencies are told apart as ever
        (
            [*wide(25), *wide(21, first=31, interval=12)],
            [("R1:12m", 20), ("R1:1m", 20), ("R1:12m:2", 1), ("R1:1m:2", 5)],
        ),
    ],
)
def test_first_fit(lines, expected):
    assert sorted(sizes(compiled(*lines))) == sorted(expected)


def test_the_contracts_own_key_is_the_first_schedules_and_the_others_carry_theirs():
    schedules = list(compiled(*wide(45)).of("subscription_schedule"))
    told = {one.key.name: one.params["metadata"] for one in schedules}
    assert told == {
        "R1": {"salesforce_order_id": "R1"},
        "R1:1m:2": {"salesforce_order_id": "R1", "salesforce_schedule_key": "R1:1m:2"},
        "R1:1m:3": {"salesforce_order_id": "R1", "salesforce_schedule_key": "R1:1m:3"},
    }


def test_a_ramp_stays_on_one_schedule():
    """25 products in four quarters: every product on one schedule, four phases each."""
    cuts = [START, day(2027, 4), JULY, day(2027, 10), END]
    lines = [
        each
        for n in range(25)
        for each in ramp(*((a, b, 5, 30) for a, b in pairwise(cuts)), ref=f"S{n:02}-", of=f"P{n:02}", interval=1)
    ]
    desired = compiled(*lines)
    assert [(spec.key, len(spec.phases), len(spec.phases[0].items)) for spec in desired.schedules] == [
        ("R1", 4, 20),
        ("R1:1m:2", 4, 5),
    ]
    one, two = ({ref.partition("-")[0] for ref in refs} for refs in holders(desired).values())
    assert not one & two


@pytest.mark.parametrize(
    ("later", "key"),
    [
        # a change stays with what it changes, where there is room
        (change("A01", "L41", 5, MARCH, 1000), "R1:1m:3"),
        # where there is none, the first schedule with room takes it
        (change("A01", "L05", 5, MARCH, 1000), "R1:1m:3"),
        (line("A01", of="P99", start=MARCH, interval=1), "R1:1m:3"),
    ],
)
def test_an_amendment_goes_where_there_is_room_and_moves_nothing(later, key):
    before = holders(compiled(*wide(45)))
    after = holders(compiled(*wide(45), amendment("A1", MARCH, later)))
    assert {**before, key: before[key] | {"A01"}} == after


def test_what_an_amendment_takes_away_makes_room_for_what_it_adds():
    gone = change("A01", "L03", -10, MARCH, 1000)
    new = line("A02", of="P99", start=MARCH, interval=1, price=1000)
    desired = compiled(*wide(45), amendment("A1", MARCH, gone, new))
    assert "A02" in holders(desired)["R1"]
    assert sizes(desired) == [("R1", 20), ("R1:1m:2", 20), ("R1:1m:3", 5)]


def test_an_amendment_changes_no_schedule_it_has_nothing_to_do_with():
    amended = compiled(*wide(45), amendment("A1", MARCH, line("A01", of="P99", start=MARCH, interval=1, price=1000)))
    assert [(spec.key, len(spec.phases)) for spec in amended.schedules] == [("R1", 1), ("R1:1m:2", 1), ("R1:1m:3", 2)]
    before = {one.key: one for one in compiled(*wide(45)).of("subscription_schedule")}
    same = [one.key.name for one in amended.of("subscription_schedule") if before[one.key] == one]
    assert same == ["R1", "R1:1m:2"]


def test_a_later_order_on_full_schedules_begins_one_of_its_own_with_the_same_billing_dates():
    """1,200.00 for 17 days of March and nine months: the part at once, then on the first of each month."""
    late = line("A01", of="P99", start=MID_MARCH, interval=1, price=1200)
    spec = compiled(*wide(20), amendment("A1", MID_MARCH, late)).schedules[1]
    assert (spec.key, spec.start, spec.end) == ("R1:1m:2", MID_MARCH, END)
    first, second = told_phases(spec)
    assert first.startswith("27-03-15: 1xA01@")
    assert first.endswith("/17 days")
    assert second.startswith("27-04-01: anew, 1xA01@")
    assert second.endswith("/month")


def test_on_a_months_end_the_dates_are_those_of_the_other_schedules():
    """From 31 January: a schedule that begins on 10 February must bill on 28 February and on 31 March."""
    start, end = day(2027, 1, 31), day(2028, 1, 31)
    late = line("A01", of="P99", start=day(2027, 2, 10), end=end, interval=1)
    made = contract(*wide(20, start=start, end=end), amendment("A1", late.start, late), start=start, end=end)
    result = compile_contract(made)
    assert (result.issues, result.desired is not None) == ((), True)
    assert result.desired is not None
    phases = [(str(p.period), str(p.items[0].terms.interval)) for p in result.desired.schedules[1].phases]
    assert phases == [
        ("2027-02-10..2027-02-28", "18 days"),
        ("2027-02-28..2027-03-31", "31 days"),
        ("2027-03-31..2028-01-31", "month"),
    ]


def test_one_time_lines_go_where_there_is_room():
    desired = compiled(*wide(25), *(once(f"O{n:02}") for n in range(30)))
    carried = {spec.key: Counter(o.reason for p in spec.phases for o in p.one_offs) for spec in desired.schedules}
    assert carried == {"R1": {"one_time": 20}, "R1:1m:2": {"one_time": 10}}


def test_one_time_lines_that_find_all_full_have_schedules_of_their_own():
    """A seat, 45 fees of one day, 5 of another: 20 go with the seat, the others with an item that costs nothing."""
    fees = [once(f"O{n:02}", price=n) for n in range(45)]
    later = [once(f"Q{n}", on=JULY) for n in range(5)]
    desired = compiled(line(interval=1), *fees, *later, discounts=[coupon("C1"), coupon("C2", amount=Decimal(5))])
    told = [
        (spec.key, str(p.period), [str(item.terms.unit_amount) for item in p.items], len(p.one_offs), len(p.discounts))
        for spec in desired.schedules
        for p in spec.phases
    ]
    year = "2027-01-01..2028-01-01"
    assert told == [
        ("R1", "2027-01-01..2027-07-01", ["10000"], 20, 2),
        ("R1", "2027-07-01..2028-01-01", ["10000"], 5, 2),
        ("R1:once:1", year, ["0"], 20, 1),
        ("R1:once:2", year, ["0"], 5, 1),
    ]
    billed = [one.line.ref for spec in desired.schedules for p in spec.phases for one in p.one_offs]
    assert sorted(billed) == sorted(each.ref for each in (*fees, *later))


def test_a_later_order_moves_no_one_time_line():
    fees = [once(f"O{n:02}") for n in range(25)]
    more = amendment("A1", START, *(once(f"A{n:02}", on=START) for n in range(25)))
    before, after = holders(compiled(line(interval=1), *fees)), holders(compiled(line(interval=1), *fees, more))
    assert {key: refs & {fee.ref for fee in fees} for key, refs in after.items() if key in before} == {
        key: refs - {"L1"} for key, refs in before.items()
    }


def test_a_percentage_is_taken_off_every_schedule_an_amount_once():
    percent, amount = coupon("C1"), coupon("C2", amount=Decimal(5), duration="forever")
    desired = compiled(*wide(25), discounts=[percent, amount])
    assert [[d.ref for d in spec.phases[0].discounts] for spec in desired.schedules] == [["C1", "C2"], ["C1"]]


def test_a_credit_goes_on_a_schedule_that_goes_on():
    """All that is on the second schedule is taken away in mid-month: it ends, the first invoices what is owed back."""
    gone = [change(f"A{n}", f"L{n}", -10, MID_MARCH, 950) for n in range(21, 26)]
    desired = compiled(*wide(25), amendment("A1", MID_MARCH, *gone))
    one, two = desired.schedules
    assert (one.end, two.end) == (END, MID_MARCH)
    credited = [(str(p.period.start), o.line.ref) for p in one.phases for o in p.one_offs if o.reason == "credit"]
    assert credited == [("2027-03-15", f"A{n}") for n in range(21, 26)]
    assert not any(phase.one_offs for phase in two.phases)


def test_a_linked_schedule_that_would_pause_is_refused():
    """The 21st product ends in June, and another that was sold with it begins in August: R1 is full all along."""
    first = wide(20)
    brief = line("L21", of="P21", end=JULY, interval=1)
    joined = line("L22", of="P22", start=JULY, interval=1)
    amended = amendment("A1", MARCH, change("A01", "L22", -1, JULY, 1200), change("A02", "L22", 1, day(2027, 8), 1000))
    found = compile_contract(contract(*first, brief, joined, amended))
    (gap,) = [issue.message for issue in found.issues if issue.code == "COVERAGE_GAP"]
    assert gap.startswith(
        "Product P22: begins on 2027-08-01, but all beside it on linked schedule 2 ends on 2027-07-01"
    )


def test_the_order_in_which_the_crm_lists_lines_does_not_matter():
    lines = wide(45)
    assert holders(compiled(*lines)) == holders(compiled(*reversed(lines)))
