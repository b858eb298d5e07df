"""How far a plan may go without anybody's approval."""

from dataclasses import replace
from decimal import Decimal
from types import MappingProxyType

import pytest

from connector.domain.contract import Contract
from connector.plan.operation import Retire
from connector.plan.plan import Plan
from connector.plan.safety import Limits, RunScope, Verdict, check_safety
from tests.builders import START, amendment, contract, day, line, once
from tests.plan.builders import SCHEDULE, TODAY, applied, judged, planned

APPLY, ASK, REFUSE, NOTHING = Verdict.APPLY, Verdict.NEEDS_APPROVAL, Verdict.REFUSE, Verdict.NOTHING


def amounts(**limits: int) -> Limits:
    renamed = {"*" if code == "others" else code: Decimal(limit) for code, limit in limits.items()}
    return Limits(max_contract_amount=MappingProxyType(renamed))


def ending(made: Contract) -> Plan:
    """Return a plan that ends the contract's schedule."""
    return replace(planned(made), operations=(Retire(SCHEDULE, "sub_sched_1", "cancel"),))


def changing() -> Plan:
    return planned(contract(line(quantity=2)), applied(planned(contract(line()))))


@pytest.mark.parametrize(
    ("limits", "currency", "verdict"),
    [
        (Limits(), "usd", APPLY),
        (amounts(usd=1200), "usd", APPLY),
        (amounts(usd=1199), "usd", ASK),
        (amounts(eur=1), "usd", APPLY),
        (amounts(others=1199), "usd", ASK),
        (amounts(others=1, usd=5000), "usd", APPLY),
        (amounts(jpy=1199), "jpy", ASK),
        (amounts(usd=0), "usd", ASK),
    ],
)
def test_the_size_of_a_contract(limits, currency, verdict):
    judgement = judged(planned(contract(line(), currency=currency)), limits=limits)
    assert judgement.verdict is verdict
    assert bool(judgement.reasons) is (verdict is ASK)


@pytest.mark.parametrize(
    ("policies", "limits", "reasons"),
    [
        ({"max_contract_amount": Decimal(1200)}, Limits(), []),
        (
            {"max_contract_amount": Decimal(1199)},
            Limits(),
            ["the plan bills 1,200.00 USD, over the limit of 1,199.00 USD (policy max_contract_amount)"],
        ),
        (
            {"max_contract_amount": Decimal(5000)},
            amounts(usd=1000),
            ["the plan bills 1,200.00 USD, over the limit of 1,000.00 USD"],
        ),
        (
            {"max_contract_amount": Decimal(500)},
            amounts(usd=1000),
            ["the plan bills 1,200.00 USD, over the limit of 500.00 USD (policy max_contract_amount)"],
        ),
        (
            {"approval": "always"},
            Limits(),
            ["every change of this contract waits for approval (policy approval: always)"],
        ),
    ],
)
def test_a_mapping_tightens_the_limits_and_never_loosens_them(policies, limits, reasons):
    judgement = judged(planned(contract(line(), policies=policies)), limits=limits)
    assert list(judgement.reasons) == reasons
    assert judgement.verdict is (ASK if reasons else APPLY)


@pytest.mark.parametrize(("own", "reasons"), [(400, 0), (30, 1), (None, 0)])
def test_a_mapping_tightens_how_long_ago_a_contract_may_have_started(own, reasons):
    today = day(2027, 3, 1)
    made = contract(line(), policies={"max_backdating_days": own})
    judgement = judged(planned(made, today=today), limits=Limits(), today=today)
    assert len(judgement.reasons) == reasons
    assert all(each.endswith("over the limit of 30 (policy max_backdating_days)") for each in judgement.reasons)


def test_what_always_asks_is_approved_by_its_fingerprint():
    plan = planned(contract(line(), policies={"approval": "always"}))
    assert judged(plan, approved=plan.fingerprint).verdict is APPLY
    again = planned(contract(line(), policies={"approval": "always"}), applied(plan))
    assert judged(again).verdict is NOTHING


def test_credits_count_as_money_moved():
    made = contract(line(quantity=2, price=60), amendment("A1", day(2027, 7), line("L2", quantity=-1, price=30,
                    start=day(2027, 7), revises="L1")))  # fmt: skip
    judgement = judged(planned(made), limits=amounts(usd=149))
    assert judgement.reasons == ("the plan bills 150.00 USD, over the limit of 149.00 USD",)


@pytest.mark.parametrize(("today", "verdict"), [(TODAY, APPLY), (day(2028, 1, 2), APPLY), (day(2028, 1, 3), ASK)])
def test_how_long_ago_it_may_have_started(today, verdict):
    made = contract(line(end=day(2029)), end=day(2029))
    judgement = judged(planned(made, today=today), today=today)
    assert judgement.verdict is verdict
    assert verdict is APPLY or judgement.reasons == ("the contract started 367 days ago, over the limit of 366",)


def test_only_a_new_schedule_is_back_dated():
    long_after = day(2030)
    assert judged(changing(), today=long_after).verdict is APPLY
    assert judged(planned(contract(once())), today=long_after).verdict is APPLY


@pytest.mark.parametrize(
    ("scope", "verdict"),
    [
        (RunScope(contracts=10, changed=3), APPLY),
        (RunScope(contracts=10, changed=4), ASK),
        (RunScope(contracts=9, changed=9), APPLY),
        (None, APPLY),
    ],
)
def test_how_many_contracts_a_run_may_change(scope, verdict):
    judgement = judged(changing(), scope=scope)
    assert judgement.verdict is verdict
    assert verdict is APPLY or judgement.reasons == ("the run changes 4 of 10 contracts, over the limit of 30%",)


def test_new_contracts_are_no_changes():
    assert judged(planned(contract(line())), scope=RunScope(contracts=10, changed=10)).verdict is APPLY


@pytest.mark.parametrize(("ended", "verdict"), [(0, APPLY), (1, ASK)])
def test_how_many_contracts_a_run_may_end(ended, verdict):
    judgement = judged(ending(contract(line())), scope=RunScope(terminations=ended))
    assert judgement.verdict is verdict
    assert verdict is APPLY or judgement.reasons == ("the run ends 1 contracts, over the limit of 0",)


def test_an_approval_is_of_exactly_one_plan():
    plan, other = planned(contract(line())), planned(contract(line(quantity=2)))
    tight = amounts(usd=1)
    approved = judged(plan, limits=tight, approved=plan.fingerprint)
    assert (approved.verdict, len(approved.reasons)) == (APPLY, 1)
    assert judged(other, limits=tight, approved=plan.fingerprint).verdict is ASK
    assert judged(plan, limits=tight, approved=plan.fingerprint[:12]).verdict is ASK


def test_what_is_blocked_is_never_approved_away():
    plan = planned(contract(line(quantity="0.5")))
    judgement = judged(plan, approved=plan.fingerprint)
    assert (judgement.verdict, judgement.reasons) == (REFUSE, tuple(issue.message for issue in plan.issues))


def test_nothing_to_do_is_safe():
    plan = planned(contract(line()), applied(planned(contract(line()))))
    assert judged(plan, limits=amounts(usd=1), today=day(2040)).verdict is NOTHING


def test_the_verdict_never_loosens_as_operations_are_added():
    order = [NOTHING, APPLY, ASK, REFUSE]
    whole = planned(contract(line()), today=day(2029))
    more = (*whole.operations, *changing().operations, *ending(contract(line())).operations)
    scope = RunScope(contracts=10, changed=9, terminations=3)
    for limits in (Limits(), Limits(max_backdating_days=10**6), amounts(usd=1)):
        verdicts = [
            check_safety(replace(whole, operations=more[:count]), limits, today=day(2029), scope=scope).verdict
            for count in range(len(more) + 1)
        ]
        assert verdicts == sorted(verdicts, key=order.index)
        assert verdicts[-1] is ASK


def test_a_start_in_the_future_is_not_back_dated():
    assert judged(planned(contract(line())), today=START, limits=Limits(max_backdating_days=0)).verdict is APPLY
