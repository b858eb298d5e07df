"""A contract told in sentences."""

from textwrap import dedent

from connector.compile.contract import compile_contract
from connector.plan.story import story
from tests.builders import amendment, contract, day, evergreen, line, once, ramp, usage

JANUARY, MARCH, JULY, OCTOBER, END = day(2027), day(2027, 3, 12), day(2027, 7), day(2027, 10), day(2028)


def told(made, today=MARCH) -> str:
    desired = compile_contract(made).desired
    assert desired is not None
    return "\n".join(story(made, desired, today)) + "\n"


def changed(ref, on, quantity, price, **fields):
    return line(ref, quantity=quantity, price=price, start=on, revises="L1", interval=3, **fields)


def test_three_amendments():
    """The last of them takes everything away."""
    made = contract(
        line("L1", quantity=10, interval=3),
        once("O1", price=450),
        amendment("A1", JULY, changed("C1", JULY, 5, 600)),
        amendment("A2", day(2027, 9), changed("C2", day(2027, 9), -3, 400)),
        amendment("A3", OCTOBER, changed("C3", OCTOBER, -12, 300)),
    )
    assert told(made, day(2027, 8)) == dedent("""\
        2027-01-01  first order R1  12,450.00 USD
                    from 2027-01-01 until 2028-01-01: 10 x Product P1
                    once, on 2027-01-01: 1 x Product P9, 450.00 USD
        2027-07-01  amendment A1  +3,000.00 USD
                    from 2027-07-01 until 2028-01-01: 5 more Product P1, 10 -> 15
        2027-09-01  amendment A2  -1,200.00 USD
                    from 2027-09-01 until 2028-01-01: 3 fewer Product P1, 15 -> 12
                      once: 3 x Product P1 from 2027-09-01, 30 of 92 days of this period, settled on its own day: -300.00 USD
        2027-10-01  amendment A3  -3,600.00 USD
                    from 2027-10-01: Product P1 ends (12 until then)
                    nothing is left from 2027-10-01 on: the contract ends
        2027-08-01  today
                    in force: 15 x Product P1; the next change is on 2027-09-01
        """)  # noqa: E501 -- as long as it is told


def test_segments_usage_and_what_has_no_end():
    ramped = contract(*ramp((JANUARY, END, 10, 100), (END, day(2029), 20, 120)), usage(end=day(2029)), end=day(2029))
    assert told(ramped) == dedent("""\
        2027-01-01  first order R1  3,400.00 USD
                    from 2027-01-01 until 2028-01-01 (Year 1): 10 x Product P1
                    from 2027-01-01: Product P5, by what is used
                    from 2028-01-01 until 2029-01-01 (Year 2): 20 x Product P1
        2027-03-12  today
                    in force: 10 x Product P1, 1 x Product P5; the next change is on 2028-01-01
        """)
    assert told(contract(evergreen(quantity=2), end=None), day(2026, 12)) == dedent("""\
        2027-01-01  first order R1  240.00 USD
                    from 2027-01-01, without an end: 2 x Product P1
        2026-12-01  today
                    nothing is in force yet; it begins on 2027-01-01
        """)
