import random
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from connector.domain.contract import Contract
from connector.domain.issues import IssueCode
from connector.domain.period import add_months
from connector.domain.timeline import line_end, revision_on, timeline
from tests.builders import END, START, amendment, contract, day, evergreen, line, once, ramp, seeded

MARCH, JUNE, SEPTEMBER = day(2027, 3), day(2027, 6), day(2027, 9)


def told(made: Contract) -> list[tuple[str, str, dict[str, int]]]:
    """Tell a timeline shortly: months from January 2027, revision, what is in force."""
    slices, issues = timeline(made)
    assert issues == ()
    return [
        (
            f"{piece.period.start:%y-%m}..{'open' if piece.period.open else f'{piece.period.end:%y-%m}'}",
            piece.revision.ref,
            {entry.line.ref: int(entry.quantity) for entry in piece.in_force},
        )
        for piece in slices
    ]


def change(ref, on, quantity, *, revises="L1", **fields):
    return line(ref, quantity=quantity, revises=revises, **{"start": on, **fields})


FIFTY = line(quantity=50)
UPSELL = amendment("A1", MARCH, change("L2", MARCH, 20))


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([FIFTY], [("27-01..28-01", "R1", {"L1": 50})]),
        ([FIFTY, UPSELL], [("27-01..27-03", "R1", {"L1": 50}), ("27-03..28-01", "A1", {"L1": 50, "L2": 20})]),
        (
            [FIFTY, UPSELL, amendment("A2", JUNE, change("L3", JUNE, -30))],
            [
                ("27-01..27-03", "R1", {"L1": 50}),
                ("27-03..27-06", "A1", {"L1": 50, "L2": 20}),
                ("27-06..28-01", "A2", {"L1": 40}),
            ],
        ),
        (
            [FIFTY, UPSELL, amendment("A2", JUNE, change("L3", JUNE, -5))],
            [
                ("27-01..27-03", "R1", {"L1": 50}),
                ("27-03..27-06", "A1", {"L1": 50, "L2": 20}),
                ("27-06..28-01", "A2", {"L1": 50, "L2": 15}),
            ],
        ),
        (
            [FIFTY, UPSELL, amendment("A2", JUNE, change("L3", JUNE, -70))],
            [("27-01..27-03", "R1", {"L1": 50}), ("27-03..27-06", "A1", {"L1": 50, "L2": 20})],
        ),
        (
            [FIFTY, amendment("A1", MARCH, change("L2", MARCH, 10)), amendment("A2", JUNE, change("L3", JUNE, 5))],
            [
                ("27-01..27-03", "R1", {"L1": 50}),
                ("27-03..27-06", "A1", {"L1": 50, "L2": 10}),
                ("27-06..28-01", "A2", {"L1": 50, "L2": 10, "L3": 5}),
            ],
        ),
        (
            [FIFTY, amendment("A1", MARCH, change("L2", MARCH, -10)), amendment("A2", JUNE, change("L3", JUNE, 5))],
            [
                ("27-01..27-03", "R1", {"L1": 50}),
                ("27-03..27-06", "A1", {"L1": 40}),
                ("27-06..28-01", "A2", {"L1": 40, "L3": 5}),
            ],
        ),
        (
            [FIFTY, amendment("A1", MARCH, change("L2", MARCH, 10)),
             amendment("A2", JUNE, change("L3", JUNE, -10, revises="L2", end=SEPTEMBER))],
            [
                ("27-01..27-03", "R1", {"L1": 50}),
                ("27-03..27-06", "A1", {"L1": 50, "L2": 10}),
                ("27-06..27-09", "A2", {"L1": 50}),
                ("27-09..28-01", "A2", {"L1": 50, "L2": 10}),
            ],
        ),
        (
            [*ramp((START, JUNE, 10, 50), (JUNE, END, 20, 70)), line("L9", of="P2")],
            [("27-01..27-06", "R1", {"S1": 10, "L9": 1}), ("27-06..28-01", "R1", {"S2": 20, "L9": 1})],
        ),
        (
            [FIFTY, once(on=MARCH), once("O2", on=END), once("O3", on=day(2026, 6))],
            [("27-01..27-03", "R1", {"L1": 50}), ("27-03..28-01", "R1", {"L1": 50})],
        ),
        ([once()], []),
        ([line(quantity=0)], [("27-01..28-01", "R1", {"L1": 0})]),
        (
            [line(end=MARCH), line("L2", start=JUNE)],
            [("27-01..27-03", "R1", {"L1": 1}), ("27-06..28-01", "R1", {"L2": 1})],
        ),
    ],
    ids=["flat", "upsell", "downsell takes the newest first", "part of the newest", "termination", "stacked",
         "an increase after a reduction",
         "a reduction that ends", "ramp beside a standard line", "one-time lines cut", "one-time only", "nothing sold",
         "gap"],
)  # fmt: skip
def test_timelines(parts, expected):
    assert told(contract(*parts)) == expected


def test_a_reduction_of_an_unknown_line_is_an_issue_with_its_place():
    made = contract(FIFTY, amendment("A1", MARCH, change("L2", MARCH, -3, revises="elsewhere")))
    codes = {issue.code: issue for issue in timeline(made)[1]}
    unknown = codes[IssueCode.REVISED_LINE_UNKNOWN]
    assert (unknown.record, unknown.field, unknown.blocks) == ("L2", "revises__c", True)
    assert "takes away 3" in unknown.message


def test_an_addition_to_an_unknown_line_stands_alone():
    made = contract(FIFTY, amendment("A1", MARCH, change("L2", MARCH, 3, revises="elsewhere")))
    assert told(made)[1] == ("27-03..28-01", "A1", {"L1": 50, "L2": 3})


def test_taking_away_too_much_is_told_per_day():
    made = contract(FIFTY, amendment("A1", MARCH, change("L2", MARCH, -51)))
    _, issues = timeline(made)
    assert [(issue.code, issue.blocks) for issue in issues] == [(IssueCode.QUANTITY_REDUCED, True)]
    assert issues[0].message == "Product P1: 1 more are taken away than were sold as of 2027-03-01"


def test_lines_that_revise_each_other_end_the_search():
    made = contract(line(revises="L2"), amendment("A1", MARCH, change("L2", MARCH, 1)))
    assert told(made)[1] == ("27-03..28-01", "A1", {"L1": 1, "L2": 1})


def test_a_line_without_an_end_ends_with_the_contract():
    made = contract(line(end=None), line("L2", end=day(2028, 6)))
    assert told(made) == [("27-01..28-01", "R1", {"L1": 1, "L2": 1}), ("28-01..28-06", "R1", {"L2": 1})]


TEN = evergreen(quantity=10)


def less(ref, on, quantity, **fields):
    return evergreen(ref, quantity=-quantity, start=on, revises="L1", **fields)


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([TEN], [("27-01..open", "R1", {"L1": 10})]),
        (
            [TEN, amendment("A1", MARCH, evergreen("L2", start=MARCH, quantity=5, of="P2"))],
            [("27-01..27-03", "R1", {"L1": 10}), ("27-03..open", "A1", {"L1": 10, "L2": 5})],
        ),
        (
            [TEN, amendment("A1", MARCH, evergreen("L2", start=MARCH, quantity=5, revises="L1")),
             amendment("A2", JUNE, less("L3", JUNE, 7))],
            [
                ("27-01..27-03", "R1", {"L1": 10}),
                ("27-03..27-06", "A1", {"L1": 10, "L2": 5}),
                ("27-06..open", "A2", {"L1": 8}),
            ],
        ),
        (
            [TEN, amendment("A1", MARCH, less("L2", MARCH, 10))],
            [("27-01..27-03", "R1", {"L1": 10})],
        ),
        ([TEN, amendment("A1", START, less("L2", START, 10))], []),
        (
            [TEN, line("L2", of="P2", end=JUNE)],
            [("27-01..27-06", "R1", {"L1": 10, "L2": 1}), ("27-06..open", "R1", {"L1": 10})],
        ),
        (
            [TEN, amendment("A1", MARCH, less("L2", MARCH, 4, end=JUNE))],
            [("27-01..27-03", "R1", {"L1": 10}), ("27-03..27-06", "A1", {"L1": 6}), ("27-06..open", "A1", {"L1": 10})],
        ),
    ],
    ids=["flat", "add-on", "part of it ends, newest first", "all ends", "all ends on the first day",
         "beside a line with an end", "fewer for a while"],
)  # fmt: skip
def test_what_has_no_end_is_open_until_it_is_taken_away(parts, expected):
    assert told(contract(*parts, end=None)) == expected


def test_an_open_line_cannot_lose_more_than_there_is():
    _, issues = timeline(contract(TEN, amendment("A1", MARCH, less("L2", MARCH, 11)), end=None))
    assert [(issue.code, issue.blocks) for issue in issues] == [(IssueCode.QUANTITY_REDUCED, True)]


@pytest.mark.parametrize(
    ("on", "ref"), [(day(2026), "R1"), (START, "R1"), (MARCH, "A1"), (day(2027, 5), "A1"), (JUNE, "A2")]
)
def test_the_newest_revision_in_effect_counts(on, ref):
    made = contract(FIFTY, UPSELL, amendment("A2", JUNE, change("L3", JUNE, 1)))
    assert revision_on(made, on).ref == ref


def test_a_change_of_one_segment_leaves_the_later_ones_as_they_were():
    made = contract(
        *ramp((START, END, 1, 1200), (END, day(2029), 1, 1200), (day(2029), day(2030), 1, 1200)),
        amendment("A1", END, line("L9", start=END, end=day(2029), revises="S2")),
        end=day(2030),
    )
    assert [(piece.period.start.year, piece.revision.ref) for piece in timeline(made)[0]] == [
        (2027, "R1"),
        (2028, "A1"),
        (2029, "R1"),
    ]


def test_a_one_time_line_of_an_amendment_shapes_what_follows():
    made = contract(FIFTY, amendment("A1", MARCH, once("O1", on=MARCH)))
    assert [(piece.period.start, piece.revision.ref) for piece in timeline(made)[0]] == [(START, "R1"), (MARCH, "A1")]


def random_contract(chance: random.Random) -> Contract:
    """Return three products, sold and changed by up to four amendments, never below nothing."""
    roots = [line(f"L{n}", quantity=chance.randint(1, 50), of=f"P{n}") for n in range(3)]
    held = {root.ref: root.quantity for root in roots}
    later = []
    for number in range(chance.randint(0, 4)):
        on, changed = add_months(START, number * 2 + 2), []
        for root in chance.sample(roots, chance.randint(1, 3)):
            delta = chance.randint(-int(held[root.ref]), 30)
            held[root.ref] += delta
            changed.append(change(f"{root.ref}.{number}", on, delta, revises=root.ref, of=root.product))
        later.append(amendment(f"A{number}", on, *changed))
    return contract(*roots, *later)


def by_day(made: Contract) -> dict[date, dict[str, Decimal]]:
    slices, _ = timeline(made)
    return {piece.period.start: {e.line.ref: e.quantity for e in piece.in_force} for piece in slices}


def test_what_is_in_force_is_the_sum_of_the_changes():
    chance = seeded(11)
    for _ in range(200):
        made = random_contract(chance)
        slices, issues = timeline(made)
        assert issues == ()
        for piece in slices:
            signed = [item for item in made.lines if item.start <= piece.period.start < line_end(item, made)]
            assert sum(entry.quantity for entry in piece.in_force) == sum(item.quantity for item in signed)
            assert all(entry.quantity >= 0 for entry in piece.in_force)


def test_the_order_of_lines_within_a_revision_never_matters():
    chance = seeded(12)
    for _ in range(200):
        made = random_contract(chance)
        mixed = tuple(
            replace(revision, lines=tuple(chance.sample(revision.lines, len(revision.lines))))
            for revision in made.revisions
        )
        assert by_day(replace(made, revisions=mixed)) == by_day(made)
