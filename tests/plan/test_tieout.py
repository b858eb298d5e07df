"""Does the money add up? A difference has a reason that the contract gives, or it blocks."""

from decimal import Decimal
from random import Random
from typing import Any

import pytest

from connector.compile.contract import compile_contract
from connector.domain.contract import Contract, Line
from connector.domain.issues import IssueCode
from connector.domain.period import add_months
from connector.plan.existing import NOTHING
from connector.plan.plan import make_plan
from connector.plan.tieout import TieOut, tie_out
from tests.builders import START, amendment, contract, coupon, day, line, once, seeded, tiers, usage
from tests.plan.builders import planned

JULY = day(2027, 7)


def account_of(made: Contract, **fields) -> TieOut:
    account = planned(made, **fields).tie_out
    assert account is not None
    return account


@pytest.mark.parametrize(
    ("made", "difference", "reasons"),
    [
        (contract(line(quantity=7)), 0, []),
        (contract(line(quantity=3, price=180, end=day(2028, 7)), once(price=-5)), 0, []),
        (contract(line(price=1000, interval=1)), 4, [("rounding", 4)]),
        (contract(line(price="0.01", interval=1)), 1, [("rounding", 1)]),
        (contract(line(price=1000, interval=1), policies={"rounding": "adjust"}), 0, []),
        (contract(line(), usage(price=300)), 30000, [("usage", 30000)]),
        (contract(line(quantity=20, price=9, **tiers((None, "1", None)))), 16000, [("tiers", 16000)]),
        (contract(line(price=1200, period_price=Decimal(1100))), 10000, [("mapped_price", 10000)]),
        (contract(line(price=100, discounts=(coupon(),))), 2500, [("discount", 2500)]),
        (contract(line(price=1000, interval=1), discounts=[coupon()]), 25000, [("discount", 24996), ("rounding", 4)]),
    ],
    ids=["zero", "stub and credit", "rounding", "a cent a year", "rounding settled", "usage", "tiers", "mapped price",
         "coupon", "coupon and rounding"],
)  # fmt: skip
def test_differences_have_their_reasons(made, difference, reasons):
    account = account_of(made)
    assert account.difference == difference
    assert [(found.reason, found.amount) for found in account.explanations] == reasons
    assert account.unexplained == 0
    assert (account.explained is None) is (not reasons)
    assert not planned(made).blocked


def test_what_is_skipped_is_a_reason():
    made = contract(line(interval=1), policies={"backdated_start": "skip"})
    account = account_of(made, today=day(2027, 3, 15))
    assert [(found.reason, found.amount) for found in account.explanations] == [("skipped", 30000)]
    assert account.scheduled == 90000
    assert account.explained == "skipped 300.00 USD: before today, not billed by policy (backdated_start: skip)"


@pytest.mark.parametrize(
    ("made", "reasons", "scheduled"),
    [
        (contract(line(interval=1), billed_through=day(2027, 4)), [("elsewhere", 30000)], 90000),
        (contract(line(interval=1), once(price=70), billed_through=day(2027, 4)), [("elsewhere", 37000)], 90000),
        (contract(line(interval=1), once(on=day(2027, 4), price=70), billed_through=day(2027, 4)),
         [("elsewhere", 30000)], 97000),
        (contract(line(interval=1), billed_through=day(2026)), [], 120000),
        (contract(line(interval=1), discounts=[coupon()], billed_through=day(2027, 4)),
         [("elsewhere", 30000), ("discount", 22500)], 67500),
        (contract(line(price=1000, interval=1), billed_through=day(2027, 4)),
         [("elsewhere", 24999), ("rounding", 4)], 74997),
        (contract(once(price=10), once("O2", on=JULY, price=20), billed_through=JULY), [("elsewhere", 1000)], 2000),
    ],
)  # fmt: skip
def test_what_was_billed_elsewhere_is_a_reason(made, reasons, scheduled):
    account = account_of(made)
    assert [(found.reason, found.amount) for found in account.explanations] == reasons
    assert (account.unexplained, account.billed + account.scheduled) == (0, scheduled)
    assert not planned(made).blocked


def test_billed_elsewhere_and_skipped_are_told_apart():
    made = contract(line(interval=1, price=120), policies={"backdated_start": "skip"}, billed_through=day(2027, 3))
    plan = make_plan(made, compile_contract(made, day(2027, 5, 15)), NOTHING, day(2027, 5, 15))
    assert plan.tie_out is not None
    found = [(one.reason, one.amount, one.message) for one in plan.tie_out.explanations]
    assert found[0] == ("elsewhere", 2000, "elsewhere 20.00 USD: billed elsewhere until 2027-03-01")
    assert [one[:2] for one in found[1:]] == [("skipped", 3000)]


@pytest.mark.parametrize(
    "made",
    [
        contract(line(total=Decimal(1100))),
        contract(line(price=1200, interval=1, total=Decimal(1201))),
        contract(line(), once(total=Decimal(1))),
    ],
)
def test_a_difference_without_a_reason_blocks(made):
    plan = planned(made)
    (issue,) = plan.issues
    assert (issue.code, issue.blocks, issue.record) == (IssueCode.TIE_OUT, True, "R1")
    assert "has no reason" in issue.message
    assert plan.operations == ()
    assert plan.tie_out is not None
    assert plan.tie_out.explained is None


@pytest.mark.parametrize(
    ("today", "billed", "scheduled"),
    [(None, 0, 30000), (day(2026, 12, 31), 0, 30000), (day(2027, 2), 30000, 0)],
)
def test_what_is_billed_already_is_told_apart(today, billed, scheduled):
    made = contract(line(quantity=3, price=100), amendment("A1", JULY, _change("L2", JULY, -1, 50)))
    account = tie_out(made, planned(made).bills, today)
    assert (account.billed, account.scheduled, account.credited) == (billed, scheduled, 5000)
    assert account.difference == 0


def test_rounding_has_a_limit_of_half_a_minor_unit_a_bill():
    twelve = contract(line(price=1200, interval=1, total=Decimal("1200.06")))
    assert account_of(twelve).unexplained == 0
    assert account_of(contract(line(price=1200, interval=1, total=Decimal("1200.07")))).unexplained == 7


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (contract(line(price="1000.000", interval=1), currency="kwd"), "83.333 KWD"),
        (contract(line(price=100, interval=1), currency="isk"), "8.33 ISK"),
        (contract(once(price="100.005"), currency="kwd"), "100.005 KWD"),
    ],
)
def test_amounts_that_cannot_be_charged_block(made, words):
    (issue,) = planned(made).issues
    assert (issue.code, issue.blocks, issue.field) == (IssueCode.AMOUNT_STEP, True, "unit_price__c")
    assert f"{words} cannot be charged" in issue.message


@pytest.mark.parametrize(
    "made",
    [
        contract(line(price="120.120", interval=1), currency="kwd"),
        contract(line(price=1200, interval=1), currency="isk"),
        contract(line(price=1000, interval=1), currency="jpy"),
    ],
)
def test_amounts_that_can_be_charged_do_not(made):
    assert not planned(made).blocked


def _change(ref: str, on, quantity: int, price, *, revises: str = "L1", **fields) -> Line:
    return line(ref, quantity=quantity, price=price, start=on, revises=revises, **fields)


def co_termed(chance: Random) -> Contract:
    """Return one to three products sold for some months, and changed by up to three amendments, as CPQ prices them."""
    interval, monthly = chance.choice([1, 3, 6, 12]), chance.choice([10, 30, 100])
    months = chance.randint(4, 36)
    end = add_months(START, months)
    roots = [
        line(f"L{n}", quantity=chance.randint(1, 9), price=monthly * months, of=f"P{n}", end=end, interval=interval)
        for n in range(chance.randint(1, 3))
    ]
    held = {root.ref: int(root.quantity) for root in roots}
    later, at = [], 0
    for number in range(chance.randint(0, 3)):
        at += chance.randint(1, 10)
        changed = []
        for root in roots if at < months else ():
            delta = chance.randint(1 - held[root.ref], 6)
            held[root.ref] += delta
            price = monthly * (months - at)
            fields: dict[str, Any] = {"of": root.product, "end": end, "interval": interval, "revises": root.ref}
            changed.append(_change(f"{root.ref}.{number}", add_months(START, at), delta, price, **fields))
        if changed:
            later.append(amendment(f"A{number}", add_months(START, at), *changed))
    return contract(*roots, *later, end=end, policies={"stub": chance.choice(["last", "first"])})


def test_whatever_is_sold_and_changed_adds_up():
    chance = seeded(2027)
    for _ in range(300):
        made = co_termed(chance)
        plan = planned(made)
        assert plan.tie_out is not None, made
        assert plan.tie_out.difference == 0, made
        assert plan.desired is not None
        assert all(phase.items for spec in plan.desired.schedules for phase in spec.phases)
