"""Adopted edits put into schedules: they count for their part of the contract as long as it says what it said."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from connector.compile.contract import compile_contract
from connector.compile.resource import DesiredState
from connector.compile.spec import AdoptedEdit
from connector.domain.contract import Contract
from tests.builders import amendment, contract, day, line

JULY = day(2027, 7)


def edit(name: str = "quantity", before: object = 1, after: object = 3, **more: object) -> AdoptedEdit:
    given = {"line": "L1", "start": day(2027), "end": day(2028), "sold": 1, "by": "ann", "reason": "mail", **more}
    return AdoptedEdit("R1", name, before, after, **given)  # type: ignore[arg-type]


def compiled(made: Contract, *edits: AdoptedEdit) -> DesiredState:
    desired = compile_contract(made, adopted=edits).desired
    assert desired is not None
    return desired


def quantities(desired: DesiredState, ref: str = "L1") -> list[int | None]:
    (schedule,) = desired.schedules
    return [item.quantity for phase in schedule.phases for item in phase.items if item.line.ref == ref]


def test_without_edits_nothing_is_told_apart():
    desired = compiled(contract(line()))
    assert (desired.adopted, desired.lapsed, desired.untouched) == ((), (), ())


def test_a_quantity_counts_and_the_contract_alone_is_kept_beside():
    desired = compiled(contract(line()), edit())
    assert quantities(desired) == [3]
    assert quantities(replace(desired, schedules=desired.untouched)) == [1]
    assert desired.adopted == (edit(),)


def test_a_price_counts_in_the_price_that_is_sent():
    desired = compiled(contract(line()), edit("unit_amount", "120000", "100000.5"))
    (schedule,) = desired.schedules
    assert schedule.phases[0].items[0].terms.unit_amount == Decimal("100000.5")
    (sent,) = desired.of("subscription_schedule")
    assert "100000.5" in str(sent.params)
    assert "120000" not in str(sent.params)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        (edit(before=2), "the contract said another quantity when it was adopted"),
        (edit(line="L9"), "the contract has no such line"),
        (edit(start=JULY), "no phase begins on its first day"),
        (edit(end=JULY), "a phase lies across its last day"),
        (edit(start=day(2028), end=day(2029)), "the contract has no such time"),
        (edit(end=None), "the contract has an end"),
        (replace(edit(), schedule="R1-12m"), "there is no such schedule"),
        (edit("unit_amount", "1", "2"), "the contract said another price when it was adopted"),
    ],
    ids=lambda value: value.replace(" ", "_") if isinstance(value, str) else "",
)
def test_what_does_not_fit_the_contract_has_lapsed(changed: AdoptedEdit, why: str):
    desired = compiled(contract(line()), changed)
    assert (quantities(desired), desired.adopted, desired.lapsed) == ([1], (), (changed,)), why


def test_a_phase_that_was_cut_in_two_has_the_edit_in_both_parts():
    other = line("L2", of="P2", start=JULY)
    desired = compiled(contract(line(), amendment("A1", JULY, other)), edit())
    assert quantities(desired) == [3, 3]
    assert quantities(desired, "L2") == [1]


@pytest.mark.parametrize(("quantity", "price"), [(2, 120), (2, 50), (-1, 60)])
def test_more_or_less_of_the_product_within_the_time_ends_it(quantity: int, price: int):
    """Perhaps it says just what was edited by hand: whether both are meant is for somebody to say."""
    more = line("L2", quantity=quantity, price=price, start=JULY, revises="L1")
    desired = compiled(contract(line(), amendment("A1", JULY, more)), edit())
    assert (desired.adopted, len(desired.lapsed)) == ((), 1)


def test_a_later_edit_of_the_same_value_wins():
    assert quantities(compiled(contract(line()), edit(id=1), edit(after=5, id=2))) == [5]


def test_quantity_and_price_of_one_item_are_two_edits():
    desired = compiled(contract(line()), edit(), edit("unit_amount", "120000", "100000"))
    (schedule,) = desired.schedules
    (item,) = schedule.phases[0].items
    assert (item.quantity, item.terms.unit_amount) == (3, Decimal(100_000))


SETTING = AdoptedEdit("R1", "default_settings.collection_method", None, "send_invoice", by="ann", reason="mail")


def test_a_setting_counts_and_can_be_taken_away():
    (sent,) = compiled(contract(line()), SETTING).of("subscription_schedule")
    assert sent.params["default_settings"] == {"collection_method": "send_invoice"}
    extras = {"subscription_schedule": ((("default_settings", "collection_method"), "send_invoice"),)}
    gone = replace(SETTING, before="send_invoice", after=None)
    (sent,) = compiled(contract(line(), extras=extras), gone).of("subscription_schedule")
    assert sent.params["default_settings"] == {}


def test_a_setting_that_the_contract_has_otherwise_by_now_has_lapsed():
    extras = {"subscription_schedule": ((("default_settings", "collection_method"), "charge_automatically"),)}
    desired = compiled(contract(line(), extras=extras), SETTING)
    assert desired.lapsed == (SETTING,)


def test_a_late_schedule_is_made_with_the_edit():
    """What is sent when it is made late says the same as what is told."""
    made = contract(line(interval=1), line("L2", start=JULY, interval=1, of="P2"))
    desired = compile_contract(made, date(2027, 8, 10), adopted=(edit(),)).desired
    assert desired is not None
    assert quantities(desired) == [3, 3]
    (sent,) = desired.of("subscription_schedule")
    assert sent.create is not None
    phases: Any = sent.create["phases"]
    assert [item["quantity"] for phase in phases for item in phase["items"] if "L1" in str(item["metadata"])] == [3]
