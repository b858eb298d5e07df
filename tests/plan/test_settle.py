"""Money that no schedule can give back any more, given back on invoices that were sent."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from connector.compile.spec import OneOffSpec
from connector.plan.existing import ExistingState, InvoiceFact
from connector.plan.settle import settle
from tests.builders import contract, day, line

TODAY = day(2027, 6)


def notes(owed_back, policy, *invoices):
    """Return what each credit note says: amount, to the balance, and paid back."""
    made = contract(line(), policies={"settlement": policy})
    owed = OneOffSpec(line=made.lines[0], reason="credit", quantity=1, unit_amount=Decimal(-owed_back), period=None)
    settlement = settle(made, ExistingState(invoices=invoices), (owed,), TODAY, policy)
    told: list[Any] = [one.params for one in settlement.operations]
    assert sum(one["amount"] for one in told) + settlement.short == owed_back
    return [(one["invoice"], one["amount"], one.get("credit_amount"), one.get("refund_amount")) for one in told]


OPEN = InvoiceFact("in_open", day(2027, 3), creditable=1000, due=1000)
PARTLY = replace(OPEN, id="in_partly", due=400)
PAID = InvoiceFact("in_paid", day(2027, 2), creditable=1000, refundable=1000)
MIXED = replace(PAID, id="in_mixed", refundable=700)


@pytest.mark.parametrize(
    ("policy", "invoice", "amount", "credit", "refund"),
    [
        pytest.param("credit_note", OPEN, 300, None, None, id="what is due is lowered"),
        pytest.param("refund", OPEN, 300, None, None, id="and nothing is paid back that was not paid"),
        pytest.param("credit_note", PARTLY, 900, 500, None, id="the balance paid a part: that part goes back to it"),
        pytest.param("refund", PARTLY, 900, 500, None, id="and cannot be paid back"),
        pytest.param("credit_note", PAID, 300, 300, None, id="paid, to the balance"),
        pytest.param("refund", PAID, 300, None, 300, id="paid, and paid back"),
        pytest.param("refund", MIXED, 900, 200, 700, id="paid back as far as it was paid through Stripe"),
    ],
)
def test_where_the_money_of_a_credit_note_goes(policy, invoice, amount, credit, refund):
    assert notes(amount, policy, invoice) == [(invoice.id, amount, credit, refund)]


def test_the_newest_invoice_comes_first_and_what_is_short_is_said():
    assert notes(2500, "credit_note", PAID, OPEN) == [
        ("in_open", 1000, None, None),
        ("in_paid", 1000, 1000, None),
    ]
