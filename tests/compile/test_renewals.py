"""Renewals: continued on the same schedule, handed over with a link, or by themselves at the same price."""

from decimal import Decimal
from typing import Any

import pytest

from connector.compile.contract import compile_contract
from connector.domain.contract import Contract, Revision, RevisionKind
from connector.domain.issues import IssueCode
from connector.plan.projection import project
from connector.plan.tieout import tie_out
from tests.builders import END, START, amendment, compiled, contract, coupon, day, line, ramp, seeded
from tests.compile.words import phases_of, spec_of

MARCH, JULY, LATER = day(2027, 3), day(2027, 7), day(2029)
MONTHLY: dict[str, Any] = {"interval": 1, "price": 1200}


def renewal(ref: str, *lines, effective=END) -> Revision:
    return Revision(ref, RevisionKind.RENEWAL, effective, lines)


def again(ref="L9", **fields):
    return line(ref, **{"start": END, "end": LATER, "revises": "L1", **fields})


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (
            [line(quantity=5, **MONTHLY), renewal("N1", again(quantity=5, **MONTHLY))],
            ["27-01-01: 5xL1@10000/month", "28-01-01: 5xL9@10000/month"],
        ),
        (
            [line(quantity=5), renewal("N1", again(quantity=8, price=1260))],
            ["27-01-01: 5xL1@120000/year", "28-01-01: 8xL9@126000/year"],
        ),
        (
            [line(quantity=5), renewal("N1", again(quantity=5)),
             amendment("A1", day(2028, 7), line("L10", quantity=2, price=600, start=day(2028, 7), end=LATER,
                                                revises="L9"))],
            ["27-01-01: 5xL1@120000/year", "28-01-01: 5xL9@120000/year",
             "28-07-01: 5xL9@120000/year, 2xL10@120000/year, proration 2xL10@60000"],
        ),
        (
            [line(quantity=5, price=1800, end=day(2028, 7)),
             renewal("N1", again(quantity=5, start=day(2028, 7), end=day(2030), price=1800), effective=day(2028, 7))],
            ["27-01-01: 5xL1@120000/year", "28-01-01: anew, 5xL1@60000/6 months",
             "28-07-01: anew, 5xL9@120000/year", "29-07-01: anew, 5xL9@60000/6 months"],
        ),
        (
            [*ramp((START, JULY, 10, 600), (JULY, END, 20, 600), interval=1),
             renewal("N1", again(quantity=20, revises="S2", **MONTHLY))],
            ["27-01-01: 10xS1@10000/month", "27-07-01: 20xS2@10000/month", "28-01-01: 20xL9@10000/month"],
        ),
    ],
    ids=["same again", "more at another price", "with an amendment of its own", "after a stub", "after a ramp"],
)  # fmt: skip
def test_a_renewal_continues_the_schedule(parts, expected):
    desired = compiled(*parts, end=LATER)
    told = phases_of(desired)
    assert [phase.split(": ")[0] for phase in told] == [phase.split(": ")[0] for phase in expected]
    assert told == expected
    assert spec_of(desired).phases[-1].period.start >= END


def test_the_billing_dates_of_a_renewal_are_counted_from_a_stub_that_ended():
    """Where the term ended on a billing date they go on as they were."""
    after_stub = renewal("N1", again(start=day(2028, 7), end=day(2030), price=1800), effective=day(2028, 7))
    stubs = compiled(line(price=1800, end=day(2028, 7)), after_stub, end=LATER)
    assert [phase.restarts_cycle for phase in spec_of(stubs).phases] == [False, True, True, True]
    whole = compiled(line(), renewal("N1", again()), end=LATER)
    assert [phase.restarts_cycle for phase in spec_of(whole).phases] == [False, False]


def test_phases_name_the_renewal():
    spec = spec_of(compiled(line(), renewal("N1", again()), end=LATER))
    assert [phase.revision for phase in spec.phases] == ["R1", "N1"]


def test_a_renewal_that_begins_too_early_would_bill_twice():
    early = renewal("N1", again(start=JULY, end=LATER, price=1800), effective=JULY)
    issues = compile_contract(contract(line(), early, end=LATER)).issues
    assert [(issue.code, issue.blocks, issue.record) for issue in issues] == [(IssueCode.RENEWAL, True, "N1")]
    assert "begins on 2027-07-01, before what it renews ends on 2028-01-01" in issues[0].message
    ended = amendment("A1", JULY, line("L2", quantity=-1, price=600, start=JULY, revises="L1"))
    assert compile_contract(contract(line(end=END), ended, early, end=LATER)).issues == ()


def test_a_renewal_that_begins_too_late_leaves_a_gap():
    late = renewal("N1", again(start=day(2028, 2)), effective=day(2028, 2))
    issues = compile_contract(contract(line(end=END), late, end=LATER)).issues
    assert [issue.code for issue in issues] == [IssueCode.COVERAGE_GAP]


def metadata_of(made: Contract):
    desired = compile_contract(made).desired
    assert desired is not None
    return next(desired.of("subscription_schedule")).params["metadata"]


def test_what_is_handed_over_is_linked_both_ways():
    assert metadata_of(contract(line(), renewed_by="R2")) == {
        "salesforce_order_id": "R1",
        "salesforce_renewed_by_order_id": "R2",
    }
    assert metadata_of(contract(line(), renews="R0"))["salesforce_renews_order_id"] == "R0"


SAME: dict[str, Any] = {"policies": {"auto_renew": "same_price"}}


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([line(quantity=5, **MONTHLY)], ["27-01-01: 5xL1@10000/month"]),
        ([line(quantity=5)], ["27-01-01: 5xL1@120000/year"]),
        (
            [line(quantity=5), amendment("A1", JULY, line("L2", quantity=-2, price=600, start=JULY, revises="L1"))],
            ["27-01-01: 5xL1@120000/year", "27-07-01: 3xL1@120000/year, credit 2xL2@-60000",
             "28-01-01: 3xL1@120000/year"],
        ),
        (
            [line(quantity=5, **MONTHLY), line("L2", of="P2", interval=1, price=600, end=JULY)],
            ["27-01-01: 5xL1@10000/month, 1xL2@10000/month", "27-07-01: 5xL1@10000/month"],
        ),
        (
            ramp((START, JULY, 10, 600), (JULY, END, 20, 600), interval=1),
            ["27-01-01: 10xS1@10000/month", "27-07-01: 20xS2@10000/month"],
        ),
    ],
    ids=["monthly", "yearly", "after a reduction", "without what ended before", "the last step of a ramp"],
)  # fmt: skip
def test_what_renews_itself_goes_on_at_the_same_price(parts, expected):
    desired = compiled(*parts, **SAME)
    spec = spec_of(desired)
    assert (spec.end_behavior, spec.open, spec.end) == ("release", True, day(2030))
    assert phases_of(desired) == expected
    assert desired.look_again == day(2029)


def test_the_first_term_is_billed_as_if_nothing_renewed():
    chance = seeded(31)
    for _ in range(60):
        quantity, price = chance.randint(1, 40), Decimal(chance.randint(1, 99_999)) / 100
        joins = day(2027, chance.randint(2, 12), chance.randint(1, 28))
        interval = chance.choice([1, 3, 12])
        joined = line("L2", quantity=3, price=price, start=joins, of="P2", interval=interval)
        parts: list[Any] = [line(quantity=quantity, price=price, interval=interval), amendment("A1", joins, joined)]
        plain, renewed = compiled(*parts), compiled(*parts, **SAME)
        assert _until_the_end(plain) == _until_the_end(renewed)


def _until_the_end(desired):
    """Return what is billed for the first term; what waits for an invoice may find one only after it."""
    bills = project(desired, day(2026, 12))
    charges = [(bill.day, c) for bill in bills for c in bill.charges]
    recurring = sorted((on, c.line, c.net) for on, c in charges if c.recurring and on < END)
    return recurring, sorted((c.line, c.net) for _, c in charges if not c.recurring)


def test_a_contract_that_was_renewed_or_ended_does_not_renew_itself():
    assert spec_of(compiled(line(), renewed_by="R2", **SAME)).end == END
    ended = compiled(
        line(), amendment("A1", MARCH, line("L2", quantity=-1, price=1000, start=MARCH, revises="L1")), **SAME
    )
    assert (spec_of(ended).end, spec_of(ended).end_behavior) == (MARCH, "cancel")
    continued = compiled(line(end=END), renewal("N1", again(quantity=2)), end=LATER, **SAME)
    assert phases_of(continued) == ["27-01-01: 1xL1@120000/year", "28-01-01: 2xL9@120000/year"]
    assert spec_of(continued).end == day(2031)


def test_a_short_last_period_is_not_renewed_and_people_are_told():
    made = contract(line(price=1800, end=day(2028, 7)), end=day(2028, 7), **SAME)
    result = compile_contract(made)
    assert [(issue.code, issue.blocks) for issue in result.issues] == [(IssueCode.RENEWAL, False)]
    assert result.desired is not None
    assert result.desired.schedules[0].end == day(2028, 7)


@pytest.mark.parametrize("discounts", [(), (coupon(),)])
def test_the_tie_out_counts_the_term_that_was_sold(discounts):
    made = contract(line(quantity=3, price=1000, interval=1), discounts=discounts, **SAME)
    desired = compile_contract(made).desired
    assert desired is not None
    horizons = [spec.told for spec in desired.schedules if spec.told]
    account = tie_out(made, project(desired, day(2026, 12)), horizons=horizons)
    each = 25000 if not discounts else 18750
    reasons = {found.reason: found.amount for found in account.explanations}
    assert reasons["auto_renew"] == -24 * each
    assert account.unexplained == 0
