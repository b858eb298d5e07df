"""Timelines as phases: ramps, stubs, changes inside a billing period, one-time lines."""

from decimal import Decimal

import pytest

from connector.domain.contract import Charge, Segment, TiersMode
from tests.builders import END, START, amendment, compiled, day, line, once, ramp, tiers, usage
from tests.compile.words import phases_of, spec_of

APRIL, JULY, OCTOBER = day(2027, 4), day(2027, 7), day(2027, 10)
MID_2028, END_2028 = day(2028, 7), day(2029)


def change(ref, on, quantity, price, **fields):
    return line(ref, quantity=quantity, price=price, **{"revises": "L1", "start": on, **fields})


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([line(quantity=5)], ["27-01-01: 5xL1@120000/year"]),
        (
            ramp((START, END, 10, 100), (END, END_2028, 20, 120)),
            ["27-01-01: 10xS1@10000/year", "28-01-01: 20xS2@12000/year"],
        ),
        (
            ramp((START, APRIL, 10, 30), (APRIL, JULY, 30, 30), interval=3),
            ["27-01-01: 10xS1@3000/3 months", "27-04-01: 30xS2@3000/3 months"],
        ),
        (
            ramp((START, day(2027, 2), 1, 10), (day(2027, 2), day(2027, 3), 2, 10), interval=1),
            ["27-01-01: 1xS1@1000/month", "27-02-01: 2xS2@1000/month"],
        ),
        (
            ramp((START, APRIL, 1, 30), (APRIL, END, 2, 90), interval=3),
            ["27-01-01: 1xS1@3000/3 months", "27-04-01: 2xS2@3000/3 months"],
        ),
        (
            [*ramp((START, JULY, 1, 60), (JULY, END, 2, 60), interval=3),
             *ramp((START, APRIL, 7, 9), (APRIL, END, 8, 27), ref="T", of="P2", interval=3)],
            ["27-01-01: 1xS1@3000/3 months, 7xT1@900/3 months", "27-04-01: 1xS1@3000/3 months, 8xT2@900/3 months",
             "27-07-01: 2xS2@3000/3 months, 8xT2@900/3 months"],
        ),
        (
            [*ramp((START, END, 1, 100), (END, END_2028, 2, 100)), line("L9", price=600, of="P2", end=END_2028)],
            ["27-01-01: 1xS1@10000/year, 1xL9@30000/year", "28-01-01: 2xS2@10000/year, 1xL9@30000/year"],
        ),
        (
            [line(), once(quantity=2, price=30), once("O2", on=JULY, price=-5)],
            ["27-01-01: 1xL1@120000/year, one_time 2xO1@3000", "27-07-01: 1xL1@120000/year, credit 1xO2@-500"],
        ),
        (
            [line(), once(on=day(2026, 12), quantity=-1, price=30), once("O2", on=day(2029))],
            ["27-01-01: 1xL1@120000/year, credit 1xO1@-3000", "27-12-31: 1xL1@120000/year, one_time 1xO2@120000"],
        ),
        ([line(price=180, end=MID_2028)], ["27-01-01: 1xL1@12000/year", "28-01-01: anew, 1xL1@6000/6 months"]),
        ([line(price=90, end=OCTOBER)], ["27-01-01: 1xL1@9000/9 months"]),
        (
            [line(price="380.00", end=day(2028, 1, 21))],
            ["27-01-01: 1xL1@36025.974025974026/year", "28-01-01: anew, 1xL1@1974/20 days"],
        ),
        (
            [line(price=180, end=MID_2028), usage(interval=12, end=MID_2028)],
            ["27-01-01: 1xL1@12000/year, U1 used/year", "28-01-01: anew, 1xL1@6000/6 months, U1 used/6 months"],
        ),
        (
            [line(price=180, quantity=4, end=MID_2028), line("L2", price=240, of="P2", end=END_2028)],
            ["27-01-01: 4xL1@12000/year, 1xL2@12000/year", "28-01-01: 1xL2@12000/year, stub 4xL1@6000"],
        ),
        (
            [line(price=180, end=MID_2028), line("L2", price=150, of="P2", end=day(2028, 4))],
            ["27-01-01: 1xL1@12000/year, 1xL2@12000/year", "28-01-01: anew, 1xL1@6000/6 months, stub 1xL2@3000"],
        ),
        (
            [line(), line("L2", price=100, of="P2", start=day(2027, 3))],
            ["27-01-01: 1xL1@120000/year", "27-03-01: 1xL1@120000/year, 1xL2@12000/year, stub 1xL2@10000"],
        ),
        (
            ramp((START, JULY, 10, 50), (JULY, END_2028, 20, 180)),
            ["27-01-01: 10xS1@5000/year", "27-07-01: 20xS2@12000/year, stub 20xS2@6000"],
        ),
        (
            [line(price=80, end=day(2028, 9)), line("L2", of="P2", price=80, start=day(2028, 5), end=END_2028)],
            ["27-01-01: 1xL1@4800/year", "28-01-01: 1xL1@3200/year",
             "28-05-01: 1xL1@3200/year, 1xL2@12000/year, stub 1xL2@8000", "28-09-01: 1xL2@12000/year"],
        ),
        ([line(price=0, quantity=3)], ["27-01-01: 3xL1@0/year"]),
    ],
    ids=["flat", "years", "quarters", "months", "uneven", "two ramps", "standard across a ramp", "one-time lines",
         "one-time before and after", "last stub", "all stub", "stub of days", "usage goes with the stub",
         "stub beside whole periods", "two stubs", "joining",
         "a first segment shorter than a period", "a stub that something outlives", "free"],
)  # fmt: skip
def test_first_orders(lines, expected):
    assert phases_of(compiled(*lines)) == expected


FIFTY = line(quantity=50, price=180, end=MID_2028)
TWO_YEARS = line(quantity=50, price=240, end=END_2028)


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (
            [line(quantity=50, price=120), amendment("A1", APRIL, change("L2", APRIL, 20, 90))],
            ["27-01-01: 50xL1@12000/year", "27-04-01: 50xL1@12000/year, 20xL2@12000/year, proration 20xL2@9000"],
        ),
        (
            [line(quantity=50, price=120), amendment("A1", APRIL, change("L2", APRIL, -20, 90))],
            ["27-01-01: 50xL1@12000/year", "27-04-01: 30xL1@12000/year, credit 20xL2@-9000"],
        ),
        (
            [TWO_YEARS, amendment("A1", END, change("L2", END, -20, 120, end=END_2028))],
            ["27-01-01: 50xL1@12000/year", "28-01-01: 30xL1@12000/year"],
        ),
        (
            [TWO_YEARS, amendment("A1", END, change("L2", END, 5, 120, end=END_2028))],
            ["27-01-01: 50xL1@12000/year", "28-01-01: 50xL1@12000/year, 5xL2@12000/year"],
        ),
        (
            [FIFTY, amendment("A1", JULY, change("L2", JULY, 20, 120, end=MID_2028))],
            ["27-01-01: 50xL1@12000/year", "27-07-01: 50xL1@12000/year, 20xL2@12000/year, proration 20xL2@6000",
             "28-01-01: anew, 50xL1@6000/6 months, 20xL2@6000/6 months"],
        ),
        (
            [FIFTY, amendment("A1", JULY, change("L2", JULY, -20, 120, end=MID_2028))],
            ["27-01-01: 50xL1@12000/year", "27-07-01: 30xL1@12000/year, credit 20xL2@-6000",
             "28-01-01: anew, 30xL1@6000/6 months"],
        ),
        (
            [FIFTY, amendment("A1", day(2028, 4), change("L2", day(2028, 4), 20, 30, end=MID_2028))],
            ["27-01-01: 50xL1@12000/year", "28-01-01: anew, 50xL1@6000/6 months",
             "28-04-01: 50xL1@6000/6 months, 20xL2@6000/6 months, proration 20xL2@3000"],
        ),
        (
            [FIFTY, amendment("A1", day(2028, 4), change("L2", day(2028, 4), -20, 30, end=MID_2028))],
            ["27-01-01: 50xL1@12000/year", "28-01-01: anew, 50xL1@6000/6 months",
             "28-04-01: 30xL1@6000/6 months, credit 20xL2@-3000"],
        ),
        (
            [FIFTY, line("L5", price=240, of="P2", end=END_2028),
             amendment("A1", END, change("L2", END, -20, 60, end=MID_2028))],
            ["27-01-01: 50xL1@12000/year, 1xL5@12000/year", "28-01-01: 1xL5@12000/year, stub 30xL1@6000"],
        ),
        (
            [line(quantity=3, price=100), amendment("A1", APRIL, change("L2", APRIL, 3, "33.335"))],
            ["27-01-01: 3xL1@10000/year",
             "27-04-01: 3xL1@10000/year, 3xL2@4444.666666666667/year, proration 3xL2@3333.666666666667"],
        ),
        (
            [line(price=1200, interval=1), usage(),
             amendment("A1", JULY, usage("U2", start=JULY, quantity=-1, revises="U1"))],
            ["27-01-01: 1xL1@10000/month, U1 used/month", "27-07-01: 1xL1@10000/month"],
        ),
        (
            [TWO_YEARS, amendment("A1", END, change("L2", END, -50, 120, end=END_2028))],
            ["27-01-01: 50xL1@12000/year"],
        ),
    ],
    ids=["increase in mid-period", "decrease in mid-period", "decrease on a boundary", "increase on a boundary",
         "increase across a stub", "decrease across a stub", "increase in a stub", "decrease in a stub",
         "decrease of a stub beside whole periods", "a part that units share in fractions", "usage ends",
         "end on a boundary"],
)  # fmt: skip
def test_amendments(parts, expected):
    assert phases_of(compiled(*parts, end=END_2028)) == expected


def test_first_stubs_bill_at_once_and_start_the_cycle_anew():
    upsell = amendment("A1", APRIL, change("L2", APRIL, 20, 150, end=MID_2028))
    assert phases_of(compiled(FIFTY, upsell, policies={"stub": "first"})) == [
        "27-01-01: 50xL1@6000/6 months",
        "27-04-01: 50xL1@6000/6 months, 20xL2@6000/6 months, proration 20xL2@3000",
        "27-07-01: anew, 50xL1@12000/year, 20xL2@12000/year",
    ]


def test_frequencies_are_linked_schedules_and_one_time_lines_go_with_the_ramp():
    desired = compiled(
        line("L1", interval=1, of="P2"), once(), *ramp((START, JULY, 1, 60), (JULY, END, 2, 60), interval=6)
    )
    assert [schedule.key for schedule in desired.schedules] == ["R1:6m", "R1:1m"]
    assert phases_of(desired) == ["27-01-01: 1xS1@6000/6 months, one_time 1xO1@120000", "27-07-01: 2xS2@6000/6 months"]
    assert phases_of(desired, 1) == ["27-01-01: 1xL1@10000/month"]


@pytest.mark.parametrize(("interval", "added"), [(1, 12), (12, 1)])
@pytest.mark.parametrize("joins", [START, APRIL])
def test_a_frequency_that_an_amendment_brings_leaves_the_running_schedule_its_key(interval, added, joins):
    other = amendment("A1", joins, line("L2", of="P2", start=joins, interval=added))
    desired = compiled(line("L1", interval=interval), once(), other)
    assert [schedule.key for schedule in desired.schedules] == ["R1", f"R1:{added}m"]
    assert [one.line.ref for one in desired.schedules[0].phases[0].one_offs] == ["O1"]


TIERS = {"volume": TiersMode.VOLUME, "graduated": TiersMode.GRADUATED}


@pytest.mark.parametrize(
    ("mode", "share", "joining"), [("volume", ["2.5", "0.5", "2"], 10000), ("graduated", ["2.5", "0.5", "2"], 10550)]
)
def test_tiers_are_scaled_for_a_stub_and_rated_for_a_part(mode, share, joining):
    rates = tiers((10, "5", "1"), (None, "4", None), mode=TIERS[mode])
    stub = compiled(line(quantity=50, price=0, end=MID_2028, **rates))
    tier, last = spec_of(stub).phases[1].items[0].terms.tiers
    assert [tier.unit_amount, tier.flat_amount, last.unit_amount] == [Decimal(text) * 100 for text in share]
    part = compiled(line(price=1, of="P2"), line("L2", quantity=50, price=0, start=JULY, **rates))
    (one_off,) = spec_of(part).phases[1].one_offs
    assert one_off.quantity * one_off.unit_amount == joining


def test_rounding_is_settled_by_a_correction_where_the_policy_says_so():
    adjusted = compiled(line(price=1000, interval=1), policies={"rounding": "adjust"})
    assert phases_of(adjusted) == ["27-01-01: 1xL1@8333.333333333333/month, correction 1xL1@4"]
    exact = compiled(line(interval=1), line("L2", price=1000, of="P2", interval=1, period_price=Decimal("83.33")),
                     policies={"rounding": "adjust"})  # fmt: skip
    assert spec_of(exact).phases[0].one_offs == ()


def test_a_change_of_the_contract_is_a_phase_even_when_its_items_are_the_same():
    change_of_nothing = amendment("A1", JULY, once("O2", on=JULY, price=0))
    phases = spec_of(compiled(line(), change_of_nothing)).phases
    assert [(phase.revision, phase.bills_from_start) for phase in phases] == [("R1", True), ("A1", False)]


def test_the_past_is_not_billed_where_the_policy_says_so():
    phases = spec_of(compiled(line(), policies={"backdated_start": "skip"})).phases
    assert [phase.bills_from_start for phase in phases] == [False]


@pytest.mark.parametrize(
    ("segments", "expected"),
    [
        ([("K1", 1, "Year 1", END)], (1, "Year 1")),
        ([("K1", 1, "Year 1", JULY), ("K2", 4, "Phase A", END)], (4, "Phase A / Year 1")),
        ([("K1", 2, "Year 2", END), ("K2", 1, "Year 2", END)], (2, "Year 2")),
        ([("K1", None, "Pilot", END)], (None, "Pilot")),
        ([("K1", 3, None, END)], (3, None)),
        ([], (None, None)),
    ],
)
def test_a_phase_is_called_after_its_longest_segment(segments, expected):
    made = [line(f"S{n}", of=f"P{n}", end=end, segment=Segment(*named)) for n, (*named, end) in enumerate(segments)]
    first = spec_of(compiled(line("L9"), *made)).phases[0]
    assert (first.segment_index, first.segment_label) == expected


def test_amended_segments_keep_the_name_of_the_first_order():
    added = line("L2", price=120, start=END, end=END_2028, revises="S2", segment=Segment("key S", 1, "Year  2"))
    sold = ramp((START, END, 10, 100), (END, END_2028, 20, 120))
    phases = spec_of(compiled(*sold, amendment("A1", END, added), end=END_2028)).phases
    assert [(phase.segment_index, phase.segment_label) for phase in phases] == [(1, "Year 1"), (2, "Year 2")]


def test_one_time_lines_alone_are_an_invoice():
    desired = compiled(once(quantity=2, price=30), once("O2", price=-5), once("O3", price=5, quantity=-1, end=APRIL))
    assert desired.schedules == ()
    (invoice,) = desired.invoices
    assert [(one.reason, one.quantity, int(one.unit_amount)) for one in invoice.lines] == [
        ("one_time", 2, 3000),
        ("credit", 1, -500),
        ("credit", 1, -500),
    ]
    assert [str(one.period) for one in invoice.lines] == ["None", "None", "2027-01-01..2027-04-01"]
    assert all(one.line.charge is Charge.ONE_TIME for one in invoice.lines)
