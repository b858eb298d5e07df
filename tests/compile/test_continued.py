"""A schedule that ended while its contract goes on is cut on that day, and nothing else about it changes."""

from connector.compile.contract import compile_contract
from tests.builders import amendment, contract, day, line

JULY, END, NEXT = day(2027, 7), day(2028), day(2029)


def sold():
    """A seat joins in July; an order makes it five more and eight fewer, and another year is sold of the first line."""
    base = line("L1", quantity=1, price=1200, end=END)
    seats = line("L2", quantity=10, price=600, start=JULY, end=END)
    more = line("L3", quantity=5, price=600, start=JULY, end=END, revises="L2")
    less = line("L4", quantity=-8, price=600, start=JULY, end=END, revises="L2")
    again = line("L5", quantity=1, price=1200, start=END, end=NEXT)
    return contract(
        base, seats, amendment("A1", JULY, more, less), amendment("A2", END, again), policies={"proration": "none"}
    )


def specs(goes_on):
    desired = compile_contract(sold(), None, day(2026, 12), goes_on=goes_on).desired
    assert desired is not None
    return desired.schedules


def ways(goes_on):
    return [
        (spec.key, one.line.ref, one.quantity, one.way)
        for spec in specs(goes_on)
        for phase in spec.phases
        for one in phase.one_offs
    ]


def test_what_never_began_is_told_apart_once():
    whole = ways({})
    assert [(ref, units, way) for _, ref, units, way in whole if ref == "L4"] == [
        ("L4", 3, "invoice"),
        ("L4", 5, "waived"),
    ]
    cut = ways({"R1": (END,)})
    assert [(ref, units) for _, ref, units, _ in cut] == [(ref, units) for _, ref, units, _ in whole]


def test_the_rest_has_a_key_that_names_the_day():
    assert [(spec.key, spec.start, spec.end) for spec in specs({"R1": (END,)})] == [
        ("R1", day(2027), END),
        (f"R1:from:{END}", END, NEXT),
    ]
