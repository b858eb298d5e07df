"""Lines that are paid in a way of their own are billed by schedules, or an invoice, of their own."""

from dataclasses import replace
from decimal import Decimal

import pytest

from connector.compile.collection import paid_by
from connector.compile.contract import compile_contract
from connector.domain.contract import Discount
from connector.plan.existing import ExistingState
from connector.plan.plan import make_plan
from tests.builders import amendment, contract, day, evergreen, line, once

SENT, CHARGED = "send_invoice", "charge_automatically"
JULY = day(2027, 7)
TERMS = {
    "subscription_schedule": ((("default_settings", "invoice_settings", "days_until_due"), 30),),
    "invoice": ((("days_until_due",), 30),),
}


def sold(*given, **fields):
    return replace(contract(*given, **fields), extras=TERMS)


def desired_of(made):
    compiled = compile_contract(made, day(2026, 12))
    assert compiled.desired is not None, compiled.issues
    return compiled.desired


def lines_by_key(made):
    desired = desired_of(made)
    return {
        spec.key: (
            sorted({item.line.ref for phase in spec.phases for item in phase.items}),
            sorted({one.line.ref for phase in spec.phases for one in phase.one_offs}),
        )
        for spec in desired.schedules
    }


def settings(made):
    schedules = desired_of(made).of("subscription_schedule")
    return {one.key.name: one.params.get("default_settings") for one in schedules}


CARD = line("L2", of="P2", collection_method=CHARGED)
MAIL = line("L2", of="P2", collection_method=SENT)


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        pytest.param(sold(line(), line("L2")), {"R1": (["L1", "L2"], [])}, id="no line says anything"),
        pytest.param(sold(line(), CARD), {"R1": (["L1", "L2"], [])}, id="a line says what is usual"),
        pytest.param(sold(line(), MAIL), {"R1": (["L1"], []), "R1:send_invoice": (["L2"], [])}, id="two ways"),
        pytest.param(sold(MAIL), {"R1": (["L2"], [])}, id="one way, not the usual one"),
        pytest.param(
            sold(line(), MAIL, once("O1", collection_method=SENT), once("O2")),
            {"R1": (["L1"], ["O2"]), "R1:send_invoice": (["L2"], ["O1"])},
            id="one-time lines go with what is paid alike",
        ),
        pytest.param(
            sold(line(), once("O1", collection_method=SENT)),
            {"R1": (["L1"], []), "R1:send_invoice:once:1": (["O1"], ["O1"])},
            id="a one-time line that nothing is paid like",
        ),
        pytest.param(
            sold(line(), MAIL, line("L3", interval=1, collection_method=SENT)),
            {"R1": (["L1"], []), "R1:send_invoice:12m": (["L2"], []), "R1:send_invoice:1m": (["L3"], [])},
            id="two frequencies in one way",
        ),
        pytest.param(
            sold(MAIL, amendment("A1", JULY, line("L3", start=JULY))),
            {"R1": (["L2"], []), "R1:charge_automatically": (["L3"], [])},
            id="a later order brings another way, and the schedule that runs keeps its key",
        ),
        pytest.param(
            sold(line(), MAIL, amendment("A1", JULY, line("L3", quantity=2, start=JULY, revises="L2"))),
            {"R1": (["L1"], []), "R1:send_invoice": (["L2", "L3"], ["L3"])},
            id="a change is paid as what it changes",
        ),
    ],
)
def test_which_schedule_bills_which_line(made, expected):
    assert lines_by_key(made) == expected


def test_each_schedule_is_told_how_it_is_paid_and_when_only_where_it_is_sent():
    assert settings(sold(line(), MAIL)) == {
        "R1": {"collection_method": CHARGED},
        "R1:send_invoice": {"collection_method": SENT, "invoice_settings": {"days_until_due": 30}},
    }
    assert settings(sold(line())) == {"R1": {"invoice_settings": {"days_until_due": 30}}}


def test_what_is_sent_needs_terms():
    compiled = compile_contract(contract(line(), MAIL), day(2026, 12))
    assert [issue.code.value for issue in compiled.issues if issue.blocks] == ["PAYMENT_TERMS"]


def test_an_order_of_one_time_lines_has_an_invoice_for_each_way():
    made = sold(once("O1"), once("O2", collection_method=SENT), once("O3", collection_method=SENT))
    found = {one.key.name: one.params for one in desired_of(made).of("invoice")}
    assert {key: (one["collection_method"], one.get("days_until_due")) for key, one in found.items()} == {
        "R1": (CHARGED, None),
        "R1:send_invoice": (SENT, 30),
    }
    lines = {one.key.name: len(one.params["lines"]) for one in desired_of(made).of("invoice_lines")}
    assert lines == {"R1": 1, "R1:send_invoice": 2}


def test_an_amount_off_the_order_comes_off_once_and_a_percentage_everywhere():
    amount = Discount("C1", "Off", None, Decimal(50), "usd", "forever")
    percent = Discount("C2", "Less", Decimal(10), None, None, "forever")
    made = sold(line(), MAIL)
    made = replace(made, revisions=(replace(made.revisions[0], discounts=(amount, percent)),))
    given = {spec.key: [one.ref for one in spec.phases[0].discounts] for spec in desired_of(made).schedules}
    assert given == {"R1": ["C1", "C2"], "R1:send_invoice": ["C2"]}


def test_each_way_has_billing_dates_of_its_own():
    made = sold(line(), amendment("A1", JULY, line("L2", price=600, start=JULY, collection_method=SENT)))
    (_, other) = desired_of(made).schedules
    assert (other.start, [one.line.ref for phase in other.phases for one in phase.one_offs]) == (JULY, [])


def test_a_contract_renews_itself_as_a_whole_or_not_at_all():
    """The card's part ends with a whole year, the other one within: neither goes on."""
    short = line("L2", of="P2", start=JULY, price=600, collection_method=SENT)
    made = sold(line(), short, policies={"auto_renew": "same_price"})
    assert [spec.open for spec in desired_of(made).schedules] == [False, False]
    whole = replace(short, start=day(2027))
    both = desired_of(sold(line(), whole, policies={"auto_renew": "same_price"}))
    assert [spec.open for spec in both.schedules] == [True, True]


def test_without_an_end_both_go_on():
    made = sold(evergreen(), evergreen("L2", collection_method=SENT), end=None)
    assert [(spec.key, spec.open) for spec in desired_of(made).schedules] == [("R1", True), ("R1:send_invoice", True)]


def test_one_plan_and_one_tie_out():
    made = sold(line(), MAIL, once("O1", price=50, collection_method=SENT))
    plan = make_plan(made, compile_contract(made, day(2026, 12)), ExistingState(), day(2026, 12))
    assert plan.tie_out is not None
    assert (plan.blocked, plan.tie_out.crm, plan.tie_out.difference) == (False, 245000, 0)


@pytest.mark.parametrize(
    ("told", "method", "expected"),
    [
        ({"days_until_due": 30}, None, {"days_until_due": 30}),
        ({"days_until_due": 30, "footer": "x"}, CHARGED, {"footer": "x", "collection_method": CHARGED}),
        ({"days_until_due": 30, "collection_method": CHARGED}, None, {"collection_method": CHARGED}),
        ({"days_until_due": 30, "collection_method": CHARGED}, SENT, {"days_until_due": 30, "collection_method": SENT}),
        ({"invoice_settings": {"days_until_due": 30}}, CHARGED, {"collection_method": CHARGED}),
        (
            {"invoice_settings": {"days_until_due": 30, "footer": "x"}},
            CHARGED,
            {"invoice_settings": {"footer": "x"}, "collection_method": CHARGED},
        ),
        ({"footer": ""}, CHARGED, {"footer": "", "collection_method": CHARGED}),
    ],
)
def test_days_until_an_invoice_is_due_are_for_what_is_sent(told, method, expected):
    assert paid_by(told, method) == expected
